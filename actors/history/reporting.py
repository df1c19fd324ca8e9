"""The way to a report process, which is started by the first report and lives as long as whoever started it.

When it dies, whoever waited hears that nothing happened, and the next report starts it again. History is on one machine
only: front ends elsewhere ask the archivist there.
"""

import asyncio
import logging
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import Any, NamedTuple, Protocol

from actors.history.questions import UNKNOWN_SKU, Asked, Place
from actors.history.reports import read_row
from actors.settings import Settings
from actors.wire import Frames
from engine.errors import InDoubt, Overloaded, PoolClosed, ReportOfNothing, ReportTooLarge, StoreUnavailable
from engine.names import PoolName

#: Reports under way and in line together: with the longest report that is minutes of waiting already.
reports_waiting_max = 8

#: Failures that ask for a smaller report.
_TOO_LARGE = ("TookTooLong", "TooBig")

_log = logging.getLogger(__name__)


class Report(NamedTuple):
    """The rows of a report, of the kind its name says; `incomplete` are SKUs that are told of in part."""

    rows: Sequence[Any]
    has_more: bool
    incomplete: Sequence[str]


def place_of(settings: Settings) -> Place:
    """Where store and history are on this machine."""
    url = settings.store_url.get_secret_value()
    return Place(url, str(settings.history_folder), str(settings.run_folder / "spill"))


class Makes(Protocol):
    """Whoever makes reports."""

    async def make(self, asked: Asked, within_s: float, now_ms: int) -> Report:
        """See Reporting."""

    async def close(self) -> None:
        """Make no more."""


class RemoteReporting:
    """Reports made by the archivist, on the machine that has history. `ask` calls it: see actors/calls.py."""

    def __init__(self, ask: Callable[..., Awaitable[Any]]) -> None:
        self._ask = ask

    async def make(self, asked: Asked, within_s: float, now_ms: int) -> Report:
        """See Reporting. A call that broke changed nothing either."""
        try:
            report: Report = await self._ask("make", asked, within_s, now_ms)
        except InDoubt as broken:
            raise PoolClosed(*broken.args) from broken
        return report

    async def close(self) -> None:
        """Its process is not ours."""


class Reporting:
    """One report process."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._starting: asyncio.Task[Frames] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    @property
    def pid(self) -> int | None:
        """The process, once it has been started."""
        return None if self._process is None else self._process.pid

    async def make(self, asked: Asked, within_s: float, now_ms: int) -> Report:
        """A report. Raises ReportTooLarge, ReportOfNothing, StoreUnavailable, Overloaded, PoolClosed: all NotDone."""
        if len(self._waiting) >= reports_waiting_max:
            raise Overloaded("too many reports are waiting")
        number = next(self._numbers)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            frames = await self._line()
            if not frames.is_open:
                raise PoolClosed("the report process has ended")
            frames.send((number, asked, within_s, now_ms))
            fields, failure, text = await answer
        finally:
            del self._waiting[number]
        if fields is None:
            raise _failure_of(asked, failure, text)
        rows, has_more, incomplete = fields
        return Report([read_row(asked.report, row) for row in rows], has_more, incomplete)

    async def close(self) -> None:
        """End the process; whoever still waits for it hears so."""
        if self._starting is not None:
            (line,) = await asyncio.gather(self._starting, return_exceptions=True)
            if isinstance(line, Frames):
                line.close()
        await self._end()

    async def _line(self) -> Frames:
        """The line to the process, started by whoever asks first."""
        if self._starting is None or (self._starting.done() and self._starting.exception()):
            self._starting = asyncio.get_running_loop().create_task(self._start())
        return await asyncio.shield(self._starting)

    async def _start(self) -> Frames:
        await self._end()
        ours, its = socket.socketpair()
        with its:
            # Not asyncio's way: an actor's event loop is not in the main thread, and would not hear of a child's end.
            self._process = await asyncio.to_thread(_started, its)
        frames = Frames(self._on_frame, self._on_end, is_caller=True)
        await asyncio.get_running_loop().create_connection(lambda: frames, sock=ours)
        # The address may hold a password, so it is no argument, which anybody on the machine could read.
        frames.send(self._place)
        return frames

    async def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)

    def _on_frame(self, _frames: Frames, message: Any) -> None:
        number, fields, failure, text = message
        answer = self._waiting.get(number)
        if answer is not None and not answer.done():
            answer.set_result((fields, failure, text))

    def _on_end(self, _frames: Frames) -> None:
        self._starting = None
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(PoolClosed("the report process ended before it answered"))


def _failure_of(asked: Asked, failure: str, text: str) -> Exception:
    if failure in _TOO_LARGE:
        return ReportTooLarge(text)
    if failure == UNKNOWN_SKU:
        return ReportOfNothing(str(PoolName(asked.tenant, asked.sku)))
    if failure in {"StoreUnavailable", "InDoubt"}:
        return StoreUnavailable(text)
    return RuntimeError(f"the report process failed: {failure} {text}")


def _started(line: socket.socket) -> "subprocess.Popen[bytes]":
    quiet = subprocess.DEVNULL
    command = [sys.executable, "-m", "actors.history.report_process"]
    # A session of its own: by sessions the kernel shares out cores, and niceness counts only within one.
    return subprocess.Popen(  # noqa: S603 - our own program
        command, stdin=line.fileno(), stdout=quiet, stderr=quiet, start_new_session=True
    )
