"""A connection to a Redis or Valkey server. The only file that imports redis.

What redis-py would do on its own is turned off: it repeats commands after a timeout, and what was an
append would be two. Here every round is sent once, and its failure says whether it may have happened.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from engine.errors import InDoubt, StoreUnavailable

Command = Sequence[bytes | str | int]

#: Replies with which a server refuses a command before it does any of it.
_REFUSED_BEFORE = frozenset(
    (
        *("LOADING", "MISCONF", "OOM", "NOAUTH", "NOPERM", "READONLY", "MASTERDOWN", "NOREPLICAS"),
        *("BUSY", "CLUSTERDOWN", "MOVED", "ASK", "TRYAGAIN", "CROSSSLOT", "PIECES"),
    )
)

_LOAD_LIBRARY = ("FUNCTION", "LOAD", "REPLACE", Path(__file__).with_name("append.lua").read_bytes())


class Refusal(NamedTuple):
    """An error reply, as the value it is: one refused command does not spoil its round."""

    code: str
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}"

    @property
    def is_before(self) -> bool:
        """Whether the server surely did nothing of the command."""
        return self.code in _REFUSED_BEFORE or self.is_library_missing

    @property
    def is_library_missing(self) -> bool:
        """Whether our functions are not there: a new store, or one that was replaced."""
        return "Function not found" in self.text


class RedisLine:
    """One connection: rounds of commands go out whole, one round at a time, in the order of asking.

    A caller may be cancelled, a round may not: it goes on, so that the next round's replies are its own.
    Connects when needed, and again after a failure. `answer_within_s` bounds the wait for a round.
    """

    def __init__(self, url: str, *, answer_within_s: float) -> None:
        self._connection = _connection(url)
        self._answer_within_s = answer_within_s
        self._turn = asyncio.Lock()
        self._rounds: set[asyncio.Task[Sequence[Any]]] = set()

    async def ask(self, commands: Sequence[Command]) -> Sequence[Any]:
        """The replies, for commands that do no harm when repeated. Raises StoreUnavailable."""
        try:
            return _plain(await self.attempt(commands))
        except InDoubt as failure:
            raise StoreUnavailable(*failure.args) from failure

    async def change(self, commands: Sequence[Command]) -> Sequence[Any]:
        """The replies. Raises StoreUnavailable when surely nothing happened, else InDoubt."""
        return _plain(await self.attempt(commands))

    async def attempt(self, commands: Sequence[Command]) -> Sequence[Any]:
        """The replies, refusals among them, for whoever wants to look at these. Raises as `change` does."""
        started = asyncio.get_running_loop().create_task(self._round(commands))
        self._rounds.add(started)
        started.add_done_callback(self._ended)
        return await asyncio.shield(started)

    async def load_library(self) -> None:
        """Bring our functions to the server, in place of any older ones. Raises StoreUnavailable."""
        await self.ask([_LOAD_LIBRARY])

    async def close(self) -> None:
        """Hang up, after the rounds under way."""
        async with self._turn:
            await self._connection.disconnect()

    def _ended(self, started: "asyncio.Task[Sequence[Any]]") -> None:
        self._rounds.discard(started)
        if not started.cancelled():
            started.exception()  # Its caller may be gone; then nobody else would look at it.

    async def _round(self, commands: Sequence[Command]) -> Sequence[Any]:
        async with self._turn:
            replies = await self._exchange(commands)
            if all(isinstance(reply, Refusal) and reply.is_library_missing for reply in replies):
                (loaded,) = await self._exchange([_LOAD_LIBRARY])
                if isinstance(loaded, Refusal):
                    raise StoreUnavailable(f"the store refuses our functions: {loaded}")
                return await self._exchange(commands)
            return replies

    async def _exchange(self, commands: Sequence[Command]) -> Sequence[Any]:
        try:
            async with asyncio.timeout(self._answer_within_s):
                await self._connect()
        except (RedisError, OSError, TimeoutError) as failure:
            await self._connection.disconnect(nowait=True)
            raise StoreUnavailable(f"the store cannot be reached: {_reason(failure)}") from failure
        # In C, a fifth of redis-py's own time; its stub means tuples of any length.
        packed = [pack_command(tuple(command)) for command in commands]  # type: ignore[arg-type]
        try:
            async with asyncio.timeout(self._answer_within_s):
                await self._connection.send_packed_command(packed, check_health=False)
                return [await self._reply() for _ in commands]
        except (RedisError, OSError, TimeoutError) as failure:
            await self._connection.disconnect(nowait=True)
            raise InDoubt(f"the store did not answer: {_reason(failure)}") from failure

    async def _connect(self) -> None:
        connection = self._connection
        if connection.is_connected and await connection.can_read():
            # Nothing was asked, so what can be read is the server's hanging up: noticed now, no doubt arises.
            await connection.disconnect(nowait=True)
        if not connection.is_connected:
            await connection.connect()  # type: ignore[no-untyped-call]
            await connection.send_command("PING", check_health=False)  # Refused while the server loads its data.
            await connection.read_response()

    async def _reply(self) -> Any:
        try:
            return await self._connection.read_response()
        except ResponseError as refusal:
            text = str(refusal)
            code = getattr(refusal, "status_code", None)
            return Refusal(code, text) if code else Refusal(*text.partition(" ")[::2])


def _connection(url: str) -> AbstractConnection:
    """A connection that neither repeats anything nor limits time: `RedisLine` does what it wants of these."""
    settings: dict[str, Any] = dict(parse_url(url))
    kind = settings.pop("connection_class", Connection)
    connection: AbstractConnection = kind(
        **{"socket_timeout": None, "protocol": 3, **settings}, retry=Retry(NoBackoff(), 0), health_check_interval=0
    )
    return connection


def _reason(failure: Exception) -> str:
    return str(failure) or "no answer in time"


def _plain(replies: Sequence[Any]) -> Sequence[Any]:
    """The replies, when none is a refusal. A round of which only a part was refused is in doubt as a whole."""
    refusals = [reply for reply in replies if isinstance(reply, Refusal)]
    if not refusals:
        return replies
    if len(refusals) == len(replies) and all(refusal.is_before for refusal in refusals):
        raise StoreUnavailable(f"the store refuses: {refusals[0]}")
    raise InDoubt(f"the store refuses {len(refusals)} of {len(replies)} commands: {refusals[0]}")
