"""A desk at a supplier that commits and does not answer, answers twice or late, while desks are killed at random.

After everything is settled the supplier's ledger and ours agree to the unit and the cent, no attempt is charged twice,
each code is in stock once, and of each order's recharges one at most came to effect.
"""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from actors.supply.desk import SupplierDesk
from actors.supply.pages import Page, Wanted
from engine.errors import CardkeepError, InDoubt, PoolClosed
from engine.supply.attempts import AttemptId, Kind, Standing
from engine.supply.ports import Order
from engine.supply.suppliers import Idempotency
from tests.examples import examples
from tests.sim.loop import Process
from tests.unit.supplier_street import GRACE_MS, Manner, Street, attempt, play

ATTEMPTS = 30
ORDERS = 10


class _World:
    """One supplier with its moods, one desk at a time, and buyers that take no for an answer and nothing else."""

    def __init__(self, folder: Path, idempotency: Idempotency, seed: int) -> None:
        self.chance = random.Random(seed)
        self.street = Street(folder, idempotency)
        self.street.supplier.manner = self._manner
        self.street.supplier.question = self._question
        self.street.shelf.ails = self._ailments()
        self.processes = [Process("desk")]
        self.desk: SupplierDesk
        self.told_failed: set[str] = set()

    @property
    def process(self) -> Process:
        """The last one, dead or alive."""
        return self.processes[-1]

    async def open(self) -> None:
        """A desk that lives for a while; one before it may live on, and not know."""
        self.processes.append(Process("desk", self.chance.choice((0, self.chance.randrange(20, 3_000)))))
        await self.street.book.put_supplier(self.street.profile)
        self.desk = self.street.desk()
        await asyncio.wait([self.process.start(self.desk.open())], timeout=5)
        self.process.start(self.desk.run())

    async def live(self) -> None:
        """Put another desk in the place of one that died, and now and then of one that lives."""
        while True:
            await asyncio.sleep(self.chance.uniform(0.1, 20))
            if not self.process.is_alive or self.chance.random() < 0.1:
                await self.open()

    def end(self) -> None:
        """Nobody is left."""
        for process in self.processes:
            process.kill()
            for task in process.tasks:
                if task.done() and not task.cancelled():
                    task.exception()  # Nobody is left to look at it.
            process.bury()

    async def buy_codes(self, number: int) -> None:
        """One purchase, asked once."""
        await asyncio.sleep(self.chance.uniform(0, 60))
        await self._buy(f"codes-{number}", Kind.CODES)

    async def recharge(self, order: int) -> None:
        """An order's recharge: another purchase is tried only when the one before has surely come to nothing."""
        await asyncio.sleep(self.chance.uniform(0, 60))
        for turn in range(3):
            name = f"order-{order}-{turn}"
            if await self._buy(name, Kind.RECHARGE) is not Standing.FAILED:
                return

    async def _buy(self, name: str, kind: Kind) -> Standing | None:
        if not self.process.is_alive:
            return None
        wanted = attempt(name, 1 if kind is Kind.RECHARGE else 2, kind)
        asking = self.process.start(self.desk.buy(wanted, "P-1", "user" if kind is Kind.RECHARGE else ""))
        await asyncio.wait([asking], timeout=30)
        if not asking.done():
            return None
        try:
            standing = asking.result().standing
        except (CardkeepError, AttributeError):  # A desk that died before it was open has no ledger to ask.
            return None
        if standing is Standing.FAILED:
            self.told_failed.add(name)
        return standing

    def _manner(self, _order: Order) -> Manner:
        chance = self.chance
        return Manner(
            arrives=chance.random() > 0.1,
            is_willing=chance.random() > 0.15,
            answers=chance.random() > 0.3,
            invisible_ms=chance.choice((0, 0, GRACE_MS - 1)),
            pending_ms=chance.choice((0, 0, 0, 40_000)),
            takes_ms=chance.randrange(2, 2_000),
        )

    def _question(self, _order: Order) -> Manner:
        return Manner(answers=self.chance.random() > 0.3, takes_ms=self.chance.randrange(1, 500))

    def _ailments(self) -> Iterator[Exception | None]:
        while True:
            yield self.chance.choice((None, None, PoolClosed("moving"), InDoubt("perhaps")))


async def _run(folder: Path, idempotency: Idempotency, seed: int) -> None:
    world = _World(folder, idempotency, seed)
    await world.open()
    living = asyncio.ensure_future(world.live())
    await asyncio.gather(
        *(world.buy_codes(number) for number in range(ATTEMPTS)), *(world.recharge(order) for order in range(ORDERS))
    )
    living.cancel()
    await asyncio.gather(living, return_exceptions=True)
    world.end()
    desk = await world.street.opened()
    await asyncio.sleep(6 * 3_600)
    _check(world, desk)
    await desk.close()


def _check(world: _World, desk: SupplierDesk) -> None:
    supplier, ledger = world.street.supplier, desk._written.ledger
    assert not ledger.open
    assert not ledger.waiting
    by_attempt: dict[str, int] = {}
    for sale in supplier.sales:
        by_attempt[sale.attempt] = by_attempt.get(sale.attempt, 0) + 1
        entry = ledger.entries[AttemptId(sale.attempt)]
        assert entry.standing is Standing.DELIVERED
        assert (entry.order_nos, entry.costs) == ([sale.order_no], [sale.cost])
        assert entry.units == max(1, len(sale.codes))
        assert (entry.fresh, entry.known) == (len(sale.codes), 0)
    assert set(by_attempt.values()) <= {1}, "no attempt is charged twice"
    delivered = {name for name, entry in ledger.entries.items() if entry.standing is Standing.DELIVERED}
    assert delivered == by_attempt.keys()
    assert world.street.shelf.stock == {code: sale.attempt for sale in supplier.sales for code in sale.codes}
    for order in range(ORDERS):
        assert sum(name.startswith(f"order-{order}-") for name in by_attempt) <= 1, "one effective recharge an order"
    assert not [name for name in world.told_failed & by_attempt.keys() if name.startswith("order-")]
    assert desk.attempts(Wanted.PERSON, Page(1_000)).attempts == []


@pytest.mark.parametrize("idempotency", list(Idempotency))
@settings(max_examples=examples(12))
@given(seed=some.integers(0, 2**32))
def test_both_books_agree_in_the_end(idempotency: Idempotency, seed: int) -> None:
    """For each class of supplier."""
    with TemporaryDirectory() as folder:
        play(_run(Path(folder), idempotency, seed))
