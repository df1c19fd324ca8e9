"""Other builds of the house: its rooms in a folder of their own, that a house runs instead of those of this checkout.

A build has a version of its own, which its processes tell (GetStatus, metrics): beside its rooms stands what an
installation leaves there, and Python asks the first folder that has it, for the rooms as well as for the version.
"""

import compileall
import shutil
import subprocess
import tomllib
import zipfile
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

_ROOT = Path(__file__).parents[1]

#: What a house is made of. What it imports besides is installed, and the same for all builds.
_ROOMS = ("engine", "actors", "protos")

_PROJECT = "pyproject.toml"

#: So many digits of a commit name it for people.
_DIGITS = 10


class Build(NamedTuple):
    """A folder to run, and the version that its processes tell."""

    folder: Path
    version: str


class NoRevision(Exception):
    """There is no such revision here: no clone, or one without its past; the text has git's words."""


def copied(folder: Path, mark: str) -> Build:
    """The code of this checkout as it is, in a new folder, under its version and a mark of letters and digits."""
    copy_rooms(folder)
    shutil.copy(_ROOT / _PROJECT, folder)
    return _finished(folder, mark)


def archived(folder: Path, revision: str) -> Build:
    """The code of an earlier commit, in a new folder, under its version and the commit. Raises NoRevision."""
    commit = _git("rev-parse", "--verify", f"{revision}^{{commit}}").decode().strip()
    packed = _git("archive", "--format=zip", commit, *_ROOMS, _PROJECT)
    with zipfile.ZipFile(BytesIO(packed)) as files:
        files.extractall(folder)
    return _finished(folder, f"g{commit[:_DIGITS]}")


def copy_rooms(folder: Path) -> None:
    """The rooms of this checkout, in a new folder."""
    for room in _ROOMS:
        shutil.copytree(_ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))


def _finished(folder: Path, mark: str) -> Build:
    """Name it as an installer does, and translate it once for all of its processes."""
    version = f"{tomllib.loads((folder / _PROJECT).read_text())['project']['version']}+{mark}"
    named = folder / f"cardkeep-{version}.dist-info"
    named.mkdir()
    (named / "METADATA").write_text(f"Metadata-Version: 2.1\nName: cardkeep\nVersion: {version}\n")
    compileall.compile_dir(folder, quiet=2)
    return Build(folder, version)


def _git(*words: str) -> bytes:
    try:
        command = ["git", *words]
        return subprocess.run(command, cwd=_ROOT, check=True, capture_output=True).stdout  # noqa: S603 - our own words
    except OSError as missing:
        raise NoRevision(str(missing)) from missing
    except subprocess.CalledProcessError as failure:
        raise NoRevision(failure.stderr.decode(errors="replace").strip()) from failure
