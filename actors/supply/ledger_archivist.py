"""Folds a ledger's journal into a snapshot, and archives what the ledger may then forget.

As the archivist of pools does: from the journal alone, so that each fold proves that a recovery would work.
"""

import logging

from actors.filing import file_away
from actors.supply.written_ledger import replay
from engine import limits
from engine.errors import InDoubt, InvariantBroken, StoreUnavailable
from engine.money import Money
from engine.names import PoolName
from engine.ports import Archive, Journal
from engine.supply.ledger import Caution, Ledger
from engine.supply.snapshot import dump, to_archive

#: How long what is over stays in memory: a statement of the last month is compared with all of it, if there is room.
over_keep_ms = 35 * limits.DAY_MS

#: Attempts that are over and in memory at most, however young: 2 KB each, read from a snapshot in a third of a second.
over_in_memory_max = 20_000

#: How long the archive keeps an attempt: a year's accounts, and a little more.
archive_keep_ms = 400 * limits.DAY_MS

#: A ledger that is only replayed decides nothing, so any caution will do.
_NO_CAUTION = Caution(0, 0, Money(0, ""), 0)

_log = logging.getLogger(__name__)


class LedgerArchivist:
    """Folds ledgers, one at a time each."""

    def __init__(self, journal: Journal, archive: Archive) -> None:
        self._journal = journal
        self._archive = archive

    async def fold(self, book: PoolName) -> int | None:
        """Archive, then put a snapshot in the journal's place.

        Returns the moment before which everything that is over is archived, so that the desk may forget it; None when
        nothing came of it this time. Raises InvariantBroken when the journal cannot be replayed.
        """
        try:
            history = await self._journal.read(book)
            ledger = Ledger(_NO_CAUTION)
            await replay(ledger, book, history)
            before_ms = _forgettable_before_ms(ledger)
            archived = to_archive(ledger.over_before(before_ms))
            if not (
                await file_away(self._archive, book, archived, archive_keep_ms, as_of_seq=ledger.seq)
                and await self._journal.fold(book, history, dump(ledger), ledger.seq)
            ):
                _log.info("ledger_fold_overtaken book=%s seq=%d", book, ledger.seq)
                return None
        except (StoreUnavailable, InDoubt) as away:
            _log.warning("ledger_fold_given_up book=%s cause=%s", book, away)
            return None
        except InvariantBroken:
            _log.exception("ledger_fold_impossible book=%s", book)
            raise
        _log.info("ledger_folded book=%s seq=%d archived=%d", book, ledger.seq, len(archived))
        return before_ms


def _forgettable_before_ms(ledger: Ledger) -> int:
    """What is over is forgotten when it is old, or when there is too much of it."""
    before_ms = max(0, ledger.last_ms - over_keep_ms)
    changed_ms = sorted(entry.changed_at_ms for entry in ledger.entries.values() if entry.is_over)
    if len(changed_ms) > over_in_memory_max:
        before_ms = max(before_ms, changed_ms[-over_in_memory_max])
    return before_ms
