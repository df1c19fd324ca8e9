"""The legs of a run: which house, which faults, and what is left of each when it has been judged."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from bench.chaos.answers import Answers
from bench.chaos.arena import Arena
from bench.chaos.building import Terms
from bench.chaos.faults.deaths import OwnerKilled
from bench.chaos.faults.fault import Fault
from bench.chaos.faults.kinds import CLOCK_KINDS, KINDS, OF_MACHINES
from bench.chaos.faults.machines import NodeLost
from bench.chaos.faults.times import STEP_MS_MAX
from bench.chaos.judging import judge
from bench.chaos.leg import leg
from bench.chaos.nemesis import Injected
from bench.chaos.plan import Step, plan, plan_mixes
from bench.run import Bench
from bench.run.bench import AuditFailed
from bench.run.judging import Judgement

#: Owners killed in each deck besides the one that every kind is in: how long they are away is to be known well.
_OWNER_KILLS_MORE = 5

#: Losses of a whole machine in each deck of the machines' leg, besides the one.
_NODE_LOSSES_MORE = 2


class LegTerms(NamedTuple):
    """A leg: its house, and what goes wrong with it."""

    terms: Terms
    is_mixed: bool = False
    has_clocks: bool = False
    #: Only these kinds, where they are told.
    only: frozenset[str] = frozenset()


LEGS = (
    LegTerms(Terms("alone")),
    LegTerms(Terms("front", settings={"front_ends": "1"})),
    LegTerms(Terms("mixes"), is_mixed=True, has_clocks=True),
    LegTerms(Terms("machines", machines=2), only=OF_MACHINES),
)


class Outcome(NamedTuple):
    """What a leg came to."""

    label: str
    injected: Sequence[Injected]
    #: Why kinds could not be had in it, by name.
    missing: Mapping[str, str]
    answers: Answers
    judgement: Judgement


def run_leg(bench: Bench, of: LegTerms, seconds: float, chance: Random) -> Outcome:
    """One leg, judged. Raises AuditFailed, and leaves the history where the findings say."""
    missing: dict[str, str] = {}

    def draw(arena: Arena, planned_s: float) -> Sequence[Step]:
        kinds, why_not = kinds_in(arena, of)
        missing.update(why_not)
        return plan_of(of, kinds, chance, planned_s)

    history = history_path(bench, of.terms.label)
    with leg(bench, of.terms, seconds, draw, chance) as told:
        answers = Answers.read(told.arena.buyers.histories)
        judgement = judge(told, history, clock_wrong_ms=STEP_MS_MAX if of.has_clocks else 0.0)
    bench.findings.add(judgement.findings)
    if judgement.violations:
        raise AuditFailed(bench.findings)
    return Outcome(of.terms.label, told.injected, missing, answers, judgement)


def history_path(bench: Bench, label: str) -> Path:
    """Where a history goes: it stays until the next run, for `check-history`."""
    path = bench.options.build / "chaos-histories" / f"{label}.jsonl.gz"
    path.unlink(missing_ok=True)
    return path


def kinds_in(arena: Arena, of: LegTerms) -> tuple[list[type[Fault]], Mapping[str, str]]:
    """What can go wrong in a leg; and of what else belongs to it, by name, why it cannot."""
    kinds: list[type[Fault]] = []
    missing: dict[str, str] = {}
    for name, kind in KINDS.items():
        if (name in CLOCK_KINDS and not of.has_clocks) or (of.only and name not in of.only):
            continue
        if why := kind.missing(arena):
            missing[name] = why
        else:
            kinds.append(kind)
    return kinds, missing


def plan_of(of: LegTerms, kinds: Sequence[type[Fault]], chance: Random, seconds: float) -> Sequence[Step]:
    """When what of it goes wrong."""
    if of.is_mixed:
        return plan_mixes(kinds, chance, seconds)
    often = [NodeLost] * _NODE_LOSSES_MORE if of.only else [OwnerKilled] * _OWNER_KILLS_MORE
    return plan(kinds, often, chance, seconds)
