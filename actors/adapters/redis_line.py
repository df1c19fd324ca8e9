"""A connection to a Redis or Valkey server. The only file that imports redis.

What redis-py would do on its own is turned off: it repeats commands after a timeout, and what was an
append would be two. Here every round is sent once, and its failure says whether it may have happened.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

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

#: Commands of different callers in one round: a thousand reads of one pack each are about 2 MB, and take some
#: milliseconds, which the last of them would have waited anyway.
commands_per_round_max = 1_000

_T = TypeVar("_T")

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


class _Question(NamedTuple):
    """Commands that do no harm when repeated, and who waits for their replies."""

    commands: Sequence[Command]
    answered: asyncio.Future[Sequence[Any]]


class RedisLine:
    """One connection: rounds of commands go out whole, one round at a time, in the order of asking.

    What is asked while a round is under way shares the next one, so that a thousand buyers' codes cost a few rounds.
    A caller may be cancelled, a round may not: it goes on, so that the next round's replies are its own.
    Connects when needed, and again after a failure. `answer_within_s` bounds the wait for a round.
    """

    def __init__(self, url: str, *, answer_within_s: float) -> None:
        self._connection = _connection(url)
        self._answer_within_s = answer_within_s
        self._turn = asyncio.Lock()
        self._rounds: set[asyncio.Task[Any]] = set()
        self._questions: deque[_Question] = deque()
        self._asking: asyncio.Task[None] | None = None

    async def ask(self, commands: Sequence[Command]) -> Sequence[Any]:
        """The replies, for commands that do no harm when repeated. Raises StoreUnavailable."""
        answered: asyncio.Future[Sequence[Any]] = asyncio.get_running_loop().create_future()
        self._questions.append(_Question(commands, answered))
        if self._asking is None:
            self._asking = self._start(self._ask_all())
        try:
            return _plain(await answered)
        except InDoubt as failure:
            raise StoreUnavailable(*failure.args) from failure

    async def change(self, commands: Sequence[Command]) -> Sequence[Any]:
        """The replies. Raises StoreUnavailable when surely nothing happened, else InDoubt."""
        return _plain(await self.attempt(commands))

    async def attempt(self, commands: Sequence[Command]) -> Sequence[Any]:
        """The replies, refusals among them, for whoever wants to look at these. Raises as `change` does."""
        return await asyncio.shield(self._start(self._round(commands)))

    async def load_library(self) -> None:
        """Bring our functions to the server, in place of any older ones. Raises StoreUnavailable."""
        await self.ask([_LOAD_LIBRARY])

    async def close(self) -> None:
        """Hang up, after the rounds under way."""
        async with self._turn:
            await self._connection.disconnect()

    def _start(self, work: Coroutine[Any, Any, _T]) -> "asyncio.Task[_T]":
        started = asyncio.get_running_loop().create_task(work)
        self._rounds.add(started)
        started.add_done_callback(self._ended)
        return started

    async def _ask_all(self) -> None:
        try:
            while self._questions:
                await self._ask_some(_share(self._questions))
        finally:
            self._asking = None

    async def _ask_some(self, questions: Sequence[_Question]) -> None:
        try:
            replies = iter(await self._round([command for question in questions for command in question.commands]))
        except Exception as failure:  # noqa: BLE001 - whatever it is, those who wait must hear it
            _fail(questions, failure)
            return
        for question in questions:
            own = list(islice(replies, len(question.commands)))
            if not question.answered.done():
                question.answered.set_result(own)

    def _ended(self, started: "asyncio.Task[Any]") -> None:
        self._rounds.discard(started)
        if not started.cancelled():
            started.exception()  # Its caller may be gone; then nobody else would look at it.

    async def _round(self, commands: Sequence[Command]) -> Sequence[Any]:
        async with self._turn:
            replies = await self._exchange(commands)
            missed = [at for at, reply in enumerate(replies) if isinstance(reply, Refusal) and reply.is_library_missing]
            if missed:
                (loaded,) = await self._exchange([_LOAD_LIBRARY])
                if isinstance(loaded, Refusal):
                    raise StoreUnavailable(f"the store refuses our functions: {loaded}")
                for at, reply in zip(missed, await self._exchange([commands[at] for at in missed]), strict=True):
                    replies[at] = reply
            return replies

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
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


def _share(questions: deque[_Question]) -> Sequence[_Question]:
    """The next round's questions, at least one."""
    shared = [questions.popleft()]
    commands = len(shared[0].commands)
    while questions and commands + len(questions[0].commands) <= commands_per_round_max:
        shared.append(questions.popleft())
        commands += len(shared[-1].commands)
    return shared


def _fail(questions: Sequence[_Question], failure: Exception) -> None:
    for question in questions:
        if not question.answered.done():
            question.answered.set_exception(failure)


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
