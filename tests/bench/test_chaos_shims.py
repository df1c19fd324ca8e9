"""The shims before libc do what they are told, to the process they are told: a disk and a clock that go wrong."""

import errno
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from bench.chaos.clocks import Clocks
from bench.chaos.disk import Disk, Place

#: Writes to a journal and syncs it, in one process; says which error it met, if any.
_WRITES = """
import os, sys
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
try:
    written = os.write(file, b"synced 8")
    os.fdatasync(file)
    os.write(file, b"unsynced")
    print(written)
except OSError as failure:
    print(failure.errno)
"""


def ran(program: str, environment: Mapping[str, str], *arguments: object) -> str:
    """What a program of Python said."""
    command = [sys.executable, "-S", "-c", program, *map(str, arguments)]
    finished = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True)
    return finished.stdout.strip()


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """One that is well."""
    return Disk(tmp_path)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """As the store calls its journal's last file."""
    return tmp_path / "appendonly.aof.1.incr.aof"


def test_a_disk_that_is_well_does_nothing_but_remember_what_is_synced(disk: Disk, journal: Path) -> None:
    """Eight bytes are on disk for certain; the others are not yet."""
    assert ran(_WRITES, disk.environment, journal) == "8"
    assert journal.read_bytes() == b"synced 8unsynced"
    assert disk.orders[Place.SYNCED_BYTES] == 8


def test_what_was_not_synced_is_lost_at_the_next_start_and_nothing_else(disk: Disk, journal: Path) -> None:
    """Once: the start after that loses nothing."""
    ran(_WRITES, disk.environment, journal)
    disk.orders[Place.LOSE_UNSYNCED] = 1
    ran("", disk.environment)
    assert journal.read_bytes() == b"synced 8"
    assert (disk.orders[Place.LOST_BYTES], disk.orders[Place.LOSSES], disk.orders[Place.LOSE_UNSYNCED]) == (8, 1, 0)
    ran(_WRITES, disk.environment, journal)
    ran("", disk.environment)
    assert journal.stat().st_size == 24


def test_a_sync_that_fails_says_so_and_the_bytes_stay_in_the_file(disk: Disk, journal: Path) -> None:
    """As Linux has it; and nothing counts as synced."""
    disk.orders[Place.SYNCS_FAIL] = 1
    assert ran(_WRITES, disk.environment, journal) == str(errno.EIO)
    assert journal.read_bytes() == b"synced 8"
    assert (disk.orders[Place.FAILED], disk.orders[Place.SYNCED_BYTES]) == (1, 0)


def test_a_full_disk_tears_the_first_write_and_takes_no_other(disk: Disk, journal: Path) -> None:
    """What goes elsewhere than into files goes on: the program's word of it arrives here."""
    disk.orders[Place.IS_FULL] = 1
    assert ran(_WRITES, disk.environment, journal) == str(errno.ENOSPC)
    assert journal.read_bytes() == b"sync"
    assert disk.orders[Place.REFUSED] == 2


def test_a_slow_sync_takes_longer(disk: Disk, journal: Path) -> None:
    """By what it was told."""
    disk.orders[Place.SYNC_DELAY_US] = 300_000
    began_s = time.monotonic()
    assert ran(_WRITES, disk.environment, journal) == "8"
    assert time.monotonic() - began_s >= 0.3
    assert disk.orders[Place.DELAYED] == 1


def test_one_process_has_a_wrong_clock_until_it_is_right_again(tmp_path: Path) -> None:
    """Its wall clock alone: others, and the clock that only counts, are right."""
    clocks = Clocks(tmp_path)
    program = "import sys, time\nfor _ in sys.stdin: print(time.time(), time.monotonic(), flush=True)"
    command = [sys.executable, "-S", "-c", program]
    environment = {**os.environ, **clocks.environment}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def told() -> tuple[float, float]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            wall, counted = process.stdout.readline().split()
            return float(wall) - time.time(), float(counted) - time.monotonic()

        for pid, ahead_ms, expected_s in ((process.pid, -5_000, -5.0), (process.pid, 3_000, 3.0), (1, 3_000, 0.0)):
            clocks.set(pid, ahead_ms)
            assert told() == pytest.approx((expected_s, 0.0), abs=1.0)
        assert clocks.read_wrong == 2
        clocks.be_right()
        assert told() == pytest.approx((0.0, 0.0), abs=1.0)
        process.stdin.close()
