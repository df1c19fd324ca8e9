"""When calls start: as soon as there is room (closed loop), or when a schedule says so (open loop)."""

from collections.abc import Sequence
from typing import Protocol

from bench.load.line import Line
from bench.load.plan import Closed, Open, Plan
from bench.load.scripts import Script
from bench.load.tally import Tally

_S_NS = 1_000_000_000
_NEVER_NS = 1 << 62


class Pace(Protocol):
    """Starts calls."""

    def start(self, lines: Sequence[Line], now_ns: int) -> None:
        """Start on these lines what is to start by now."""

    def wait_ns(self, now_ns: int) -> int:
        """How long nothing is to start, unless an answer comes."""


class ClosedPace:
    """Each line is kept full."""

    def __init__(self, pace: Closed, script: Script, until_ns: int) -> None:
        self._in_flight = pace.in_flight
        self._script = script
        self._until_ns = until_ns

    def start(self, lines: Sequence[Line], now_ns: int) -> None:
        """See Pace."""
        for line in lines if now_ns < self._until_ns else ():
            connection = line.connection
            for _ in range(connection.room(self._in_flight)):
                call = self._script.next()
                call.intended_ns = call.invoked_ns = now_ns
                connection.start(call)

    def wait_ns(self, now_ns: int) -> int:  # noqa: ARG002 - see Pace
        """See Pace."""
        return _S_NS


class OpenPace:
    """Every call has its moment, fixed before the first one. When no line has room at that moment, it is dropped.

    Only answers make room. So while there is none nothing is to be done at those moments: they are dropped together
    when an answer has come, and a crowd that cannot be served does not take the processor from who is.
    """

    def __init__(self, pace: Open, script: Script, tally: Tally, schedule: "Schedule") -> None:
        self._in_flight_max = pace.in_flight_max
        self._script = script
        self._tally = tally
        self._schedule = schedule
        self._line = 0
        self._is_full = False

    def start(self, lines: Sequence[Line], now_ns: int) -> None:
        """See Pace."""
        schedule, tally = self._schedule, self._tally
        was_full, self._is_full = self._is_full, False
        while (intended_ns := schedule.next_ns) <= now_ns:
            schedule.advance()
            line = None if was_full else self._with_room(lines)
            if line is None:
                tally.dropped(intended_ns)
                self._is_full = True
            else:
                call = self._script.next()
                call.intended_ns = intended_ns
                call.invoked_ns = now_ns
                line.connection.start(call)
                tally.started(intended_ns, now_ns)
        if was_full:
            self._is_full = not any(line.connection.room(self._in_flight_max) > 0 for line in lines)

    def wait_ns(self, now_ns: int) -> int:
        """See Pace."""
        return max(_S_NS if self._is_full else 0, self._schedule.next_ns - now_ns)

    def _with_room(self, lines: Sequence[Line]) -> Line | None:
        """The next line in turn that has room."""
        for _ in lines:
            self._line = (self._line + 1) % len(lines)
            if lines[self._line].connection.room(self._in_flight_max) > 0:
                return lines[self._line]
        return None


class Schedule:
    """Moments, evenly spaced from `first_ns` to before `until_ns`; then `next_ns` never comes."""

    def __init__(self, first_ns: int, interval_ns: float, until_ns: int) -> None:
        self._first_ns = first_ns
        self._interval_ns = interval_ns
        self._until_ns = until_ns
        self._count = 0
        self.next_ns = first_ns

    def advance(self) -> None:
        """The next moment. Counted from the first, so that no rounding adds up."""
        self._count += 1
        next_ns = self._first_ns + int(self._interval_ns * self._count)
        self.next_ns = next_ns if next_ns < self._until_ns else _NEVER_NS


def pace_of(plan: Plan, process: int, script: Script, tally: Tally, span_ns: tuple[int, int]) -> Pace:
    """The plan's pace for one of its processes, which take turns, from one moment to another."""
    start_ns, until_ns = span_ns
    if isinstance(plan.pace, Closed):
        return ClosedPace(plan.pace, script, until_ns)
    apart_ns = _S_NS / plan.pace.rate_per_s
    schedule = Schedule(start_ns + int(apart_ns * process), apart_ns * plan.processes, until_ns)
    return OpenPace(plan.pace, script, tally, schedule)
