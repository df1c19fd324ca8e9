"""One connection: frames in.

**In bulk.** Everything that one read brought is worked off in one go; everything that is to be written in one turn of
the loop leaves in one write. A request of one frame, and an answer whose window is open, go through without being
kept anywhere.

**Bounds.** Of the caller: so many calls at a time, also counting those it took back while we still work on them; so
many bytes of headers; so many bytes of requests that are not whole or not read yet, of all connections together. When
it does not read what we write, we do not read what it writes.

**Faults.** What breaks the protocol ends the connection, with GOAWAY and a code; what is wrong with one call ends that
call with a status of gRPC.
"""

import asyncio
import logging
import socket
from typing import Protocol, cast

from actors.front.http2 import desk as desks
from actors.front.http2 import frames
from actors.front.http2.desk import Desk
from actors.front.http2.frames import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    FRAME_BYTES_MAX,
    HEAD,
    HEAD_BYTES,
    HEADERS,
    MESSAGE_HEAD,
    PADDED,
    PRIORITY,
)
from actors.front.http2.headers import ConnectionFault, RequestHeaders, block_bytes_max, list_bytes_max
from actors.front.http2.outlet import Outlet, widened

#: Bytes of one connection that may be on their way to us.
connection_window_bytes = 4 * 1024 * 1024

#: Bytes we have written and the caller's machine has not taken: above that we do not read on.
_UNWRITTEN_BYTES_MAX = 1024 * 1024

#: How long a connection may take to say that it speaks HTTP/2.
_GREETS_WITHIN_S = 10.0

_PRIORITY_BYTES = 5

_log = logging.getLogger(__name__)
_unpack_head, _unpack_message, _MESSAGE_HEAD_BYTES = HEAD.unpack_from, MESSAGE_HEAD.unpack_from, MESSAGE_HEAD.size


class Host(desks.Host, Protocol):
    """Who made the connection."""

    def came(self, connection: "Connection") -> None:
        """A connection has been made."""

    def left(self, connection: "Connection") -> None:
        """A connection is gone."""


class Connection(asyncio.Protocol):
    """See above."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._transport: asyncio.Transport
        self._outlet: Outlet
        self._desk: Desk
        self._headers = RequestHeaders()
        self._has_greeted = False
        #: What came of the next frame.
        self._unread = b""
        #: A header block that CONTINUATION frames add to, its stream and its flags.
        self._block: tuple[int, int, bytearray] | None = None
        #: Bytes that came since we last opened our window.
        self._owed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(_UNWRITTEN_BYTES_MAX)
        line: socket.socket = transport.get_extra_info("socket")
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._outlet = Outlet(self._transport)
        self._desk = Desk(self._host, self._outlet)
        ours = {
            frames.MAX_CONCURRENT_STREAMS: desks.streams_per_connection_max,
            frames.INITIAL_WINDOW_SIZE: desks.stream_window_bytes,
            frames.MAX_HEADER_LIST_SIZE: list_bytes_max,
        }
        self._outlet.put(frames.settings(ours))
        self._outlet.put_window(0, connection_window_bytes - frames.WINDOW_BYTES_AT_START)
        asyncio.get_running_loop().call_later(_GREETS_WITHIN_S, self._expect_greeting)
        self._host.came(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how it went is the same to us
        """See asyncio.Protocol."""
        for call in list(self._desk.calls.values()):
            self._desk.take_back(call)
        self._host.left(self)

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._transport.is_closing():
            return
        if self._unread:
            data = self._unread + data
        try:
            at = self._read(data, 0) if self._has_greeted else self._greet(data)
        except ConnectionFault as fault:
            self._fail(fault.code, str(fault))
            return
        except Exception:  # noqa: BLE001 - nothing of one connection may reach the others
            _log.exception("connection_failed")
            self._fail(frames.INTERNAL_ERROR, "a mistake of ours")
            return
        self._unread = data[at:]
        if self._owed > connection_window_bytes // 4:
            self._outlet.put_window(0, self._owed)
            self._owed = 0

    def leave(self) -> None:
        """Take no more calls, and go when those under way have ended."""
        self._desk.is_closing = True
        self._outlet.put_goaway(self._desk.last_stream, frames.NO_ERROR, "")
        if not self._desk.calls:
            self._outlet.close()

    def cut(self) -> None:
        """Go now."""
        self._outlet.flush()
        self._transport.abort()

    def _fail(self, code: int, text: str) -> None:
        _log.info("connection_refused code=%d cause=%s", code, text)
        self._outlet.put_goaway(self._desk.last_stream, code, text)
        self._outlet.close()

    def _expect_greeting(self) -> None:
        if not self._has_greeted:
            self._transport.abort()

    def _greet(self, data: bytes) -> int:
        """Step over the preface and read on; nothing is read before it is whole."""
        if not data.startswith(frames.PREFACE):
            if not frames.PREFACE.startswith(data):
                raise ConnectionFault(frames.PROTOCOL_ERROR, "this port speaks gRPC over HTTP/2, without TLS")
            return 0
        self._has_greeted = True
        return self._read(data, len(frames.PREFACE))

    def _read(self, data: bytes, at: int) -> int:
        """Take all whole frames from here on; where the first that is not whole begins."""
        end = len(data)
        calls = self._desk.calls
        while end - at >= HEAD_BYTES:
            length_and_kind, flags, stream = _unpack_head(data, at)
            length = length_and_kind >> 8
            if length > FRAME_BYTES_MAX:
                raise ConnectionFault(frames.FRAME_SIZE_ERROR, f"a frame of {length} bytes")
            start = at + HEAD_BYTES
            after = start + length
            if after > end:
                break
            at = after
            kind = length_and_kind & 0xFF
            if self._block is not None and kind != frames.CONTINUATION:
                raise ConnectionFault(frames.PROTOCOL_ERROR, "a header block was not finished")
            if kind == DATA:
                self._owed += length
                call = calls.get(stream)
                # The usual case: a call's one request, whole in one frame.
                if (
                    call is not None
                    and flags == END_STREAM
                    and length >= _MESSAGE_HEAD_BYTES
                    and not call.bytes_owed
                    and not call.has_all
                    and call.inbox is None
                    and _unpack_message(data, start) == (0, length - _MESSAGE_HEAD_BYTES)
                ):
                    call.has_all = True
                    call.method.take(data[start + _MESSAGE_HEAD_BYTES : after], call)
                else:
                    part = _unpadded(flags, data[start:after])
                    self._desk.on_data(stream, part, length, is_all=bool(flags & END_STREAM))
            elif kind == HEADERS:
                self._on_headers(flags, stream, data[start:after])
            else:
                self._on_other(kind, flags, stream, data[start:after])
        return at

    def _on_headers(self, flags: int, stream: int, block: bytes) -> None:
        if flags & PADDED:
            block = _unpadded(flags, block)
        if flags & PRIORITY:
            block = block[_PRIORITY_BYTES:]
        if flags & END_HEADERS:
            self._desk.on_headers(stream, self._headers.read(block), is_all=bool(flags & END_STREAM))
        else:
            self._block = stream, flags, bytearray(block)

    def _on_continuation(self, flags: int, stream: int, payload: bytes) -> None:
        if self._block is None or self._block[0] != stream:
            raise ConnectionFault(frames.PROTOCOL_ERROR, "a CONTINUATION of nothing")
        _, first_flags, block = self._block
        block += payload
        if len(block) > block_bytes_max:
            raise ConnectionFault(frames.ENHANCE_YOUR_CALM, f"headers of more than {block_bytes_max} bytes")
        if flags & END_HEADERS:
            self._block = None
            self._desk.on_headers(stream, self._headers.read(bytes(block)), is_all=bool(first_flags & END_STREAM))

    def _on_other(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        """Frames about the connection, or about a call's window and its end. Unknown kinds are stepped over."""
        if kind == frames.WINDOW_UPDATE:
            self._on_window(stream, payload)
        elif kind == frames.RST_STREAM:
            call = self._desk.calls.get(stream)
            if call is not None:
                self._desk.take_back(call)
        elif kind == frames.PING:
            if stream or len(payload) != frames.PING_BYTES:
                raise ConnectionFault(frames.PROTOCOL_ERROR, "a PING of another kind")
            if not flags & ACK:
                self._outlet.put(frames.frame(frames.PING, ACK, 0, payload))
        elif kind == frames.SETTINGS:
            self._on_settings(flags, stream, payload)
        elif kind == frames.CONTINUATION:
            self._on_continuation(flags, stream, payload)
        elif kind == frames.PUSH_PROMISE:
            raise ConnectionFault(frames.PROTOCOL_ERROR, "a PUSH_PROMISE of a client")

    def _on_settings(self, flags: int, stream: int, payload: bytes) -> None:
        if stream or len(payload) % frames.SETTING.size:
            raise ConnectionFault(frames.FRAME_SIZE_ERROR, "SETTINGS of another kind")
        if flags & ACK:
            return
        for name, value in frames.SETTING.iter_unpack(payload):
            if name == frames.INITIAL_WINDOW_SIZE:
                if value > frames.WINDOW_BYTES_MAX:
                    raise ConnectionFault(frames.FLOW_CONTROL_ERROR, f"a window of {value} bytes")
                self._desk.resize(value)
        self._outlet.put(frames.frame(frames.SETTINGS, ACK, 0))

    def _on_window(self, stream: int, payload: bytes) -> None:
        if len(payload) != frames.NUMBER.size:
            raise ConnectionFault(frames.FRAME_SIZE_ERROR, "a WINDOW_UPDATE of another kind")
        more = frames.NUMBER.unpack(payload)[0] & frames.WINDOW_BYTES_MAX
        if not stream:
            self._outlet.take_more(more)
        elif (call := self._desk.calls.get(stream)) is not None:
            call.window = widened(call.window, more)
        self._desk.send_blocked()


def _unpadded(flags: int, payload: bytes) -> bytes:
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise ConnectionFault(frames.PROTOCOL_ERROR, "more padding than frame")
    return payload[1 : len(payload) - payload[0]]
