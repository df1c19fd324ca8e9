"""The bench bites: a house that breaks a promise gets no figure, and the violation is named.

The engine of each run is a copy with a promise taken out, before ours on the path of every process of the run; the
product has no switch for it.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.checker.check import check_file
from tests.mutants.mutants import MUTANTS, Mutant

_ROOT = Path(__file__).parents[2]

_FORGETFUL = [
    mutant
    for mutant in MUTANTS
    if mutant.name in {"a request that comes again is done again", "an order may be held for twice"}
]

_NEVER_TAKEN = Mutant(
    "a card that is held stays on the shelf",
    "engine/stock/holding.py",
    "batch.take(card, shelf)",
    "pass",
)

#: A house, a second of load and its audit, on a machine that does something else besides.
_RUN_PATIENCE_S = 170.0

pytestmark = pytest.mark.timeout(180)


def mutated(folder: Path, mutants: Sequence[Mutant]) -> Path:
    """A copy of the engine with these promises taken out."""
    shutil.copytree(_ROOT / "engine", folder / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    for mutant in mutants:
        source = folder / mutant.path
        text = source.read_text()
        assert text.count(mutant.before) == 1, f"{mutant.path} has changed: mend the mutant"
        source.write_text(text.replace(mutant.before, mutant.after))
    return folder


def bench(engine: Path, build: Path, scenario: str) -> subprocess.CompletedProcess[str]:
    """`python -m bench` with that engine."""
    command = [sys.executable, "-m", "bench", scenario, "--seconds", "2", "--rounds", "1", "--build", str(build)]
    command += ["--history", str(build / "history")]
    environment = os.environ | {
        "PYTHONPATH": f"{engine}{os.pathsep}{_ROOT}",
        "PYTHONSAFEPATH": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    # Ray's workers look for packages where their driver was started, before anywhere else.
    return subprocess.run(
        command, cwd=engine, env=environment, text=True, capture_output=True, check=False, timeout=_RUN_PATIENCE_S
    )


@pytest.mark.parametrize(
    ("mutants", "violation", "rule"),
    [(_FORGETFUL, "changed: ", "R7"), ([_NEVER_TAKEN], "doubled: ", "R1")],
    ids=["idempotency switched off", "held cards stay on the shelf"],
)
def test_a_wrong_engine_has_no_figure_and_its_history_is_condemned(
    tmp_path: Path, mutants: Sequence[Mutant], violation: str, rule: str
) -> None:
    """Exit code 1, the violation by name, and no figure written; from the history alone the checker knows it, too."""
    assert mutants
    finished = bench(mutated(tmp_path / "wrong", mutants), tmp_path / "build", "sale")
    assert finished.returncode == 1, finished.stderr
    assert "The audit failed" in finished.stderr
    assert violation in finished.stderr
    assert finished.stdout == ""
    assert not list((tmp_path / "build").glob("sale.*"))
    assert not list((tmp_path / "build" / "tmp").iterdir())
    (history,) = (tmp_path / "build" / "history" / "sale").iterdir()
    assert check_file(history).broken[rule] > 0


def test_an_unchanged_copy_has_figures(tmp_path: Path) -> None:
    """Otherwise a wrong engine would be caught by the copying alone."""
    finished = bench(mutated(tmp_path / "right", []), tmp_path / "build", "sale")
    assert finished.returncode == 0, finished.stderr
    written = json.loads((tmp_path / "build" / "sale.json").read_text())
    assert written["audit"]["clean"] is True
    assert written["audit"]["holds"] > 0
    assert written["loads"][0]["items_per_s"]["median"] > 0
    assert "<svg" in (tmp_path / "build" / "sale.html").read_text()
    (history,) = (tmp_path / "build" / "history" / "sale").iterdir()
    verdict = check_file(history)
    assert verdict.violations == []
    assert verdict.acknowledged > 0
    assert verdict.looked["R3"] > 0
    assert verdict.looked["R12"] == 1
