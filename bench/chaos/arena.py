"""Where faults happen: a house, the roads to it and to its store, its disk and clocks, and its buyers."""

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple

import psutil
from cardkeep_client import CardkeepError

from bench.chaos.buyers import Buyers
from bench.chaos.clocks import Clocks
from bench.chaos.disk import Disk
from bench.chaos.road import Road
from bench.run.house import House
from bench.waiting import until

#: How long the house may take to say who owns what; it may be broken just then.
_ASK_WITHIN_S = 4.0

#: What Ray calls a process that stands ready.
_UNDERSTUDY = "ray::IDLE"

_DIES_WITHIN_S = 5.0


class OwnerProcess(NamedTuple):
    """One owner, and the SKUs it has; none are known when the house does not say."""

    pid: int
    skus: frozenset[str]


@dataclass(frozen=True, slots=True)
class Arena:
    """What faults act upon. `disk` and `clocks` are None where shims cannot be built."""

    house: House
    #: From everybody to the store, and from the buyers to the house.
    to_store: Road
    to_door: Road
    disk: Disk | None
    clocks: Clocks | None
    #: Where the store itself listens.
    store: Path
    buyers: Buyers

    def pids(self, role: str) -> Sequence[int]:
        """Processes of a role (bench/run/processes.py), or by their own name."""
        found = self.house.usages()
        return sorted(pid for pid, usage in found.items() if role in (usage.role, usage.name))

    def one(self, role: str, chance: Random) -> int | None:
        """One of them, if there is any."""
        pids = self.buyers.pids if role == "client" else self.pids(role)
        return chance.choice(pids) if pids else None

    def is_well(self, calls_per_s: float) -> bool:
        """Whether so many calls are answered, and a process stands ready for whoever dies next."""
        return self.buyers.answered_per_s >= calls_per_s and bool(self.pids(_UNDERSTUDY))

    def owner(self, chance: Random) -> OwnerProcess | None:
        """One that has SKUs, if the house says who has; else any that runs."""
        with suppress(CardkeepError):
            pools = self.house.client.pools(timeout_s=_ASK_WITHIN_S)
            pids = {one.name: one.process_id for one in self.house.client.owners(timeout_s=_ASK_WITHIN_S)}
            skus: dict[int, set[str]] = {}
            for pool in pools:
                if pool.owner in pids:
                    skus.setdefault(pids[pool.owner], set()).add(pool.name.rpartition("/")[2])
            alive = {pid: names for pid, names in skus.items() if is_alive(pid)}
            if alive:
                pid = chance.choice(sorted(alive))
                return OwnerProcess(pid, frozenset(alive[pid]))
        anyone = self.one("owner", chance)
        return None if anyone is None else OwnerProcess(anyone, frozenset())


def kill(pid: int) -> bool:
    """SIGKILL; whether it died of that."""
    try:
        process = psutil.Process(pid)
        os.kill(pid, signal.SIGKILL)
    except (psutil.NoSuchProcess, ProcessLookupError):
        return False
    return until(lambda: not _lives(process), _DIES_WITHIN_S)


def freeze(pid: int) -> bool:
    """SIGSTOP; whether it stands still."""
    try:
        process = psutil.Process(pid)
        os.kill(pid, signal.SIGSTOP)
        if until(lambda: process.status() == psutil.STATUS_STOPPED, _DIES_WITHIN_S):
            return True
        thaw(pid)
    except (psutil.NoSuchProcess, ProcessLookupError):
        pass
    return False


def thaw(pid: int) -> None:
    """SIGCONT, if it is still there."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        return _lives(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return False


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
