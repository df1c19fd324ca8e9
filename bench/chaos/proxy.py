"""A stretch of network of ours between processes: carries bytes, and does what networks do when it is told to.

It listens where the one side connects to, and connects to where the other side listens, be it Unix sockets or TCP.
Bytes it holds are never lost: as with TCP, they arrive when the network is well again, though whoever sent them may
have hung up long before. Only a connection that is reset loses what was under way.
"""

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

Address = Path | tuple[str, int]

#: Bytes read at once; so many each way are held besides what the system's buffers take.
_CHUNK_BYTES = 1 << 16

#: What the kernel says of a Unix socket's other end (SO_PEERCRED): process, user, group.
_PEER = struct.Struct("3i")


@dataclass(eq=False, slots=True)
class Trouble:
    """What is wrong with the network; with only these processes' connections, if any are named (Unix sockets only).

    `resets`: connections are reset, new ones too. `delay_s`: how long each piece takes longer, from the server
    and, if `there`, to it; None means that it does not arrive until the trouble is over.
    """

    resets: bool = False
    delay_s: float | None = 0.0
    there: bool = True
    pids: frozenset[int] | None = None
    #: Connections reset and pieces held up: 0 means that nobody noticed.
    touched: int = 0

    def concerns(self, pid: int) -> bool:
        """Whether it is about the connections of a process."""
        return self.pids is None or pid in self.pids


class Proxy:
    """Carries every connection to `listen` on to `target`, through whatever troubles there are."""

    def __init__(self, listen: Address, target: Address) -> None:
        self._listen = listen
        self._target = target
        self._troubles: list[Trouble] = []
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._carrying: dict[asyncio.Task[None], int] = {}

    async def open(self) -> None:
        """Listen."""
        if isinstance(self._listen, Path):
            self._listen.unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(self._take, self._listen)
            self._listen.chmod(0o700)
        else:
            self._server = await asyncio.start_server(self._take, *self._listen)

    async def close(self) -> None:
        """Hang up, on everybody."""
        if self._server is not None:
            self._server.close()
        await self._reset(set(self._carrying))

    def begin(self, trouble: Trouble) -> None:
        """From now on the network has this trouble, too."""
        self._troubles.append(trouble)
        if trouble.resets:
            hit = [task for task, pid in self._carrying.items() if trouble.concerns(pid)]
            trouble.touched += len(hit)
            for task in hit:
                task.cancel()
        self._tell()

    def end(self, trouble: Trouble) -> None:
        """It is over: what was held goes on."""
        self._troubles.remove(trouble)
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its beginning to its end."""
        pid = _peer(writer)
        task = asyncio.current_task()
        assert task is not None
        self._carrying[task] = pid
        try:
            for trouble in self._troubles:
                if trouble.resets and trouble.concerns(pid):
                    trouble.touched += 1
                    return
            await self._carry(pid, reader, writer)
            writer.close()
        except (OSError, asyncio.CancelledError):
            return
        finally:
            del self._carrying[task]
            if not writer.is_closing():
                writer.transport.abort()

    async def _carry(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if isinstance(self._target, Path):
            far_reader, far_writer = await asyncio.open_unix_connection(self._target)
        else:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        there = asyncio.ensure_future(self._pump(pid, reader, far_writer, is_back=False))
        back = asyncio.ensure_future(self._pump(pid, far_reader, writer, is_back=True))
        try:
            # Whoever asked may have hung up while its last words are held: they are delivered.
            await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in (there, back):
                pump.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
            far_writer.close()

    async def _pump(
        self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_back: bool
    ) -> None:
        while piece := await reader.read(_CHUNK_BYTES):
            await self._wait(pid, is_back=is_back)
            writer.write(piece)
            await writer.drain()
        await self._wait(pid, is_back=is_back)
        with suppress(OSError):
            writer.write_eof()

    async def _wait(self, pid: int, *, is_back: bool) -> None:
        """Until a piece may arrive."""
        concerning = [
            trouble
            for trouble in self._troubles
            if trouble.delay_s != 0 and trouble.concerns(pid) and (is_back or trouble.there)
        ]
        for trouble in concerning:
            trouble.touched += 1
            if trouble.delay_s is not None:
                await asyncio.sleep(trouble.delay_s)
            while trouble.delay_s is None and trouble in self._troubles:
                await self._changed.wait()

    async def _reset(self, tasks: set[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _peer(writer: asyncio.StreamWriter) -> int:
    """The process at the other end of a Unix socket; 0 of any other."""
    connection = writer.get_extra_info("socket")
    if connection is None or connection.family != socket.AF_UNIX:
        return 0
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    return int(_PEER.unpack(raw)[0])
