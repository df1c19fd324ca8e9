"""A recharge's decisions stand in any journal: who reads them later goes on from them, and two never decide at once."""

import asyncio

from actors.adapters.memory import MemoryStore
from actors.adapters.redis_store import RedisStore
from actors.adapters.system_clock import SystemClock
from actors.supply.market import Market
from actors.supply.ports import Bought, DeskState
from actors.supply.recharger import Recharger
from engine.errors import InDoubt
from engine.money import Money
from engine.names import PoolName, SupplierName
from engine.pricing.rates import Rates
from engine.supply.attempts import Attempt, Standing
from engine.supply.coming import Coming
from engine.supply.recharging import Recharge
from tests.contract.conftest import Connect
from tests.unit.buying import EUR
from tests.unit.buying import Market as World


class _Desks:
    """The first supplier refuses, the second works on it until it is told otherwise."""

    def __init__(self) -> None:
        self.standing = Standing.PENDING
        self.asked: list[str] = []

    async def state(self, _supplier: SupplierName) -> DeskState:
        """See Desks."""
        return DeskState(lets_through=True, room_units=100, room=Money(10**9, EUR))

    async def buy(self, supplier: SupplierName, _attempt: Attempt, _product: str, _account: str) -> Bought:
        """See Desks."""
        await asyncio.sleep(0)
        self.asked.append(supplier.supplier)
        return Bought(Standing.FAILED if supplier.supplier == "acme" else self.standing)


def _recharger(store: MemoryStore | RedisStore, desks: _Desks) -> Recharger:
    world, clock = World("acme", "best", "cheap"), SystemClock()
    market = Market(desks, Coming(), clock, Rates())  # type: ignore[arg-type]
    market.set_book(world.suppliers)
    return Recharger(desks, store, clock, market=market, sourcing_of=world.sourcing)  # type: ignore[arg-type]


async def test_a_decision_outlives_whoever_made_it(connect: Connect, pool: PoolName) -> None:
    """Three of them, one after another, and then both at once: one supplier has it, and nobody else is asked."""
    desks, order = _Desks(), Recharge(pool, "order-1", "an account", 1)
    for _ in range(3):
        stands = await _recharger(connect(), desks).recharge(order)
        assert (stands.standing, stands.supplier) == (Standing.PENDING, SupplierName("default", "best"))
    assert desks.asked == ["acme", "best", "best", "best"]
    both = [_recharger(connect(), desks).recharge(order) for _ in range(2)]
    assert {stands.standing for stands in await asyncio.gather(*both)} == {Standing.PENDING}
    desks.standing = Standing.DELIVERED
    assert (await _recharger(connect(), desks).recharge(order)).is_over
    assert "cheap" not in desks.asked


async def test_two_who_decide_at_once_do_not_both(connect: Connect, pool: PoolName) -> None:
    """One of them may be told that nobody knows, and learns from the other's decision when he asks again."""
    desks, order = _Desks(), Recharge(pool, "order-1", "an account", 1)
    both = [_recharger(connect(), desks) for _ in range(2)]
    heard = await asyncio.gather(*(each.recharge(order) for each in both), return_exceptions=True)
    assert len([one for one in heard if not isinstance(one, InDoubt)]) >= 1
    for each in both:
        assert (await each.recharge(order)).supplier == SupplierName("default", "best")
    assert "cheap" not in desks.asked
