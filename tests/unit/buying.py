"""A small market on virtual time: shelves that sell, suppliers that misbehave as told, and a refill between them.

The desks keep every purchase, as real ones do, and judge each moment at which they are asked: a refill that asks for
more than it should is heard of there.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from prometheus_client import CollectorRegistry

from actors.asking import Answer
from actors.supply.ports import Bought, DeskState, OpenPurchase, Shelved, Ware
from actors.supply.refill import Refill
from actors.supply.refill_metrics import RefillMetrics
from engine.errors import InDoubt, NotDone
from engine.money import Money
from engine.names import PoolName, SupplierName
from engine.pricing.rates import Rates
from engine.stock.outcomes import Available
from engine.supply.attempts import Attempt, AttemptId, Standing
from engine.supply.ledger import Caution
from engine.supply.looking import runs_dry_soon
from engine.supply.refilling import Marks
from engine.supply.suppliers import Idempotency, Source, Sourcing, Supplier
from tests.sim.loop import VirtualLoop

POOL = PoolName("default", "DEMO")
MARKS = Marks(low=100, high=200, per_purchase_max=50)
EUR = "EUR"

#: Longer than any test.
NEVER_S = 1e9


def on_virtual_time(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a story to its end, in no time."""
    loop = VirtualLoop()
    try:
        loop.run_until_complete(story())
    finally:
        loop.run_until_complete(_end(asyncio.all_tasks(loop)))
        loop.close()


async def _end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class LoopClock:
    """The loop's time as a wall clock."""

    def now_ms(self) -> int:
        """See Clock."""
        return 1_793_491_200_000 + int(asyncio.get_running_loop().time() * 1_000)


def named(supplier: str) -> SupplierName:
    """Its full name."""
    return SupplierName("default", supplier)


@dataclass
class Purchase:
    """One purchase as the world knows it."""

    supplier: str
    attempt: Attempt
    asked_s: float
    standing: Standing = Standing.BEGUN
    arrived: int = 0


@dataclass
class Habits:
    """How a supplier behaves. `answers` are how its next purchases end, then `usually`.

    Ways to end: "delivers", "refuses", "is away" (NotDone), "breaks" (InDoubt), "accepts" (delivers `works_s` later),
    "commits" (silent at `patience_s`, and delivers `works_s` later), "loses" (silent, and nothing comes), "hangs".
    """

    latency_s: float = 0.05
    usually: str = "delivers"
    answers: list[str] = field(default_factory=list)
    works_s: float = 1.0
    patience_s: float = 5.0
    stock: int = 1_000_000
    tells_stock: bool = False
    price: int = 100
    lets_through: bool = True
    room_units: int = 1_000_000
    balance: Money | None = None
    is_silent: bool = False
    hangs_s: float = NEVER_S


class Market:
    """Shelves, suppliers, desks."""

    def __init__(self, *suppliers: str, marks: Marks = MARKS, available: int = 0) -> None:
        self.clock = LoopClock()
        self.marks = marks
        self.available = {POOL: available}
        self.habits = {name: Habits() for name in suppliers}
        self.purchases: dict[AttemptId, Purchase] = {}
        self.looks = 0
        self.states_asked: list[str] = []
        #: The most that stood on the shelf and was still relied on, when a purchase was begun.
        self.most_planned = 0
        self.is_pool_away = False
        self._numbers = count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self.metrics = RefillMetrics(CollectorRegistry())

    def refill(self) -> Refill:
        """A refill that knows nothing yet."""
        refill = Refill(
            *(self, self.ask, self.clock),
            metrics=self.metrics,
            rates=Rates(),
            new_id=lambda: f"attempt-{next(self._numbers)}",
        )
        refill.set_book(self.suppliers, {POOL: self.sourcing()})
        return refill

    def sourcing(self, pool: PoolName = POOL, **others: Any) -> Sourcing:
        """From all of them."""
        sources = tuple(Source(named(name), f"product of {name}", Money(100, EUR)) for name in self.habits)
        return Sourcing(pool, sources, self.marks, Money(1_000, EUR))._replace(**others)

    @property
    def suppliers(self) -> dict[SupplierName, Supplier]:
        """Their profiles; of two alike the one that was named first is asked first."""
        caution = Caution(60_000, 10**6, Money(10**9, EUR), 600_000)
        return {
            named(name): Supplier(
                named(name),
                name,
                "fake",
                "",
                EUR,
                {},
                b"",
                Idempotency.REPLAY,
                0,
                caution,
                100.0,
                5_000,
                priority=place,
            )
            for place, name in enumerate(self.habits)
        }

    async def ask(self, pool: PoolName, _command: Any, _deadline_ms: int) -> Answer:
        """What an owner says of its shelf, a millisecond after it was seen."""
        if self.is_pool_away:
            raise NotDone("the owner is away")
        self.looks += 1
        await asyncio.sleep(0.0005)
        available = self.available[pool]
        await asyncio.sleep(0.0005)
        return Answer(1, 1, replayed=False, outcome=Available(available))

    async def state(self, supplier: SupplierName) -> DeskState:
        """See Desks."""
        self.states_asked.append(supplier.supplier)
        habits = self.habits[supplier.supplier]
        if habits.is_silent:
            await asyncio.sleep(NEVER_S)
        await asyncio.sleep(0.001)
        open_ = tuple(
            OpenPurchase(one.attempt.attempt, one.attempt.pool, one.attempt.quantity, one.standing is Standing.IN_DOUBT)
            for one in self.of(supplier.supplier)
            if one.standing in {Standing.BEGUN, Standing.PENDING, Standing.IN_DOUBT}
        )
        ware = Ware(Money(habits.price, EUR), habits.stock if habits.tells_stock else None)
        room = habits.room_units - sum(each.units for each in open_)
        wares = {f"product of {supplier.supplier}": ware}
        return DeskState(habits.lets_through, room, Money(10**9, EUR), habits.balance, wares, open_)

    async def buy(self, supplier: SupplierName, attempt: Attempt, product: str, account: str) -> Bought:
        """See Desks. A desk goes on when whoever asked it is gone."""
        assert (product, account) == (f"product of {supplier.supplier}", "")
        assert attempt.attempt not in self.purchases
        purchase = Purchase(supplier.supplier, attempt, asyncio.get_running_loop().time())
        self.purchases[attempt.attempt] = purchase
        self.most_planned = max(self.most_planned, self.available[attempt.pool] + self.relied_on())
        deal: asyncio.Task[Bought] = asyncio.get_running_loop().create_task(self._deal(purchase))
        deal.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return await asyncio.shield(deal)

    async def _deal(self, purchase: Purchase) -> Bought:
        habits = self.habits[purchase.supplier]
        way = habits.answers.pop(0) if habits.answers else habits.usually
        if way == "is away":
            purchase.standing = Standing.FAILED
            raise NotDone("no such desk")
        await asyncio.sleep(habits.latency_s if way not in {"hangs", "commits", "loses"} else 0)
        if way == "delivers" and habits.stock < purchase.attempt.quantity:
            way = "refuses"
        return await self._end(purchase, habits, way)

    async def _end(self, purchase: Purchase, habits: Habits, way: str) -> Bought:
        if way == "delivers":
            self._arrive(purchase, habits)
            return Bought(Standing.DELIVERED, shelved=Shelved(purchase.arrived, 0))
        if way == "refuses":
            purchase.standing = Standing.FAILED
            return Bought(Standing.FAILED, "OUT_OF_STOCK")
        if way == "hangs":
            await asyncio.sleep(habits.hangs_s)
            way = "breaks"
        if way == "accepts":
            purchase.standing = Standing.PENDING
            self.later(habits.works_s, lambda: self._arrive(purchase, habits))
            return Bought(Standing.PENDING)
        if way == "breaks":
            purchase.standing = Standing.IN_DOUBT
            raise InDoubt("the desk died")
        if way == "commits":
            self.later(habits.works_s, lambda: self._arrive(purchase, habits))
        await asyncio.sleep(habits.patience_s)
        if purchase.standing is Standing.BEGUN:
            purchase.standing = Standing.IN_DOUBT
        return Bought(purchase.standing, shelved=Shelved(purchase.arrived, 0) if purchase.arrived else None)

    def _arrive(self, purchase: Purchase, habits: Habits) -> None:
        purchase.standing = Standing.DELIVERED
        purchase.arrived = purchase.attempt.quantity
        habits.stock -= purchase.arrived
        self.available[purchase.attempt.pool] += purchase.arrived

    def later(self, after_s: float, then: Callable[[], None]) -> None:
        """Let something happen."""
        asyncio.get_running_loop().call_later(after_s, then)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Somebody who works beside."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        return task

    async def watch(self, refill: Refill) -> None:
        """As an owner does: look four times a second whether a shelf will be dry soon, and tell."""
        before = dict(self.available)
        while True:
            await asyncio.sleep(0.25)
            for pool, available in self.available.items():
                if runs_dry_soon(available, before[pool], 250):
                    refill.nudge(pool)
            before = dict(self.available)

    def sell(self, cards: int, pool: PoolName = POOL) -> int:
        """Take cards off the shelf, as far as there are; answers how many were missing."""
        sold = min(cards, self.available[pool])
        self.available[pool] -= sold
        return cards - sold

    async def sell_steadily(self, per_s: float, for_s: float) -> int:
        """Sell one by one; answers how many could not be."""
        missing = 0
        for _ in range(int(per_s * for_s)):
            missing += self.sell(1)
            await asyncio.sleep(1 / per_s)
        return missing

    def of(self, supplier: str) -> Iterator[Purchase]:
        """Its purchases."""
        return (purchase for purchase in self.purchases.values() if purchase.supplier == supplier)

    def asked(self, supplier: str) -> list[int]:
        """How many units it was asked for each time."""
        return [purchase.attempt.quantity for purchase in self.of(supplier)]

    def bought(self) -> int:
        """Cards that arrived."""
        return sum(purchase.arrived for purchase in self.purchases.values())

    def relied_on(self) -> int:
        """Units that were asked for and may be expected."""
        relied = (Standing.BEGUN, Standing.PENDING)
        return sum(each.attempt.quantity for each in self.purchases.values() if each.standing in relied)

    def in_doubt(self) -> int:
        """Units that may never come, as far as desks know."""
        return sum(each.attempt.quantity for each in self.purchases.values() if each.standing is Standing.IN_DOUBT)

    async def until(self, condition: Callable[[], object], within_s: float = 60.0) -> float:
        """Wait until it is so; answers how long that took."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        while not condition():
            assert loop.time() < began_s + within_s, "it never came to be"
            await asyncio.sleep(0.0005)
        return loop.time() - began_s
