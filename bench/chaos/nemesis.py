"""Carries a plan out: each fault at its moment, put right at its moment, and written down as what really happened."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from bench.chaos.arena import Arena
from bench.chaos.faults.fault import Fault
from bench.chaos.plan import Planned, Step
from bench.waiting import until

#: A house that has not come back by then is broken further: on a busy machine one would wait for nothing else.
WELL_WITHIN_S = 10.0


class Injected(NamedTuple):
    """A fault that was tried. Moments are monotonic seconds; `happened` says whether it counts."""

    kind: str
    failover_of: str
    at_s: float
    is_alone: bool
    happened: bool
    skus: frozenset[str]


@dataclass(eq=False, slots=True)
class _Running:
    fault: Fault
    planned: Planned
    is_alone: bool
    #: Until it is known to have been done.
    was_done: bool = False


class Nemesis:
    """Breaks things in an arena, as long as there is time. `say` is told what, as it is done.

    `is_well`: whether all have come back from what was broken before; that is waited for, though not for ever.
    """

    def __init__(
        self, arena: Arena, chance: Random, say: Callable[[str], None], is_well: Callable[[], bool] = lambda: True
    ) -> None:
        self._arena = arena
        self._chance = chance
        self._say = say
        self._is_well = is_well
        self._running: list[_Running] = []
        self.injected: list[Injected] = []

    def carry_out(self, steps: Sequence[Step], seconds: float = float("inf")) -> None:
        """All steps, from now on, but for those that would be over too late. In the end everything is put right."""
        began_s, late_s = time.monotonic(), 0.0
        try:
            for step in steps:
                _wait_until(began_s + late_s + step.begins_s)
                until(self._is_well, WELL_WITHIN_S)
                late_s = time.monotonic() - began_s - step.begins_s
                if step.over_s + late_s > seconds:
                    break
                self._take(step)
        finally:
            self._heal(self._running)

    def _take(self, step: Step) -> None:
        began_s = time.monotonic()
        moments = [(each.after_s, 0, each) for each in step.faults] + [(each.over_s, 1, each) for each in step.faults]
        for at_s, is_over, planned in sorted(moments, key=lambda moment: moment[:2]):
            _wait_until(began_s + at_s)
            if is_over:
                self._heal([running for running in self._running if running.planned is planned])
            else:
                self._inject(planned, is_alone=len(step.faults) == 1)

    def _inject(self, planned: Planned, *, is_alone: bool) -> None:
        self._say(planned.kind.about)
        one = _Running(planned.kind(self._arena, self._chance), planned, is_alone)
        one.fault.at_s = time.monotonic()
        # Before it is tried: what was half done is put right, too.
        self._running.append(one)
        one.was_done = one.fault.inject()

    def _heal(self, running: Sequence[_Running]) -> None:
        for one in list(running):
            self._running.remove(one)
            fault, put_right = one.fault, one.fault.heal()
            happened = one.was_done and put_right
            self.injected.append(
                Injected(fault.name, fault.failover_of, fault.at_s, one.is_alone, happened, fault.skus)
            )


def _wait_until(moment_s: float) -> None:
    """The pace of faults; how soon the next one comes is what the plan says."""
    time.sleep(max(0.0, moment_s - time.monotonic()))
