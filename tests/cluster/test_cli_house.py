"""The whole way of a first evening with the real house: up, a SKU, a GBK file, a sale, a look, down."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.house_process import free_port

#: A slow machine starts Ray in half a minute.
_PATIENCE_S = 90

CARDKEEP = Path(sys.executable).with_name("cardkeep")


class Shell:
    """Runs `cardkeep …` as a person would, in a folder and on ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("CARDKEEP_")} | {
            "CARDKEEP_DATA": str(self.data),
            "CARDKEEP_PORT": str(free_port()),
            "CARDKEEP_METRICS_PORT": str(free_port()),
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Whatever it ends with."""
        return subprocess.run(
            [CARDKEEP, *words],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )

    def ask(self, *words: str) -> Any:
        """The JSON document of a command that must succeed."""
        ended = self.run(*words, "--json")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return json.loads(ended.stdout)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell whose house is down at the end, whatever happened."""
    shell = Shell(tmp_path)
    yield shell
    shell.run("down")


def test_from_up_to_down(shell: Shell) -> None:
    """Ten cards in, two sold with their codes, eight left, all accounted for, and nothing left running."""
    up = shell.ask("up")
    assert up["state"] == "ready"
    shell.ask("sku", "create", "NETFLIX-30", "--price", "15.00 CNY")
    lines = ["卡号,卡密,有效期", *(f"N{number},密码{number},2099-12-31" for number in [*range(10), 3])]
    (shell.folder / "cards.csv").write_text("\n".join(lines), encoding="gbk")
    imported = shell.ask("import", "cards.csv", "--sku", "NETFLIX-30", "--unit-cost", "10.00 CNY")
    assert (imported["encoding"], imported["accepted"], imported["refused"]) == ("gb18030", 10, 1)
    hold = shell.ask("allocate", "NETFLIX-30", "-n", "2", "--order", "1042")["name"]
    sold = shell.ask("confirm", hold, "--payment", "pay-77", "--paid", "30.00 CNY")
    codes = {card["code"] for card in sold["delivered"]}
    assert len(codes) == 2
    assert all(re.fullmatch(r"N(\d)----密码\1", code) for code in codes)
    _look_around(shell)
    down = shell.ask("down")
    assert down["stopped_pid"] == up["pid"]
    assert shell.run("status").returncode == 5


def test_a_killed_house_comes_up_again_with_its_sales(shell: Shell) -> None:
    """run.json speaks of a process that is gone: `up` says so, starts anew, and the hold is still there."""
    pid = shell.ask("up")["pid"]
    shell.ask("sku", "create", "A")
    (shell.folder / "cards.txt").write_text("CODE-1\n")
    shell.ask("import", "cards.txt", "--sku", "A")
    hold = shell.ask("allocate", "A", "--order", "1")["name"]
    os.kill(pid, 9)
    up = shell.run("up")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "ended without stopping" in up.stderr
    assert shell.ask("hold", hold)["state"] == "ACTIVE"


def _look_around(shell: Shell) -> None:
    (pool,) = shell.ask("status")["pools"]
    assert (pool["cards"]["on_shelf"], pool["cards"]["held"], pool["cards"]["sold"]) == (8, 0, 2)
    assert shell.ask("audit", "NETFLIX-30")["ok"]
    (margin,) = shell.ask("report", "margin")["rows"]
    assert (margin["units"], margin["margin"]["text"]) == (2, "10.00 CNY")
    trace = shell.ask("trace", "NETFLIX-30/cards/1-0")
    assert (trace["sale"]["order_ref"], trace["batch"]["unit_cost"]["text"]) == ("1042", "10.00 CNY")
    assert shell.run("allocate", "NETFLIX-30", "-n", "9").returncode == 3
    checks = shell.ask("doctor")["checks"]
    assert [check["check"] for check in checks if check["verdict"] == "broken"] == []
