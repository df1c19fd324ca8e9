"""A shop that buys by itself: docs/supply.md's short way, with a real house, desk, refill and supplier, some killed."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.run.processes import usages
from tests.cluster.test_cli_house import CARDKEEP, Shell, shell
from tests.cluster.waiting import until_true

__all__ = ["shell"]

_GAME = """
low = 100
high = 300
per_purchase_max = 100
unit_cost_max = "10.00 CNY"
sources = [{supplier = "east", product = "GAME-10", unit_cost = "9.00 CNY"}]
"""


@pytest.fixture
def profile(tmp_path: Path) -> Iterator[Path]:
    """The file that a sandbox supplier wrote of itself; it runs until the test ends."""
    file = tmp_path / "east.json"
    sandbox = subprocess.Popen(
        [CARDKEEP, "sandbox-supplier", "--name", "east", "--profile", file, "--json"], stdout=subprocess.PIPE, text=True
    )
    assert sandbox.stdout is not None
    sandbox.stdout.readline()
    yield file
    sandbox.terminate()
    sandbox.communicate()


def _available(shell: Shell) -> int:
    return int(shell.ask("sku", "show", "GAME-10")["available"])


def _kill(shell: Shell, role: str) -> None:
    """SIGKILL for the house's process of this role."""
    house = json.loads((shell.data / "run.json").read_text())["pid"]
    (pid,) = [pid for pid, usage in usages(house).items() if usage.role == role]
    os.kill(pid, signal.SIGKILL)


@pytest.mark.timeout(240)
def test_a_shelf_is_filled_and_stays_so_whoever_dies(shell: Shell, profile: Path) -> None:
    """From nothing to the high mark; again after a sale, with a new desk and refill; and the books agree at the end."""
    assert shell.run("up").returncode == 0
    shell.ask("supplier", "put", "east", str(profile))
    shell.ask("sku", "create", "GAME-10", "--price", "12.00 CNY")
    (shell.folder / "game.toml").write_text(_GAME)
    shell.ask("sourcing", "put", "GAME-10", "game.toml")
    until_true(lambda: _available(shell) == 300)
    batches = shell.ask("batches", "GAME-10")["batches"]
    assert [batch["cards"]["received"] for batch in batches] == [100, 100, 100]
    for role in ("desk", "refill"):
        _kill(shell, role)
    for order in ("one", "two", "three"):
        shell.ask("allocate", "GAME-10", "--quantity", "70", "--order", order)
    until_true(lambda: _available(shell) == 300)
    until_true(lambda: _east(shell)["attempts_waiting"] == _east(shell)["attempts_open"] == "0")
    told = shell.ask("supplier", "reconcile", "east", "--from", "2026-01-01", "--to", "2099-01-01")
    assert (told["differences"], told["rows"]) == ([], told["matched"])
    assert shell.ask("audit", "GAME-10")["ok"]


def _east(shell: Shell) -> Any:
    (supplier,) = shell.ask("supplier", "list")["suppliers"]
    return supplier.get("state", {"attempts_open": "?", "attempts_waiting": "!"})
