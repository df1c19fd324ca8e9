"""The judges are judged: short runs of houses that are wrong on purpose, each under the fault that it cannot bear.

Where the wrong is a choice of settings, the same run with the right one stands beside it and has to be clean: so it is
the choice that is found out, and not the fault.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import Any

from bench.chaos.arena import Arena
from bench.chaos.building import CALLS_PER_S, Terms
from bench.chaos.disk import Place
from bench.chaos.faults.deaths import OwnerKilled, PowerLost
from bench.chaos.faults.fault import Fault
from bench.chaos.faults.freezes import OwnerFrozenPastTakeover
from bench.chaos.faults.networks import StoreAnswersLost
from bench.chaos.judging import judge
from bench.chaos.leg import CALM_S, NotBack, Told, leg
from bench.chaos.legs import history_path
from bench.chaos.nemesis import Injected
from bench.chaos.plan import Planned, Step
from bench.chaos.wrong_builds import CHANGES, wrong_build
from bench.run import Bench
from bench.run.judging import Judgement

#: Buyers sell so long before each fault: twice as long as it takes until a store that syncs once a second has synced.
_BEGIN_S = 2.0

#: Room for the house to come back before each next fault.
_WELL_S = 2.0

#: So many run at the same time: how long anything takes is not asked here, only what is found.
_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Control:
    """What became of one. `caught`: by how many violations of which kind; empty when it was found clean.

    `missed`: kinds of faults that were planned for it and never happened, so that it says nothing.
    """

    is_wrong: bool
    caught: Mapping[str, int]
    missed: Sequence[str]
    words: str

    @property
    def is_as_expected(self) -> bool:
        """A wrong house is caught, a right one is not, each under all that it was to bear."""
        return not self.missed and bool(self.caught) == self.is_wrong

    def to_json(self) -> dict[str, Any]:
        """For the document."""
        return {
            "is_wrong": self.is_wrong,
            "caught": dict(self.caught),
            "missed": list(self.missed),
            "as_expected": self.is_as_expected,
            "words": self.words,
        }


@dataclass(frozen=True, slots=True)
class _Trial:
    """A house, what happens to it, one step after another, and whether it is wrong."""

    name: str
    steps: Sequence[Sequence[tuple[type[Fault], float]]]
    changes: str = ""
    store_options: str = ""
    is_wrong: bool = True
    #: Together as many as a leg has, but where so few might by chance meet no harm.
    calls_per_s: float = CALLS_PER_S / _AT_ONCE


#: A machine that loses its power takes the owner with it, which knew what the store has lost.
_POWER = [((PowerLost, 0.0), (OwnerKilled, 0.1))] * 4
#: Harm comes only to calls that reach one which does not know yet that it is over. Twice at half pace did none once.
_OVER = [((OwnerFrozenPastTakeover, 0.0),)] * 4
_UNHEARD = [((StoreAnswersLost, 0.0),), ((OwnerKilled, 0.0),)] * 3

_TRIALS = (
    _Trial("fencing off", _OVER, changes="fencing off", calls_per_s=CALLS_PER_S),
    _Trial("everysec, power lost", _POWER, store_options="--appendfsync everysec"),
    _Trial("always, power lost", _POWER, is_wrong=False),
    _Trial("retries on, order off", _UNHEARD, changes="retries on, order off"),
    _Trial("retries on", _UNHEARD, changes="retries on", is_wrong=False),
)


class _LeftOut(Exception):
    """A control cannot be had here; the text says why."""


def caught(bench: Bench) -> Mapping[str, Control]:
    """Every control that can be had here, by name; of the others a note says why they cannot. Raises CannotRun."""
    bench.screen.enter("controls")
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        trying = {trial.name: threads.submit(_tried, bench, trial) for trial in _TRIALS}
    tried: dict[str, Control] = {}
    for name, control in trying.items():
        try:
            tried[name] = control.result()
        except _LeftOut as why:
            bench.note(f"the control {name!r} is left out: {why}")
    return tried


def _tried(bench: Bench, trial: _Trial) -> Control:
    chance = Random(f"{bench.options.seed}/{trial.name}")  # noqa: S311 - a seed must break the same things again
    steps = _steps(trial, chance)
    terms = _terms(bench, trial)
    seconds = steps[-1].over_s + CALM_S + _WELL_S * len(steps)

    def draw(arena: Arena, _seconds: float) -> Sequence[Step]:
        for kind in _kinds(steps):
            if why := kind.missing(arena):
                raise _LeftOut(f"{kind.name} {why}")
        return steps

    try:
        with leg(bench, terms, seconds, draw, chance) as told:
            judgement = judge(told, history_path(bench, f"control-{terms.label}"))
            return _judged(trial, steps, told, judgement)
    except NotBack as failure:
        # A house that does not come back is a house found out, too; but only one that should not.
        missed = never_happened(steps, failure.injected)
        return Control(trial.is_wrong, {"does not come back": 1}, missed, str(failure).splitlines()[0])


def _terms(bench: Bench, trial: _Trial) -> Terms:
    return Terms(
        trial.name.split()[0].strip(",") + ("" if trial.is_wrong else "-right"),
        settings={"durability": "weak"} if trial.store_options else {},
        store_options=trial.store_options,
        build=wrong_build(bench.new_folder(), CHANGES[trial.changes]) if trial.changes else None,
        has_suppliers=False,
        calls_per_s=trial.calls_per_s,
    )


def _judged(trial: _Trial, steps: Sequence[Step], told: Told, judgement: Judgement) -> Control:
    findings, verdict = judgement.findings, judgement.verdict
    words = f"{verdict.acknowledged:,} acknowledged operations, {judgement.violations:,} violations{_lost(told.arena)}"
    missed = never_happened(steps, told.injected)
    if missed:
        words += f"; never happened: {', '.join(missed)}"
    if findings.violations:
        words += f"; the first: {findings.violations[0]}"
    return Control(trial.is_wrong, dict(findings.broken), missed, words)


def never_happened(steps: Sequence[Step], injected: Sequence[Injected]) -> Sequence[str]:
    """Kinds that were planned, and did not happen even once."""
    return sorted({kind.name for kind in _kinds(steps)} - {each.kind for each in injected if each.happened})


def _kinds(steps: Sequence[Step]) -> set[type[Fault]]:
    return {planned.kind for step in steps for planned in step.faults}


def _steps(trial: _Trial, chance: Random) -> list[Step]:
    steps: list[Step] = []
    at_s = _BEGIN_S
    for kinds in trial.steps:
        faults = tuple(Planned(kind, after_s, chance.uniform(*kind.lasts_s)) for kind, after_s in kinds)
        steps.append(Step(at_s, faults))
        at_s = steps[-1].over_s + _BEGIN_S
    return steps


def _lost(arena: Arena) -> str:
    """What the store's disk did not have after its deaths, in words."""
    disk = arena.disk
    if disk is None or not disk.orders[Place.LOSSES]:
        return ""
    return f", {disk.orders[Place.LOST_BYTES]:,} bytes lost in {disk.orders[Place.LOSSES]} losses of power"
