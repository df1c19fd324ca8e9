"""One connection of the fast door without a socket: bytes in, frames out; and a caller's side of HTTP/2 to feed it."""

import asyncio
from collections.abc import Iterator
from typing import Any, NamedTuple

from hpack import Decoder, Encoder

from actors.front.http2 import frames
from actors.front.http2.call import Call, Method
from actors.front.http2.connection import Connection
from actors.front.http2.frames import END_HEADERS, END_STREAM, HEAD, HEAD_BYTES, frame
from actors.front.http2.server import Server

ECHO, HOLD, STREAM = "/room.Room/Echo", "/room.Room/Hold", "/room.Room/Stream"


class Sent(NamedTuple):
    """One frame as the connection wrote it."""

    kind: int
    flags: int
    stream: int
    body: bytes


class _Line:
    """As much of a transport as a connection asks of one."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False
        self.reads = True

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def set_write_buffer_limits(self, _high: int) -> None:
        """It has none."""

    def get_extra_info(self, _name: str) -> Any:
        return self

    def setsockopt(self, *_option: int) -> None:
        """It has none."""


class Talk:
    """A connection with methods that echo at once, that keep their calls (`held`), that stream (`begun`)."""

    def __init__(self) -> None:
        self.server = Server()
        self.held: list[tuple[bytes, Call]] = []
        self.begun: list[Call] = []
        self.server.methods = {
            ECHO: Method(lambda request, call: call.reply(request)),
            HOLD: Method(lambda request, call: self.held.append((request, call))),
            STREAM: Method(lambda _request, _call: None, begin=self.begun.append),
        }
        self.line = _Line()
        self.connection = Connection(self.server)
        self.connection.connection_made(self.line)  # type: ignore[arg-type]
        self.encoder = Encoder()
        self._decoder = Decoder()

    def greet(self) -> None:
        """What a caller says first."""
        self.connection.data_received(frames.PREFACE + frames.settings({}))

    def opening(self, stream: int, path: str = ECHO, *, flags: int = END_HEADERS, **more: str) -> bytes:
        """A call's HEADERS."""
        fields = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "here")]
        fields += [("content-type", "application/grpc"), ("te", "trailers")]
        fields += [(name.replace("_", "-"), value) for name, value in more.items()]
        return frame(frames.HEADERS, flags, stream, self.encoder.encode(fields))

    def call(self, stream: int, message: bytes = b"", path: str = ECHO, **more: str) -> bytes:
        """A whole unary call of one DATA frame."""
        return self.opening(stream, path, **more) + frame(frames.DATA, END_STREAM, stream, framed(message))

    async def said(self) -> list[Sent]:
        """What the connection has written since this was last asked."""
        await asyncio.sleep(0)
        written, self.line.written = self.line.written, b""
        return list(cut(written))

    async def answers(self) -> dict[int, tuple[bytes, str]]:
        """Of the calls that ended meanwhile, by stream: all their DATA, and their status."""
        data: dict[int, bytes] = {}
        ended: dict[int, tuple[bytes, str]] = {}
        for kind, flags, stream, body in await self.said():
            if kind == frames.DATA:
                data[stream] = data.get(stream, b"") + body
            elif kind == frames.HEADERS:
                fields = dict(self._decoder.decode(body))
                if flags & END_STREAM:
                    ended[stream] = data.get(stream, b""), str(fields.get("grpc-status", fields.get(":status")))
        return ended


def framed(message: bytes) -> bytes:
    """A message of gRPC, not compressed."""
    return frames.MESSAGE_HEAD.pack(0, len(message)) + message


def cut(written: bytes) -> Iterator[Sent]:
    """Frames."""
    at = 0
    while at < len(written):
        word, flags, stream = HEAD.unpack_from(written, at)
        end = at + HEAD_BYTES + (word >> 8)
        yield Sent(word & 0xFF, flags, stream, written[at + HEAD_BYTES : end])
        at = end
