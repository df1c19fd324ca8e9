"""What reports read: the files of history, and what the journals tell that no file has yet, side by side.

So a report is complete up to the last sale that was acknowledged before it began. Each pool's journal is read first
and its files are listed after that: whatever is folded meanwhile is in one of the two, and where it is in both, the
rows that a file has are not taken from the journal.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from actors.adapters.columnar import Columnar, FileGone, TookTooLong
from actors.history.parts import Part, folder_of, parts_in
from actors.history.questions import STOCK, Question
from actors.rebuilding import rebuild
from engine.errors import InvariantBroken
from engine.history.chronicle import Chronicle
from engine.history.standing import InStock, in_stock
from engine.history.tables import TABLES
from engine.names import PoolName
from engine.ports import History, Journal

#: Journals asked for at once: their answers are in memory together, up to some 15 MB each.
_POOLS_AT_ONCE = 4

#: Rows gathered from journals before they go into tables: some 10 MB.
_ROWS_GATHERED_MAX = 20_000

#: Times a question is asked again because files it should read were merged meanwhile.
_TRIES = 3

_KINDS: Mapping[str, type[NamedTuple]] = {**TABLES, STOCK: InStock}


class Answer(NamedTuple):
    """At most `rows_max` rows; `broken` are pools whose journals cannot be read: of them only the files were asked."""

    rows: list[tuple[Any, ...]]
    has_more: bool
    broken: list[PoolName]


class Reading:
    """Asks questions of history under `root`. `spill` is a folder for what does not fit into memory."""

    def __init__(self, journal: Journal, root: Path, spill: Path) -> None:
        self._journal = journal
        self._root = root
        self._spill = spill

    async def ask(self, pools: Sequence[PoolName], question: Question, now_ms: int) -> Answer:
        """The answer over these pools. Raises ColumnsFailed, StoreUnavailable or InDoubt."""
        until_s = asyncio.get_running_loop().time() + question.within_s
        for _ in range(_TRIES - 1):
            try:
                return await self._ask(pools, question, now_ms, until_s)
            except FileGone:
                continue
        return await self._ask(pools, question, now_ms, until_s)

    async def _ask(self, pools: Sequence[PoolName], question: Question, now_ms: int, until_s: float) -> Answer:
        files: dict[str, list[Path]] = {table: [] for table in question.tables}
        broken: list[PoolName] = []
        with Columnar(self._spill) as columns:
            since = _Since(columns, question.tables)
            for at in range(0, len(pools), _POOLS_AT_ONCE):
                some = pools[at : at + _POOLS_AT_ONCE]
                for pool, history in zip(some, await asyncio.gather(*map(self._journal.read, some)), strict=True):
                    if asyncio.get_running_loop().time() > until_s:
                        raise TookTooLong("the journals could not all be read within the time limit")
                    parts = {table: parts_in(folder_of(self._root, table, pool)) for table in question.tables}
                    for table, found in parts.items():
                        files[table] += [part.path for part in found]
                    try:
                        await since.tell(pool, history, {table: _last(found) for table, found in parts.items()}, now_ms)
                    except InvariantBroken:
                        broken.append(pool)
            since.flush()
            for table in question.tables:
                columns.make_view(table, _tail(table), files[table])
            left_s = until_s - asyncio.get_running_loop().time()
            rows = await asyncio.to_thread(columns.ask, question.sql, question.values, question.rows_max + 1, left_s)
        return Answer(rows[: question.rows_max], len(rows) > question.rows_max, broken)


class _Since:
    """What the journals tell that no file has, gathered from many pools, since each table is best filled in one go."""

    def __init__(self, columns: Columnar, tables: Sequence[str]) -> None:
        self._columns = columns
        self._rows: dict[str, list[Any]] = {table: [] for table in tables}
        for table in tables:
            columns.make_table(_tail(table), _KINDS[table])

    async def tell(self, pool: PoolName, history: History, after: Mapping[str, int], now_ms: int) -> None:
        """One journal's part, as far as it is after what files have. Raises InvariantBroken."""
        chronicle = Chronicle(after)
        state = (await rebuild(pool, history, chronicle.happened)).state
        found: dict[str, Sequence[Any]] = {**chronicle.rows(state), STOCK: in_stock(state, now_ms)}
        for table, rows in self._rows.items():
            rows.extend(found[table])
        if sum(map(len, self._rows.values())) > _ROWS_GATHERED_MAX:
            self.flush()

    def flush(self) -> None:
        """Into the tables with it."""
        for table, rows in self._rows.items():
            self._columns.add(_tail(table), _KINDS[table], rows)
            rows.clear()


def _tail(table: str) -> str:
    """The table of rows that no file has yet."""
    return f"{table}_since"


def _last(parts: Sequence[Part]) -> int:
    return parts[-1].last_seq if parts else 0
