"""The historian: writes down what a journal is about to lose. It sits beside the archivist, in its process.

A fold asks it twice: `begin`, before the pool is rebuilt, for a chronicle that hears the events; and `keep`, before
the journal is cut, to write its rows. What cannot be written is not folded: the fold is put off, the sale goes on,
and the journal grows until the disk is well again. A fold that is repeated finds its rows written and adds none.

Each table knows by the names of its own files how far it goes, so tables need not be written in one step. A lock on
the whole keeps a second historian, of an archivist that was started anew, from writing the same events beside us.
"""

import asyncio
import fcntl
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from actors.adapters.columnar import Columnar, ColumnsFailed, FileGone
from actors.history.parts import Part, covered_to, folder_of, parts_in, pool_folders, tidy, write_part
from actors.metrics import HistoryMetrics
from engine.errors import NotDone
from engine.history.chronicle import Chronicle
from engine.history.tables import TABLES, HoldCount, Row
from engine.limits import DAY_MS
from engine.names import PoolName

#: Parts of one table and pool before they are merged: a report opens so many files a pool at most, and a few more.
parts_max = 8

#: Parts of this size are left alone, and merging makes none much larger: so a row is rewritten a few times at most.
part_bytes_max = 32 * 1024 * 1024

#: How long nothing is tried again after a failure: every try rebuilds the pool first.
rest_after_failure_s = 60.0

_log = logging.getLogger(__name__)


class HistoryUnwritten(NotDone):
    """The rows could not be written, so the journal must not be cut."""


class Historian:
    """Writes under `root`. `keep_days`: parts whose youngest row is older are removed; 0 keeps all."""

    def __init__(self, root: Path, keep_days: int, metrics: HistoryMetrics) -> None:
        self._root = root
        self._keep_days = keep_days
        self._metrics = metrics
        self._writing = asyncio.Lock()
        self._rests_until_s = 0.0

    async def begin(self, pool: PoolName) -> Chronicle:
        """What will hear the pool's events. Raises HistoryUnwritten while writing is known to fail."""
        if time.monotonic() < self._rests_until_s:
            raise HistoryUnwritten("it failed a moment ago, and is tried again in a while")
        try:
            return Chronicle(await asyncio.to_thread(self._covered, pool))
        except OSError as failed:
            raise self._failed(pool, failed) from failed

    async def keep(self, pool: PoolName, rows: Mapping[str, Sequence[Row]], since: int, up_to: int) -> None:
        """Write down rows of the events after `since` and up to `up_to`. Raises HistoryUnwritten."""
        async with self._writing:
            try:
                await asyncio.to_thread(self._write, pool, rows, since, up_to)
            except (OSError, ColumnsFailed) as failed:
                raise self._failed(pool, failed) from failed
        self._metrics.wrote({table: len(some) for table, some in rows.items()})

    async def retire(self, now_ms: int) -> int:
        """Remove the parts that are too old. Answers how many; a failure is for the log, and for another day."""
        if not self._keep_days:
            return 0
        async with self._writing:
            try:
                return await asyncio.to_thread(self._retire, now_ms - self._keep_days * DAY_MS)
            except (OSError, ColumnsFailed) as failed:
                _log.warning("history_not_retired cause=%s", failed)
                return 0

    def _covered(self, pool: PoolName) -> Mapping[str, int]:
        return {table: covered_to(folder_of(self._root, table, pool)) for table in TABLES}

    def _write(self, pool: PoolName, rows: Mapping[str, Sequence[Row]], since: int, up_to: int) -> None:
        with _alone(self._root), Columnar() as columns:
            covered = self._covered(pool)
            if max(covered.values()) > up_to:
                raise ColumnsFailed(
                    f"history of {pool} goes on after its journal: move {self._root} of another store away"
                )
            for table, some in rows.items():
                if not some:
                    continue
                if _first_seq(some[0]) <= covered[table]:
                    raise ColumnsFailed(f"{table} of {pool} was written by another historian meanwhile")
                folder = folder_of(self._root, table, pool)
                tidy(folder)
                part = write_part(
                    folder, max(since, covered[table]) + 1, up_to, partial(_write_rows, columns, table, some)
                )
                _log.info("history_written path=%s rows=%d", part.path, len(some))
                self._merge(columns, folder)

    def _merge(self, columns: Columnar, folder: Path) -> None:
        """Make one part of many small ones. That it fails loses nothing, and is tried again at the next fold."""
        parts = _to_merge(parts_in(folder))
        if not parts:
            return
        paths = [part.path for part in parts]
        try:
            write_part(folder, parts[0].first_seq, parts[-1].last_seq, lambda path: columns.merge(paths, path))
            tidy(folder)
        except (OSError, ColumnsFailed) as failed:
            _log.warning("history_not_merged folder=%s cause=%s", folder, failed)

    def _retire(self, before_ms: int) -> int:
        removed = 0
        with _alone(self._root), Columnar() as columns:
            for folder in pool_folders(self._root, TABLES):
                for part in parts_in(folder):
                    try:
                        if columns.youngest_ms(part.path) >= before_ms:
                            break
                    except FileGone:
                        continue
                    part.path.unlink()
                    removed += 1
        return removed

    def _failed(self, pool: PoolName, failure: Exception) -> HistoryUnwritten:
        self._rests_until_s = time.monotonic() + rest_after_failure_s
        self._metrics.failed()
        _log.error("history_unwritten pool=%s cause=%s", pool, failure)
        return HistoryUnwritten(str(failure))


def _first_seq(row: Row) -> int:
    return row.first_seq if isinstance(row, HoldCount) else row.seq


def _write_rows(columns: Columnar, table: str, rows: Sequence[Row], path: Path) -> None:
    columns.write(path, TABLES[table], rows)


def _to_merge(parts: Sequence[Part]) -> Sequence[Part]:
    """The first run of small neighbours that is worth it; nothing while there are few parts."""
    if len(parts) <= parts_max:
        return ()
    run: list[Part] = []
    whole = 0
    for part in parts:
        size = part.path.stat().st_size
        if run and whole + size > part_bytes_max:
            if len(run) > 1:
                break
            run, whole = [], 0
        run.append(part)
        whole += size
    return run if len(run) > 1 else ()


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """One writer at a time. Raises OSError when another is at it."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(root / ".writing", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(lock)
