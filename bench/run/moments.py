"""Single calls of a load, to the microsecond: when each was sent and answered. For what seconds are too coarse for."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.load import history
from bench.load.plan import Measured


class Moment(NamedTuple):
    """One call: monotonic seconds. `answered_s` is infinite when no answer came."""

    sent_s: float
    answered_s: float
    is_ok: bool

    @property
    def took_s(self) -> float:
        """How long its caller waited."""
        return self.answered_s - self.sent_s


def moments(measured: Measured) -> list[list[Moment]]:
    """All calls of a load, warm-up included, by client process, in the order of sending.

    Only until the side is checked: then the histories are gone.
    """
    return [sorted(_read(path)) for path in measured.histories]


def refused_s(calls: Iterable[history.Call], reason: str) -> list[float]:
    """How long each call waited, seconds, that was refused for this reason."""
    return [
        (call.completed_ns - call.invoked_ns) / 1e9
        for call in calls
        if call.completed_ns is not None and call.reason == reason
    ]


def first_ok_after(calls: Iterable[Moment], at_s: float) -> float | None:
    """When the first call was answered well that was sent after a moment; None when none was."""
    answered = [call.answered_s for call in calls if call.is_ok and call.sent_s > at_s]
    return min(answered, default=None)


def p99_s(took_s: Iterable[float]) -> float:
    """What all but one in a hundred stay below; 0 of none."""
    each = sorted(took_s)
    return each[int(len(each) * 0.99)] if each else 0.0


def calm_again_s(calls: Sequence[Moment], at_s: float, *, like_s: float, calls_alike: int = 20) -> float | None:
    """Seconds from a moment until so many calls in a row have a median of at most `like_s`: until the first of them.

    None when that does not come. The calls are in the order of sending.
    """
    after = [call for call in calls if call.sent_s >= at_s]
    for first in range(len(after) - calls_alike + 1):
        if median(call.took_s for call in after[first : first + calls_alike]) <= like_s:
            return after[first].sent_s - at_s
    return None


def _read(path: str) -> Iterable[Moment]:
    for call in history.read(Path(path)):
        answered_s = float("inf") if call.completed_ns is None else call.completed_ns / 1e9
        yield Moment(call.invoked_ns / 1e9, answered_s, call.status == 0)
