"""A front end's line to one owner: one connection, many requests, each pool's commands in batches.

Two buses, no timetable: for each pool some batches travel, one where there is little to carry, and the next one gathers
meanwhile. A broken connection ends every request that was under way *in doubt*: the owner may have done it, so the
same command is asked again, never another. So does an owner that does not answer in time; what was not sent by then
surely did not happen.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

from actors.asking import Answer, Hearer
from actors.line import Line, NotOwner, Party, commands_per_batch_max, fail, look_every_s, make_room
from actors.wire import Address, Connect, Frames, Verdict, call, connect
from engine.errors import InDoubt, InvariantBroken, Overloaded, PoolClosed, StoreUnavailable
from engine.framing import pack
from engine.names import PoolName
from engine.stock.codec import plain, read_outcome
from engine.stock.commands import Command, ListBatches, ListSold, Receive, Wait

#: Commands that leave at once, while others of the same turn are still being read, and beside other batches: fewer wait
#: until none is under way, or until the next look, and share a frame, a turn of the owner and an append meanwhile.
commands_leave_min = 16

#: Batches of one pool on their way at once: one in the owner's append, one on the wire behind it.
batches_under_way_max = 2

#: So many while fewer than so many commands are: then everybody on the way has something to do.
small_batches_under_way_max, commands_under_way_few = 4, 64

#: Whose time is over sooner than that waits for no look: he would hear that nobody was asked, and not what is so.
hurries_within_s = 2 * look_every_s

#: An import chunk takes a while; the pages of listings, many in one reply, would outgrow a frame.
_TRAVEL_ALONE = (Receive, ListBatches, ListSold, Wait)


class _Lane(NamedTuple):
    """Import chunks have a bus of their own: they wait long for their turn, and nobody should wait behind them.

    So have those who wait for cards, and each leaves as he comes.
    """

    pool: PoolName
    own: type[Command] | None


class _Bus:
    """One lane's commands: those that gather, how many they are, and how many batches are on their way.

    `is_leaving`: one more departs at the end of this turn of the loop, with all that came in it.
    """

    __slots__ = ("commands_under_way", "gathering", "is_free", "is_leaving", "is_of_chunks", "under_way", "waiting")

    def __init__(self, own: type[Command] | None) -> None:
        self.is_free = own is Wait
        self.is_of_chunks = own is Receive
        self.gathering: deque[Party] = deque()
        self.waiting = 0
        self.under_way = self.commands_under_way = 0
        self.is_leaving = False

    @property
    def may_leave(self) -> bool:
        """Whether another batch may travel."""
        if self.is_free or not self.under_way:
            return True
        if self.is_of_chunks:
            return self.under_way < batches_under_way_max
        is_few = self.commands_under_way < commands_under_way_few
        most = small_batches_under_way_max if is_few else batches_under_way_max
        return self.waiting >= commands_leave_min and self.under_way < most


class Link(Line):
    """The connection to one owner at one address. Once broken it stays so; make another."""

    def __init__(self, address: Address, token: str, *, connect: Connect = connect) -> None:
        self.address = address
        self._token = token
        self._connect = connect
        self._frames: Frames | None = None
        self._buses: dict[_Lane, _Bus] = {}
        self._replies: dict[int, tuple[_Lane, Sequence[Party]]] = {}
        self._last_id = 0
        self._looking: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        """Whether it can still carry commands."""
        return self._frames is not None and self._frames.is_open

    @property
    def waiting(self) -> int:
        """Commands gathered and not yet sent."""
        return sum(bus.waiting for bus in self._buses.values())

    async def open(self) -> None:
        """Connect. Raises PoolClosed when nobody listens."""
        self._frames = await call(self._connect, self.address, self._token, self._on_frame, self._on_end)

    def board(
        self,
        pool: PoolName,
        commands: Sequence[Command],
        deadline_ms: int,
        until_s: float,
        hearer: Hearer,
    ) -> None:
        """Send commands with the next batch: see Line."""
        if not self.is_open:
            raise PoolClosed(f"the line to {self.address} is down")
        kind = type(commands[0])
        own = kind if kind is Receive or kind is Wait else None
        lane = _Lane(pool, own)
        bus = self._buses.get(lane)
        if bus is None:
            bus = self._buses[lane] = _Bus(own)
        loop = self._loop
        now_s = loop.time()
        make_room(pool, bus.waiting, bus.gathering[0] if bus.gathering else None, now_s)
        bus.gathering.append(Party(deadline_ms, until_s, commands, hearer, now_s))
        bus.waiting += len(commands)
        if self._looking is None:
            self._looking = loop.call_later(look_every_s, self._look_for_late)
        if bus.may_leave:
            if bus.is_free or bus.waiting >= commands_leave_min:
                self._depart(lane, bus)
            elif not bus.is_leaving:
                bus.is_leaving = True
                loop.call_soon(self._leave, lane, bus)
        elif until_s < now_s + hurries_within_s and bus.under_way < batches_under_way_max:
            self._depart(lane, bus)

    def close(self) -> None:
        """Hang up; what is under way ends in doubt."""
        if self._frames is not None:
            self._frames.close()

    def _leave(self, lane: _Lane, bus: _Bus) -> None:
        """The end of a turn in which somebody boarded."""
        bus.is_leaving = False
        if bus.may_leave:
            self._depart(lane, bus)

    def _depart(self, lane: _Lane, bus: _Bus) -> None:
        parties = _board(bus)
        if not parties or self._frames is None:
            return
        items = [(party.deadline_ms, *plain(command)) for party in parties for command in party.commands]
        try:
            self._frames.send((self._last_id + 1, *lane.pool, items))
        except (OverflowError, TypeError, ValueError):
            _turn_away(parties, bus)
            self._depart(lane, bus)
            return
        self._last_id += 1
        bus.under_way += 1
        bus.commands_under_way += len(items)
        self._replies[self._last_id] = (lane, parties)

    def _on_frame(self, _frames: Frames, message: Any) -> None:
        request_id, verdict, body = message
        lane, parties = self._replies[request_id]
        if verdict == Verdict.DONE:
            epoch, replies = body
            coming = iter(replies)
            for party in parties:
                answers = [
                    Answer(epoch, seq, replayed, None if fields is None else read_outcome(fields))
                    for seq, replayed, fields in islice(coming, len(party.commands))
                ]
                if not party.hearer.done():
                    party.hearer.set_result(answers)
        else:
            fail(parties, _failure(verdict, body))
        # Not before all is read: what cannot be read ends the connection, and these callers with it.
        del self._replies[request_id]
        bus = self._buses[lane]
        bus.under_way -= 1
        bus.commands_under_way -= sum(len(party.commands) for party in parties)
        if bus.gathering and bus.may_leave:
            self._depart(lane, bus)

    def _on_end(self, _frames: Frames) -> None:
        under_way, self._replies = self._replies, {}
        for _, parties in under_way.values():
            fail(parties, InDoubt(f"the line to {self.address} broke"))
        for bus in self._buses.values():
            fail(bus.gathering, PoolClosed(f"the line to {self.address} broke before this was sent"))
        self._buses.clear()

    def _look_for_late(self) -> None:
        loop = self._loop
        now_s = loop.time()
        for _, parties in self._replies.values():
            if late := [party for party in parties if party.until_s <= now_s]:
                fail(late, InDoubt(f"{self.address} did not answer in time"))
        for lane, bus in list(self._buses.items()):
            if late := [party for party in bus.gathering if party.until_s <= now_s]:
                fail(late, PoolClosed(f"{self.address} takes nothing at the moment; this was not sent"))
            if bus.gathering and bus.under_way < batches_under_way_max:
                # What is under way may wait for a store that is away; who asks now hears at once that it is.
                self._depart(lane, bus)
        is_busy = bool(self._replies) or any(bus.gathering for bus in self._buses.values())
        self._looking = loop.call_later(look_every_s, self._look_for_late) if is_busy else None


def _board(bus: _Bus) -> Sequence[Party]:
    """The next batch, without those who have gone."""
    parties: list[Party] = []
    gathering, boarded = bus.gathering, 0
    while gathering and boarded < commands_per_batch_max:
        size = len(gathering[0].commands)
        is_alone = isinstance(gathering[0].commands[0], _TRAVEL_ALONE)
        if parties and (is_alone or boarded + size > commands_per_batch_max):
            break
        party = gathering.popleft()
        bus.waiting -= size
        if not party.hearer.done():
            parties.append(party)
            boarded += size
            if is_alone:
                break
    return parties


def _turn_away(parties: Sequence[Party], bus: _Bus) -> None:
    """A batch could not be packed: whoever is at fault gets the reason, the others board again, in their order."""
    for party in reversed(parties):
        try:
            pack([plain(command) for command in party.commands])
        except (OverflowError, TypeError, ValueError) as mistake:
            party.hearer.set_exception(mistake)
        else:
            bus.gathering.appendleft(party)
            bus.waiting += len(party.commands)


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
