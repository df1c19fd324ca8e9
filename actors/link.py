"""A front end's line to one owner: one connection, many requests, each pool's commands in batches.

Two buses, no timetable: for each pool up to `batches_under_way_max` batches travel, and the next one
gathers meanwhile. A broken connection ends every request that was under way *in doubt*: the owner may
have done it, so the same command is asked again, never another. So does an owner that does not answer
in time; what was not sent by then surely did not happen.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from actors.wire import Address, Connect, Frames, Verdict, connect, hello
from engine.errors import InDoubt, InvariantBroken, NotDone, Overloaded, PoolClosed, StoreUnavailable
from engine.names import PoolName
from engine.stock.codec import pack, plain, read_outcome
from engine.stock.commands import Command, ListBatches, ListSold, Receive
from engine.stock.outcomes import Outcome

#: Batches of one pool on their way at once: one in the owner's append, one on the wire behind it.
batches_under_way_max = 2

#: Commands in one batch; about 100 KB, decided in a few milliseconds.
commands_per_batch_max = 512

#: How long a connection may take to come about: on one machine microseconds, to a dead one for ever.
connect_within_s = 2.0

#: Between two looks for callers whose time is up: how late they may hear of it.
look_every_s = 0.05

#: Commands of one pool that may wait in this front end. At 10,000 a second this is 0.8 s of queue:
#: who comes later is better told at once.
commands_waiting_max = 8_192


#: An import chunk takes a while; the pages of listings, many in one reply, would outgrow a frame.
_TRAVEL_ALONE = (Receive, ListBatches, ListSold)


class NotOwner(NotDone):
    """The owner asked does not own the pool: the placement has changed. Look it up again, then ask there."""


class Answer(NamedTuple):
    """An outcome with the epoch and seq it rests on; None when the deadline passed before its turn."""

    epoch: int
    seq: int
    replayed: bool
    outcome: Outcome | None


class _Waiting(NamedTuple):
    deadline_ms: int
    until_s: float
    command: Command
    future: asyncio.Future[Answer]


class _Bus:
    """One pool's commands: those that gather, and how many batches are on their way."""

    __slots__ = ("gathering", "under_way")

    def __init__(self) -> None:
        self.gathering: deque[_Waiting] = deque()
        self.under_way = 0


class Link:
    """The connection to one owner at one address. Once broken it stays so; make another."""

    def __init__(self, address: Address, token: str, *, connect: Connect = connect) -> None:
        self.address = address
        self._token = token
        self._connect = connect
        self._frames: Frames | None = None
        self._buses: dict[PoolName, _Bus] = {}
        self._replies: dict[int, tuple[PoolName, Sequence[_Waiting]]] = {}
        self._last_id = 0
        self._looking: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        """Whether it can still carry commands."""
        return self._frames is not None and self._frames.is_open

    @property
    def waiting(self) -> int:
        """Commands gathered and not yet sent."""
        return sum(len(bus.gathering) for bus in self._buses.values())

    async def open(self) -> None:
        """Connect. Raises PoolClosed when nobody listens."""
        try:
            async with asyncio.timeout(connect_within_s):
                self._frames = await self._connect(self.address, self._on_frame, self._on_end)
        except (OSError, TimeoutError) as away:
            raise PoolClosed(f"no owner listens at {self.address}: {away}") from away
        self._frames.send(hello(self._token))

    async def ask(self, pool: PoolName, command: Command, deadline_ms: int, *, until_s: float) -> Answer:
        """Send a command with the next batch and wait for its answer, at most until the loop's time is `until_s`.

        Raises Overloaded, NotOwner, PoolClosed or StoreUnavailable (nothing happened), InDoubt (the
        connection broke, or no answer came), InvariantBroken (the pool has stopped).
        """
        if not self.is_open:
            raise PoolClosed(f"the line to {self.address} is down")
        bus = self._buses.get(pool)
        if bus is None:
            bus = self._buses[pool] = _Bus()
        if len(bus.gathering) >= commands_waiting_max:
            raise Overloaded(f"{commands_waiting_max} commands already wait for {pool}")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        bus.gathering.append(_Waiting(deadline_ms, until_s, command, future))
        if self._looking is None:
            self._looking = loop.call_later(look_every_s, self._look_for_late)
        if bus.under_way < batches_under_way_max:
            self._depart(pool, bus)
        return await future

    def close(self) -> None:
        """Hang up; what is under way ends in doubt."""
        if self._frames is not None:
            self._frames.close()

    def _depart(self, pool: PoolName, bus: _Bus) -> None:
        passengers = _board(bus.gathering)
        if not passengers or self._frames is None:
            return
        items = [(one.deadline_ms, *plain(one.command)) for one in passengers]
        try:
            self._frames.send((self._last_id + 1, pool.tenant, pool.sku, items))
        except (OverflowError, TypeError, ValueError):
            _turn_away(passengers, bus.gathering)
            self._depart(pool, bus)
            return
        self._last_id += 1
        bus.under_way += 1
        self._replies[self._last_id] = (pool, passengers)

    def _on_frame(self, _frames: Frames, message: Any) -> None:
        request_id, verdict, body = message
        pool, passengers = self._replies[request_id]
        if verdict == Verdict.DONE:
            epoch, replies = body
            for one, (seq, replayed, fields) in zip(passengers, replies, strict=True):
                if not one.future.done():
                    outcome = None if fields is None else read_outcome(fields)
                    one.future.set_result(Answer(epoch, seq, replayed, outcome))
        else:
            _fail(passengers, _failure(verdict, body))
        # Not before all is read: what cannot be read ends the connection, and these callers with it.
        del self._replies[request_id]
        bus = self._buses[pool]
        bus.under_way -= 1
        if bus.gathering:
            self._depart(pool, bus)

    def _on_end(self, _frames: Frames) -> None:
        under_way, self._replies = self._replies, {}
        for _, passengers in under_way.values():
            _fail(passengers, InDoubt(f"the line to {self.address} broke"))
        for bus in self._buses.values():
            _fail(bus.gathering, PoolClosed(f"the line to {self.address} broke before this was sent"))
        self._buses.clear()

    def _look_for_late(self) -> None:
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        for _, passengers in self._replies.values():
            late = [one for one in passengers if one.until_s <= now_s]
            _fail(late, InDoubt(f"{self.address} did not answer in time"))
        for bus in self._buses.values():
            late = [one for one in bus.gathering if one.until_s <= now_s]
            _fail(late, PoolClosed(f"{self.address} takes nothing at the moment; this was not sent"))
        is_busy = bool(self._replies) or any(bus.gathering for bus in self._buses.values())
        self._looking = loop.call_later(look_every_s, self._look_for_late) if is_busy else None


def _board(gathering: deque[_Waiting]) -> Sequence[_Waiting]:
    """The next batch, without those who have gone."""
    passengers: list[_Waiting] = []
    while gathering and len(passengers) < commands_per_batch_max:
        is_alone = isinstance(gathering[0].command, _TRAVEL_ALONE)
        if is_alone and passengers:
            break
        one = gathering.popleft()
        if not one.future.done():
            passengers.append(one)
            if is_alone:
                break
    return passengers


def _turn_away(passengers: Sequence[_Waiting], gathering: deque[_Waiting]) -> None:
    """A batch could not be packed: whoever is at fault gets the reason, the others board again, in their order."""
    for one in reversed(passengers):
        try:
            pack(plain(one.command))
        except (OverflowError, TypeError, ValueError) as mistake:
            one.future.set_exception(mistake)
        else:
            gathering.appendleft(one)


def _fail(passengers: Sequence[_Waiting] | deque[_Waiting], failure: Exception) -> None:
    for one in passengers:
        if not one.future.done():
            one.future.set_exception(failure)


def _failure(verdict: int, text: str) -> Exception:
    match verdict:
        case Verdict.NOT_OWNER:
            return NotOwner(text)
        case Verdict.STORE_UNAVAILABLE:
            return StoreUnavailable(text)
        case Verdict.OVERLOADED:
            return Overloaded(text)
        case Verdict.STOPPED:
            return InvariantBroken(text)
        case Verdict.IN_DOUBT:
            return InDoubt(text)
    return PoolClosed(text)
