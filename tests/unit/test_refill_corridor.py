"""A sale at the low-water mark, real but for the suppliers: buyers, owner, waiting room, refill, codes into stock.

On virtual time: what takes a supplier seconds takes the test none.
"""

import asyncio
from collections import Counter
from itertools import count
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from actors.adapters.key_ring import KeyRingFile
from actors.adapters.local_vault import LocalVault
from actors.adapters.memory import MemoryRegistry, MemoryStore
from actors.asking import Answer
from actors.dispatch import Dispatch
from actors.home_line import HomeLine
from actors.metrics import OwnerMetrics
from actors.owner import Owner
from actors.supply.nudging import Nudges
from actors.supply.ports import Bought, DeskState, OpenPurchase, Origin, UnitCost
from actors.supply.refill import Refill
from actors.supply.refill_metrics import RefillMetrics
from actors.supply.shelving import PoolShelver
from actors.wire import Address
from engine.errors import NotDone
from engine.money import Money
from engine.names import SupplierName, card_at
from engine.ports import Seat
from engine.pricing.rates import Rates
from engine.stock.commands import Allocate, Audit, Configure, ListBatches
from engine.stock.outcomes import Audited, Batches, Held
from engine.stock.terms import Terms
from engine.supply.attempts import Attempt, AttemptId, Standing
from engine.supply.ports import Good
from engine.supply.refilling import Marks
from tests.unit.buying import EUR, POOL, LoopClock, Market, on_virtual_time
from tests.unit.corridor import TOKEN, ask_one, never_fold

_HOME = Address("unix", "/at/home")


class _Sale:
    """Everybody. `dead` suppliers are not there; those that `hang` commit, answer nothing, and deliver 2 s later."""

    def __init__(self, folder: Path, marks: Marks) -> None:
        rings = KeyRingFile(folder / "keys")
        rings.create_if_missing(may_create=True, now_ms=1)
        self.clock = LoopClock()
        self.store = MemoryStore(self.clock)
        self.vault = LocalVault(rings)
        self.market = Market("acme", "best", "cheap", marks=marks)
        metrics = OwnerMetrics(CollectorRegistry())
        doors = (self.store, self.store, self.store, self.clock)
        self.owner = Owner(*doors, metrics=metrics, fold=never_fold, nudge=Nudges(self._nudge))
        self.registry = MemoryRegistry()
        self.dispatch = Dispatch(self.registry, self.clock, TOKEN, home=HomeLine(self.owner, _HOME))
        self.shelver = PoolShelver(self.dispatch, self.store, self.vault)
        self.refill = self._refill()
        self.dead: set[str] = set()
        self.hang: set[str] = set()
        self.open: dict[AttemptId, tuple[str, OpenPurchase]] = {}
        self.delivered: list[str] = []
        self._tasks: list[asyncio.Task[object]] = []
        self._numbers = count(1)

    def _refill(self) -> Refill:
        metrics = RefillMetrics(CollectorRegistry())
        refill = Refill(self, self.dispatch.ask, self.clock, metrics=metrics, rates=Rates())
        refill.set_book(self.market.suppliers, {POOL: self.market.sourcing()})
        return refill

    async def _nudge(self, pool: object) -> bool:
        await asyncio.sleep(0.002)
        return self.refill.nudge(pool)  # type: ignore[arg-type]

    async def open_doors(self, wait_max: int) -> None:
        """Serve."""
        await self.owner.open(POOL)
        await ask_one(self.owner, Configure("c", Terms(wait_max=wait_max), ("wait_max",)))
        await self.registry.place({POOL: "owner"})
        await self.registry.announce(Seat("owner", str(_HOME), 1, "here", 1))
        self.start(self.owner.run())
        self.refilling = self.start(self.refill.run())

    def start(self, work: object) -> "asyncio.Task[object]":
        """Somebody who works beside."""
        task = asyncio.get_running_loop().create_task(work)  # type: ignore[arg-type]
        self._tasks.append(task)
        return task

    async def kill_refill(self) -> None:
        """Its process dies, and another starts."""
        self.refilling.cancel()
        await asyncio.sleep(0.5)
        self.refill = self._refill()
        self.refilling = self.start(self.refill.run())

    async def state(self, supplier: SupplierName) -> DeskState:
        """See Desks."""
        await asyncio.sleep(0.002)
        mine = [each for name, each in self.open.values() if name == supplier.supplier]
        return DeskState(lets_through=True, room_units=10_000, room=Money(10**9, EUR), open=mine)

    async def buy(self, supplier: SupplierName, attempt: Attempt, _product: str, _account: str) -> Bought:
        """See Desks."""
        await asyncio.sleep(0.002)
        if supplier.supplier in self.dead:
            raise NotDone("nobody there")
        is_hanging = supplier.supplier in self.hang
        self.open[attempt.attempt] = (
            supplier.supplier,
            OpenPurchase(attempt.attempt, POOL, attempt.quantity, is_hanging),
        )
        codes = [f"CODE-{next(self._numbers)}" for _ in range(attempt.quantity)]
        self.delivered += codes
        deal = self.start(self._deliver(supplier, attempt, codes, after_s=2.0 if is_hanging else 0.05))
        if is_hanging:
            await asyncio.sleep(10.0)
            return Bought(Standing.IN_DOUBT)
        bought = await asyncio.shield(deal)
        assert isinstance(bought, Bought)
        return bought

    async def _deliver(self, supplier: SupplierName, attempt: Attempt, codes: list[str], after_s: float) -> Bought:
        await asyncio.sleep(after_s)
        goods = [Good(code) for code in codes]
        shelved = await self.shelver.shelve(
            POOL, attempt.attempt, goods, UnitCost(Money(100, EUR), Money(100, EUR)), Origin(supplier)
        )
        del self.open[attempt.attempt]
        return Bought(Standing.DELIVERED, shelved=shelved)

    async def buyer(self, number: int, within_s: float) -> Answer:
        """Somebody wants a card, and waits for it so long."""
        deadline_ms = self.clock.now_ms() + int(within_s * 1_000)
        return await self.dispatch.ask(POOL, Allocate(f"r{number}", f"o{number}", 1, 60_000), deadline_ms)

    async def rush(self, per_s: float, for_s: float, within_s: float) -> int:
        """So many buyers a second; answers how many went away without a card."""
        calls = []
        for number in range(int(per_s * for_s)):
            calls.append(self.start(self.buyer(number, within_s)))
            await asyncio.sleep(1 / per_s)
        answers = await asyncio.gather(*calls)
        return sum(not isinstance(answer.outcome, Held) for answer in answers)  # type: ignore[attr-defined]

    async def stocked(self) -> Counter[str]:
        """Every code in stock, held or not."""
        batches = await ask_one(self.owner, ListBatches(0, 1_000))
        assert isinstance(batches, Batches)
        cards = [card_at(view.batch, serial) for view in batches.views for serial in range(view.received)]
        return Counter(await self.vault.open(POOL, await self.store.sealed(POOL, cards)))


def test_a_sale_goes_on_while_one_supplier_dies_and_another_hangs_after_committing(tmp_path: Path) -> None:
    """Nobody goes away without a card, each late code is in stock once, and no more is bought than that."""

    async def story() -> None:
        sale = _Sale(tmp_path, Marks(low=100, high=200, per_purchase_max=50))
        await sale.open_doors(wait_max=1_000)
        rush = sale.start(sale.rush(300, 8, within_s=3.0))
        await asyncio.sleep(2)
        sale.dead.add("acme")
        await asyncio.sleep(2)
        sale.hang.add("best")
        await asyncio.sleep(1)
        await sale.kill_refill()
        assert await rush == 0
        await asyncio.sleep(15)
        stock = await sale.stocked()
        assert set(stock.values()) == {1}
        assert sorted(stock) == sorted(sale.delivered)
        audited = await ask_one(sale.owner, Audit())
        assert isinstance(audited, Audited)
        assert audited.violations == ()
        assert 100 <= audited.shelf.available <= 200 + 200
        assert {name for name, _ in sale.open.values()} <= {"best"}

    on_virtual_time(story)


@pytest.mark.parametrize("wait_max", [0, 1_000])
def test_a_shelf_that_stands_empty_is_filled_for_those_who_come(tmp_path: Path, wait_max: int) -> None:
    """A SKU that nobody asked for has nothing: who may wait gets a card in the time its supplier takes."""

    async def story() -> None:
        sale = _Sale(tmp_path, Marks(low=10, high=50, per_purchase_max=50))
        for name in ("acme", "best", "cheap"):
            sale.dead.add(name)
        await sale.open_doors(wait_max)
        await asyncio.sleep(60)
        sale.dead.clear()
        began_s = asyncio.get_running_loop().time()
        went_away = await sale.rush(10, 1, within_s=40.0)
        assert (went_away == 0) is bool(wait_max)
        assert asyncio.get_running_loop().time() - began_s < 35

    on_virtual_time(story)


def test_buyers_of_a_rush_that_nobody_foresaw_wait_for_the_supplier_and_no_longer(tmp_path: Path) -> None:
    """A shelf of fifty and two hundred buyers at once: all have a card within a few purchases."""

    async def story() -> None:
        sale = _Sale(tmp_path, Marks(low=20, high=50, per_purchase_max=50))
        await sale.open_doors(wait_max=1_000)
        await asyncio.sleep(10)
        began_s = asyncio.get_running_loop().time()
        answers = await asyncio.gather(*(sale.buyer(number, 5.0) for number in range(200)))
        assert all(isinstance(answer.outcome, Held) for answer in answers)
        assert asyncio.get_running_loop().time() - began_s < 0.5

    on_virtual_time(story)
