"""The roads of a simulated house: to the store, and between front ends and owners. Here messages get lost.

A call that has left its caller is the road's: it arrives, or not, whatever has become of the caller.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from actors.adapters.memory import MemoryRegistry, MemoryStore
from actors.in_loop import InLoop
from actors.wire import Address, Frames, OnEnd, OnFrame
from engine.errors import CardkeepError, InDoubt, StoreUnavailable
from engine.names import BatchNo, Card, PoolName
from engine.ports import NOTHING, Append, History, Known, Load, Placement, Position, SealedCard, Seat
from tests.sim.faults import Fate, Faults
from tests.sim.loop import Process

#: How long a caller of the store waits for its answer.
_ANSWER_WITHIN_S = 5.0

#: How often bytes arrive in two pieces.
_CUT = 0.2

_T = TypeVar("_T")


class StoreRoad(InLoop):
    """Journal, Archive, SealedCards, Stash and Registry as one process reaches them."""

    def __init__(self, store: MemoryStore, registry: MemoryRegistry, faults: Faults, server: Process) -> None:
        self._store = store
        self._registry = registry
        self._faults = faults
        self._server = server

    async def claim(self, pool: PoolName, known: Known = NOTHING) -> History:
        """See Journal."""
        return await self._ask(self._store.claim, pool, known)

    async def append(self, appends: Sequence[Append]) -> Sequence[Position]:
        """See Journal."""
        return await self._change(self._store.append, appends)

    async def position(self, pool: PoolName) -> Position:
        """See Journal."""
        return await self._ask(self._store.position, pool)

    async def read(self, pool: PoolName, known: Known = NOTHING) -> History:
        """See Journal."""
        return await self._ask(self._store.read, pool, known)

    async def fold(self, pool: PoolName, history: History, snapshot: bytes, snapshot_seq: int) -> bool:
        """See Journal."""
        return await self._change(self._store.fold, pool, history, snapshot, snapshot_seq)

    async def keep(self, pool: PoolName, entries: Mapping[str, bytes], keep_ms: int | None, *, as_of_seq: int) -> bool:
        """See Archive."""
        return await self._ask(partial(self._store.keep, as_of_seq=as_of_seq), pool, entries, keep_ms)

    async def recall(self, pool: PoolName, keys: Sequence[str]) -> Sequence[bytes | None]:
        """See Archive."""
        return await self._ask(self._store.recall, pool, keys)

    async def known(self, pool: PoolName, prints: Sequence[bytes]) -> Sequence[bool]:
        """See SealedCards."""
        return await self._ask(self._store.known, pool, prints)

    async def trace(self, pool: PoolName, prints: Sequence[bytes]) -> Sequence[Card | None]:
        """See SealedCards."""
        return await self._ask(self._store.trace, pool, prints)

    async def data_key(self, pool: PoolName, batch: BatchNo) -> bytes:
        """See SealedCards."""
        return await self._ask(self._store.data_key, pool, batch)

    async def sealed(self, pool: PoolName, cards: Sequence[Card]) -> Sequence[SealedCard]:
        """See SealedCards."""
        return await self._ask(self._store.sealed, pool, cards)

    async def stashed(self, book: PoolName) -> Mapping[bytes, bytes]:
        """See Stash."""
        return await self._ask(self._store.stashed, book)

    async def unstash(self, book: PoolName, fields: Sequence[bytes]) -> None:
        """See Stash."""
        await self._ask(self._store.unstash, book, fields)

    async def add_pool(self, pool: PoolName) -> bool:
        """See Registry."""
        return await self._change(self._registry.add_pool, pool)

    async def pools(self) -> Sequence[PoolName]:
        """See Registry."""
        return await self._ask(self._registry.pools)

    async def place(self, owner_of: Mapping[PoolName, str]) -> int:
        """See Registry."""
        return await self._change(self._registry.place, owner_of)

    async def placement(self, since: int = 0) -> Placement:
        """See Registry."""
        return await self._ask(self._registry.placement, since)

    async def placement_version(self) -> int:
        """See Registry."""
        return await self._ask(self._registry.placement_version)

    async def announce(self, seat: Seat) -> bool:
        """See Registry."""
        return await self._change(self._registry.announce, seat)

    async def retire(self, seat: Seat) -> bool:
        """See Registry."""
        return await self._change(self._registry.retire, seat)

    async def owners(self) -> Sequence[Seat]:
        """See Registry."""
        return await self._ask(self._registry.owners)

    async def report(self, load: Load) -> None:
        """See Registry."""
        await self._change(self._registry.report, load)

    async def loads(self) -> Sequence[Load]:
        """See Registry."""
        return await self._ask(self._registry.loads)

    async def _ask(self, call: Callable[..., Coroutine[Any, Any, _T]], *args: Any) -> _T:
        """A question: without an answer, it is as if it had not been asked."""
        try:
            return await self._change(call, *args)
        except InDoubt as failure:
            raise StoreUnavailable(*failure.args) from failure

    async def _change(self, call: Callable[..., Coroutine[Any, Any, _T]], *args: Any) -> _T:
        loop, faults, fate = self._loop, self._faults, self._faults.fate()
        if faults.is_store_away or fate is Fate.REFUSED:
            await asyncio.sleep(faults.latency_s())
            raise StoreUnavailable("the store is away")
        heard: asyncio.Future[_T] = loop.create_future()
        there_s = faults.latency_s()
        if fate is Fate.STALLED:
            there_s += faults.stall_s()
            loop.call_later(_ANSWER_WITHIN_S, _fail, heard, "no answer in time")
        loop.call_later(there_s, self._arrive, fate, heard, call, args, context=self._server.context)
        return await heard

    def _arrive(self, fate: Fate, heard: "asyncio.Future[Any]", call: Any, args: tuple[Any, ...]) -> None:
        faults = self._faults
        if faults.is_store_away or fate is Fate.LOST_QUESTION:
            _fail(heard, "the connection broke on the way there")
            return
        if fate is Fate.TORN and call == self._store.append:
            # A group is one record for each pool, and each of them is there or not: some are, the rest never left.
            (appends,) = args
            args = (appends[: faults.random.randrange(len(appends) + 1)],)
        answer, failure = _done(call(*args))
        self._loop.call_later(faults.latency_s(), self._answer, fate, heard, answer, failure)

    def _answer(self, fate: Fate, heard: "asyncio.Future[Any]", answer: Any, failure: Exception | None) -> None:
        if self._faults.is_store_away or fate is Fate.LOST_ANSWER or fate is Fate.TORN:
            _fail(heard, "the connection broke on the way back")
        elif failure is not None:
            _tell(heard, failure)
        elif not heard.done():
            heard.set_result(answer)


def _done(work: Coroutine[Any, Any, Any]) -> tuple[Any, Exception | None]:
    """What a store in memory answers, or raises: it awaits nothing."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value, None
    except CardkeepError as failure:
        return None, failure
    raise AssertionError("a store in memory awaits nothing")


def _fail(heard: "asyncio.Future[Any]", why: str) -> None:
    _tell(heard, InDoubt(why))


def _tell(heard: "asyncio.Future[Any]", failure: Exception) -> None:
    if not heard.done():
        heard.set_exception(failure)
        heard.exception()  # Its caller may be gone; then nobody else would look at it.


class _Wire(InLoop, asyncio.Transport):
    """One end of a connection in memory: bytes arrive in order, in pieces, a little later."""

    def __init__(self, mine: Process, frames: Frames, faults: Faults) -> None:
        super().__init__()
        self.peer: _Wire
        self._mine = mine
        self._frames = frames
        self._faults = faults
        self._arrives_s = 0.0
        self._is_closing = False

    def is_closing(self) -> bool:
        return self._is_closing

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """The road takes any amount."""

    def write(self, data: Any) -> None:
        if self._is_closing:
            return
        whole = bytes(data)
        chance = self._faults.random
        cut = chance.randrange(len(whole) + 1) if chance.random() < _CUT else 0
        for piece in (whole[:cut], whole[cut:]):
            if piece:
                self._later(self.peer._receive, piece, to=self.peer._mine)

    def abort(self) -> None:
        """Both ends hear of it, each in its own time."""
        if not self._is_closing:
            self._is_closing = True
            self._loop.call_soon(self._frames.connection_lost, None, context=self._mine.context)
            self._later(self.peer.abort, to=self.peer._mine)

    def close(self) -> None:
        self.abort()

    def _receive(self, piece: bytes) -> None:
        if not self._is_closing:
            self._frames.data_received(piece)

    def _later(self, then: Callable[..., None], *args: Any, to: Process) -> None:
        loop = self._loop
        self._arrives_s = max(self._arrives_s, loop.time() + self._faults.latency_s())
        loop.call_at(self._arrives_s, then, *args, context=to.context)


class _Door:
    """An address at which an owner listens."""

    def __init__(self, process: Process, on_frame: OnFrame, on_end: OnEnd) -> None:
        self.process = process
        self.on_frame = on_frame
        self.on_end = on_end
        self.is_open = True
        process.at_end(self.close)

    def close(self) -> None:
        """Let nobody in any more."""
        self.is_open = False


class Network:
    """All connections between front ends and owners."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._doors: dict[Address, _Door] = {}
        self._wires: list[_Wire] = []

    async def listen(
        self, process: Process, address: Address, on_frame: OnFrame, on_end: OnEnd
    ) -> tuple[_Door, Address]:
        """See actors.wire.listen."""
        self._doors[address] = _Door(process, on_frame, on_end)
        return self._doors[address], address

    async def connect(self, process: Process, address: Address, on_frame: OnFrame, on_end: OnEnd) -> Frames:
        """See actors.wire.connect. A paused owner is let in to: its kernel answers for it."""
        await asyncio.sleep(self._faults.latency_s())
        door = self._doors.get(address)
        if door is None or not door.is_open:
            raise ConnectionRefusedError(f"nobody listens at {address}")
        caller = _Wire(process, Frames(on_frame, on_end, is_caller=True), self._faults)
        owner = _Wire(door.process, Frames(door.on_frame, door.on_end, is_caller=False), self._faults)
        caller.peer, owner.peer = owner, caller
        for wire in (caller, owner):
            wire._mine.at_end(wire.abort)
            loop = asyncio.get_running_loop()
            loop.call_soon(wire._frames.connection_made, wire, context=wire._mine.context)
        self._wires = [wire for wire in self._wires if not wire.is_closing()] + [caller]
        await asyncio.sleep(0)
        return caller._frames

    def break_line(self) -> None:
        """One connection ends in the middle of whatever it is doing."""
        open_wires = [wire for wire in self._wires if not wire.is_closing()]
        if open_wires:
            self._faults.random.choice(open_wires).abort()
