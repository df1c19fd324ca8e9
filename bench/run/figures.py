"""Everything a run found out, round by round: loads by what was done to whom, single figures, ratios, notes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.load.plan import Measured, Plan
from bench.run.goals import RATIO_GOALS
from bench.run.series import Goal, Series

#: Where the time went in one load: CPU seconds by role, resident bytes by role at its end.
ByRole = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Round:
    """One load in one round."""

    measured: Measured
    cpu_s: ByRole
    memory_bytes: ByRole


@dataclass(slots=True)
class Load:
    """The same load on the same side, a round after another."""

    #: What was done, "unary" say; to whom, "cardkeep"; through which door, "fast".
    work: str
    side: str
    door: str
    plan: Plan
    goal: Goal | None
    rounds: list[Round] = field(default_factory=list)

    def series(self, of: str) -> Series:
        """One figure over its rounds: items_per_s, calls_per_s, p50_ms, p90_ms, p99_ms, p999_ms or max_ms."""
        unit = "ms" if of.endswith("_ms") else "/s"
        goal = self.goal if of == "items_per_s" else None
        about = "items a second" if of == "items_per_s" else of.replace("_", " ")
        return Series(unit, goal, about, [_value(one, of) for one in self.rounds])


@dataclass(frozen=True, slots=True)
class Course:
    """How something went over time."""

    title: str
    unit: str
    #: By name: seconds, and the value then.
    lines: Mapping[str, Sequence[tuple[float, float]]]


@dataclass(slots=True)
class Figures:
    """All figures of a run."""

    loads: dict[tuple[str, str], Load] = field(default_factory=dict)
    measures: dict[str, Series] = field(default_factory=dict)
    ratios: dict[str, Series] = field(default_factory=dict)
    courses: list[Course] = field(default_factory=list)
    #: Tables of the scenario's own, by title: rows that are alike, each by the names of its columns.
    tables: dict[str, Sequence[Mapping[str, str | float]]] = field(default_factory=dict)
    #: What is no figure and should be found in the document by its name.
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    #: What each side was told besides the defaults.
    settings: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def measure(self, name: str, value: float, *, unit: str, about: str, goal: Goal | None) -> None:
        """One more value of a figure."""
        self.measures.setdefault(name, Series(unit, goal, about, [])).values.append(value)

    def ratio(self, key: str, over: Load, under: Load, of: str) -> None:
        """Divide two loads round by round. The goal is the design's, by key."""
        above, below = over.series(of).values, under.series(of).values
        if len(above) != len(below):
            raise ValueError(f"{key}: {len(above)} rounds over {len(below)}")
        wanted = RATIO_GOALS.get(key)
        about, goal = wanted or (f"{over.work} {over.side} ÷ {under.work} {under.side}", None)
        values = [one / other for one, other in zip(above, below, strict=True)]
        self.ratios[key] = Series("×", goal, about, values)

    @property
    def are_met(self) -> bool:
        """Whether every goal is."""
        series = [
            *self.measures.values(),
            *self.ratios.values(),
            *(load.series("items_per_s") for load in self.loads.values()),
        ]
        return all(one.is_met for one in series)


def total(rounds: list[Round], what: str) -> dict[str, float]:
    """CPU seconds (`cpu_s`) of all rounds, or the most memory (`memory_bytes`) of any, by role."""
    found: dict[str, float] = defaultdict(float)
    for one in rounds:
        by_role: ByRole = getattr(one, what)
        for role, value in by_role.items():
            found[role] = found[role] + value if what == "cpu_s" else max(found[role], value)
    return dict(found)


def _value(one: Round, of: str) -> float:
    if of.endswith("_ms"):
        microseconds: Any = getattr(one.measured.latency, of.removesuffix("_ms") + "_us")
        return float(microseconds) / 1000
    value: Any = getattr(one.measured, of)
    return float(value)
