"""The server: its ports, its methods, its beginning and its end. Made to take the place of `grpc.aio.server()`."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import suppress

import grpc
from grpc._utilities import DictionaryGenericHandler

from actors.front.http2.call import Call, Method
from actors.front.http2.connection import Connection
from actors.front.http2.handlers import Context, Handler, method_of
from actors.front.http2.port import shared_port

#: Connections at a time; the next is closed at once, and its caller tries again later. Each takes a descriptor.
connections_max = 10_000

#: Connections that the kernel keeps for us until we look at them.
_BACKLOG = 1_024

_log = logging.getLogger(__name__)


class Server:
    """See above."""

    def __init__(self) -> None:
        self.methods: Mapping[str, Method] = {}
        self.unknown = method_of(grpc.stream_stream_rpc_method_handler(_unknown), self._keep)
        self.bytes_kept = 0
        self._sockets: list[socket.socket] = []
        self._listening: list[asyncio.Server] = []
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._all_left = asyncio.Event()
        self._ended = asyncio.Event()

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """See grpc.aio.Server. Takes those that list their methods, as `method_handlers_generic_handler` makes them."""
        for handler in generic_rpc_handlers:
            assert isinstance(handler, DictionaryGenericHandler)
            self._add(handler._method_handlers)  # noqa: SLF001 - nothing public lists the methods

    def add_registered_method_handlers(self, service_name: str, method_handlers: Mapping[str, Handler]) -> None:
        """See grpc.aio.Server."""
        self._add({f"/{service_name}/{name}": handler for name, handler in method_handlers.items()})

    def add_express(self, path: str, take: Callable[[bytes, Call], None]) -> None:
        """Let `take` have the calls of a unary method that was added before, as bytes and without a task."""
        self.methods = {**self.methods, path: Method(take)}

    def add_insecure_port(self, address: str) -> int:
        """Take a port that others who want to share it may take too; port 0 takes a free one. Returns the port."""
        host, _, port = address.rpartition(":")
        try:
            line = shared_port(host.strip("[]"), int(port))
        except OSError as taken:
            raise RuntimeError(f"Failed to bind to address {address}: {taken}") from taken
        return self.add_listening(line)

    def add_listening(self, line: socket.socket) -> int:
        """Accept from a socket that others may accept from, too. Returns its port."""
        self._sockets.append(line)
        bound: int = line.getsockname()[1]
        return bound

    async def start(self) -> None:
        """Take calls."""
        loop = asyncio.get_running_loop()
        for line in self._sockets:
            self._listening.append(await loop.create_server(lambda: Connection(self), sock=line, backlog=_BACKLOG))

    async def stop(self, grace: float | None) -> None:
        """Take no more calls; let those under way end, for so many seconds; hang up."""
        for listening in self._listening:
            listening.close()
        for line in self._sockets:
            line.close()
        for connection in list(self._connections):
            connection.leave()
        if self._connections and grace:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._all_left.wait(), grace)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in list(self._connections):
            connection.cut()
        if self._connections:
            await self._all_left.wait()
        self._ended.set()

    async def wait_for_termination(self) -> None:
        """Until it has stopped."""
        await self._ended.wait()

    def came(self, connection: Connection) -> None:
        """See Host."""
        self._connections.add(connection)
        self._all_left.clear()
        if len(self._connections) > connections_max:
            _log.warning("connection_turned_away connections=%d", len(self._connections))
            connection.cut()

    def left(self, connection: Connection) -> None:
        """See Host."""
        self._connections.discard(connection)
        if not self._connections:
            self._all_left.set()

    def _add(self, handlers: Mapping[str, Handler]) -> None:
        added = {path: method_of(handler, self._keep) for path, handler in handlers.items()}
        self.methods = {**self.methods, **added}

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _unknown(requests: AsyncIterator[bytes], context: Context) -> None:
    """Refuse, once the caller has said something: libraries fail in their own ways when they are cut short before."""
    async for _ in requests:
        break
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
