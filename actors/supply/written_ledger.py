"""A supplier's ledger with its journal: opened under a new epoch, and nothing counts before it is durable.

The journal keeps a ledger as it keeps a pool, under `SupplierName.book`: so a second live copy is fenced off by the
epoch, many purchases share one sync of the disk, and an append in doubt is found out about (committer.py).
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from actors.committer import Committer, Desk
from engine.errors import CardkeepError, Fenced, InvariantBroken, PoolClosed, StoreUnavailable
from engine.names import PoolName
from engine.ports import Clock, History, Journal
from engine.supply.attempts import Event
from engine.supply.codec import pack_ledger_record, read_ledger_record
from engine.supply.ledger import Caution, Ledger
from engine.supply.ports import STASH
from engine.supply.snapshot import fill

#: Events replayed before others in this process get a turn: a few milliseconds.
_EVENTS_PER_TURN = 500

_log = logging.getLogger(__name__)

Observe = Callable[[int, int, float], None]
"""Is told of each group that was written: books, events, seconds."""

Tell = Callable[[Sequence[Event]], None]
"""Is told what happens, as soon as it is decided."""


async def replay(ledger: Ledger, book: PoolName, history: History) -> None:
    """Bring a new ledger to where its journal is. Raises InvariantBroken when its parts do not fit together."""
    try:
        await _replay(ledger, book, history)
    except (AssertionError, LookupError, TypeError, ValueError, AttributeError) as mistake:
        raise InvariantBroken(f"the journal of {book} tells what cannot have happened: {mistake!r}") from mistake


async def _replay(ledger: Ledger, book: PoolName, history: History) -> None:
    if history.snapshot is not None:
        for _ in fill(ledger, history.snapshot):
            await asyncio.sleep(0)
    since_turn = 0
    for packed in history.records:
        record = read_ledger_record(packed)
        if record.first_seq != ledger.seq + 1:
            raise InvariantBroken(f"the journal of {book} goes from seq {ledger.seq} to seq {record.first_seq}")
        for event in record.events:
            ledger.apply(event)
        since_turn += len(record.events)
        if since_turn >= _EVENTS_PER_TURN:
            since_turn = 0
            await asyncio.sleep(0)
    if ledger.seq != history.position.seq:
        raise InvariantBroken(
            f"the journal of {book} ends at seq {ledger.seq}, but says it has {history.position.seq} events"
        )


class WrittenLedger:
    """One copy's ledger. `open` comes first; what `ledger` decides has to be given to `write` in the same turn."""

    def __init__(self, book: PoolName, journal: Journal, clock: Clock, *, observe: Observe, tell: Tell) -> None:
        self.ledger: Ledger
        #: Up to which event the journal had a snapshot, as far as this copy knows.
        self.snapshot_seq = 0
        self._book = book
        self._journal = journal
        self._clock = clock
        self._tell = tell
        self._committer = Committer(journal, observe)
        self._place: Desk

    async def open(self, caution: Caution) -> None:
        """Claim the ledger, so that every other copy is fenced, and replay it.

        Raises StoreUnavailable and InvariantBroken; a claim that was not answered binds nobody.
        """
        history = await self._journal.claim(self._book)
        ledger = Ledger(caution)
        await replay(ledger, self._book, history)
        self.ledger = ledger
        self.snapshot_seq = history.snapshot_seq
        self._place = Desk(self._book, history.position.epoch, history.position.seq, pack_ledger_record)

    @property
    def seq(self) -> int:
        """The last event that is durable."""
        return self._place.seq

    @property
    def failure(self) -> Fenced | InvariantBroken | None:
        """Why this copy must stop; None as long as it is the one that counts."""
        return self._place.failure

    def now_ms(self) -> int:
        """The clock, which never steps back here."""
        return max(self._clock.now_ms(), self.ledger.last_ms)

    def check(self) -> None:
        """Raise what keeps a new attempt from being written down: PoolClosed, StoreUnavailable or InvariantBroken."""
        if isinstance(self.failure, Fenced):
            raise PoolClosed(f"another copy keeps the ledger of {self._book}")
        if self.failure is not None:
            raise self.failure
        if self._committer.is_stalled or self._committer.is_full:
            raise StoreUnavailable("the store does not answer")

    def write(self, events: Sequence[Event], stash: Mapping[bytes, bytes] | None = None) -> asyncio.Future[None]:
        """Make these events durable, with the sealed codes that came with them. Has its place in line at once.

        The answer may be let alone. It is PoolClosed when another copy has taken over and none of this happened,
        InDoubt when that one may have found it, InvariantBroken when the journal is not what we know of it.
        Without events it proves that the ledger is still ours.
        """
        heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heard.add_done_callback(_look_at)

        def hear(failure: Exception | None) -> None:
            if heard.done():
                return
            if failure is None:
                heard.set_result(None)
            elif isinstance(failure, Fenced):
                heard.set_exception(PoolClosed(f"another copy keeps the ledger of {self._book}"))
            else:
                heard.set_exception(failure)

        self._tell(events)
        self._committer.board(self._place, events, {STASH: stash} if stash else {}, hear)
        return heard

    async def finish(self) -> None:
        """Wait until nothing is under way."""
        await self._committer.finish()


def _look_at(heard: asyncio.Future[None]) -> None:
    """Whoever wrote may not wait; then the log is the only one to be told."""
    failure = None if heard.cancelled() else heard.exception()
    if failure is not None and not isinstance(failure, CardkeepError):
        _log.error("ledger_write_failed cause=%r", failure)
