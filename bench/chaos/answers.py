"""What buyers were told, as figures: when somebody was served again, and how much is unknown."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Self

from bench.audit import UNKNOWN
from bench.load import history
from bench.load.exchange import ASKED_AGAIN
from bench.run.moments import Moment, first_ok_after


@dataclass(slots=True)
class Answers:
    """Of all histories of a leg. Moments are monotonic seconds."""

    calls: int = 0
    #: Calls of which their caller did not know what became of them, before it asked again.
    unknown: int = 0
    #: Calls answered well, by the second of the answer.
    ok_in_second: Counter[int] = field(default_factory=Counter)
    #: By SKU: calls that were answered well.
    ok: dict[str, list[Moment]] = field(default_factory=dict)
    #: When the last of all calls was sent or answered.
    ended_s: float = 0.0

    @classmethod
    def read(cls, paths: Iterable[Path]) -> Self:
        """Of these histories."""
        answers = cls()
        for path in paths:
            for call in history.read(path):
                answers.hear(call)
        return answers

    def first_ok_after(self, at_s: float, skus: Iterable[str]) -> float | None:
        """When the first call for one of these SKUs was answered well that was sent after a moment."""
        return first_ok_after(chain.from_iterable(self.ok.get(sku, ()) for sku in skus), at_s)

    def hear(self, call: history.Call) -> None:
        """Take in one call, in any order."""
        self.calls += 1
        self.ended_s = max(self.ended_s, (call.completed_ns or call.invoked_ns) / 1e9)
        if call.status == 0 and call.completed_ns is not None:
            answered_s = call.completed_ns / 1e9
            self.ok_in_second[int(answered_s)] += 1
            sku = call.items[0].subject.split("/", 4)[3]
            self.ok.setdefault(sku, []).append(Moment(call.invoked_ns / 1e9, answered_s, is_ok=True))
        elif call.status is None or (call.status in ASKED_AGAIN and call.reason in UNKNOWN):
            self.unknown += 1
