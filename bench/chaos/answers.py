"""What buyers were told, as figures: when somebody was served again, and how much is unknown."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from bench.audit import UNKNOWN
from bench.load import history
from bench.load.exchange import ASKED_AGAIN
from bench.run.moments import Moment, first_ok_after

#: A refusal that only whoever has the shelf can give.
_NOTHING_LEFT = "OUT_OF_STOCK"


@dataclass(slots=True)
class Answers:
    """Of all histories of a leg. Moments are monotonic seconds."""

    calls: int = 0
    #: Calls of which their caller did not know what became of them, before it asked again.
    unknown: int = 0
    #: Calls answered well, by the second of the answer.
    ok_in_second: Counter[int] = field(default_factory=Counter)
    #: By SKU: calls that its owner decided; that nothing is left is a decision, too.
    decided: dict[str, list[Moment]] = field(default_factory=dict)
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

    def all_served_s(self, at_s: float, skus: Iterable[str]) -> float | None:
        """When each of these SKUs had decided a call that was sent after a moment; None when one never did."""
        firsts = [first_ok_after(self.decided.get(sku, ()), at_s) for sku in skus]
        return None if None in firsts else max((first for first in firsts if first is not None), default=None)

    def hear(self, call: history.Call) -> None:
        """Take in one call, in any order."""
        self.calls += 1
        self.ended_s = max(self.ended_s, (call.completed_ns or call.invoked_ns) / 1e9)
        if call.completed_ns is not None and (call.status == 0 or call.reason == _NOTHING_LEFT):
            answered_s = call.completed_ns / 1e9
            self.ok_in_second[int(answered_s)] += call.status == 0
            sku = call.items[0].subject.split("/", 4)[3]
            self.decided.setdefault(sku, []).append(Moment(call.invoked_ns / 1e9, answered_s, is_ok=True))
        elif call.status is None or (call.status in ASKED_AGAIN and call.reason in UNKNOWN):
            self.unknown += 1
