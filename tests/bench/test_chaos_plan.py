"""What goes wrong when is drawn from a seed: the same again, each alone, with rests, and in time."""

from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from bench.chaos.faults.deaths import OwnerKilled, StoreKilled
from bench.chaos.faults.fault import Fault
from bench.chaos.faults.freezes import OwnerFrozenPastTakeover
from bench.chaos.faults.kinds import KINDS, LEFT_OUT
from bench.chaos.faults.machines import NodeLost
from bench.chaos.faults.networks import StoreCut
from bench.chaos.leg import CALM_S
from bench.chaos.legs import LEGS, LegTerms, kinds_in, plan_of
from bench.chaos.plan import REST_S, plan, plan_mixes
from bench.run.estate import Estate
from bench.scenarios.chaos import SECONDS

_ALL = list(KINDS.values())


def arena(of: LegTerms) -> Any:
    """Where every shim is built and every role has a process, on as many machines as the leg has."""
    house = Estate.__new__(Estate) if of.terms.machines > 1 else None
    return SimpleNamespace(house=house, disk="there", clocks="there", pids=lambda _role: [1])


def test_a_seed_is_a_plan() -> None:
    """The same one breaks the same things at the same moments, another one others."""
    assert plan(_ALL, [], Random(1), 300.0) == plan(_ALL, [], Random(1), 300.0)
    assert plan(_ALL, [], Random(1), 300.0) != plan(_ALL, [], Random(2), 300.0)
    assert plan_mixes(_ALL, Random(1), 300.0) == plan_mixes(_ALL, Random(1), 300.0)


def test_every_kind_comes_alone_before_any_comes_again() -> None:
    """But those that are to come often."""
    kinds: list[type[Fault]] = [OwnerKilled, StoreKilled, StoreCut]
    steps = plan(kinds, [OwnerKilled], Random(3), 120.0)
    first = [step.faults[0].kind for step in steps[:4]]
    assert sorted(kind.name for kind in first) == ["owner_killed", "owner_killed", "store_cut", "store_killed"]
    assert {len(step.faults) for step in steps} == {1}


def test_a_mix_is_two_different_kinds() -> None:
    """Each as long as its kind lasts, the second a little after the first."""
    for step in plan_mixes(_ALL, Random(4), 300.0):
        one, other = step.faults
        assert one.kind is not other.kind
        assert one.after_s == 0.0 <= other.after_s <= 1.0
        for each in step.faults:
            least, most = each.kind.lasts_s
            assert least <= each.lasts_s <= most


@pytest.mark.parametrize("seconds", [5.0, 40.0, 300.0])
def test_all_is_over_in_time_and_rests_lie_between(seconds: float) -> None:
    """So that each fault meets a house that has come back."""
    for steps in (plan(_ALL, [], Random(5), seconds), plan_mixes(_ALL, Random(5), seconds)):
        over_s = 0.0
        for step in steps:
            assert step.begins_s >= over_s + REST_S[0]
            over_s = step.over_s
        assert over_s <= seconds
        assert steps


def test_what_would_last_too_long_does_not_end_the_plan() -> None:
    """Something shorter takes its place."""
    steps = plan([OwnerFrozenPastTakeover, StoreKilled], [], Random(6), 12.0)
    assert {step.faults[0].kind for step in steps} == {StoreKilled}


def test_the_scenario_has_a_hundred_faults_of_every_kind() -> None:
    """By its own time, legs and usual seed; what it cannot have is said, and is no kind."""
    faults: list[type[Fault]] = []
    for number, of in enumerate(LEGS):
        kinds, _ = kinds_in(arena(of), of)
        steps = plan_of(of, kinds, Random(f"2026/{number}"), SECONDS / len(LEGS) - CALM_S)
        faults += [each.kind for step in steps for each in step.faults]
    assert len(faults) >= 100
    assert set(faults) == set(_ALL)
    assert faults.count(OwnerKilled) >= 12
    assert faults.count(NodeLost) >= 2
    assert not LEFT_OUT.keys() & KINDS.keys()
    assert all(kind.about and kind.name == name for name, kind in KINDS.items())
