"""A process stands ready for an actor that dies, and becomes it."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from bench.run.processes import usages
from tests.cluster.living_house import LivingHouse
from tests.cluster.waiting import until_true


def _owner(house: int) -> int | None:
    return next((pid for pid, usage in usages(house).items() if usage.role == "owner"), None)


def _ready(house: int) -> set[int]:
    """Processes of Ray's that are no actor, and have all they need to become one."""
    ready = set()
    for process in psutil.Process(house).children(recursive=True):
        try:
            if process.name().startswith("ray::IDLE"):
                ready.add(process.pid)
        except psutil.NoSuchProcess:
            continue
    return ready


@pytest.mark.timeout(120)
def test_an_owner_that_dies_goes_on_in_a_process_that_stood_ready(tmp_path: Path) -> None:
    """Twice: who has become an owner has a successor, too."""
    living = LivingHouse(tmp_path)
    living.start()
    try:
        (house,) = (child.pid for child in psutil.Process().children() if "actors.house" in child.cmdline())
        for _ in range(2):
            until_true(lambda: len(_ready(house)) == 1)
            ready, owner = _ready(house), _owner(house)
            assert owner is not None
            os.kill(owner, signal.SIGKILL)
            until_true(lambda: _owner(house) not in {owner, None})  # noqa: B023
            assert _owner(house) in ready
    finally:
        living.stop()
