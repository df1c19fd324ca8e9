"""The calls of one connection: from their headers to their trailers.

A call is in `calls` until all of its answer has left or its caller has gone. Somebody works on it from its first
frame until it is replied to or ended, and may do so longer than its caller waits.
"""

from collections.abc import Mapping
from typing import Protocol

import grpc

from actors.front.http2 import frames
from actors.front.http2.call import Call, Inbox, Method
from actors.front.http2.frames import MESSAGE_HEAD
from actors.front.http2.headers import ConnectionFault, Opening, refusal_unread
from actors.front.http2.messages import MessageFault, Messages
from actors.front.http2.outlet import Outlet

#: Calls of one connection at a time; a caller's library makes the others wait, and those cost us nothing. Answered
#: within 10 ms these are 12,800 a second. Were it thousands, a crowd's frames alone would take the processor from who
#: answers them.
streams_per_connection_max = 128

#: Bytes of one call that may be on their way to us: what a fast caller sends in a round trip.
stream_window_bytes = 256 * 1024

#: Bytes of requests that are not whole or not read yet, in all connections: 64 of the largest.
bytes_kept_max = 256 * 1024 * 1024


class Host(Protocol):
    """What the connections of one server share."""

    #: By path.
    methods: Mapping[str, Method]
    #: What has any other path.
    unknown: Method
    #: Bytes that all of them keep, see `bytes_kept_max`.
    bytes_kept: int


class Desk:
    """See above."""

    def __init__(self, host: Host, outlet: Outlet) -> None:
        self.calls: dict[int, Call] = {}
        #: The highest stream that was heard of.
        self.last_stream = 0
        #: Whether new calls are refused.
        self.is_closing = False
        self._host = host
        self._methods = host.methods
        self._outlet = outlet
        #: Calls that somebody works on, those that were taken back among them.
        self._working = 0

    # What the caller says.

    def on_headers(self, stream: int, opening: Opening, *, is_all: bool) -> None:
        """A new call; or trailers of one, of which only the end counts."""
        call = self.calls.get(stream)
        if call is not None:
            if not is_all or call.has_all:
                raise ConnectionFault(frames.PROTOCOL_ERROR, "headers in the middle of a call")
            self._on_all(call)
        elif not stream & 1:
            raise ConnectionFault(frames.PROTOCOL_ERROR, f"a call on stream {stream}")
        elif stream > self.last_stream:  # Else they are the trailers of a call that has ended here.
            self.last_stream = stream
            self._open(stream, opening, is_all=is_all)

    def on_data(self, stream: int, data: bytes, length: int, *, is_all: bool) -> None:
        """A piece of a call's requests, in a frame of this length: of one that is longer than a frame, or streams."""
        call = self.calls.get(stream)
        if call is None and 0 < stream <= self.last_stream:
            return  # It has ended here.
        if call is None or call.has_all:
            raise ConnectionFault(frames.STREAM_CLOSED, f"DATA on stream {stream}")
        call.bytes_owed += length
        if call.messages is None:
            call.messages = Messages(call.opening.encoding)
        try:
            for message in call.messages.feed(data):
                self._on_message(call, message)
        except MessageFault as fault:
            call.abort(fault.code, fault.details)
            return
        self.read_some(call)
        if self._host.bytes_kept > bytes_kept_max:
            call.abort(grpc.StatusCode.UNAVAILABLE, "Too many large requests at once: ask again in a moment")
        elif is_all:
            self._on_all(call)

    def take_back(self, call: Call) -> None:
        """The caller has gone. Who works on the call in a task hears so; others work on to its end."""
        if call.task is not None:
            call.task.cancel()
        elif not call.has_all:
            self._retire(call)
        self._forget(call)

    # What whoever serves a call says.

    def reply(self, call: Call, answer: bytes) -> None:
        """See Call."""
        self._retire(call)
        if call.stream not in self.calls:
            return
        if call.has_all and not call.has_begun and self._outlet.put_whole(call, answer):
            self._forget(call)
        else:
            self.write(call, answer)
            call.end()

    def write(self, call: Call, answer: bytes) -> None:
        """See Call."""
        if call.stream not in self.calls:
            return
        if not call.has_begun:
            call.has_begun = True
            self._outlet.put_headers(call.stream)
        call.unsent += MESSAGE_HEAD.pack(0, len(answer)) + answer
        self._outlet.send(call)

    def end(self, call: Call, trailers: bytes) -> None:
        """Trailers, after all that is still to be sent."""
        self._retire(call)
        if call.stream in self.calls and call.trailers is None:
            call.trailers = trailers
            if not call.unsent:
                self._end(call)

    def read_some(self, call: Call) -> None:
        """Some of a call's requests came or were read: open its window again by as much as we do not keep."""
        waiting = 0 if call.inbox is None else call.inbox.bytes_waiting
        unfinished = 0 if call.messages is None else call.messages.bytes_kept
        self._keep(call, waiting + unfinished + len(call.request or b""))
        read = call.bytes_owed - waiting
        if read >= stream_window_bytes // 2 and not call.has_all and call.stream in self.calls:
            call.bytes_owed -= read
            self._outlet.put_window(call.stream, read)

    # What the caller's windows say.

    def resize(self, window_of_new: int) -> None:
        """Every window is so many bytes by default now."""
        for call in self.calls.values():
            call.window += window_of_new - self._outlet.window_of_new
        self._outlet.window_of_new = window_of_new
        self.send_blocked()

    def send_blocked(self) -> None:
        """A window opened: go on with whoever waits for it."""
        for call in self._outlet.blocked():
            if self._outlet.send(call):
                if call.writer is not None and not call.writer.done():
                    call.writer.set_result(None)
                if call.trailers is not None:
                    self._end(call)

    def _open(self, stream: int, opening: Opening, *, is_all: bool) -> None:
        if self.is_closing or self._working >= streams_per_connection_max:
            self._outlet.put_reset(stream, frames.REFUSED_STREAM)
            return
        if opening.http_status or opening.is_too_large:
            self._outlet.put_end(stream, refusal_unread(opening))
            if not is_all:
                self._outlet.put_reset(stream, frames.NO_ERROR)
            return
        method = self._methods.get(opening.path) or self._host.unknown
        self.calls[stream] = call = Call(self, stream, opening, method, self._outlet.window_of_new)
        self._working += 1
        if method.begin is not None:
            call.inbox = Inbox(call)
            method.begin(call)
        if is_all:
            self._on_all(call)

    def _on_message(self, call: Call, message: bytes) -> None:
        if call.inbox is not None:
            call.inbox.put(message)
        elif call.request is None:
            call.request = message
        else:
            raise MessageFault(grpc.StatusCode.UNIMPLEMENTED, "More than one request where one is taken")

    def _on_all(self, call: Call) -> None:
        """The caller has said all."""
        call.has_all = True
        if call.is_done:
            return
        if call.messages is not None and call.messages.bytes_kept:
            call.abort(grpc.StatusCode.INTERNAL, "The last message is cut off")
        elif call.inbox is not None:
            call.inbox.wake()
        elif call.request is None:
            call.abort(grpc.StatusCode.INTERNAL, "A request is missing")
        else:
            request, call.request = call.request, None
            self._keep(call, 0)
            call.method.take(request, call)

    def _keep(self, call: Call, size: int) -> None:
        self._host.bytes_kept += size - call.bytes_kept
        call.bytes_kept = size

    def _retire(self, call: Call) -> None:
        """Nobody works on it any more."""
        if not call.is_done:
            call.is_done = True
            self._working -= 1

    def _end(self, call: Call) -> None:
        assert call.trailers is not None
        self._outlet.put_end(call.stream, call.trailers)
        if not call.has_all:
            self._outlet.put_reset(call.stream, frames.NO_ERROR)
        self._forget(call)

    def _forget(self, call: Call) -> None:
        """Nothing more is heard of it or said to it."""
        self.calls.pop(call.stream, None)
        self._outlet.drop(call)
        if call.bytes_kept:
            self._keep(call, 0)
        if self.is_closing and not self.calls:
            self._outlet.close()
