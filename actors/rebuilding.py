"""A pool rebuilt from what the store has of it, all at once or piece by piece while its owner goes on."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator

from actors.garbage import made_to_last
from engine.errors import InDoubt, InvariantBroken, StoreUnavailable
from engine.names import PoolName
from engine.ports import NOTHING, History, Journal, Known
from engine.stock.codec import read_record
from engine.stock.events import Event
from engine.stock.pool import Pool
from engine.stock.snapshot import fill
from engine.stock.state import State

#: Events replayed before others in this process get a turn: a few milliseconds.
_EVENTS_PER_SLICE = 500

#: Records that may be missing when a pool is claimed: what they hold is read while nobody answers for it. So few are
#: taken in at once, and a quiet SKU, of which thousands may come together, waits for no turn.
_TAIL_RECORDS_MAX = 64

#: Readings of a journal that is written to all the while, before the pool is claimed anyway.
_READINGS_MAX = 10

#: Between two tries at a store that is away.
_AGAIN_EVERY_S = 0.25

_log = logging.getLogger(__name__)

_DONE = object()

Watch = Callable[[State, Event], None]
"""Hears of an event that was just applied, with the pool as it is then."""


class Rebuilt:
    """A pool as far as its history was read; `known` says how far that is. `watch` hears of each event it replays.

    Of all that share `turns` one works in each turn of the loop, a few milliseconds: however many pools come to an
    owner at once, its buyers wait for one slice.
    """

    def __init__(self, name: PoolName, watch: Watch | None = None, *, turns: asyncio.Lock | None = None) -> None:
        self.name = name
        self._watch = watch
        self._turns = turns or asyncio.Lock()
        self.pool = Pool(name)
        self.known = NOTHING
        self._epoch = 0

    async def take_in(self, history: History) -> None:
        """What was read with `known`: more of the same, or all anew. Raises InvariantBroken when it does not fit."""
        try:
            await self._replay(history)
        except (AssertionError, LookupError, TypeError, ValueError, AttributeError) as mistake:
            raise InvariantBroken(
                f"the journal of {self.name} tells what cannot have happened: {mistake!r}"
            ) from mistake

    async def _replay(self, history: History) -> None:
        slices = self._slices(history)
        if history.snapshot is None and len(history.records) <= _TAIL_RECORDS_MAX:
            deque(slices, maxlen=0)
            return
        is_done = False
        while not is_done:
            async with self._turns:
                is_done = next(slices, _DONE) is _DONE
                made_to_last()
                await asyncio.sleep(0)

    def _slices(self, history: History) -> Iterator[None]:
        """Take it in, with a pause after every few milliseconds' work."""
        if history.snapshot_seq != self.known.snapshot_seq:
            state = State(self.name)
            if history.snapshot is not None:
                yield from fill(state, history.snapshot)
            self.pool = Pool(self.name, state)
            self._epoch = 0
        events, watch = 0, self._watch
        for packed in history.records:
            record = read_record(packed)
            if record.first_seq != self.pool.state.seq + 1 or record.epoch < self._epoch:
                raise InvariantBroken(
                    f"the journal of {self.name} goes from seq {self.pool.state.seq} (epoch {self._epoch})"
                    f" to seq {record.first_seq} (epoch {record.epoch})"
                )
            self._epoch = record.epoch
            for event in record.events:
                self.pool.apply(event)
                if watch is not None:
                    watch(self.pool.state, event)
            events += len(record.events)
            if events >= _EVENTS_PER_SLICE:
                events = 0
                yield
        if self.pool.state.seq != history.position.seq:
            raise InvariantBroken(
                f"the journal of {self.name} ends at seq {self.pool.state.seq},"
                f" but says it has {history.position.seq} events"
            )
        self.known = Known(history.snapshot_seq, history.position)


async def rebuild(name: PoolName, history: History, watch: Watch | None = None) -> Pool:
    """A pool from its whole history; `watch` hears of each event of it after the snapshot.

    Raises InvariantBroken when its parts do not fit together.
    """
    rebuilt = Rebuilt(name, watch)
    await rebuilt.take_in(history)
    return rebuilt.pool


async def take_over(
    journal: Journal, name: PoolName, is_wanted: Callable[[], bool], *, turns: asyncio.Lock | None = None
) -> tuple[Pool, History] | None:
    """Rebuild a pool beside whoever still serves it, then claim it and catch up: as of then it is the caller's.

    The history is what the claim answered; `turns` are those of Rebuilt. Waits for a store that is away; None as soon
    as `is_wanted` says no. Raises InvariantBroken when the journal cannot be rebuilt.
    """
    ahead = Rebuilt(name, turns=turns)
    for _ in range(_READINGS_MAX):
        history = await _read_on(ahead, journal.read, is_wanted)
        if history is None or len(history.records) <= _TAIL_RECORDS_MAX:
            break
    history = await _read_on(ahead, journal.claim, is_wanted)
    return None if history is None else (ahead.pool, history)


async def _read_on(
    ahead: Rebuilt, ask: Callable[[PoolName, Known], Awaitable[History]], is_wanted: Callable[[], bool]
) -> History | None:
    """What the journal has beyond what is known, taken in."""
    while is_wanted():
        try:
            history = await ask(ahead.name, ahead.known)
        except (StoreUnavailable, InDoubt) as away:
            _log.warning("opening_waits pool=%s cause=%s", ahead.name, away)
            await asyncio.sleep(_AGAIN_EVERY_S)
        else:
            await ahead.take_in(history)
            return history
    return None
