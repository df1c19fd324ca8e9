"""The front end's way to its sealing process: chunks go there in plain and come back sealed.

The process is started by the first import and lives as long as the front end. When it dies, it is started again,
and what it had not answered is asked once more: to seal a chunk changes nothing.
"""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

from actors.adapters.key_ring import KeyRingRefused
from actors.front.chunks import Chunk, SealedChunk, Turned
from actors.wire import Frames
from engine.errors import PoolClosed, UnreadableCard

#: How often chunks are given to a process; what outlives none of them is no chunk.
_TRIES = 2

_FAILURES: dict[str, type[Exception]] = {"UnreadableCard": UnreadableCard, "KeyRingRefused": KeyRingRefused}


class SealingEnded(PoolClosed):
    """The sealing process ended before it answered: nothing happened, and another will be started."""


class Sealing:
    """One front end's sealing process. `keys` is the folder of the key ring."""

    def __init__(self, keys: Path) -> None:
        self._keys = keys
        self._starting: asyncio.Task[Frames] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Sequence[SealedChunk]]] = {}

    @property
    def pid(self) -> int | None:
        """The process, once it has been started."""
        return None if self._process is None else self._process.pid

    async def seal(self, chunks: Sequence[Chunk]) -> Sequence[SealedChunk]:
        """The chunks, sealed; each but the first for the serials that follow the one before.

        Raises UnreadableCard for a bad data key, KeyRingRefused, or SealingEnded.
        """
        for _ in range(_TRIES - 1):
            try:
                return await self._asked(chunks)
            except SealingEnded:
                continue
        return await self._asked(chunks)

    async def close(self) -> None:
        """End the process; whoever still waits for it hears so."""
        if self._starting is not None:
            (line,) = await asyncio.gather(self._starting, return_exceptions=True)
            if isinstance(line, Frames):
                line.close()
        if self._process is not None:
            await _end(self._process)

    async def _asked(self, chunks: Sequence[Chunk]) -> Sequence[SealedChunk]:
        frames = await self._line()
        if not frames.is_open:
            raise SealingEnded("the sealing process has ended")
        number = next(self._numbers)
        answer: asyncio.Future[Sequence[SealedChunk]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            frames.send((number, chunks))
            return await answer
        finally:
            del self._waiting[number]

    async def _line(self) -> Frames:
        """The line to the process, started by whoever asks first."""
        if self._starting is None or (self._starting.done() and self._starting.exception()):
            self._starting = asyncio.get_running_loop().create_task(self._start())
        return await asyncio.shield(self._starting)

    async def _start(self) -> Frames:
        if self._process is not None:
            await _end(self._process)
        ours, its = socket.socketpair()
        command = [sys.executable, "-m", "actors.front.sealing_process", str(self._keys)]
        with its:
            # Not asyncio's way: an actor's event loop is not in the main thread, and would not hear of a child's end.
            self._process = await asyncio.to_thread(_started, command, its)
        frames = Frames(self._on_frame, self._on_end, is_caller=True)
        await asyncio.get_running_loop().create_connection(lambda: frames, sock=ours)
        return frames

    def _on_frame(self, _frames: Frames, message: Any) -> None:
        number, fields, failure, text = message
        answer = self._waiting.get(number)
        if answer is None or answer.done():
            return  # The import that asked has gone.
        if fields is not None:
            answer.set_result([_read(chunk) for chunk in fields])
        else:
            kind = _FAILURES.get(failure)
            answer.set_exception(kind(text) if kind else RuntimeError(f"the sealing process made a mistake: {failure}"))

    def _on_end(self, _frames: Frames) -> None:
        self._starting = None
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(SealingEnded("the sealing process has ended"))


def _started(command: Sequence[str], line: socket.socket) -> "subprocess.Popen[bytes]":
    quiet = subprocess.DEVNULL
    # Of a session of its own: see giving_way.py.
    return subprocess.Popen(  # noqa: S603 - our own program
        command, stdin=line.fileno(), stdout=quiet, stderr=quiet, start_new_session=True
    )


async def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    await asyncio.to_thread(process.wait)


def _read(fields: Any) -> SealedChunk:
    sealed: SealedChunk = SealedChunk(*fields)
    return sealed._replace(turned=[Turned(*line) for line in sealed.turned])
