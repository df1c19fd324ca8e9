"""What a check came to: violations by rule, in words, and what was looked at."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Violations of each rule that are spelled out; all are counted.
TOLD_MAX = 5

RULES: Mapping[str, str] = {
    "R1": "a card is in at most one open hold at any moment",
    "R2": "a card is sold to at most one hold, ever",
    "R3": "every card that was given out came in before, and no more came in than were delivered",
    "R4": "an acknowledged sale stays",
    "R5": "an acknowledged hold stays until it is sold, released or over",
    "R6": "received = on the shelf + held + sold + void, and all of it is accounted for",
    "R7": "the same request_id gets the same answer, the same order the same hold, with as many cards as asked for",
    "R8": "sold out is only said when there were too few cards at some moment of the call",
    "R9": "what was answered before another call began comes before it",
    "R10": "a card goes out again only after it has come back, and comes back once",
    "R11": "an older epoch answers no call that began after a newer one had answered",
    "R12": "a replay from scratch makes the same state",
}


@dataclass(slots=True)
class Verdict:
    """All SKUs together, or one."""

    operations: int = 0
    #: Operations that were acknowledged (ok): what a violation could have been seen in.
    acknowledged: int = 0
    #: Requests of which nobody ever heard what became of them.
    unknown: int = 0
    holds: int = 0
    sales: int = 0
    refusals: int = 0
    skus: int = 0
    #: How often each rule had something to look at.
    looked: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    #: The first of each rule: (rule, SKU, words).
    violations: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether no rule was seen to be broken."""
        return not self.broken

    @property
    def rate_bound(self) -> float | None:
        """With no violation among N acknowledged operations: at 95 %, fewer than 3/N are violations. Else None."""
        return min(1.0, 3 / self.acknowledged) if self.acknowledged and self.is_clean else None

    def object(self, rule: str, sku: str, words: str) -> None:
        """Note one violation."""
        self.broken[rule] += 1
        if self.broken[rule] <= TOLD_MAX:
            self.violations.append((rule, sku, words))

    def to_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "clean": self.is_clean,
            "skus": self.skus,
            "operations": self.operations,
            "acknowledged": self.acknowledged,
            "unknown": self.unknown,
            "holds": self.holds,
            "sales": self.sales,
            "refusals": self.refusals,
            "rate_bound_95": self.rate_bound,
            "looked": {rule: self.looked[rule] for rule in RULES},
            "broken": dict(self.broken),
            "violations": [
                {"rule": rule, "says": RULES[rule], "sku": sku, "words": words} for rule, sku, words in self.violations
            ],
        }
