"""What a house says of itself in `<data>/run.json`, and whether the process that said it still lives."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

#: The module a house runs; what its command line is known by.
HOUSE_MODULE = "actors.house"

_ENDED = frozenset({"stopped", "failed"})


@dataclass(frozen=True)
class Run:
    """One run.json. Fields the house has not filled yet are empty."""

    pid: int
    state: str
    step: str = ""
    grpc: str = ""
    metrics: str = ""
    store: str = ""
    server: str = ""
    durability: str = ""
    machine: str = ""

    @property
    def is_alive(self) -> bool:
        """Whether the house that wrote this still runs. A pid that another program got since is not it."""
        return self.state not in _ENDED and is_house(self.pid)


def read_run(data: Path) -> Run | None:
    """The last word of the house on this data folder; None when there never was one, or it cannot be read."""
    try:
        plain = json.loads((data / "run.json").read_text())
        return Run(**{name: plain[name] for name in Run.__dataclass_fields__ if name in plain})
    except (OSError, ValueError, TypeError):
        return None


def is_house(pid: int) -> bool:
    """Whether this process is a house of ours."""
    return HOUSE_MODULE in command_line(pid)


def command_line(pid: int) -> list[str]:
    """The words a process was started with; empty when there is no such process (or it has ended and waits)."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return [os.fsdecode(word) for word in raw.split(b"\0") if word]


def descendants(pid: int) -> dict[int, str]:
    """All processes below one: what each was started as, and a mark of when, by pid."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and (parent := _parent(int(folder.name))) is not None:
            children.setdefault(parent, []).append(int(folder.name))
    found, waiting = [], list(children.get(pid, ()))
    while waiting:
        child = waiting.pop()
        found.append(child)
        waiting += children.get(child, ())
    return {child: mark for child in found if (mark := start_mark(child))}


def start_mark(pid: int) -> str:
    """When a process started, in the kernel's ticks: with the pid it names one process for ever. Empty when ended."""
    fields = _stat(pid)
    return fields[19] if fields and fields[0] != "Z" else ""


def _parent(pid: int) -> int | None:
    fields = _stat(pid)
    return int(fields[1]) if fields else None


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat after the name, which may hold anything: state, parent, …, start (the 20th)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
