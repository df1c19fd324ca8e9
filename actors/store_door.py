"""The store's door to other machines of a cluster: TLS both ways outside, the embedded store's Unix socket inside.

The embedded server has no TLS, so this stands in front of it, a process of its own: who has a certificate of the
cluster gets a connection to the store, byte for byte. Costs a remote owner two more hops on its way, 0.1 to 0.2 ms.
`python -m actors.store_door SOCKET CERTIFICATES`, with the listening socket, which is the house's, as standard input:
who connects while the door is started anew stands in line.
"""

import asyncio
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import cast

import uvloop

from actors.adapters.certificates import for_servers
from actors.adapters.child import ending_with_us, module_of_ours
from actors.wire import notice_silence

#: Bytes on their way to one side before nothing more is read from the other.
_BUFFER_BYTES_MAX = 1024 * 1024


class _Side(asyncio.Protocol):
    """One end of a relayed connection; `other` is the other end."""

    def __init__(self) -> None:
        self.other: _Side | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=_BUFFER_BYTES_MAX)
        notice_silence(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the reason changes nothing
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


class _Outside(_Side):
    """A machine that connects: reads nothing from it before the store is reached."""

    def __init__(self, store: str) -> None:
        super().__init__()
        self._store = store
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport is not None
        self.transport.pause_reading()
        self._connecting = asyncio.get_running_loop().create_task(self._connect(self.transport))

    async def _connect(self, transport: asyncio.Transport) -> None:
        inside = _Side()
        try:
            await asyncio.get_running_loop().create_unix_connection(lambda: inside, self._store)
        except OSError:
            transport.abort()
            return
        inside.other, self.other = self, inside
        if transport.is_closing():
            self.connection_lost(None)
        else:
            transport.resume_reading()


async def serve(listening: socket.socket, store: str, certificates: Path) -> None:
    """Relay until cancelled."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Outside(store), sock=listening, ssl=for_servers(certificates))
    await server.serve_forever()


def open_store_door(listening: socket.socket, store: Path, certificates: Path) -> "subprocess.Popen[bytes]":
    """Start the process; it ends with us."""
    words = [*module_of_ours("actors.store_door"), str(store), str(certificates)]
    return subprocess.Popen([*ending_with_us(signal.SIGTERM), *words], stdin=listening.fileno())  # noqa: S603 - ours


def main(store: str, certificates: str) -> None:
    """The process."""
    with suppress(KeyboardInterrupt):
        uvloop.run(serve(socket.socket(fileno=sys.stdin.fileno()), store, Path(certificates)))


if __name__ == "__main__":
    main(*sys.argv[1:])
