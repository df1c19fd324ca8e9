"""An open connection to a Redis or Valkey server: bytes out, replies in, in order. No task, stream or timer a round.

redis-py opens it (TLS, AUTH, SELECT, RESP3) and then hands its transport over: its own reading and writing costs 170 µs
of CPU a round, and a read that is cancelled before each. Replies come in the order of the commands, so rounds may
follow each other without waiting, and a caller that gives up disturbs nobody.
"""

import asyncio
from collections import deque
from typing import Any, NamedTuple, cast

from hiredis import Reader
from redis.asyncio.connection import AbstractConnection


class ReplyError(Exception):
    """An error reply; `str` is its text. A value among the replies, never raised."""


class LineBroke(Exception):
    """The connection ended before the replies came."""


class _Round(NamedTuple):
    replies: list[Any]
    expected: int
    answered: asyncio.Future[list[Any]]


class RedisWire(asyncio.Protocol):
    """One open connection. Once it has ended it stays so; open another."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._reader = Reader(protocolError=LineBroke, replyError=ReplyError)
        self._rounds: deque[_Round] = deque()
        # Nothing public lends the transport. redis-py is made to forget it, and would close it with its writer.
        self._writer, connection._writer, connection._reader = connection._writer, None, None  # noqa: SLF001
        assert self._writer is not None
        self._transport = cast(asyncio.Transport, self._writer.transport)
        self._transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """Whether commands can still be sent. A server that hung up is noticed at once, asked or not."""
        return not self._transport.is_closing()

    def send(self, packed: bytes, count: int) -> asyncio.Future[list[Any]]:
        """Send so many commands. Their replies come whole, error replies among them, or LineBroke does."""
        answered: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        if not self.is_open:
            answered.set_exception(LineBroke("the connection ended"))
            return answered
        self._rounds.append(_Round([], count, answered))
        self._transport.write(packed)
        return answered

    def data_received(self, data: bytes) -> None:
        """Give the replies to those who wait, in turn."""
        reader, rounds = self._reader, self._rounds
        reader.feed(data)
        try:
            while (reply := reader.gets()) is not False:
                replies, expected, answered = rounds[0]
                replies.append(reply)
                if len(replies) == expected:
                    rounds.popleft()
                    if not answered.done():
                        answered.set_result(replies)
        except (LineBroke, IndexError):  # What is no reply, or one that nobody asked for.
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits will not hear any more."""
        rounds, self._rounds = self._rounds, deque()
        for _, _, answered in rounds:
            if not answered.done():
                answered.set_exception(LineBroke(f"the connection ended: {exc or 'the server hung up'}"))

    async def finish(self) -> None:
        """Wait for the replies under way."""
        if self._rounds:
            await asyncio.wait([self._rounds[-1].answered])

    def close(self) -> None:
        """End the connection now; what is under way breaks."""
        self._transport.abort()


async def opened(connection: AbstractConnection) -> RedisWire:
    """Connect, and be sure that the server answers: it refuses while it loads its data. Raises RedisError, OSError."""
    await connection.connect()  # type: ignore[no-untyped-call]
    await connection.send_command("PING", check_health=False)
    await connection.read_response()
    return RedisWire(connection)
