"""What goes wrong when: drawn from one seed before the run, so that a run can be had again."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from bench.chaos.faults.fault import Fault

#: Between the end of a step and the next one, which waits besides until the house is well (nemesis.py): enough for what
#: was broken to be noticed before that is asked.
REST_S = (0.5, 1.5)

#: Faults that would last too long are left out so often before a plan ends: a few kinds last ten seconds.
_LEFT_OUT_MAX = 8

#: The second fault of a mix begins so long after the first at most.
_APART_S_MAX = 1.0


class Planned(NamedTuple):
    """One fault of a step: how long after its beginning, and how long it lasts."""

    kind: type[Fault]
    after_s: float
    lasts_s: float

    @property
    def over_s(self) -> float:
        """When it is put right, from the beginning of the step."""
        return self.after_s + self.lasts_s


class Step(NamedTuple):
    """What goes wrong at one time: a fault alone, or two. `begins_s` is from the beginning of the plan."""

    begins_s: float
    faults: tuple[Planned, ...]

    @property
    def over_s(self) -> float:
        """When all is put right."""
        return self.begins_s + max(each.over_s for each in self.faults)


def plan(kinds: Sequence[type[Fault]], often: Sequence[type[Fault]], chance: Random, seconds: float) -> list[Step]:
    """Every kind alone, in decks of chance order, with those that happen `often` once more in each deck."""
    return list(_steps(_alone(kinds, often, chance), chance, seconds))


def plan_mixes(kinds: Sequence[type[Fault]], chance: Random, seconds: float) -> list[Step]:
    """Two different kinds at a time."""
    return list(_steps(_pairs(kinds, chance), chance, seconds))


def _alone(
    kinds: Sequence[type[Fault]], often: Sequence[type[Fault]], chance: Random
) -> Iterator[tuple[type[Fault], ...]]:
    while True:
        deck = [*kinds, *often]
        chance.shuffle(deck)
        for kind in deck:
            yield (kind,)


def _pairs(kinds: Sequence[type[Fault]], chance: Random) -> Iterator[tuple[type[Fault], ...]]:
    while True:
        deck = list(kinds)
        chance.shuffle(deck)
        yield from zip(deck[::2], deck[1::2], strict=False)


def _steps(drawn: Iterator[tuple[type[Fault], ...]], chance: Random, seconds: float) -> Iterator[Step]:
    """One step after another until the time is over. What would last beyond its end is left out, and others tried."""
    at_s, left_out = 0.0, 0
    for kinds in drawn:
        begins_s = at_s + chance.uniform(*REST_S)
        after_s = [0.0, *(chance.uniform(0, _APART_S_MAX) for _ in kinds[1:])]
        faults = [
            Planned(kind, after, chance.uniform(*kind.lasts_s)) for kind, after in zip(kinds, after_s, strict=True)
        ]
        step = Step(begins_s, tuple(faults))
        if step.over_s <= seconds:
            at_s = step.over_s
            yield step
            continue
        left_out += 1
        if left_out > _LEFT_OUT_MAX:
            return
