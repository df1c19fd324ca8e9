"""Builds beside this checkout: what runs in them is their code, and says so."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.builds import Build, NoRevision, archived, copied
from bench.house_process import HouseProcess

_WHERE_AM_I = """
import actors.settings, engine.limits, protos.cardkeep.v1
from importlib.metadata import version
print(version("cardkeep"), actors.settings.__file__, engine.limits.__file__, protos.cardkeep.v1.__file__)
"""


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
