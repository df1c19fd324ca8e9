"""Buying in a simulated house: suppliers, their desks, and the refill between desks and shelves; and what befalls them.

Desks and the refill are the real thing, each in a process of its own; what lies between them loses words.
"""

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from functools import cache, partial
from itertools import count
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry

from actors.adapters.supplier_book import MemorySupplierBook
from actors.asking import Answer
from actors.dispatch import Dispatch
from actors.supply.desk import Doors, SupplierDesk
from actors.supply.desk_metrics import DeskMetrics
from actors.supply.ledger_archivist import LedgerArchivist
from actors.supply.ports import Bought, DeskState
from actors.supply.refill import Refill
from actors.supply.refill_metrics import RefillMetrics
from actors.supply.shelving import PoolShelver
from engine.errors import CardkeepError, InDoubt, InvariantBroken, NotDone, PoolClosed
from engine.limits import DAY_MS
from engine.money import Money
from engine.names import PoolName, SupplierName
from engine.pricing.rates import Rates
from engine.stock.commands import Command
from engine.supply.attempts import Attempt
from engine.supply.ports import SupplierLine
from engine.supply.refilling import Marks
from engine.supply.suppliers import Source, Sourcing
from tests.sim.clock import SimulatedClock
from tests.sim.loop import Process
from tests.sim.suppliers import CURRENCY, SimulatedSupplier
from tests.sim.vault import PlainVault

if TYPE_CHECKING:
    from tests.sim.world import World

#: Metrics take longer to make than many a run takes; nothing is decided by them.
_desk_metrics = cache(DeskMetrics)


@cache
def _refill_metrics() -> RefillMetrics:
    return RefillMetrics(CollectorRegistry())


class OverheardDispatch(Dispatch):
    """What a desk brings into stock is part of what callers were told, whether it lives to hear of it or not."""

    def __init__(self, world: "World", clock: SimulatedClock, process: Process) -> None:
        super().__init__(world.road(), clock, world.token, connect=partial(world.network.connect, process))
        self._world = world

    async def ask(self, pool: PoolName, command: Command, deadline_ms: int) -> Answer:
        """See Dispatch."""
        world = self._world
        asked_ms = world.moment_ms()
        world.testimony.silent(pool, command, asked_ms)
        answer = await super().ask(pool, command, deadline_ms)
        world.testimony.heard(pool, command, asked_ms, world.moment_ms(), answer)
        return answer


class DeskProcess:
    """One copy of a desk."""

    def __init__(self, market: "Market", supplier: SimulatedSupplier, copy: int) -> None:
        world = market.world
        self.supplier = supplier
        self.process = Process(f"desk-{supplier.name.supplier}/{copy}")
        self.clock = SimulatedClock(world)
        self.is_open = False
        self._market = market
        road = world.road()
        dispatch = OverheardDispatch(world, self.clock, self.process)
        shelver = PoolShelver(dispatch, road, market.vault)
        self.desk = SupplierDesk(
            supplier.name,
            Doors(
                *(road, road, road, market.book, market.vault, self.clock, shelver),
                line_to=self._line,
                fold=LedgerArchivist(road, road).fold,
            ),
            _desk_metrics(supplier.name.supplier),
        )
        self.process.start(dispatch.watch())
        self.process.start(self._run())

    @property
    def serves(self) -> bool:
        """Whether it can be asked."""
        return self.is_open and self.process.is_alive

    async def _run(self) -> None:
        """As DeskHost does."""
        while not self.is_open:
            try:
                await self.desk.open()
                self.is_open = True
            except InvariantBroken as broken:
                self._market.world.mistakes.append(f"{self.process.name} cannot be opened: {broken}")
                return
            except CardkeepError:
                await asyncio.sleep(1.0)
        await self.desk.run()
        self._market.end_desk(self, "replaced")

    def _line(self, *_: Any) -> SupplierLine:
        return self.supplier.line()


class Market:
    """All buying of one house."""

    def __init__(self, world: "World") -> None:
        chance = world.faults.random
        self.world = world
        self.vault = PlainVault()
        self.book = MemorySupplierBook()
        self.suppliers = {
            supplier.name: supplier
            for supplier in (SimulatedSupplier(world, f"supplier-{number}") for number in range(chance.randint(1, 2)))
        }
        self.marks = Marks(chance.choice((4, 8)), chance.choice((8, 20)), chance.choice((1, 3)))
        self.desks: dict[SupplierName, DeskProcess] = {}
        self.copies: list[DeskProcess] = []
        self._numbers = count(1)
        self._refills: list[tuple[Process, Refill]] = []
        self._is_closed = False

    async def open(self) -> None:
        """Enter everything into the book, and begin to buy."""
        for supplier in self.suppliers.values():
            await self.book.put_supplier(supplier.profile)
            self.start_desk(supplier.name)
        for pool in self.world.pools:
            sources = [Source(name, "P-1", Money(100, CURRENCY)) for name in self.suppliers]
            await self.book.put_sourcing(Sourcing(pool, tuple(sources), self.marks, Money(150, CURRENCY)))
        await self._start_refill()
        await self._all_open()

    def start_desk(self, name: SupplierName) -> None:
        """A new copy of a desk; the former one may live on."""
        one = self.desks[name] = DeskProcess(self, self.suppliers[name], next(self._numbers))
        self.copies.append(one)
        self.world.note(one.process.name, "starts")

    def end_desk(self, one: DeskProcess, why: str) -> None:
        """A desk's process is gone; another starts in a while, unless there is one already."""
        if not one.process.is_alive:
            return
        self.world.note(one.process.name, "ends:", why)
        one.process.kill()
        if self.desks[one.supplier.name] is one:
            self.world.later(self.world.faults.random.uniform(0.05, 3.0), self._restart, one)

    def freeze_desk(self, one: DeskProcess, for_s: float) -> None:
        """SIGSTOP now, SIGCONT later."""
        self.world.note(one.process.name, "is frozen for", for_s)
        one.process.pause()
        self.world.later(for_s, one.process.resume)

    def end_refill(self) -> None:
        """The refill's process is gone; another starts in a while."""
        if self._refills and self._refills[-1][0].is_alive:
            self.world.note("the refill ends")
            self._refills[-1][0].kill()
            if not self._is_closed:
                self.world.later(self.world.faults.random.uniform(0.05, 3.0), self._restart_refill)

    def nudge(self, pool: PoolName) -> None:
        """What an owner says of a dry shelf, which may be lost."""
        if self._refills and not self.world.faults.happens("nudge_lost", 0.2):
            process, refill = self._refills[-1]
            loop = asyncio.get_running_loop()
            loop.call_later(self.world.faults.latency_s(), refill.nudge, pool, context=process.context)

    async def close(self) -> None:
        """Nobody buys any more, and each desk ends: a fresh copy brings to its end what is open."""
        self._is_closed = True
        self.end_refill()
        for one in list(self.copies):
            one.process.kill()
        for supplier in self.suppliers.values():
            await supplier.hear_all()
            self.start_desk(supplier.name)
        await self._all_open()

    async def settle(self) -> None:
        """Compare with every statement, and wait until nothing is open and everything delivered is in stock."""
        for name in self.suppliers:
            while not await self._is_settled(name):  # noqa: ASYNC110
                await asyncio.sleep(0.2)

    async def _is_settled(self, name: SupplierName) -> bool:
        """Not yet, when the claim of a copy long dead, still on its way, puts the desk out: then another follows."""
        one = self.desks[name]
        if not one.serves:
            return False
        try:
            await _answer_of(one.process, one.desk.reconcile(0, self.world.clock.now_ms() + DAY_MS))
        except (PoolClosed, InDoubt):
            return False
        return not one.desk.state().open

    def bury(self) -> None:
        """Let all coroutines go."""
        processes = [one.process for one in self.copies] + [each.process for each in self.suppliers.values()]
        for process in [*processes, *(process for process, _ in self._refills)]:
            if process.is_alive:
                process.kill()
            process.bury()

    async def buy(self, supplier: SupplierName, attempt: Attempt, product: str, account: str) -> Bought:
        """See Desks."""
        return await self._ask(supplier, lambda desk: desk.buy(attempt, product, account))

    async def state(self, supplier: SupplierName) -> DeskState:
        """See Desks."""

        async def state(desk: SupplierDesk) -> DeskState:
            return desk.state()

        return await self._ask(supplier, state)

    async def _ask(self, supplier: SupplierName, what: Any) -> Any:
        """As RemoteDesks do: what surely was not asked is NotDone, what broke on its way is in doubt."""
        faults = self.world.faults
        await asyncio.sleep(faults.latency_s())
        one = self.desks.get(supplier)
        if one is None or not one.serves:
            raise PoolClosed(f"the desk of {supplier} is not open")
        answered = await _answer_of(one.process, what(one.desk))
        await asyncio.sleep(faults.latency_s())
        if faults.happens("desk_answer_lost", 0.05):
            raise InDoubt("the answer of a desk was lost")
        return answered

    async def _all_open(self) -> None:
        while not all(one.is_open for one in self.desks.values()):  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    def _restart(self, ended: DeskProcess) -> None:
        if self.desks[ended.supplier.name] is ended:
            self.start_desk(ended.supplier.name)

    def _restart_refill(self) -> None:
        if not self._is_closed:
            asyncio.get_running_loop().create_task(self._start_refill())

    async def _start_refill(self) -> None:
        world, process = self.world, Process("refill")
        clock = SimulatedClock(world)
        dispatch = Dispatch(world.road(), clock, world.token, connect=partial(world.network.connect, process))
        refill = Refill(
            *(self, dispatch.ask, clock),
            metrics=_refill_metrics(),
            rates=Rates(),
            new_id=lambda: f"attempt-{next(self._numbers)}",
        )
        refill.set_book(await self.book.suppliers(), await self.book.sourcings())
        self._refills.append((process, refill))
        process.start(dispatch.watch())
        process.start(refill.run())


async def _answer_of(process: Process, work: Coroutine[Any, Any, Any]) -> Any:
    """What another process answers; InDoubt when it dies over it."""
    heard: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def tell(task: "asyncio.Task[Any]") -> None:
        failure = None if task.cancelled() else task.exception()
        if heard.done():
            return
        if failure is None and not task.cancelled():
            heard.set_result(task.result())
        else:
            heard.set_exception(failure if isinstance(failure, NotDone | InDoubt) else InDoubt(f"{failure!r}"))
            heard.exception()

    def died() -> None:
        if not heard.done():
            heard.set_exception(InDoubt("the desk died"))
            heard.exception()

    process.at_end(died)
    task = process.start(work)
    task.add_done_callback(tell, context=process.context)
    # What a process comes to just before it dies nobody hears, and nobody has to: outside of it, this always runs.
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception(), context=Context())
    return await heard
