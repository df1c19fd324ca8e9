"""One call: what its desk knows of it, and what whoever serves it may do with it."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import grpc

from actors.front.http2.headers import BEFORE_ANSWERS, ENDED_WELL, Opening, ended_badly
from actors.front.http2.messages import Messages

if TYPE_CHECKING:
    from actors.front.http2.desk import Desk


class Method(NamedTuple):
    """How a method is served: its request is taken when it is whole; where requests stream, the call is begun."""

    take: Callable[[bytes, "Call"], None]
    begin: Callable[["Call"], None] | None = None


class Call:
    """A call under way. To a caller that has gone nothing is sent, and nothing is raised."""

    __slots__ = (
        "_began_s",
        "bytes_kept",
        "bytes_owed",
        "desk",
        "has_all",
        "has_begun",
        "inbox",
        "is_done",
        "messages",
        "method",
        "opening",
        "request",
        "stream",
        "task",
        "trailers",
        "unsent",
        "window",
        "writer",
    )

    def __init__(self, desk: "Desk", stream: int, opening: Opening, method: Method, window: int) -> None:
        self.desk = desk
        self.stream = stream
        self.opening = opening
        self.method = method
        #: Whether the caller has said all it has to say; whether we have begun to answer; whether nobody works on it
        #: any more.
        self.has_all = self.has_begun = self.is_done = False
        #: Bytes the caller's window still takes; those that wait for it, the trailers after them, and who waits.
        self.window = window
        self.unsent = b""
        self.trailers: bytes | None = None
        self.writer: asyncio.Future[None] | None = None
        #: Requests that take more than one frame, or stream: their cutter; the one that is whole; those not read yet;
        #: bytes that we keep of them; bytes whose window we have not given back.
        self.messages: Messages | None = None
        self.request: bytes | None = None
        self.inbox: Inbox | None = None
        self.bytes_kept = self.bytes_owed = 0
        #: What serves it, when that is a task: cancelled when the caller has gone.
        self.task: asyncio.Task[None] | None = None
        self._began_s = monotonic()

    @property
    def remaining_s(self) -> float | None:
        """Seconds until the caller gives up; None when it set no deadline."""
        timeout_s = self.opening.timeout_s
        return None if timeout_s is None else timeout_s - (monotonic() - self._began_s)

    def reply(self, answer: bytes) -> None:
        """End the call well, with its one answer."""
        self.desk.reply(self, answer)

    def abort(self, code: grpc.StatusCode, details: str, trailers: Sequence[tuple[str, str | bytes]] = ()) -> None:
        """End the call with a status."""
        self.desk.end(self, ended_badly(code.value[0], details, tuple(trailers), is_first=not self.has_begun))

    def end(self) -> None:
        """End the call well, with the answers that were written, be it none."""
        self.desk.end(self, ENDED_WELL if self.has_begun else BEFORE_ANSWERS + ENDED_WELL)

    async def write(self, answer: bytes) -> None:
        """Send one of many answers; returns when the caller's window has taken it."""
        self.desk.write(self, answer)
        if self.unsent:
            self.writer = asyncio.get_running_loop().create_future()
            await self.writer


class Inbox:
    """Streamed requests that came and were not read yet."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._messages: deque[bytes] = deque()
        self._reader: asyncio.Future[None] | None = None
        self.bytes_waiting = 0

    def put(self, message: bytes) -> None:
        """A request came."""
        self._messages.append(message)
        self.bytes_waiting += len(message)
        self.wake()

    def wake(self) -> None:
        """Something changed: let the reader look."""
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def next(self) -> bytes | None:
        """The next request; None after the last. With it, the caller may send as much again."""
        while not self._messages:
            if self._call.has_all:
                return None
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        message = self._messages.popleft()
        self.bytes_waiting -= len(message)
        self._call.desk.read_some(self._call)
        return message
