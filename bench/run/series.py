"""One figure over the rounds of a run, and what they come to: the median, never the mean, and the spread."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any


@dataclass(frozen=True, slots=True)
class Spread:
    """What several rounds came to. With one round all five are that round."""

    median: float
    min: float
    max: float
    quartile_1: float
    quartile_3: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of at least one finite value."""
        if not values or not all(map(math.isfinite, values)):
            raise ValueError(f"no spread of {list(values)}")
        quarters = quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
        return cls(median(values), min(values), max(values), quarters[0], quarters[2])

    def as_plain(self) -> dict[str, float]:
        """For JSON: `iqr` is the distance between the quartiles, the width of the middle half."""
        return {
            "median": _short(self.median),
            "min": _short(self.min),
            "max": _short(self.max),
            "quartile_1": _short(self.quartile_1),
            "quartile_3": _short(self.quartile_3),
            "iqr": _short(self.quartile_3 - self.quartile_1),
        }


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound a figure should reach: at least, or at most, `bound`."""

    sense: str
    bound: float

    def is_met(self, value: float) -> bool:
        """Whether a median reaches it."""
        return value >= self.bound if self.sense == "at least" else value <= self.bound

    def as_plain(self, value: float) -> dict[str, Any]:
        """For JSON."""
        return {"sense": self.sense, "bound": self.bound, "met": self.is_met(value)}

    def __str__(self) -> str:
        return f"{'≥' if self.sense == 'at least' else '≤'} {self.bound:,g}"


def at_least(bound: float) -> Goal:
    """More is better."""
    return Goal("at least", bound)


def at_most(bound: float) -> Goal:
    """Less is better."""
    return Goal("at most", bound)


@dataclass(slots=True)
class Series:
    """One figure: a value a round."""

    unit: str
    goal: Goal | None
    #: One sentence for the report: what was measured.
    about: str
    values: list[float]

    @property
    def spread(self) -> Spread:
        """What the rounds came to."""
        return Spread.of(self.values)

    @property
    def is_met(self) -> bool:
        """Whether the median reaches the goal; true without one."""
        return self.goal is None or self.goal.is_met(self.spread.median)

    def as_plain(self) -> dict[str, Any]:
        """For JSON."""
        spread = self.spread
        return {
            "about": self.about,
            "unit": self.unit,
            **spread.as_plain(),
            "rounds": [_short(value) for value in self.values],
            "goal": None if self.goal is None else self.goal.as_plain(spread.median),
        }


def _short(value: float) -> float:
    """Six significant digits: more than any of this is worth, and a file one can read."""
    return float(f"{value:.6g}")
