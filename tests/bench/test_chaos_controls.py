"""A control is as expected only when it was really tried: what breaks the run, or never happened, proves nothing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from random import Random
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import pytest

from bench.chaos import controls
from bench.chaos.building import CALLS_PER_S, Terms
from bench.chaos.controls import Control, caught, never_happened
from bench.chaos.faults.deaths import OwnerKilled, PowerLost
from bench.chaos.leg import Draw, NotBack
from bench.chaos.nemesis import Injected
from bench.chaos.plan import Planned, Step
from bench.run.bench import Bench, CannotRun, Options
from bench.run.screen import Screen


def injected(kind: str, *, happened: bool) -> Injected:
    """Something that was tried."""
    return Injected(kind, "", 0.0, is_alone=True, happened=happened, skus=frozenset())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """One that runs nothing."""
    bench = Bench(Options(build=tmp_path / "build"), Screen())
    with bench.closing():
        yield bench


@pytest.mark.parametrize("is_wrong", [True, False])
def test_a_control_whose_faults_never_happened_is_not_as_expected(*, is_wrong: bool) -> None:
    """Whatever was found."""
    found = {"R2": 1} if is_wrong else {}
    assert Control(is_wrong, found, (), "").is_as_expected
    assert not Control(is_wrong, found, ("power_lost",), "").is_as_expected
    assert not Control(not is_wrong, found, (), "").is_as_expected


def test_each_kind_has_to_happen_once() -> None:
    """Not each time that it was planned."""
    steps = [Step(0.0, (Planned(PowerLost, 0.0, 1.0), Planned(OwnerKilled, 0.1, 0.0)))] * 2
    tried = [injected("power_lost", happened=False), injected("power_lost", happened=True)]
    assert never_happened(steps, tried) == ["owner_killed"]
    assert never_happened(steps, [*tried, injected("owner_killed", happened=True)]) == []


def test_without_a_compiler_a_control_that_needs_it_is_left_out(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A note says why; the others are tried, and a house that does not come back is caught."""

    @contextmanager
    def silent(_bench: Bench, _terms: Terms, seconds: float, draw: Draw, _chance: Random) -> Iterator[None]:
        nothing: Any = SimpleNamespace(disk=None)
        steps: Sequence[Step] = draw(nothing, seconds)
        raise NotBack("nobody", [injected(each.kind.name, happened=True) for step in steps for each in step.faults])
        yield

    monkeypatch.setattr(controls, "leg", silent)
    tried = caught(bench)
    assert sorted(tried) == ["fencing off", "retries on", "retries on, order off"]
    assert [control.is_as_expected for _, control in sorted(tried.items())] == [True, False, True]
    assert len([note for note in bench.figures.notes if "power_lost needs a C compiler" in note]) == 2


def test_two_run_at_a_time_and_ask_together_for_what_a_leg_does_but_where_harm_is_rare(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first two meet, and each has half of a leg's calls; the house without fencing has all of them."""
    first_two, numbers, paces = Barrier(2, timeout=10), count(), {}

    @contextmanager
    def meeting(_bench: Bench, terms: Terms, *_: object) -> Iterator[None]:
        paces[terms.label] = terms.calls_per_s
        if next(numbers) < 2:
            first_two.wait()
        raise NotBack("nobody", [])
        yield

    monkeypatch.setattr(controls, "leg", meeting)
    assert len(caught(bench)) == len(paces) == 5
    assert paces.pop("fencing") == CALLS_PER_S
    assert [2 * pace for pace in paces.values()] == [CALLS_PER_S] * 4


def test_what_breaks_a_run_catches_nobody(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the run: the house was not judged."""

    @contextmanager
    def broken(*_: object) -> Iterator[None]:
        raise CannotRun("no port is free")
        yield

    monkeypatch.setattr(controls, "leg", broken)
    with pytest.raises(CannotRun, match="no port"):
        caught(bench)
