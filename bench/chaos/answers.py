"""What buyers were told, as figures: when somebody was served again, and how much is unknown."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from bench.audit import UNKNOWN
from bench.load import history
from bench.load.exchange import ASKED_AGAIN


@dataclass(slots=True)
class Answers:
    """Of all histories of a leg. Moments are monotonic seconds."""

    calls: int = 0
    #: Calls of which their caller did not know what became of them, before it asked again.
    unknown: int = 0
    #: Calls answered well, by the second of the answer.
    ok_in_second: Counter[int] = field(default_factory=Counter)
    #: By SKU: when calls that were answered well were sent, and when answered, in the order of sending.
    ok: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    @classmethod
    def read(cls, paths: Iterable[Path]) -> Self:
        """Of these histories."""
        answers = cls()
        for path in paths:
            for call in history.read(path):
                answers.hear(call)
        answers.close()
        return answers

    def first_ok_after(self, at_s: float, skus: Iterable[str]) -> float | None:
        """When the first call for one of these SKUs was answered well that was sent after a moment."""
        firsts = [_first(self.ok.get(sku, ()), at_s) for sku in skus]
        return min((first for first in firsts if first is not None), default=None)

    def close(self) -> None:
        """That was all."""
        for each in self.ok.values():
            each.sort()

    def hear(self, call: history.Call) -> None:
        """Take in one call, in any order."""
        self.calls += 1
        if call.status == 0 and call.completed_ns is not None:
            answered_s = call.completed_ns / 1e9
            self.ok_in_second[int(answered_s)] += 1
            sku = call.items[0].subject.split("/", 4)[3]
            self.ok.setdefault(sku, []).append((call.invoked_ns / 1e9, answered_s))
        elif call.status is None or (call.status in ASKED_AGAIN and call.reason in UNKNOWN):
            self.unknown += 1


def _first(calls: Sequence[tuple[float, float]], at_s: float) -> float | None:
    first: float | None = None
    for sent_s, answered_s in calls[bisect_right(calls, (at_s, float("inf"))) :]:
        if first is not None and sent_s >= first:
            break
        first = answered_s if first is None else min(first, answered_s)
    return first
