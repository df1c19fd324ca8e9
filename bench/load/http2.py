"""One HTTP/2 connection that makes gRPC calls (RFC 9113; gRPC over HTTP/2). Bytes in, bytes out; owns no socket.

**A call** is one stream. We send HEADERS (method, encoded once), then DATA with the length-prefixed message and
END_STREAM. The server sends HEADERS, DATA, and HEADERS with END_STREAM: the trailers with `grpc-status`. An error may
be trailers only. So most of what comes is DATA or HEADERS of known streams; `receive` walks those by itself, and hands
every other frame to `_unusual`.

**Our settings**: a header table of size 0, so that blocks have no memory (see `hpack.py`); a window of 2 GiB for each
stream, which is never filled; and one of 1 GiB for the connection, topped up when half of it is used. The server's
windows and frame size are obeyed: what does not fit waits in `_waiting`, in the order of starting.

**The end of a call**: `receive` returns it with its trailers; or `take_unanswered` does (a reset: anything may have
happened). What the server says it has not looked at (REFUSED_STREAM, or above the last stream of a GOAWAY) is answered
with the trailers `REFUSED`, as if a server had written them: nothing happened.
"""

from actors.front.http2.frames import (
    ACK,
    CANCEL,
    CONTINUATION,
    DATA,
    ENABLE_PUSH,
    END_HEADERS,
    END_STREAM,
    FRAME_BYTES_MAX,
    GOAWAY,
    HEAD,
    HEAD_BYTES,
    HEADER_TABLE_SIZE,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    NUMBER,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    REFUSED_STREAM,
    RST_STREAM,
    SETTING,
    SETTINGS,
    STREAM_ID_MAX,
    WINDOW_BYTES_AT_START,
    WINDOW_BYTES_MAX,
    WINDOW_UPDATE,
    frame,
)
from bench.load.exchange import REFUSED, Exchange

OWN_WINDOW_BYTES = 1 << 30

_WHOLE_HEADERS, _WHOLE_TRAILERS = END_HEADERS, END_HEADERS | END_STREAM


class ConnectionBroken(Exception):
    """The server does not speak HTTP/2 as agreed; the text says where."""


class _Body:
    """A message that does not fit the windows yet."""

    __slots__ = ("at", "message", "stream", "window")

    def __init__(self, stream: int, message: bytes, window: int) -> None:
        self.stream = stream
        self.message = message
        self.window = window
        self.at = 0


class Connection:
    """The client's side of one connection.

    `is_open`: the server's SETTINGS are here, calls can be started. `is_closing`: no more can, ever. `out`: bytes to
    send.
    """

    def __init__(self) -> None:
        settings = {HEADER_TABLE_SIZE: 0, ENABLE_PUSH: 0, INITIAL_WINDOW_SIZE: WINDOW_BYTES_MAX}
        payload = b"".join(SETTING.pack(name, value) for name, value in settings.items())
        grant = NUMBER.pack(OWN_WINDOW_BYTES - WINDOW_BYTES_AT_START)
        self.out = [PREFACE, frame(SETTINGS, 0, 0, payload), frame(WINDOW_UPDATE, 0, 0, grant)]
        self.is_open = False
        self.is_closing = False
        self.was_open = False
        self.calls: dict[int, Exchange] = {}
        self._unanswered: list[Exchange] = []
        self._streams_max = STREAM_ID_MAX
        self._next_stream = 1
        self._rest = b""
        self._block: list[bytes] = []
        self._used = 0
        self._window = WINDOW_BYTES_AT_START
        self._stream_window = WINDOW_BYTES_AT_START
        self._frame_bytes = FRAME_BYTES_MAX
        self._at_once = FRAME_BYTES_MAX
        self._waiting: dict[int, _Body] = {}

    def start(self, call: Exchange) -> None:
        """Put the call on a stream of its own; its bytes are in `out`, or follow when the server's windows allow."""
        stream = self._next_stream
        self._next_stream = stream + 2
        if self._next_stream >= STREAM_ID_MAX:
            self._close()
        self.calls[stream] = call
        message = call.message
        size = len(message)
        if size <= self._at_once and size <= self._window and not self._waiting:
            self._window -= size
            self.out.append(NUMBER.pack(stream).join(call.kind.openings[size]))
            self.out.append(message)
        else:
            self.out.append(frame(HEADERS, END_HEADERS, stream, call.kind.openings.block))
            self._waiting[stream] = _Body(stream, message, self._stream_window)
            self._send_waiting()

    def room(self, in_flight_max: int) -> int:
        """How many calls can be started now, when so many may be under way; none or below when it is full."""
        return min(in_flight_max, self._streams_max) - len(self.calls) if self.is_open else 0

    def cancel(self, stream: int) -> None:
        """Give a call up: it is unanswered."""
        self.out.append(frame(RST_STREAM, 0, stream, NUMBER.pack(CANCEL)))
        self._unanswered.append(self.calls.pop(stream))

    def take_unanswered(self) -> list[Exchange]:
        """The calls that were reset or cancelled since this was last asked."""
        taken, self._unanswered = self._unanswered, []
        return taken

    def abandon(self) -> list[Exchange]:
        """The connection is gone: all calls without an answer."""
        self._unanswered += self.calls.values()
        self.calls.clear()
        self._close()
        return self.take_unanswered()

    def receive(self, received: bytes) -> list[Exchange]:
        """Take bytes in; the calls that were answered with them. Raises ConnectionBroken."""
        answered: list[Exchange] = []
        calls = self.calls
        unpack = HEAD.unpack_from
        data = self._rest + received if self._rest else received
        at, end = 0, len(data)
        while end - at >= HEAD_BYTES:
            word, flags, stream = unpack(data, at)
            begin = at + HEAD_BYTES
            at_next = begin + (word >> 8)
            if at_next > end:
                break
            at = at_next
            kind = word & 0xFF
            if kind == DATA and not flags and stream in calls:
                self._used += word >> 8
                call = calls[stream]
                call.reply = call.reply + data[begin:at] if call.reply else data[begin:at]
            elif kind == HEADERS and flags == _WHOLE_TRAILERS and stream in calls:
                call = calls.pop(stream)
                call.trailers = data[begin:at]
                answered.append(call)
            elif kind != HEADERS or flags != _WHOLE_HEADERS:
                self._unusual(kind, flags, stream, data[begin:at], answered)
        self._rest = data[at:]
        if len(self._rest) >= HEAD_BYTES and unpack(self._rest)[0] >> 8 > FRAME_BYTES_MAX:
            raise ConnectionBroken("a frame longer than we allow, or no HTTP/2 at all")
        if self._used > OWN_WINDOW_BYTES // 2:
            self.out.append(frame(WINDOW_UPDATE, 0, 0, NUMBER.pack(self._used)))
            self._used = 0
        return answered

    def _unusual(self, kind: int, flags: int, stream: int, payload: bytes, answered: list[Exchange]) -> None:
        """Everything but whole headers, whole trailers, and plain DATA in the midst of a stream."""
        if kind == DATA:  # padded, the last of its stream, or of a call that was given up
            self._used += len(payload)
            call = self.calls.get(stream)
            if call is not None:
                call.reply += _unpadded(flags, payload)
                self._end(flags, stream, b"", answered)
        elif kind in (HEADERS, CONTINUATION):
            self._continue_block(kind, flags, stream, payload, answered)
        elif kind == RST_STREAM and stream in self.calls:
            if NUMBER.unpack(payload)[0] == REFUSED_STREAM:
                self._refuse(stream, answered)
            else:
                self._unanswered.append(self.calls.pop(stream))
        elif kind == WINDOW_UPDATE:
            self._widen(stream, NUMBER.unpack(payload)[0])
        elif kind == GOAWAY:
            self._close()
            last_stream = NUMBER.unpack_from(payload)[0] & STREAM_ID_MAX
            for above in [above for above in self.calls if above > last_stream]:
                self._refuse(above, answered)
        elif not flags & ACK:
            self._oblige(kind, payload)

    def _oblige(self, kind: int, payload: bytes) -> None:
        """What is to be acknowledged. Other kinds are ignored (section 5.5); PUSH_PROMISE we have forbidden."""
        if kind == SETTINGS:
            self._settle(payload)
            self.out.append(frame(SETTINGS, ACK, 0))
        elif kind == PING:
            self.out.append(frame(PING, ACK, 0, payload))

    def _continue_block(self, kind: int, flags: int, stream: int, payload: bytes, answered: list[Exchange]) -> None:
        """A block that is padded or has a priority, or comes in several frames; END_STREAM stands in its first."""
        if kind == HEADERS:
            self._block_flags = flags
            plain = _unpadded(flags, payload)
            self._block = [plain[5:] if flags & PRIORITY else plain]
        else:
            self._block.append(payload)
        if flags & END_HEADERS and stream in self.calls:
            self._end(self._block_flags, stream, b"".join(self._block), answered)

    def _end(self, flags: int, stream: int, trailers: bytes, answered: list[Exchange]) -> None:
        """With END_STREAM, the call is answered. Without trailers (no gRPC server does that) no status is in them."""
        if flags & END_STREAM:
            call = self.calls.pop(stream)
            call.trailers = trailers
            answered.append(call)

    def _settle(self, payload: bytes) -> None:
        """The server's SETTINGS; a new initial window changes the windows of open streams (section 6.9.2)."""
        for name, value in SETTING.iter_unpack(payload):
            if name == MAX_CONCURRENT_STREAMS:
                self._streams_max = value
            elif name == MAX_FRAME_SIZE:
                self._frame_bytes = value
            elif name == INITIAL_WINDOW_SIZE:
                for body in self._waiting.values():
                    body.window += value - self._stream_window
                self._stream_window = value
        self._at_once = min(self._frame_bytes, self._stream_window)
        self.is_open = not self.is_closing
        self.was_open = True
        self._send_waiting()

    def _close(self) -> None:
        """No new calls: the server said so, or the stream ids are used up. Whoever owns this makes a new one."""
        self.is_open = False
        self.is_closing = True

    def _refuse(self, stream: int, answered: list[Exchange]) -> None:
        """The server has not looked at this call and will not."""
        call = self.calls.pop(stream)
        call.trailers = REFUSED
        answered.append(call)

    def _widen(self, stream: int, by: int) -> None:
        """More room in the server's window of a stream, or of the connection (stream 0)."""
        if not stream:
            self._window += by
        elif stream in self._waiting:
            self._waiting[stream].window += by
        self._send_waiting()

    def _send_waiting(self) -> None:
        """As much of the waiting messages as the windows allow; nothing more of calls that have ended already."""
        for body in list(self._waiting.values()):
            if body.stream not in self.calls:
                del self._waiting[body.stream]
                continue
            while (size := min(len(body.message) - body.at, body.window, self._window, self._frame_bytes)) > 0:
                piece = body.message[body.at : body.at + size]
                body.at += size
                body.window -= size
                self._window -= size
                is_last = body.at == len(body.message)
                self.out.append(frame(DATA, END_STREAM if is_last else 0, body.stream, piece))
            if body.at == len(body.message):
                del self._waiting[body.stream]


def _unpadded(flags: int, payload: bytes) -> bytes:
    """What is left of a payload without its padding (section 6.1)."""
    return payload[1 : len(payload) - payload[0]] if flags & PADDED else payload
