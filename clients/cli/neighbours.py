"""Other houses on this machine: so that somebody in the wrong folder hears of the right one."""

# ruff: noqa: PLC0415 - gRPC is imported when somebody must be asked

import os
from pathlib import Path
from typing import NamedTuple

from clients.cli.run_file import is_house, read_run

#: How long a program on a port gets to say that it is a Cardkeep.
_ASK_WITHIN_S = 2.0


class Neighbour(NamedTuple):
    """A house that runs on another data folder."""

    data: Path
    grpc: str
    metrics: str


def neighbours(besides: Path) -> list[Neighbour]:
    """The houses of this user on this machine, but for that of the data folder `besides`."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    folders = {folder for pid in pids if is_house(pid) and (folder := _data_of(pid)) is not None}
    runs = ((folder, read_run(folder)) for folder in sorted(folders - {besides}))
    return [Neighbour(folder, run.grpc, run.metrics) for folder, run in runs if run is not None and run.is_alive]


def version_at(target: str) -> str:
    """The version of the Cardkeep that answers there; empty when it is another program, or does not answer."""
    from cardkeep_client import CardkeepError, Client

    try:
        with Client(target, channels=1, timeout_s=_ASK_WITHIN_S) as client:
            return client.status().version
    except CardkeepError:
        return ""


def _data_of(pid: int) -> Path | None:
    """The data folder a house was started with; None when that cannot be seen."""
    try:
        raw = Path(f"/proc/{pid}/environ").read_bytes()
        words = dict(word.partition(b"=")[::2] for word in raw.split(b"\0"))
        return (Path(f"/proc/{pid}/cwd").resolve() / os.fsdecode(words[b"CARDKEEP_DATA"])).absolute()
    except (OSError, KeyError):
        return None
