"""Lines and ledger together against a sandbox that commits and does not answer: in the end both books are the same."""

import asyncio
from collections.abc import Callable

import pytest

from clients.sandbox.mischief import Rule, Trick
from clients.sandbox.shop import Policy
from engine.money import Money
from engine.names import PoolName
from engine.supply.attempts import Attempt, Standing
from engine.supply.ledger import Caution, Entry, Ledger
from engine.supply.ports import Order
from engine.supply.suppliers import Idempotency
from tests.contract.supplier_stands import Stand, scenario, stand

#: Orders of each kind of trouble.
EACH = 30
GRACE_MS = 10_000
SAFE_TO_REPEAT = {Idempotency.REPLAY, Idempotency.REPLAY_UNLESS_FAILED}


class Buyer:
    """Buys as the ledger says: an attempt is begun before it is sent, and settled by asking."""

    def __init__(self, at: Stand, idempotency: Idempotency) -> None:
        self.at = at
        self.may_repeat = idempotency in SAFE_TO_REPEAT
        self.ledger = Ledger(Caution(GRACE_MS, 10**6, Money(10**9, "CNY"), 10**9))
        self.now_ms = 1
        self.codes: dict[str, list[str]] = {}

    async def buy(self, order: Order) -> None:
        """Send it for the first time."""
        attempt = Attempt(order.attempt, PoolName("t", "s"), order.kind, order.quantity, order.cost_max)
        self.ledger.begin(attempt, self.now_ms)
        await self._send(order)

    async def settle(self, order: Order) -> None:
        """Ask how it stands; where nobody says, and it is safe, send the same again."""
        if self.entry(order).is_open:
            told = await self.at.line.look_up(order, self.entry(order).order_nos)
            self._learn(order, told)
        if self.entry(order).is_open and self.may_repeat and not self.entry(order).order_nos:
            await self._send(order)
            await self.settle(order)

    def entry(self, order: Order) -> Entry:
        """What the ledger has of it."""
        return self.ledger.entries[order.attempt]

    async def _send(self, order: Order) -> None:
        self.ledger.send(order.attempt, self.now_ms)
        self._learn(order, await self.at.line.order(order))

    def _learn(self, order: Order, told: object) -> None:
        finding, goods = told  # type: ignore[misc] # a Told is a pair
        self.ledger.learn(order.attempt, finding, self.now_ms)
        if goods:
            self.codes[order.attempt] = [good.code for good in goods]


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for a condition of the sandbox's, 20 seconds at most."""
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110 - the sandbox sets no events
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("dialect", "idempotency"),
    [
        ("http", Idempotency.REPLAY),
        ("http", Idempotency.REJECT_WITH_ID),
        ("http", Idempotency.REJECT_BLIND),
        ("http", Idempotency.REPLAY_UNLESS_FAILED),
        ("http", Idempotency.NONE),
        ("dujiao-next", Idempotency.REPLAY),
    ],
)
async def test_both_books_are_the_same_after_settling(dialect: str, idempotency: Idempotency) -> None:
    """Whatever was committed and never answered, committed late, or never arrived: to the unit, the cent, the code."""
    async with stand(scenario(dialect, policy=Policy(idempotency), seed=11), answer_within_ms=1_000) as at:
        at.misbehaves(
            Rule(Trick.HANG, ms=60_000, commits=True, share=0.5, product="GAME-10"),
            Rule(Trick.HANG, ms=1_500, share=0.5, product="GAME-50"),
            Rule(Trick.DROP, share=0.5, product="UNICODE"),
        )
        buyer = Buyer(at, idempotency)
        wishes = [[at.wish(product, 2) for _ in range(EACH)] for product in ("GAME-10", "GAME-50", "UNICODE")]
        orders = [order for each in wishes for order in each]
        for each in wishes:  # No more at once than a line has connections.
            await asyncio.gather(*(buyer.buy(order) for order in each))
        assert sum(buyer.entry(order).standing is Standing.IN_DOUBT for order in orders) > EACH
        at.misbehaves()
        await asyncio.gather(*(buyer.settle(order) for order in wishes[0]))
        assert all(buyer.entry(order).standing is Standing.DELIVERED for order in wishes[0])
        await until(lambda: all(at.sales(order) for order in wishes[1]))
        buyer.now_ms += GRACE_MS
        for each in wishes:
            await asyncio.gather(*(buyer.settle(order) for order in each))
        for order in orders:
            entry, sales = buyer.entry(order), at.sales(order)
            assert entry.standing is (Standing.DELIVERED if sales else Standing.FAILED)
            assert len(sales) <= 1, "bought twice"
            assert entry.units == sum(sale.units for sale in sales)
            assert sum(cost.minor for cost in entry.costs) == sum(sale.cost.minor for sale in sales)
            assert buyer.codes.get(order.attempt, []) == at.sold(order)
            assert not entry.disputes
        spent = sum(cost.minor for order in orders for cost in buyer.entry(order).costs)
        assert at.sandbox.shop.balance.minor == 100_000_000 - spent
