"""An HTTP/2 client that does what a well-behaved one never would: a few frames, written by hand.

It reads no header compression, so it knows frames by their type, and answers by their number.
"""

import asyncio
from typing import NamedTuple, Self

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
ACK = END_STREAM = 1
END_HEADERS = 4

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTING_INITIAL_WINDOW = 4


class Frame(NamedTuple):
    """One frame as it came."""

    kind: int
    flags: int
    stream: int
    body: bytes

    @property
    def ends_a_call(self) -> bool:
        """Whether it is the last of its stream."""
        return self.kind == RST_STREAM or (self.kind in {DATA, HEADERS} and bool(self.flags & END_STREAM))


class RawHttp2:
    """One connection. `window` is how many bytes of answers each call takes without being asked again."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int, window: int = 65_535) -> Self:
        """Say hello."""
        connection = cls(*await asyncio.open_connection("127.0.0.1", port))
        setting = _SETTING_INITIAL_WINDOW.to_bytes(2, "big") + window.to_bytes(4, "big")
        connection.send(_PREFACE + frame(SETTINGS, 0, 0, setting))
        return connection

    def send(self, raw: bytes) -> None:
        """Write bytes, whatever they are."""
        self._writer.write(raw)

    def call(self, stream: int, path: str, message: bytes = b"") -> None:
        """A whole unary call."""
        self.send(frame(HEADERS, END_HEADERS, stream, request_headers(path)))
        self.send(frame(DATA, END_STREAM, stream, b"\0" + len(message).to_bytes(4, "big") + message))

    def reset(self, stream: int) -> None:
        """Take a call back."""
        self.send(frame(RST_STREAM, 0, stream, (8).to_bytes(4, "big")))

    def take_more(self, count: int) -> None:
        """Let the server send so many more bytes on this connection."""
        self.send(frame(WINDOW_UPDATE, 0, 0, count.to_bytes(4, "big")))

    async def read(self) -> Frame | None:
        """The next frame; None when the server has hung up."""
        try:
            head = await self._reader.readexactly(9)
            body = await self._reader.readexactly(int.from_bytes(head[:3], "big"))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        came = Frame(head[3], head[4], int.from_bytes(head[5:], "big") & 0x7FFFFFFF, body)
        if came.kind == PING and not came.flags & ACK:
            self.send(frame(PING, ACK, 0, body))
        return came

    async def ends(self, count: int) -> int:
        """How many calls end before the server hangs up or says that it will; at most `count`."""
        seen: set[int] = set()
        while len(seen) < count:
            answer = await self.read()
            if answer is None or answer.kind == GOAWAY:
                break
            if answer.ends_a_call:
                seen.add(answer.stream)
        return len(seen)

    async def hang_up(self) -> None:
        """Close, in the middle of whatever there is."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            return


def frame(kind: int, flags: int, stream: int, body: bytes = b"") -> bytes:
    """The bytes of one frame."""
    return len(body).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + body


def request_headers(path: str) -> bytes:
    """The headers of a gRPC call, without any compression."""
    fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "test"}
    fields |= {"content-type": "application/grpc", "te": "trailers"}
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in fields.items())


def _text(text: str) -> bytes:
    assert len(text) < 127
    return bytes([len(text)]) + text.encode()
