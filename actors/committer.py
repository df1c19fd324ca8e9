"""Group commit: no answer leaves before the journal has what it rests on.

Rules.
1. One append is under way, one group is filling. When the append returns, all that gathered goes next.
   Idle, nothing waits; busy, groups grow by themselves. There is no timer.
2. `board` takes its place in the group at once, so the journal's order is the order of deciding.
3. Answers without events wait too: they may rest on events under way, and only the store can say that
   we still own the pool. Their append is empty: it asks for the position and writes nothing.
4. After an append of unknown outcome, nothing is repaired in memory. We ask for the position until the
   store answers: there it is (done), or the seq is the old one (append again), or the epoch is another
   one (fenced), or the books differ (the pool stops). Fenced after such an append is in doubt: the newer
   owner may have found it in the journal.

Warning. This loop is never cancelled while an append is under way; a caller that stops waiting changes
nothing.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain
from time import perf_counter
from typing import Any

from engine.errors import Fenced, InDoubt, InvariantBroken, StoreUnavailable
from engine.names import PoolName
from engine.ports import Append, Attachments, Journal, Position
from engine.stock.codec import pack_record

#: Events that may gather in one group before new work is refused: an append of about 50 MB at most.
events_per_group_max = 100_000

#: Pause between two questions to a store that does not answer.
ask_again_s = 0.1

_log = logging.getLogger(__name__)
_new = tuple.__new__


Pack = Callable[[int, int, Sequence[Any]], bytes]
"""Makes a journal record of events: `pack(epoch, first seq, events)`."""


class Desk:
    """One open pool's place in the journal: who we are there, and how far we got. `pack` knows what happens there."""

    def __init__(self, name: PoolName, epoch: int, seq: int, pack: Pack = pack_record) -> None:
        self.name = name
        self.epoch = epoch
        self.seq = seq
        self.pack = pack
        self.failure: Fenced | InvariantBroken | None = None


Hear = Callable[[Exception | None], None]
"""Is told, once, that what it waited for is durable (None), or why it is not."""


class _Seat:
    """What one pool contributes to a group, and who waits for it."""

    __slots__ = ("attachments", "events", "failure", "hearers", "parts")

    def __init__(self, events: Sequence[Any], hear: Hear) -> None:
        self.parts = [events]
        #: How many events the parts have.
        self.events = len(events)
        self.attachments: dict[str, dict[bytes, bytes]] = {}
        self.hearers = [hear]
        self.failure: Exception | None = None


class Committer:
    """All appends of one owner. `observe(pools, events, seconds)` is told of each group that was written."""

    def __init__(self, journal: Journal, observe: Callable[[int, int, float], None]) -> None:
        self._journal = journal
        self._observe = observe
        self._filling: dict[Desk, _Seat] = {}
        self._events_waiting = 0
        self._running: asyncio.Task[None] | None = None
        #: True while the store does not answer: new work should be refused before it is decided.
        self.is_stalled = False

    @property
    def is_full(self) -> bool:
        """Whether the group that fills has reached its bound."""
        return self._events_waiting >= events_per_group_max

    def board(self, desk: Desk, events: Sequence[Any], attachments: Attachments, hear: Hear) -> None:
        """Board the next group. `hear` is called, never at once, when all this rests on is durable or cannot be.

        It hears None, or Fenced when another owner has taken over (nothing of this happened), InDoubt when one has
        and may have found this in the journal, InvariantBroken when the journal is not what we know of it.
        """
        if desk.failure is not None:
            asyncio.get_running_loop().call_soon(hear, desk.failure)
            return
        seat = self._filling.get(desk)
        if seat is None:
            seat = self._filling[desk] = _Seat(events, hear)
        else:
            seat.parts.append(events)
            seat.events += len(events)
            seat.hearers.append(hear)
        self._events_waiting += len(events)
        if attachments:
            for name, fields in attachments.items():
                seat.attachments.setdefault(name, {}).update(fields)
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._run())

    async def finish(self) -> None:
        """Wait until nothing is filling or under way."""
        while self._running is not None:
            await asyncio.shield(self._running)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._filling:
                group, self._filling, self._events_waiting = self._filling, {}, 0
                await self._write(group)
                # They are told after the next append is on its way: the store works while answers are written.
                loop.call_soon(_tell, group.values())
        finally:
            self._running = None

    async def _write(self, group: Mapping[Desk, _Seat]) -> None:
        """Write a group, and note in each seat what became of it."""
        appends = {desk: append for desk, seat in group.items() if (append := _boarded(desk, seat)) is not None}
        began_s = perf_counter()
        try:
            positions, in_doubt = await self._append(appends)
        except Exception as mistake:  # noqa: BLE001 - see _give_up
            _give_up({desk: group[desk] for desk in appends}, mistake)
            return
        self._observe(len(appends), sum([append.events for append in appends.values()]), perf_counter() - began_s)
        for desk, append in appends.items():
            epoch, seq = positions[desk]
            if epoch == append.epoch and seq == append.seq_before + append.events:
                desk.seq = seq
            elif epoch != append.epoch:
                text = f"{desk.name} is owned by epoch {epoch}, no longer by {desk.epoch}"
                desk.failure = Fenced(text)
                group[desk].failure = InDoubt(text) if desk in in_doubt else desk.failure
            else:
                text = f"the journal of {desk.name} is at seq {seq}, we are at {append.seq_before}"
                desk.failure = group[desk].failure = InvariantBroken(text)

    async def _append(self, appends: Mapping[Desk, Append]) -> tuple[Mapping[Desk, Position], AbstractSet[Desk]]:
        """Append, and find out what became of it however long that takes; also says what was ever in doubt."""
        done: dict[Desk, Position] = {}
        in_doubt: set[Desk] = set()
        open_still = dict(appends)
        while open_still:
            try:
                positions = await self._journal.append(list(open_still.values()))
                done.update(zip(open_still, positions, strict=True))
                break
            except (InDoubt, StoreUnavailable) as failure:
                _log.warning("append_unanswered pools=%d cause=%s", len(open_still), failure)
                if self.is_stalled:  # A store that answers questions but takes no writes must not be asked in a frenzy.
                    await asyncio.sleep(ask_again_s)
                self.is_stalled = True
                if isinstance(failure, InDoubt):
                    in_doubt.update(desk for desk, append in open_still.items() if append.events)
            for desk, append in list(open_still.items()):
                position = await self._position(desk.name)
                if position != Position(append.epoch, append.seq_before) or not append.events:
                    done[desk] = position
                    del open_still[desk]
        self.is_stalled = False
        return done, in_doubt

    async def _position(self, name: PoolName) -> Position:
        while True:
            try:
                return await self._journal.position(name)
            except (InDoubt, StoreUnavailable):
                await asyncio.sleep(ask_again_s)


def _boarded(desk: Desk, seat: _Seat) -> Append | None:
    """What a pool brings to the append; None when it may not come along, and its seat says why."""
    if desk.failure is None:
        try:
            return _append(desk, seat)
        except (TypeError, ValueError, OverflowError) as mistake:
            desk.failure = InvariantBroken(f"what happened to {desk.name} cannot be written: {mistake!r}")
    seat.failure = desk.failure
    return None


def _append(desk: Desk, seat: _Seat) -> Append:
    parts = seat.parts
    events = parts[0] if len(parts) == 1 else [*chain.from_iterable(parts)]
    record = desk.pack(desk.epoch, desk.seq + 1, events) if events else b""
    # As a plain tuple, which takes half the time: there is one for each pool of each group.
    return _new(Append, (desk.name, desk.epoch, desk.seq, seat.events, record, seat.attachments))


def _give_up(group: Mapping[Desk, _Seat], mistake: Exception) -> None:
    """Nobody knows what the journal has now. To write on could leave a gap in it, so these pools stop."""
    _log.error("append_broke pools=%d", len(group), exc_info=mistake)
    for desk, seat in group.items():
        broken = InvariantBroken(f"the journal of {desk.name} could not be written: {mistake!r}")
        desk.failure = broken
        seat.failure = InDoubt(str(broken)) if seat.events else broken


def _tell(seats: Iterable[_Seat]) -> None:
    for seat in seats:
        for hear in seat.hearers:
            try:
                hear(seat.failure)
            except Exception:  # noqa: BLE001 - the others wait to hear, too
                _log.exception("hearer_failed")
