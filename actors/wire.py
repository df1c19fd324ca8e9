"""The data plane's frames: msgpack over a stream socket, a Unix one on this machine, TCP between machines.

A frame is `length u32 | crc32 u32 | msgpack`, big-endian; the checksum covers the msgpack. The caller's
first frame is `Hello` with the cluster's token, and nothing is read from a caller before it was right.
An owner's requests are `(id, tenant, sku, [(deadline_ms, number, fields), …])`, its replies `(id, verdict, body)`; what
desks and refills are asked is in calls.py. Knows nothing of pools or owners.
"""

import asyncio
import hmac
import os
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast
from zlib import crc32

from engine.errors import InvariantBroken, PoolClosed
from engine.framing import pack, unpack

#: Bytes of one frame: the largest legitimate one is an import chunk of 1,000 sealed cards, under 1 MB.
frame_bytes_max = 16 * 1024 * 1024

#: Bytes of a caller's first frame: who has not shown the token gets no memory from us.
hello_bytes_max = 1024

#: Bytes waiting to be written to one peer before we stop reading from it.
write_buffer_bytes_max = 8 * 1024 * 1024

#: Milliseconds that another machine may be silent, with bytes on their way to it or when the kernel asks whether it is
#: there, before the connection counts as broken: a machine that vanished does not say so.
unheard_ms_max = 5_000

#: How long a connection may take to come about: on one machine microseconds, to a dead one for ever.
connect_within_s = 2.0

_HEAD = struct.Struct(">II")
_VERSION = 1
_SPOILED = object()


class Verdict(IntEnum):
    """How an owner answers a whole request. Everything but DONE and IN_DOUBT means: nothing of it happened here."""

    DONE = 0
    NOT_OWNER = 1
    RECOVERING = 2
    STORE_UNAVAILABLE = 3
    OVERLOADED = 4
    STOPPED = 5
    IN_DOUBT = 6


class Address(NamedTuple):
    """Where a process listens: `unix:/path` or `tcp:host:port`."""

    kind: str
    place: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.place}"


def parse_address(text: str) -> Address:
    """An address as `str(address)` wrote it."""
    kind, _, place = text.partition(":")
    if kind not in {"unix", "tcp"} or not place:
        raise ValueError(f"{text!r} is no address: expected unix:/path or tcp:host:port")
    return Address(kind, place)


OnFrame = Callable[["Frames", Any], None]
OnEnd = Callable[["Frames"], None]


def notice_silence(sock: socket.socket) -> None:
    """Have the kernel end a connection to a machine that has vanished, whether anything is on its way there or not."""
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, unheard_ms_max // 1_000)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, unheard_ms_max)


class Frames(asyncio.Protocol):
    """One end of a connection. `on_frame` gets each whole frame, `on_end` is called once at the end.

    The owner's end reads only a hello until `welcome`, and stops reading from a caller that does not read.
    The caller's end always reads: if both could wait for the other to read first, both would for ever.
    """

    def __init__(self, on_frame: OnFrame, on_end: OnEnd, *, is_caller: bool) -> None:
        self._is_caller = is_caller
        self._bytes_max = frame_bytes_max if is_caller else hello_bytes_max
        self._on_frame = on_frame
        self._on_end = on_end
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    @property
    def is_open(self) -> bool:
        """Whether frames can still be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is up."""
        # uvloop's transports have the methods but not the class.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=write_buffer_bytes_max)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            notice_silence(sock)

    def data_received(self, data: bytes) -> None:
        """Cut the stream into frames; one that was never ours ends the connection."""
        buffer = self._buffer
        buffer += data
        at = 0
        while self.is_open and len(buffer) - at >= _HEAD.size:
            length, checksum = _HEAD.unpack_from(buffer, at)
            end = at + _HEAD.size + length
            if length > self._bytes_max:
                self.close()
                return
            if len(buffer) < end:
                break
            body = bytes(buffer[at + _HEAD.size : end])
            at = end
            try:
                message = unpack(body) if crc32(body) == checksum else _SPOILED
            except InvariantBroken:
                message = _SPOILED
            if message is _SPOILED:
                self.close()
                return
            self._on_frame(self, message)
        del buffer[:at]

    def welcome(self) -> None:
        """The caller has shown the token: read whole requests from now on."""
        self._bytes_max = frame_bytes_max

    def send(self, message: object) -> None:
        """Send one message. On a closed connection nothing is sent; `on_end` has told or will tell."""
        if self._transport is not None and self.is_open:
            body = pack(message)
            self._transport.write(_HEAD.pack(len(body), crc32(body)) + body)

    def pause_writing(self) -> None:
        """The peer does not read: stop taking work from it."""
        if self._transport is not None and not self._is_caller:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It reads again."""
        if self._transport is not None and self.is_open and not self._is_caller:
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the reason changes nothing
        """The connection is gone."""
        self._on_end(self)

    def close(self) -> None:
        """End the connection now."""
        if self._transport is not None:
            self._transport.abort()


def hello(token: str) -> tuple[str, int, str]:
    """The caller's first message."""
    return ("cardkeep", _VERSION, token)


def is_hello(message: object, token: str) -> bool:
    """Whether a first message is a `hello` with our token; the comparison takes the same time either way."""
    match message:
        case ("cardkeep", int(version), str(given)):
            return version == _VERSION and hmac.compare_digest(given.encode(), token.encode())
    return False


async def call(connect: "Connect", address: Address, token: str, on_frame: OnFrame, on_end: OnEnd) -> Frames:
    """Connect and say hello. Raises PoolClosed when nobody listens there."""
    try:
        async with asyncio.timeout(connect_within_s):
            frames = await connect(address, on_frame, on_end)
    except (OSError, TimeoutError) as away:
        raise PoolClosed(f"nobody listens at {address}: {away}") from away
    frames.send(hello(token))
    return frames


class Listening(Protocol):
    """What `listen` began."""

    def close(self) -> None:
        """Let nobody in any more."""


Connect = Callable[[Address, OnFrame, OnEnd], Awaitable[Frames]]
"""How a caller reaches an address: `connect`, or a road without sockets."""

Listen = Callable[[Address, OnFrame, OnEnd], Awaitable[tuple[Listening, Address]]]
"""How an owner is reached: `listen`, or the other end of such a road."""


async def connect(address: Address, on_frame: OnFrame, on_end: OnEnd, *, tls: ssl.SSLContext | None = None) -> Frames:
    """Open a connection; over TCP with TLS, if `tls` is given. Raises OSError when nobody listens there."""
    loop = asyncio.get_running_loop()
    frames = Frames(on_frame, on_end, is_caller=True)
    if address.kind == "unix":
        await loop.create_unix_connection(lambda: frames, address.place)
    else:
        host, _, port = address.place.rpartition(":")
        await loop.create_connection(lambda: frames, host, int(port), ssl=tls)
    return frames


async def listen(
    address: Address, on_frame: OnFrame, on_end: OnEnd, *, tls: ssl.SSLContext | None = None
) -> tuple[asyncio.AbstractServer, Address]:
    """Listen; TCP port 0 takes a free one. Returns the server and the address to announce."""
    loop = asyncio.get_running_loop()

    def frames() -> Frames:
        return Frames(on_frame, on_end, is_caller=False)

    if address.kind == "unix":
        path = Path(address.place)
        _make_way(path)
        server = await loop.create_unix_server(frames, address.place)
        os.chmod(path, 0o600)  # noqa: PTH101 - a path that was just made does not block
        return server, address
    host, _, port = address.place.rpartition(":")
    server = await loop.create_server(frames, host, int(port), ssl=tls)
    bound = server.sockets[0].getsockname()
    return server, Address("tcp", f"{bound[0]}:{bound[1]}")


def _make_way(path: Path) -> None:
    """A folder for a socket, and nothing in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
