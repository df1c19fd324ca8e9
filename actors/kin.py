"""Processes that Ray runs on this machine, as the system tells of them. Where it does not, there seem to be none."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

#: Between two looks at whether a process still runs.
look_every_s = 0.5

#: Ray's own processes, without which it can start nobody.
_VITAL = ("raylet", "gcs_server")

_PROCESSES = Path("/proc")


def children(parent: int, names: tuple[str, ...]) -> Iterator[int]:
    """The processes that a process has started whose names begin so, and that have not ended."""
    for thread in _PROCESSES.glob(f"{parent}/task/*/children"):
        for child in _text(thread).split():
            name, _, rest = _text(_PROCESSES / child / "stat").partition("(")[2].rpartition(")")
            if name.startswith(names) and rest.split()[0] != "Z":
                yield int(child)


def _text(file: Path) -> str:
    """What stands there; nothing when the thread or process has ended meanwhile."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return file.read_text()
    return ""


async def own_ray_ends() -> None:
    """Until one of the processes of the Ray that this process has started has ended: it does not start them again."""
    vital = sorted(children(os.getpid(), _VITAL))
    await _until(lambda: vital != sorted(children(os.getpid(), _VITAL)))


async def ends_with_its_ray() -> None:
    """End this process when the raylet that started it has ended.

    Nobody would look after it any more, and nobody could tell it to end. An owner needs none of this: it serves until
    its successor takes the seat.
    """
    raylet = os.getppid()
    await _until(lambda: os.getppid() != raylet)
    os._exit(1)


async def _until(is_so: Callable[[], bool]) -> None:
    while True:
        if is_so():
            return
        await asyncio.sleep(look_every_s)
