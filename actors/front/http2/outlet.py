"""The way out of one connection: frames leave together, and no faster than the caller's windows let them."""

import asyncio

from actors.front.http2 import frames
from actors.front.http2.call import Call
from actors.front.http2.frames import DATA, END_HEADERS, END_STREAM, FRAME_BYTES_MAX, HEAD, HEADERS, MESSAGE_HEAD
from actors.front.http2.headers import BEFORE_ANSWERS, ENDED_WELL, ConnectionFault

#: Frames but their stream's number and what follows it: the headers of an answer, and its trailers when all went well.
_HEADERS_HEAD = HEAD.pack(len(BEFORE_ANSWERS) << 8 | HEADERS, END_HEADERS, 0)[:5]
_TRAILERS_HEAD = HEAD.pack(len(ENDED_WELL) << 8 | HEADERS, END_HEADERS | END_STREAM, 0)[:5]

#: By bytes of the frame: what stands between the stream's number in the headers and in the frame, and what between that
#: and the answer. Filled as needed.
_AROUND_DATA: dict[int, tuple[bytes, bytes]] = {}

_number = frames.NUMBER.pack


class Outlet:
    """See above."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._call_soon = asyncio.get_running_loop().call_soon
        self._out: list[bytes] = []
        #: Bytes the caller takes: of all calls, of a new call.
        self._window = self.window_of_new = frames.WINDOW_BYTES_AT_START
        #: Calls with answers that wait for a window, who came first first.
        self._blocked: dict[int, Call] = {}

    def put(self, frame: bytes) -> None:
        """Write it at the end of this turn of the loop, together with what else comes."""
        if not self._out:
            self._call_soon(self.flush)
        self._out.append(frame)

    def flush(self) -> None:
        """Write now."""
        if self._out:
            together = b"".join(self._out)
            self._out.clear()
            self._transport.write(together)

    def close(self) -> None:
        """Write what there is, and hang up."""
        self.flush()
        self._transport.close()

    def put_whole(self, call: Call, answer: bytes) -> bool:
        """A call's headers, its only answer and its good end, if the windows take them all."""
        size = len(answer) + MESSAGE_HEAD.size
        if size > self._window or size > call.window or size > FRAME_BYTES_MAX:
            return False
        self._window -= size
        before_number, after_number = _AROUND_DATA.get(size) or _around_data(size)
        number = _number(call.stream)
        whole = _HEADERS_HEAD, number, before_number, number, after_number, answer, _TRAILERS_HEAD, number, ENDED_WELL
        self.put(b"".join(whole))
        return True

    def put_headers(self, stream: int) -> None:
        """What goes before answers."""
        self.put(frames.frame(HEADERS, END_HEADERS, stream, BEFORE_ANSWERS))

    def put_end(self, stream: int, block: bytes) -> None:
        """Trailers, of any length: what does not fit one frame goes on in others."""
        first, rest = block[:FRAME_BYTES_MAX], block[FRAME_BYTES_MAX:]
        self.put(frames.frame(HEADERS, END_STREAM | (0 if rest else END_HEADERS), stream, first))
        while rest:
            part, rest = rest[:FRAME_BYTES_MAX], rest[FRAME_BYTES_MAX:]
            self.put(frames.frame(frames.CONTINUATION, 0 if rest else END_HEADERS, stream, part))

    def put_window(self, stream: int, more: int) -> None:
        """Let the caller send so many bytes more."""
        self.put(frames.frame(frames.WINDOW_UPDATE, 0, stream, _number(more)))

    def put_reset(self, stream: int, code: int) -> None:
        """Hear no more of a call."""
        self.put(frames.frame(frames.RST_STREAM, 0, stream, _number(code)))

    def put_goaway(self, last_stream: int, code: int, text: str) -> None:
        """Take no calls after this one."""
        self.put(frames.frame(frames.GOAWAY, 0, 0, _number(last_stream) + _number(code) + text.encode()))

    def send(self, call: Call) -> bool:
        """Of a call's unsent answers as much as the windows take. Whether that is all."""
        unsent, at = call.unsent, 0
        while at < len(unsent):
            size = min(len(unsent) - at, FRAME_BYTES_MAX, self._window, call.window)
            if size <= 0:
                call.unsent = unsent[at:]
                self._blocked[call.stream] = call
                return False
            self.put(HEAD.pack(size << 8 | DATA, 0, call.stream))
            self.put(unsent[at : at + size])
            self._window -= size
            call.window -= size
            at += size
        call.unsent = b""
        self._blocked.pop(call.stream, None)
        return True

    def take_more(self, more: int) -> None:
        """The caller takes so many bytes more, of all calls."""
        self._window = widened(self._window, more)

    def blocked(self) -> list[Call]:
        """Calls with answers that wait for a window."""
        return list(self._blocked.values())

    def drop(self, call: Call) -> None:
        """Nobody waits for its answers."""
        self._blocked.pop(call.stream, None)


def widened(window: int, more: int) -> int:
    """A window after so many bytes more. Raises ConnectionFault."""
    if window + more > frames.WINDOW_BYTES_MAX:
        raise ConnectionFault(frames.FLOW_CONTROL_ERROR, "a window of more than 2 GiB")
    return window + more


def _around_data(size: int) -> tuple[bytes, bytes]:
    before_number = BEFORE_ANSWERS + HEAD.pack(size << 8 | DATA, 0, 0)[:5]
    _AROUND_DATA[size] = around = before_number, MESSAGE_HEAD.pack(0, size - MESSAGE_HEAD.size)
    return around
