"""A whole house in one thread: store, owners, front ends, archivist, steward, and what befalls them.

Everything but the store and the roads is the real thing. Processes are started, killed, paused and
rivalled here; what must hold nevertheless is the auditor's business.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextvars import Context
from functools import cache, partial
from typing import Any

from prometheus_client import CollectorRegistry

from actors.adapters.memory import MemoryRegistry, MemoryStore, StoredPool
from actors.archivist import Archivist
from actors.hosted import PoolState
from actors.incumbent import Incumbent
from actors.metrics import OwnerMetrics
from actors.owner import Owner
from actors.owner_gate import OwnerGate
from actors.steward import Roster, Steward
from actors.wire import Address
from engine.limits import MINUTE_MS
from engine.names import PoolName
from engine.placing import owner_ids
from engine.ports import NOBODY, Append, Position, Seat
from tests.sim.clock import BEGAN_MS, SimulatedClock
from tests.sim.faults import Faults
from tests.sim.fronts import FrontProcess
from tests.sim.loop import Process, VirtualLoop
from tests.sim.market import Market
from tests.sim.roads import Network, StoreRoad
from tests.sim.sizes import drawn
from tests.sim.testimony import Testimony

#: How many of the houses buy what they sell.
_BUYS = 0.4


@cache
def _owner_metrics() -> OwnerMetrics:
    """One for all owners of all houses: making them takes longer than many a run, and nothing is decided by them."""
    return OwnerMetrics(CollectorRegistry())


class WholeJournal(MemoryStore):
    """A store that also remembers every record ever appended, for the auditor."""

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__(clock)
        self.written: dict[PoolName, list[Append]] = defaultdict(list)

    def _append(self, held: StoredPool, append: Append) -> Position:
        before, after = held.position, super()._append(held, append)
        if after != before:
            self.written[append.pool].append(append)
        return after


class OwnerProcess:
    """One incarnation of an owner."""

    def __init__(self, world: "World", owner_id: str, incarnation: int) -> None:
        self.owner_id = owner_id
        self.process = Process(f"{owner_id}/{incarnation}")
        self.clock = SimulatedClock(world)
        road = world.road()
        self.owner = Owner(
            *(road, road, road, self.clock),
            metrics=world.metrics,
            fold=world.fold,
            fold_after_events=world.fold_after_events,
            nudge=world.nudge,
        )
        self._gate = OwnerGate(self.owner, world.token, listen=partial(world.network.listen, self.process))
        self.address = Address("unix", f"/{owner_id}/{incarnation}")
        seat = Seat(owner_id, str(self.address), incarnation, "here", incarnation)
        self._incumbent = Incumbent(self.owner, road, seat)
        self._on_replaced: Callable[[], None] = lambda: world.end_owner(self, "replaced")
        self.process.start(self._run())

    async def _run(self) -> None:
        await self._gate.open(self.address)
        sweeping = self.process.start(self.owner.run())
        sitting = self.process.start(self._incumbent.sit())
        await asyncio.wait([sweeping, sitting], return_when=asyncio.FIRST_COMPLETED)
        if sweeping.done():
            sweeping.result()
        self._on_replaced()


class World:
    """The house, and the hand that shakes it."""

    def __init__(self, loop: VirtualLoop, faults: Faults) -> None:
        self.token = "the simulated cluster's"
        self.loop = loop
        self.faults = faults
        self.size = drawn(faults.random)
        self.trace: list[tuple[object, ...]] = []
        self.passed_ms = 0
        self.mistakes: list[str] = []
        self.testimony = Testimony()
        self.fold_after_events = faults.random.choice((8, 25, 80))
        self.pools = [
            PoolName("default", f"sku-{number}") for number in range(faults.random.randint(1, self.size.pools_max))
        ]
        self.clock = SimulatedClock(self)
        self.metrics = _owner_metrics()
        self.store = WholeJournal(self.clock)
        self.registry = MemoryRegistry()
        self.network = Network(faults)
        #: The copy of each owner that was started last; which of several has the seat, the registry says.
        self.owners: dict[str, OwnerProcess] = {}
        self._copies: list[OwnerProcess] = []
        self.frozen: list[OwnerProcess] = []
        self.processes: list[Process] = []
        self._server = Process("store")
        self._archivist = self._new_process("archivist")
        self._incarnation = 0
        self.fronts = [FrontProcess(self, number) for number in range(faults.random.randint(1, 2))]
        #: Buying, where this house buys.
        self.market = Market(self) if faults.random.random() < _BUYS else None
        self._steward = self._new_process("steward")
        owners = faults.random.randint(1, self.size.owners_max)
        self._steward.start(Steward(self.road(), self._ensure_owner, lambda: Roster.of(owner_ids(owners))).run())

    def moment_ms(self) -> float:
        """The moment by a clock that is right, in milliseconds and parts of one."""
        return BEGAN_MS + self.loop.time() * 1000 + self.passed_ms

    def note(self, *what: object) -> None:
        """One line of the trace, which few runs ever write: what cannot change is turned into text only then."""
        self.trace.append((self.loop.time(), *what))

    def later(self, after_s: float, then: Callable[..., None], *args: Any) -> None:
        """Do something from outside: it happens whoever has died meanwhile."""
        self.loop.call_later(after_s, then, *args, context=Context())

    def road(self) -> StoreRoad:
        """A new line to the store."""
        return StoreRoad(self.store, self.registry, self.faults, self._server)

    async def open(self) -> None:
        """Register all pools and wait until each has been placed."""
        for pool in self.pools:
            await self.registry.add_pool(pool)
        while NOBODY in (await self.registry.placement()).owner_of.values():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        if self.market is not None:
            await self.market.open()

    def nudge(self, pool: PoolName) -> None:
        """What owners say of dry shelves."""
        if self.market is not None:
            self.market.nudge(pool)

    def end_front(self, number: int) -> None:
        """A front end's process is gone; another starts in a while."""
        one = self.fronts[number]
        if one.process.is_alive:
            self.note(one.process.name, "ends")
            one.process.kill()
            self.processes.append(one.process)
            self.later(self.faults.random.uniform(0.05, 2.0), self._start_front, number)

    async def fold(self, pool: PoolName) -> int | None:
        """What owners ask the archivist, which may die of it."""
        folding = self._archivist.start(Archivist(self.road(), self.road()).fold(pool))
        if self.faults.happens("fold_crashes", 0.2):
            dying = self._archivist
            self.later(self.faults.latency_s() * self.faults.random.uniform(0, 12), dying.kill)
            self._archivist = self._new_process("archivist")
        ended, _ = await asyncio.wait([folding], timeout=30.0)
        if ended and folding.exception() is not None:
            self.mistakes.append(f"{pool.sku} cannot be folded: {folding.exception()}")
        before_ms = folding.result() if ended else None
        self.note(f"folded {pool.sku} before={before_ms}")
        return before_ms

    def end_owner(self, one: OwnerProcess, why: str) -> None:
        """An owner's process is gone; another starts in a while, unless there is one already."""
        if not one.process.is_alive:
            return
        self.note(f"{one.process.name} ends: {why}")
        one.process.kill()
        if one in self.frozen:
            self.frozen.remove(one)
        if self.owners.get(one.owner_id) is one:
            self.later(self.faults.random.uniform(0.05, 3.0), self._start_owner, one.owner_id)

    def rival(self, owner_id: str) -> None:
        """A second copy of an owner, while the first may still run."""
        self.note(f"{owner_id} gets a rival")
        self._start_owner(owner_id)

    def freeze(self, one: OwnerProcess, for_s: float) -> None:
        """SIGSTOP now, SIGCONT later."""
        self.note(f"{one.process.name} is frozen for {for_s:.2f}s")
        one.process.pause()
        self.frozen.append(one)
        self.later(for_s, self._thaw, one)

    def let_hours_pass(self, minutes: int) -> None:
        """All clocks go on at once, as over a quiet night."""
        self.note(f"{minutes} minutes pass")
        self.passed_ms += minutes * MINUTE_MS

    async def wait_calm(self) -> None:
        """Wait until every pool is served by the owner that the placement names, by no other, and nobody is frozen.

        Nor is a front end dead.
        """
        while not self._is_calm():  # noqa: ASYNC110
            await asyncio.sleep(0.25)

    def serving(self, pool: PoolName) -> Owner:
        """The owner of a pool, in calm times."""
        seated = self._seated(pool)
        assert seated is not None, f"nobody has the seat of {pool}"
        return seated.owner

    def bury(self) -> None:
        """After the last step: let all coroutines go."""
        if self.market is not None:
            self.market.bury()
        every = [*self.processes, *(one.process for one in (*self.owners.values(), *self.fronts)), self._server]
        for process in every:
            if process.is_alive:
                process.kill()
        for process in every:
            process.bury()

    def _is_calm(self) -> bool:
        is_up = not self.frozen and all(front.process.is_alive for front in self.fronts)
        return is_up and all(self._is_served(pool) for pool in self.pools)

    def _is_served(self, pool: PoolName) -> bool:
        one = self._seated(pool)
        hosts = [copy for copy in self._copies if copy.process.is_alive and copy.owner.find(pool) is not None]
        hosted = None if one is None else one.owner.find(pool)
        return hosts == [one] and hosted is not None and hosted.state in {PoolState.SERVING, PoolState.STOPPED}

    def _seated(self, pool: PoolName) -> OwnerProcess | None:
        """Whose address the registry names: a copy that was frozen before it sat down may take the seat last."""
        seat = self.registry._seats.get(self.registry._owner_of[pool])
        return next((one for one in self._copies if seat and str(one.address) == seat.address), None)

    def _thaw(self, one: OwnerProcess) -> None:
        if one in self.frozen:
            self.note(f"{one.process.name} goes on")
            self.frozen.remove(one)
            one.process.resume()

    async def _ensure_owner(self, owner_id: str) -> None:
        if owner_id not in self.owners:
            self._start_owner(owner_id)

    def _start_owner(self, owner_id: str) -> None:
        self._incarnation += 1
        one = OwnerProcess(self, owner_id, self._incarnation)
        self.note(f"{one.process.name} starts")
        self.processes.append(one.process)
        self.owners[owner_id] = one
        self._copies.append(one)

    def _start_front(self, number: int) -> None:
        self.fronts[number] = FrontProcess(self, number)

    def _new_process(self, name: str) -> Process:
        process = Process(name)
        self.processes.append(process)
        return process
