"""Tests the tests: each named mutant of the source must be caught by the quick tests, and no other copy may be.

Each run is a process of its own with a mutated copy of the package before ours on its path.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.mutants import MUTANTS, Mutant

_ROOT = Path(__file__).parents[2]
_SOME_TESTS_FAILED = 1


def run(folder: Path, tests: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Run tests against the packages in `folder`, up to the first failure."""
    command = [sys.executable, "-P", "-m", "pytest", "-x", "-p", "no:cacheprovider", "--tb=line", *tests]
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=_ROOT, env=environment, text=True, capture_output=True, check=False, timeout=60)


def copied(path: str, folder: Path) -> Path:
    """The copy of a source file, in a copy of its whole package."""
    package = path.partition("/")[0]
    shutil.copytree(_ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder / path


def test_an_unchanged_copy_is_green(tmp_path: Path) -> None:
    """Otherwise a mutant would be caught by the copying alone."""
    copied("engine/stock/pool.py", tmp_path)
    finished = run(tmp_path, ("tests/stories", "tests/unit/test_codec.py"))
    assert finished.returncode == 0, finished.stdout


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_caught(mutant: Mutant, tmp_path: Path) -> None:
    """A promise is taken out of the source; a test fails, and does not merely fail to start."""
    source = copied(mutant.path, tmp_path)
    text = source.read_text()
    assert text.count(mutant.before) == 1, f"{mutant.path} has changed: mend the mutant"
    source.write_text(text.replace(mutant.before, mutant.after))
    finished = run(tmp_path, mutant.tests)
    assert finished.returncode == _SOME_TESTS_FAILED, finished.stdout + finished.stderr
