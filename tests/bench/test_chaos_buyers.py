"""Buyers of a leg: they go on after the last fault for as long as they are told, and no longer."""

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bench.chaos import buyers as of_chaos
from bench.chaos.buyers import Buyers
from bench.load.plan import Allocations, LoadFailed, Open, Plan, Progress, Skus

#: Far more than a test waits.
_LONG_S = 60.0
_SOON_S = 10.0


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Real processes that stand for clients: each tells of one answer, and ends only when somebody ends it."""
    started: list[subprocess.Popen[bytes]] = []

    def run(
        _plan: Plan,
        _target: str,
        *,
        on_started: Callable[[Sequence[int]], None],
        on_progress: Callable[[Progress], None],
    ) -> None:
        client = subprocess.Popen(["sleep", str(_LONG_S)])
        started.append(client)
        on_started([client.pid])
        on_progress(Progress(0.0, answered=1, ok=1, items=1, p99_us=1, in_flight=0, dropped=0))
        client.wait()
        raise LoadFailed("it died")

    monkeypatch.setattr(of_chaos.fleet, "run", run)
    return started


def buying(folder: Path) -> Buyers:
    """Two who have begun."""
    plan = Plan(Allocations(Skus(("A",))), Open(1.0), measure_s=_LONG_S)
    buyers = Buyers(plan, "nowhere:0", folder, chairs=2)
    buyers.start()
    return buyers


def test_who_is_waited_for_long_enough_leaves(tmp_path: Path, clients: list[subprocess.Popen[bytes]]) -> None:
    """And nobody takes the chair."""
    buyers = buying(tmp_path)
    began_s = time.monotonic()
    buyers.wait(0.5)
    assert 0.5 <= time.monotonic() - began_s < _SOON_S
    assert buyers.pids == []
    assert [client.poll() for client in clients] == [-9, -9]


def test_nobody_is_waited_for_who_has_gone(tmp_path: Path, clients: list[subprocess.Popen[bytes]]) -> None:
    """An empty chair has nothing more to say."""
    buyers = buying(tmp_path)
    buyers.wait(0.5)
    began_s = time.monotonic()
    buyers.wait(_LONG_S)
    assert time.monotonic() - began_s < _SOON_S
    assert len(clients) == 2
