"""What goes wrong when is drawn from a seed: the same again, each alone, with rests, and in time."""

from random import Random

import pytest

from bench.chaos.faults.deaths import OwnerKilled, StoreKilled
from bench.chaos.faults.fault import Fault
from bench.chaos.faults.freezes import OwnerFrozenPastTakeover
from bench.chaos.faults.kinds import CLOCK_KINDS, KINDS, LEFT_OUT
from bench.chaos.faults.networks import StoreCut
from bench.chaos.plan import REST_S, plan, plan_mixes

_ALL = list(KINDS.values())


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


def test_ten_minutes_have_a_hundred_faults_of_every_kind() -> None:
    """Two legs alone, one of mixes, as the scenario has them; what it cannot have is said, and is no kind."""
    alone = [kind for name, kind in KINDS.items() if name not in CLOCK_KINDS]
    steps = [plan(alone, [OwnerKilled] * 3, Random(7), 136.0), plan(alone, [OwnerKilled] * 3, Random(8), 136.0)]
    steps.append(plan_mixes(_ALL, Random(9), 136.0))
    faults = [each.kind for leg in steps for step in leg for each in step.faults]
    assert len(faults) >= 100
    assert set(faults) == set(_ALL)
    assert not LEFT_OUT.keys() & KINDS.keys()
    assert all(kind.about and kind.name == name for name, kind in KINDS.items())
