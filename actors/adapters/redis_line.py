"""A line to a Redis or Valkey server. Only this file and `redis_wire.py` import redis.

What redis-py would do on its own is turned off: it repeats commands after a timeout, and what was an
append would be two. Here every round is sent once, and its failure says whether it may have happened.

A url may ask for replicas (`redis://10.0.0.1:6379/0?replicas=1`): what is written counts once so many of them have it
on their disks, too. A server's replicas hear of writes in one order, so whoever has one has all before it.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from actors.adapters.redis_wire import LineBroke, RedisWire, ReplyError, opened
from engine.errors import InDoubt, StoreUnavailable, WeakStore

Command = Sequence[bytes | str | int]

#: Replies with which a server refuses a command before it does any of it.
_REFUSED_BEFORE = frozenset(
    (
        *("LOADING", "MISCONF", "OOM", "NOAUTH", "NOPERM", "READONLY", "MASTERDOWN", "NOREPLICAS"),
        *("BUSY", "CLUSTERDOWN", "MOVED", "ASK", "TRYAGAIN", "CROSSSLOT", "PIECES"),
    )
)

#: How long replicas may take to hear of a write, and then to have it on their disks: within what a round may take.
_HEAR_WITHIN_MS, _SYNC_WITHIN_MS = 1_000, 1_500

#: Written where replicas are asked for all that anybody has written so far.
TOUCHED = "ck:{store}:touched"

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
    def is_below_the_end(self) -> bool:
        """Whether an entry was refused because a stream has later ones, or had."""
        return "equal or smaller" in self.text

    @property
    def is_library_missing(self) -> bool:
        """Whether our functions are not there: a new store, or one that was replaced."""
        return "Function not found" in self.text


class RedisLine:
    """One connection: rounds of commands go out whole, in the order of asking, and need not wait for each other.

    A caller may be cancelled, a round may not: it goes on, and its replies are read.
    Connects when needed, and again after a failure. `answer_within_s` bounds the wait for a round.
    """

    def __init__(self, url: str, *, answer_within_s: float) -> None:
        self._url = url
        self._answer_within_s = answer_within_s
        #: How many replicas must have a write before it counts.
        self.replicas = replicas_wanted(url)
        # A replica that is asked says what it had synced before it heard the question, and then nothing for a second.
        # So it is asked twice, whether it has heard, and then what it has synced: 1,000 ms become 1 or 2.
        self._confirmation: Sequence[Command] = (
            ("WAIT", self.replicas, _HEAR_WITHIN_MS),
            ("WAITAOF", 1, self.replicas, _SYNC_WITHIN_MS),
        )
        self._wire: RedisWire | None = None
        self._connections = 0
        self._connecting: asyncio.Task[RedisWire] | None = None

    async def ask(self, commands: Sequence[Command], *, counts: bool = False) -> Sequence[Any]:
        """The replies, for commands that do no harm when repeated; see `attempt`. Raises StoreUnavailable."""
        try:
            return plain(await self.attempt(commands, counts=counts))
        except InDoubt as failure:
            raise StoreUnavailable(*failure.args) from failure

    async def change(self, commands: Sequence[Command]) -> Sequence[Any]:
        """The replies, once replicas have it. Raises StoreUnavailable when surely nothing happened, else InDoubt."""
        return plain(await self.attempt(commands, counts=True))

    async def connected(self) -> int:
        """The number of the connection that a round sent at once goes over. Raises StoreUnavailable."""
        if self._wire is None or not self._wire.is_open:
            await self._connected()
        return self._connections

    async def attempt(self, commands: Sequence[Command], *, counts: bool = False) -> Sequence[Any]:
        """The replies, refusals among them, for whoever wants to look at these. Raises as `change` does.

        Where it `counts`, as many replicas as are wanted have this round's writes, and all before these. A round
        without a write of its own proves nothing: servers wait for a connection's own last write.
        """
        wire = self._wire
        if wire is None or not wire.is_open:
            wire = await self._connected()
        asks_replicas = counts and self.replicas > 0
        if asks_replicas:
            commands = [*commands, *self._confirmation]
        replies = await self._exchange(wire, commands)
        missed = [at for at, reply in enumerate(replies) if isinstance(reply, Refusal) and reply.is_library_missing]
        if missed:
            (loaded,) = await self._exchange(wire, [_LOAD_LIBRARY])
            if isinstance(loaded, Refusal):
                raise StoreUnavailable(f"the store refuses our functions: {loaded}")
            missed += [len(commands) - 2, len(commands) - 1] if asks_replicas else []
            for at, reply in zip(missed, await self._exchange(wire, [commands[at] for at in missed]), strict=True):
                replies[at] = reply
        if asks_replicas:
            *replies, _, synced = replies
            self._judge(synced, replies)
        return replies

    async def load_library(self) -> None:
        """Bring our functions to the server, in place of any older ones. Raises StoreUnavailable."""
        await self.ask([_LOAD_LIBRARY])

    async def close(self) -> None:
        """Hang up, after the rounds under way."""
        if self._connecting is not None:
            self._connecting.cancel()
        if self._wire is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._answer_within_s):
                    await self._wire.finish()
            self._wire.close()

    async def _exchange(self, wire: RedisWire, commands: Sequence[Command]) -> list[Any]:
        # In C, a fifth of redis-py's own time; its stub means tuples of any length.
        packed = b"".join([pack_command(tuple(command)) for command in commands])  # type: ignore[arg-type]
        try:
            async with asyncio.timeout(self._answer_within_s):
                replies = await wire.send(packed, len(commands))
        except (LineBroke, TimeoutError) as failure:
            wire.close()  # A late reply must not be taken for another's.
            raise InDoubt(f"the store did not answer: {_reason(failure)}") from failure
        return [_refusal(reply) if isinstance(reply, ReplyError) else reply for reply in replies]

    def _judge(self, synced: Any, replies: Sequence[Any]) -> None:
        """Raise InDoubt unless server and replicas have synced what was written, or it was refused, as replies say."""
        if isinstance(synced, Refusal):
            if not any(isinstance(reply, Refusal) for reply in replies):
                raise InDoubt(f"the store does not ask its replicas: {synced}")
        elif synced[0] < 1 or synced[1] < self.replicas:
            raise InDoubt(f"{synced[1]} of {self.replicas} replicas have synced what was written")

    async def _connected(self) -> RedisWire:
        """One attempt to connect at a time, shared by all who wait."""
        if self._connecting is None:
            self._connecting = asyncio.get_running_loop().create_task(self._connect())
            self._connecting.add_done_callback(self._end_connecting)
        return await asyncio.shield(self._connecting)

    async def _connect(self) -> RedisWire:
        connection = _connection(self._url)
        try:
            async with asyncio.timeout(self._answer_within_s):
                self._wire = await opened(connection)
        except (RedisError, OSError, TimeoutError) as failure:
            await connection.disconnect(nowait=True)
            raise StoreUnavailable(f"the store cannot be reached: {_reason(failure)}") from failure
        self._connections += 1
        return self._wire

    def _end_connecting(self, ended: "asyncio.Task[RedisWire]") -> None:
        self._connecting = None
        if not ended.cancelled():
            ended.exception()  # Those who waited may have gone; then nobody else would look at it.


def replicas_wanted(url: str) -> int:
    """How many replicas a store's url asks for. Raises WeakStore, with what to write instead."""
    asked = parse_qs(urlsplit(url).query).get("replicas", ["0"])[-1]
    if not asked.isdecimal():
        raise WeakStore(f"replicas={asked} in the store's url is no number: write replicas=1, say, or leave it out")
    return int(asked)


def _refusal(reply: ReplyError) -> Refusal:
    code, _, text = str(reply).partition(" ")
    return Refusal(code, text)


def _connection(url: str) -> AbstractConnection:
    """A connection that neither repeats anything nor limits time: `RedisLine` does what it wants of these."""
    settings: dict[str, Any] = dict(parse_url(url))
    kind = settings.pop("connection_class", Connection)
    settings.pop("replicas", None)
    connection: AbstractConnection = kind(
        **{"socket_timeout": None, "protocol": 3, **settings}, retry=Retry(NoBackoff(), 0), health_check_interval=0
    )
    return connection


def _reason(failure: Exception) -> str:
    return str(failure) or "no answer in time"


def plain(replies: Sequence[Any]) -> Sequence[Any]:
    """The replies, when none is a refusal. A round of which only a part was refused is in doubt as a whole.

    Raises StoreUnavailable when surely nothing happened, else InDoubt.
    """
    refusals = [reply for reply in replies if isinstance(reply, Refusal)]
    if not refusals:
        return replies
    if len(refusals) == len(replies) and all(refusal.is_before for refusal in refusals):
        raise StoreUnavailable(f"the store refuses: {refusals[0]}")
    raise InDoubt(f"the store refuses {len(refusals)} of {len(replies)} commands: {refusals[0]}")
