"""The archivist: folds a pool's journal into a snapshot, and archives what the pool may then forget.

It works from the journal alone, in a process of its own, so that a running sale never waits for a
snapshot; and since it rebuilds the pool the way a recovery would, each fold proves that recovery works.
"""

import logging

from actors.filing import file_away
from actors.history.historian import Historian, HistoryUnwritten
from actors.rebuilding import rebuild
from engine import limits
from engine.errors import InDoubt, InvariantBroken, StoreUnavailable
from engine.names import PoolName
from engine.ports import Archive, Journal
from engine.stock.archiving import to_archive
from engine.stock.snapshot import dump
from engine.stock.state import State

#: Answers a pool keeps in memory from one fold to the next, however recent: what a recovery reads first, in 0.4 s.
#: At 10,000 requests a second they are the last five seconds, within which nearly every retry comes.
answers_in_memory_max = 50_000

_log = logging.getLogger(__name__)


class Archivist:
    """Folds pools, one at a time each. With a historian, what happened is written down before it is cut off."""

    def __init__(self, journal: Journal, archive: Archive, historian: Historian | None = None) -> None:
        self._journal = journal
        self._archive = archive
        self._historian = historian

    async def fold(self, name: PoolName) -> int | None:
        """Archive, then put a snapshot in the journal's place.

        Returns the moment before which everything is archived, so that the owner may forget it; None
        when nothing came of it this time. Raises InvariantBroken when the journal cannot be rebuilt,
        or tells of a pool that breaks the law of conservation.
        """
        try:
            chronicle = None if self._historian is None else await self._historian.begin(name)
            history = await self._journal.read(name)
            pool = await rebuild(name, history, None if chronicle is None else chronicle.happened)
            pool.check()
            if self._historian is not None and chronicle is not None:
                rows = chronicle.rows(pool.state)
                await self._historian.keep(name, rows, history.snapshot_seq, pool.state.seq)
            before_ms = _forgettable_before_ms(pool.state)
            answers, references = to_archive(pool.state, before_ms)
            seq = pool.state.seq
            if not (
                await file_away(self._archive, name, answers, limits.answers_keep_ms, as_of_seq=seq)
                and await file_away(self._archive, name, references, None, as_of_seq=seq)
                and await self._journal.fold(name, history, dump(pool.state), seq)
            ):
                _log.info("fold_overtaken pool=%s seq=%d", name, seq)
                return None
        except HistoryUnwritten as unwritten:
            _log.warning("fold_put_off pool=%s cause=history: %s", name, unwritten)
            return None
        except (StoreUnavailable, InDoubt) as away:
            _log.warning("fold_given_up pool=%s cause=%s", name, away)
            return None
        except InvariantBroken:
            _log.exception("fold_impossible pool=%s", name)
            raise
        _log.info("folded pool=%s seq=%d archived=%d", name, pool.state.seq, len(answers) + len(references))
        return before_ms


def _forgettable_before_ms(state: State) -> int:
    """Answers older than this have had their time in memory, or are too many."""
    before_ms = state.last_ms - limits.answers_in_memory_ms
    answers = list(state.memory.answers.values())
    if len(answers) > answers_in_memory_max:
        before_ms = max(before_ms, answers[-answers_in_memory_max].at_ms)
    return before_ms
