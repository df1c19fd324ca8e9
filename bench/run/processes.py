"""Where the time goes: CPU seconds and resident memory of every process of a side, by what it is for."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

#: A process's part by its name or its command line; the first that fits. What fits none is `other`.
_ROLES = (
    (re.compile(r"actors\.house\b"), "house"),
    (re.compile(r"ray::FrontActor"), "front"),
    (re.compile(r"ray::OwnerActor"), "owner"),
    (re.compile(r"ray::ArchivistActor"), "archivist"),
    (re.compile(r"ray::SupplierActor"), "desk"),
    (re.compile(r"ray::RefillActor"), "refill"),
    (re.compile(r"actors\.household"), "household"),
    (re.compile(r"valkey-server|redis-server|^postgres"), "store"),
    (re.compile(r"bench\.peers|-m bench"), "front"),
    (re.compile(r"^ray|gcs_server|raylet|/ray/"), "ray"),
)


@dataclass(frozen=True, slots=True)
class Usage:
    """One process at one moment."""

    role: str
    cpu_s: float
    memory_bytes: int
    #: As the system calls it.
    name: str = ""


Usages = Mapping[int, Usage]


def usages(root_pid: int) -> Usages:
    """Every living process under a root, the root included, by pid. A process that is gone is left out."""
    try:
        root = psutil.Process(root_pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return {}
    found: dict[int, Usage] = {}
    for process in family:
        try:
            with process.oneshot():
                times = process.cpu_times()
                role = _role(process)
                found[process.pid] = Usage(role, times.user + times.system, process.memory_info().rss, process.name())
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def cpu_s_by_role(before: Usages, after: Usages) -> dict[str, float]:
    """CPU seconds spent between two looks, by role; a process that came in between counts from its start."""
    spent: dict[str, float] = defaultdict(float)
    for pid, usage in after.items():
        earlier = before[pid].cpu_s if pid in before else 0.0
        spent[usage.role] += usage.cpu_s - earlier
    return dict(spent)


def least_share(before: Usages, after: Usages, role: str) -> float:
    """Of the processes of a role that were there at both looks: the CPU that the least busy one spent ÷ an even share.

    0 when none of them did anything, or when there were none.
    """
    there = [pid for pid in before.keys() & after.keys() if after[pid].role == role]
    spent = [after[pid].cpu_s - before[pid].cpu_s for pid in there]
    return min(spent) * len(spent) / sum(spent) if any(spent) else 0.0


def memory_bytes_by_role(now: Usages) -> dict[str, int]:
    """Resident bytes by role."""
    resident: dict[str, int] = defaultdict(int)
    for usage in now.values():
        resident[usage.role] += usage.memory_bytes
    return dict(resident)


def _role(process: psutil.Process) -> str:
    words = " ".join(process.cmdline())
    return next((role for pattern, role in _ROLES if pattern.search(process.name()) or pattern.search(words)), "other")
