"""Carries a plan out: each fault at its moment, put right at its moment, and written down as what really happened."""

import time
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from bench.chaos.arena import Arena
from bench.chaos.faults.fault import Fault
from bench.chaos.plan import Planned, Step


class Injected(NamedTuple):
    """A fault that was tried. Moments are monotonic seconds; `happened` says whether it counts."""

    kind: str
    failover_of: str
    at_s: float
    until_s: float
    is_alone: bool
    happened: bool
    skus: frozenset[str]


class _Running(NamedTuple):
    fault: Fault
    planned: Planned
    is_alone: bool
    was_done: bool


class Nemesis:
    """Breaks things in an arena. `say` is told what, as it is done."""

    def __init__(self, arena: Arena, chance: Random, say: Callable[[str], None]) -> None:
        self._arena = arena
        self._chance = chance
        self._say = say
        self._running: list[_Running] = []
        self.injected: list[Injected] = []

    def carry_out(self, steps: Sequence[Step]) -> None:
        """All steps, from now on. Whatever happens, everything is put right in the end."""
        began_s = time.monotonic()
        try:
            for step in steps:
                _wait_until(began_s + step.begins_s)
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
        fault = planned.kind(self._arena, self._chance)
        fault.at_s = time.monotonic()
        self._running.append(_Running(fault, planned, is_alone, fault.inject()))

    def _heal(self, running: Sequence[_Running]) -> None:
        for one in list(running):
            self._running.remove(one)
            fault, happened = one.fault, one.was_done and one.fault.heal()
            span = fault.at_s, time.monotonic()
            self.injected.append(Injected(fault.name, fault.failover_of, *span, one.is_alone, happened, fault.skus))


def _wait_until(moment_s: float) -> None:
    """The pace of faults; how soon the next one comes is what the plan says."""
    time.sleep(max(0.0, moment_s - time.monotonic()))
