"""Every point at which a house may die over one fixed script, one by one: it ends as if nothing had happened.

An owner and an archivist are killed before each of their steps, a journal ends after each of its records, and each
record after each of its bytes. What is to come out is what the same script makes of a house that nothing befalls.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import cache, partial
from typing import Any, NamedTuple, TypeVar

import pytest
from prometheus_client import CollectorRegistry

from actors.adapters.memory import FaultyJournal, MemoryStore
from actors.archivist import Archivist
from actors.asking import Answer
from actors.metrics import OwnerMetrics
from actors.owner import Owner
from actors.rebuilding import rebuild
from engine.errors import InvariantBroken
from engine.limits import DAY_MS, MINUTE_MS
from engine.names import BatchNo, HoldNo, PoolName, card_at
from engine.ports import Append, History, Position
from engine.stock import commands as ask
from engine.stock.outcomes import Audited, Outcome, Refused, Shelf
from tests.sim.loop import Process, VirtualLoop

POOL = PoolName("default", "DEMO")
BATCH = BatchNo(1)

#: Events between two folds: few enough that several fall into the script.
FOLD_AFTER_EVENTS = 6

#: A process that has not answered for so long, in virtual seconds, is dead: it needs milliseconds.
_DEAD_AFTER_S = 30.0

#: Virtual seconds within which a sweep has come by and what it found to fold is folded.
_FOLDED_AFTER_S = 5.0

#: A process that dies leaves coroutines behind that never began.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")

_T = TypeVar("_T")
_metrics = cache(lambda: OwnerMetrics(CollectorRegistry()))


class Pass(NamedTuple):
    """So much time passes."""

    ms: int


def _allocate(name: str, quantity: int = 1, hold_for_ms: int = MINUTE_MS) -> ask.Allocate:
    return ask.Allocate(f"request-{name}", f"order-{name}", quantity, hold_for_ms, ask.Principal(user=f"user-{name}"))


def _chunk(number: int, first: int, cards: int) -> ask.Receive:
    codes = tuple(b"code %d" % serial for serial in range(first, first + cards))
    return ask.Receive(BATCH, number, first, ((cards, None),), codes, codes)


#: What a day of a shop is made of; holds get the numbers 1, 2, … in the order of their making.
SCRIPT: Sequence[ask.Command | Pass] = (
    ask.OpenBatch("open", "file", "supplier", "staff", None, None, b"key"),
    _chunk(0, 0, 4),
    _chunk(1, 4, 4),
    ask.CloseBatch(BATCH),
    _allocate("a", 2),
    _allocate("a", 2),
    _allocate("b"),
    ask.Confirm("pay-a", HoldNo(1), "payment-a"),
    ask.Extend("longer-b", HoldNo(2), 5 * MINUTE_MS),
    _allocate("c"),
    Pass(2 * MINUTE_MS),
    ask.Confirm("pay-c", HoldNo(3), "payment-c"),
    ask.Confirm("late-c", HoldNo(3), "payment-c", late=ask.REACQUIRE, late_window_ms=60 * MINUTE_MS),
    ask.Release("free-b", HoldNo(2)),
    ask.Replace("bad-a", HoldNo(1), card_at(BATCH, 0), "does not open"),
    ask.Withdraw("odd", ask.QUARANTINE, BATCH, (card_at(BATCH, 7),), "looked at"),
    ask.Withdraw("fine", ask.RESTORE, BATCH, (card_at(BATCH, 7),), "looked at"),
    _allocate("d", 9),
    _allocate("e", 3),
    ask.Confirm("pay-e", HoldNo(4), "payment-e", quantity=2),
    Pass(3 * DAY_MS),
    _allocate("f"),
    _allocate("a", 2),
    ask.GetHold(HoldNo(1)),
    ask.Audit(),
)


class _Clock:
    """Shows what it was told."""

    def __init__(self) -> None:
        self.at_ms = 1_793_491_200_000

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return self.at_ms


class _SlowRoad:
    """A store that takes its time, so that who asks may die before a call arrives, and before its answer does."""

    async def before(self, _call: str) -> None:
        """See Faults."""
        await asyncio.sleep(0.001)

    async def after(self, _call: str) -> None:
        """See Faults."""
        await asyncio.sleep(0.001)


class _Store(MemoryStore):
    """Remembers every record that was ever written."""

    def __init__(self, clock: _Clock) -> None:
        super().__init__(clock)
        self.written: list[Append] = []

    async def append(self, appends: Sequence[Append]) -> Sequence[Position]:
        """See Journal."""
        before = await self.position(POOL)
        positions = await super().append(appends)
        if positions[-1] != before:
            self.written += appends
        return positions


class House:
    """One owner and one archivist at a time; who dies has a successor, which lives."""

    def __init__(self, owner_dies_at: int = 0, archivist_dies_at: int = 0, before: Sequence[Append] = ()) -> None:
        self.clock = _Clock()
        self.store = _Store(self.clock)
        #: What is in the journal at the start.
        self._before = before
        self._journal = FaultyJournal(self.store, _SlowRoad())
        self._processes: list[Process] = []
        self.archivist = self._process("archivist", archivist_dies_at)
        self.owner = self._owner(owner_dies_at)
        self.first_owner, self.first_archivist = self.owner.process, self.archivist
        self.folds = 0

    async def play(self) -> list[Outcome]:
        """The whole script; every command is asked until it is answered."""
        if self._before:
            await self.store.claim(POOL)
            await self.store.append(self._before)
        outcomes: list[Outcome] = []
        for step in SCRIPT:
            if isinstance(step, Pass):
                self.clock.at_ms += step.ms
                await asyncio.sleep(_FOLDED_AFTER_S)
            else:
                outcomes.append(await self.insist(step))
        return outcomes

    def bury(self) -> None:
        """Let all coroutines go."""
        for process in self._processes:
            process.kill()
            process.bury()

    async def insist(self, command: ask.Command) -> Outcome:
        """A command's outcome, asked until somebody lives to tell it."""
        while True:
            answered = await _end_of(self.owner.process, self.owner.ask(command))
            if answered is not None:
                assert answered.outcome is not None
                return answered.outcome
            self.owner = self._owner()

    def _owner(self, dies_at: int = 0) -> "_OwnerProcess":
        owner = Owner(
            *(self._journal, self.store, self.store, self.clock),
            metrics=_metrics(),
            fold=self._fold,
            fold_after_events=FOLD_AFTER_EVENTS,
        )
        return _OwnerProcess(self._process("owner", dies_at), owner)

    def _process(self, name: str, dies_at: int = 0) -> Process:
        process = Process(f"{name} {len(self._processes)}", dies_at)
        self._processes.append(process)
        return process

    async def _fold(self, pool: PoolName) -> int | None:
        folded = await _end_of(self.archivist, Archivist(self._journal, self.store).fold(pool))
        if not self.archivist.is_alive:
            self.archivist = self._process("archivist")
        self.folds += folded is not None
        return folded


class _OwnerProcess:
    """One copy of an owner, which serves once it is open."""

    def __init__(self, process: Process, owner: Owner) -> None:
        self.process = process
        self._owner = owner
        self._opening: asyncio.Task[None] | None = None

    async def ask(self, command: ask.Command) -> Answer:
        """One command's answer."""
        if self._opening is None:
            self._opening = self.process.start(self._owner.open(POOL))
            self.process.start(self._owner.run())
        await asyncio.shield(self._opening)
        (answer,) = await self._owner.submit(POOL, [(0, command)])
        return answer


async def _end_of(process: Process, work: Coroutine[Any, Any, _T]) -> _T | None:
    """What work in a process comes to; None when the process dies over it."""
    task = process.start(work)
    await asyncio.wait([task], timeout=_DEAD_AFTER_S)
    return task.result() if task.done() else None


def played(make: Callable[[], House], then: Callable[[House, Sequence[Outcome]], Awaitable[_T]]) -> _T:
    """The script in a house of its own, on virtual time."""
    loop = VirtualLoop()

    async def play() -> _T:
        house = make()
        try:
            return await then(house, await house.play())
        finally:
            house.bury()

    try:
        return loop.run_until_complete(play())
    finally:
        loop.close()


class Undisturbed(NamedTuple):
    """What the script comes to when nothing happens."""

    outcomes: Sequence[Outcome]
    shelf: Shelf
    written: list[Append]
    owner_steps: int
    archivist_steps: int


@cache
def undisturbed() -> Undisturbed:
    """Played once."""

    async def told(house: House, outcomes: Sequence[Outcome]) -> Undisturbed:
        assert house.folds >= 2
        audited = outcomes[-1]
        assert isinstance(audited, Audited)
        return Undisturbed(
            outcomes, audited.shelf, house.store.written, house.first_owner.steps, house.first_archivist.steps
        )

    return played(House, told)


def _asked() -> list[ask.Command]:
    return [step for step in SCRIPT if not isinstance(step, Pass)]


def _remembered(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Those of what has a request id: telling again gets the very same answer."""
    told = zip(_asked(), outcomes, strict=True)
    return [outcome for command, outcome in told if isinstance(command, ask.Remembered)]


async def _is_as_ever(house: House, outcomes: Sequence[Outcome]) -> tuple[bool, bool]:
    """The script came to what it does undisturbed, and says so again. Whether the first owner and archivist live."""
    assert _remembered(outcomes) == _remembered(undisturbed().outcomes)
    audited = outcomes[-1]
    assert isinstance(audited, Audited)
    assert audited.shelf == undisturbed().shelf
    assert not audited.violations
    again = [await house.insist(command) for command in _asked()]
    assert _remembered(again) == _remembered(outcomes)
    return house.first_owner.is_alive, house.first_archivist.is_alive


def test_the_script_does_what_it_is_there_for() -> None:
    """Some of everything: refusals are few and meant, and the books are whole."""
    refused = [str(outcome.reason) for outcome in undisturbed().outcomes if isinstance(outcome, Refused)]
    assert refused == ["HOLD_EXPIRED", "OUT_OF_STOCK"]


def test_an_owner_may_die_before_any_of_its_steps() -> None:
    """The next one, and its callers' second tries, make the same of the script to the last number."""
    for dies_at in range(1, undisturbed().owner_steps + 1):
        assert played(partial(House, owner_dies_at=dies_at), _is_as_ever) == (False, True)


def test_an_archivist_may_die_before_any_of_its_steps() -> None:
    """A fold that was half done is done again, or was done."""
    for dies_at in range(1, undisturbed().archivist_steps + 1):
        assert played(partial(House, archivist_dies_at=dies_at), _is_as_ever) == (True, False)


def test_a_journal_may_end_after_any_of_its_records() -> None:
    """As in a store that lost what it had not acknowledged yet: told once more, the rest comes out as before."""
    written = undisturbed().written
    for records in range(len(written) + 1):
        played(partial(House, before=written[:records]), _is_as_ever)


@pytest.mark.parametrize("number", range(21))
def test_a_record_that_ends_after_any_of_its_bytes_is_found_out(number: int) -> None:
    """Nothing is made of a record that is not whole, nor of one with a byte that is not its own."""
    *before, last = undisturbed().written[: number + 1]
    end = Position(last.epoch, last.seq_before + last.events)

    def rebuilt(record: bytes) -> None:
        history = History(end, None, 0, [*(append.record for append in before), record])
        asyncio.run(rebuild(POOL, history))

    rebuilt(last.record)
    for size, byte in enumerate(last.record):
        for broken in (last.record[:size], last.record[:size] + bytes([byte ^ 1]) + last.record[size + 1 :]):
            with pytest.raises(InvariantBroken):
                rebuilt(broken)
