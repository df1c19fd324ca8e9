"""Builds beside this checkout: what runs in them is their code, and says so; and from which to which is upgraded."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.builds import Build, NoRevision, archived, copied
from bench.house_process import HouseProcess
from bench.run import CannotRun
from bench.run.bench import Bench, Options
from bench.run.screen import Screen
from bench.scenarios import upgrade
from bench.scenarios.upgrade import Look

_WHERE_AM_I = """
import actors.settings, engine.limits, protos.cardkeep.v1
from importlib.metadata import version
print(version("cardkeep"), actors.settings.__file__, engine.limits.__file__, protos.cardkeep.v1.__file__)
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """One that runs nothing."""
    bench = Bench(Options(build=tmp_path / "bench"), Screen())
    with bench.closing():
        yield bench


@pytest.mark.parametrize("make", [lambda folder: copied(folder, "marked"), lambda folder: archived(folder, "HEAD")])
def test_a_process_of_a_build_runs_its_code_and_says_so(tmp_path: Path, make: Callable[[Path], Build]) -> None:
    """Rooms and version come from one folder, so that what a process tells is what it runs."""
    build = make(tmp_path / "build")
    house = HouseProcess(tmp_path / "house")
    house.build = build.folder
    words, environment = [sys.executable, "-c", _WHERE_AM_I], {**os.environ, **house._path()}
    told = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    version, *files = told.stdout.split()
    assert version == build.version
    assert [file.startswith(f"{build.folder}/") for file in files] == [True, True, True]


def test_builds_tell_different_versions(tmp_path: Path) -> None:
    """Also of the same code: who runs which can be seen from outside."""
    versions = {copied(tmp_path / "a", "a").version, copied(tmp_path / "b", "b").version}
    assert len(versions | {archived(tmp_path / "c", "HEAD").version}) == 3


@pytest.mark.parametrize("revision", ["no-such-revision", "--help"])
def test_a_revision_that_is_not_there_is_said_to_be_none(tmp_path: Path, revision: str) -> None:
    """And nothing is made."""
    with pytest.raises(NoRevision):
        archived(tmp_path / "build", revision)
    assert not (tmp_path / "build").exists()


def test_an_upgrade_begins_with_the_code_that_was_asked_for(tmp_path: Path) -> None:
    """Where there is none, nothing is run: it would be another upgrade."""
    asked = Bench(Options(build=tmp_path / "bench", from_revision="HEAD"), Screen())
    with asked.closing():
        old, new = upgrade._builds(asked)
        assert old.version == archived(tmp_path / "head", "HEAD").version
        assert asked.figures.facts == {"from_version": old.version, "to_version": new.version}
        assert asked.figures.notes == []
    unknown = Bench(Options(build=tmp_path / "bench", from_revision="no-such-revision"), Screen())
    with unknown.closing(), pytest.raises(CannotRun, match="no-such-revision"):
        upgrade._builds(unknown)


def test_without_a_past_both_builds_are_of_today_and_the_document_says_so(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under two versions, so that the rest of the run can still be shown."""
    monkeypatch.setattr(upgrade, "FROM", "no-such-revision")
    old, new = upgrade._builds(bench)
    assert old.version != new.version
    (note,) = bench.figures.notes
    assert "the same code" in note


@pytest.mark.parametrize(
    ("versions", "rates", "is_shared"),
    [(("1", "2"), (5.0, 5.0), True), (("1", "1"), (5.0, 5.0), False), (("1", "2"), (5.0, 0.0), False)],
)
def test_a_look_is_shared_when_machines_of_both_versions_sell(
    versions: tuple[str, str], rates: tuple[float, float], is_shared: bool
) -> None:
    """One version alone, or one that nobody buys at, shows nothing."""
    assert Look("", dict(enumerate(versions)), dict(enumerate(rates))).is_shared == is_shared
