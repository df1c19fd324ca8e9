"""A supplier's desk under Ray, killed in mid-purchase on a real store: the next process ends what it began."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.cluster.desk_program import KILLS, PURCHASES
from tests.cluster.file_supplier import lines

ROOT = Path(__file__).parents[2]


def test_a_killed_desk_comes_back_and_buys_nothing_twice(tmp_path: Path) -> None:
    """Every fourth order is sold and never answered, at a supplier that would sell again to whoever asks again."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    program = [sys.executable, str(ROOT / "tests/cluster/desk_program.py"), str(tmp_path)]
    ended = subprocess.run(program, env=environment, cwd=ROOT, check=True, capture_output=True, text=True, timeout=110)
    # Ray may tell of the dead in between.
    (told,) = (json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{"))
    assert told["pids"] == KILLS
    assert "desk:default/acme" in told["metrics"]
    assert set(told["standings"]) <= {"DELIVERED", "IN_DOUBT", "FAILED"}
    assert told["tasks"] == 0
    sold = lines(tmp_path / "sold.jsonl")
    assert len({row["attempt"] for row in sold}) == len(sold) <= PURCHASES
    shelf = lines(tmp_path / "shelf.jsonl")
    assert sorted(row["code"] for row in shelf) == sorted(code for row in sold for code in row["codes"])
    logs = "".join(path.read_text() for path in (tmp_path / "logs").glob("*.log"))
    assert "desk_open" in logs
    assert not [row["code"] for row in shelf if row["code"] in logs]
