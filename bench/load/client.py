"""One client process: turns of reading what has come and starting what is due, until the plan's time is over.

A turn reads each line once, in bulk, and sends once what all starts of the turn put out. An answer's moment is taken
right after the read, a start's right before it is put out: between the two lies everything the server did.
"""

import ctypes
import gc
import select
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from random import Random

from bench.load.exchange import ASKED_AGAIN, OK, Exchange, outcome
from bench.load.history import Writer
from bench.load.ids import Ids
from bench.load.kinds import Kinds
from bench.load.line import Line, LineBroken
from bench.load.pace import Pace, pace_of
from bench.load.plan import PROCESSES_MAX, Plan
from bench.load.scripts import Insisting, Script, script_of
from bench.load.tally import Tally, Tick, Totals

_S_NS = 1_000_000_000
#: The longest a turn waits: how soon a broken line is made anew, and the end of the run is seen.
_TURN_NS_MAX = 20_000_000
#: How long connecting may take at the start, when nothing is lost yet by giving up.
_CONNECT_NS_MAX = 5 * _S_NS
#: A call is given up so long after its deadline: the server's own word on the deadline should come first.
_GRACE_NS = _S_NS

_PR_SET_TIMERSLACK = 29


@dataclass(frozen=True, slots=True)
class Done:
    """What a client process came to."""

    totals: Totals
    cpu_s: float
    wall_s: float
    #: All calls answered and all items done, warm-up and stragglers included: what the CPU was spent on.
    answered: int
    items: int
    reconnects: int
    history: str | None


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a client process could not run."""

    text: str


def serve(plan: Plan, address: tuple[str, int], process: int, run_tag: int, pipe: Pipe) -> None:
    """A client process: says that it is ready, is told when to start, reports each second, and says what it came to."""
    client = Client(plan, address, process, run_tag)
    _wake_in_time()
    # Exchanges have no cycles, and a full search through some thousands of them would be seen as latency.
    gc.freeze()
    gc.disable()
    try:
        client.connect()
    except LineBroken as broken:
        pipe.send(Failed(f"no connection to {address[0]}:{address[1]}: {broken}"))
        return
    pipe.send(None)
    start_ns: int = pipe.recv()
    pipe.send(client.run(start_ns, pipe.send))


class Client:
    """The lines, the script and the tally of one process."""

    def __init__(self, plan: Plan, address: tuple[str, int], process: int, run_tag: int) -> None:
        self._plan = plan
        self._address = address
        self._process = process
        self._ids = Ids(run_tag * PROCESSES_MAX + process)
        kinds = Kinds(f"{address[0]}:{address[1]}", plan.deadline_ms)
        self._script: Script = script_of(plan, kinds, self._ids, Random(f"{plan.seed}/{process}"))  # noqa: S311 - a seed repeats
        self._insisting = self._script if isinstance(self._script, Insisting) else None
        self._history: Writer | None = None
        if plan.history_folder is not None:
            path = Path(plan.history_folder) / f"history-{process}"
            self._history = Writer(path, kinds.all, is_killable=plan.is_killable)
        self._begun: list[Exchange] = []
        if plan.is_killable:
            self._script = _Noted(self._script, self._begun)
        self._tally = Tally(0, 0)
        self._lines = [Line(address) for _ in range(plan.connections)]
        #: Lines the server said goodbye to, with calls still under way.
        self._leaving: list[Line] = []
        self._mended_ns = 0
        self._reconnects = 0

    def connect(self) -> None:
        """Wait until every line is open. Raises LineBroken."""
        until_ns = time.monotonic_ns() + _CONNECT_NS_MAX
        while not all(line.connection.is_open for line in self._lines):
            self._hear(_TURN_NS_MAX)
            self._send()
            if any(line.is_broken for line in self._lines) or time.monotonic_ns() > until_ns:
                raise LineBroken("refused, or no HTTP/2 there")

    def run(self, start_ns: int, report: Callable[[Tick], None]) -> Done:
        """The whole plan, from this moment on; `report` hears of each second."""
        plan = self._plan
        measured_from_ns = start_ns + int(plan.warmup_s * _S_NS)
        end_ns = measured_from_ns + int(plan.measure_s * _S_NS)
        first_s = -ceil(plan.warmup_s)
        self._tally = Tally(measured_from_ns, first_s)
        pace = pace_of(plan, self._process, self._script, self._tally, (start_ns, end_ns))
        time.sleep(max(0, start_ns - time.monotonic_ns()) / _S_NS)
        cpu_before_s = time.process_time()
        second_ends_ns = measured_from_ns + (first_s + 1) * _S_NS
        while (now_ns := time.monotonic_ns()) < end_ns:
            self._hear(min(pace.wait_ns(now_ns), end_ns - now_ns))
            self._start(pace)
            while now_ns >= second_ends_ns:
                second_ends_ns += _S_NS
                report(self._tally.turn(self._under_way()))
                self._give_up(now_ns)
        if second_ends_ns <= end_ns:  # The last one ends with the window.
            report(self._tally.turn(self._under_way()))
        self._start(pace)  # what was due before the end and had no turn
        self._drain()
        self._tally.turn(0)
        spent_s = time.process_time() - cpu_before_s
        wall_s = (time.monotonic_ns() - start_ns) / _S_NS
        in_all = self._tally.answered_in_all, self._tally.items_in_all
        return Done(self._tally.totals, spent_s, wall_s, *in_all, self._reconnects, self._close())

    def _start(self, pace: Pace) -> None:
        """Start what is due, and send it."""
        self._ids.at(time.time_ns())
        now_ns = time.monotonic_ns()
        self._mend(now_ns)
        pace.start(self._lines, now_ns)
        if self._history is not None and self._plan.is_killable:
            self._history.begun(self._begun)
            self._begun.clear()
        self._send()

    def _hear(self, wait_ns: int) -> None:
        """Wait for answers, no longer than this, and take in what has come."""
        lines = [line for line in (*self._lines, *self._leaving) if not line.is_broken]
        sending = [line for line in lines if line.wants_to_send]
        readable, _, _ = select.select(lines, sending, (), min(wait_ns, _TURN_NS_MAX) / _S_NS)
        for line in readable:
            try:
                answered = line.receive()
            except LineBroken:
                self._lose(line)
                continue
            self._take(answered)
            self._miss(line.connection.take_unanswered())

    def _take(self, answered: Sequence[Exchange]) -> None:
        """These calls have their answers."""
        history, script = self._history, self._script
        now_ns = time.monotonic_ns()
        self._tally.answered(answered, now_ns)
        for ended in answered:
            status = outcome(ended.trailers).status
            if history is not None:
                history.answered(ended, status, now_ns)
            if status == OK:
                script.answered(ended)
            elif self._insisting is not None and status in ASKED_AGAIN:
                self._insisting.missed(ended)

    def _miss(self, unanswered: Iterable[Exchange]) -> None:
        """These will never have one."""
        for ended in unanswered:
            self._tally.unanswered(ended)
            if self._insisting is not None:
                self._insisting.missed(ended)
            if self._history is not None:
                self._history.unanswered(ended)

    def _send(self) -> None:
        for line in (*self._lines, *self._leaving):
            if not line.is_broken:
                try:
                    line.send()
                except LineBroken:
                    self._lose(line)

    def _lose(self, line: Line) -> None:
        """It is broken, or left: what was under way has no answer."""
        self._miss(line.close())

    def _mend(self, now_ns: int) -> None:
        """New lines for those that are broken or the server wants closed; the latter still hear their answers."""
        if now_ns < self._mended_ns + _TURN_NS_MAX:
            return
        self._mended_ns = now_ns
        for place, line in enumerate(self._lines):
            if line.is_broken or line.connection.is_closing:
                self._reconnects += line.connection.was_open
                self._leaving.append(line)
                self._lines[place] = Line(self._address)
        for line in [line for line in self._leaving if not line.connection.calls]:
            self._lose(line)
            self._leaving.remove(line)

    def _give_up(self, now_ns: int) -> None:
        """Cancel what is long past its deadline."""
        before_ns = now_ns - self._plan.deadline_ms * 1_000_000 - _GRACE_NS
        for line in (*self._lines, *self._leaving):
            for stream, call in list(line.connection.calls.items()):
                if call.invoked_ns > before_ns:
                    break
                line.connection.cancel(stream)

    def _drain(self) -> None:
        """Hear the answers of what is under way, as long as deadlines allow; nothing new is started."""
        until_ns = time.monotonic_ns() + self._plan.deadline_ms * 1_000_000 + _GRACE_NS
        while self._under_way() and time.monotonic_ns() < until_ns:
            self._hear(_TURN_NS_MAX)
            self._send()

    def _under_way(self) -> int:
        return sum(len(line.connection.calls) for line in (*self._lines, *self._leaving))

    def _close(self) -> str | None:
        """Leave all lines; where the history is, now complete."""
        for line in (*self._lines, *self._leaving):
            self._lose(line)
        if self._history is None:
            return None
        self._history.close()
        return str(self._history.path)


class _Noted:
    """Another script; what it sends next is noted before it is sent."""

    def __init__(self, script: Script, noted: list[Exchange]) -> None:
        self._script = script
        self._noted = noted

    def next(self) -> Exchange:
        """What the script sends."""
        call = self._script.next()
        self._noted.append(call)
        return call

    def answered(self, call: Exchange) -> None:
        """The script hears it."""
        self._script.answered(call)


def _wake_in_time() -> None:
    """Ask for exact timers: unasked, Linux may wake a process 50 µs late (prctl(2)), and all starts would be late."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
