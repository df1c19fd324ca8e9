"""Columnar files, written and asked by DuckDB: the only file that imports it.

Everything here blocks, for milliseconds to seconds: call it from a thread, or from a process of its own. One
`Columnar` is one database in memory, for one thread at a time (but `interrupted_after` works from any).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from types import NoneType, UnionType
from typing import Any, NamedTuple, Self, get_args, get_origin, get_type_hints

import duckdb

from engine.errors import NotDone

#: Memory of one database; past it, it spills to disk or gives up. The fold of 100,000 events needs a third.
memory_mb_max = 256

#: What may be spilled to disk beside it.
spill_mb_max = 1_024

#: Rows handed over in one go: as columns of Python lists, some 5 MB.
_ROWS_PER_STEP = 10_000

_TYPES: Mapping[type, str] = {int: "BIGINT", str: "VARCHAR", bool: "BOOLEAN", float: "DOUBLE"}


class ColumnsFailed(NotDone):
    """A file could not be written, read or asked; nothing has changed. The text is the database's."""


class FileGone(ColumnsFailed):
    """A file that was to be read is not there any more: it was merged into another, so list them again."""


class TookTooLong(ColumnsFailed):
    """The question was stopped at its time limit."""


class TooBig(ColumnsFailed):
    """The question wants more memory or disk than it may take."""


class Columnar:
    """A database in memory. `spill` is a folder for what does not fit; without one nothing may."""

    def __init__(self, spill: Path | None = None) -> None:
        self._base = duckdb.connect(
            ":memory:",
            config={
                "threads": "1",
                "memory_limit": f"{memory_mb_max}MB",
                "temp_directory": "" if spill is None else str(spill),
                "max_temp_directory_size": f"{spill_mb_max}MB",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            },
        )

    def close(self) -> None:
        """Give the memory back."""
        self._base.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, path: Path, kind: type[NamedTuple], rows: Sequence[Sequence[Any]]) -> None:
        """One file of these rows, in their order. Raises ColumnsFailed."""
        with _failures():
            self._base.execute("DROP TABLE IF EXISTS written")
            self.make_table("written", kind)
            self.add("written", kind, rows)
            self._base.execute(f"COPY written TO {_quoted(path)} (FORMAT parquet, COMPRESSION zstd)")
            self._base.execute("DROP TABLE written")

    def merge(self, paths: Sequence[Path], path: Path) -> None:
        """One file of all rows of these, in the order of files. Raises ColumnsFailed."""
        with _failures():
            self._base.execute(f"COPY ({_reading(paths)}) TO {_quoted(path)} (FORMAT parquet, COMPRESSION zstd)")

    def youngest_ms(self, path: Path) -> int:
        """The latest `at_ms` in a file; 0 when it has no rows. Raises ColumnsFailed."""
        with _failures():
            self._base.execute(f"SELECT max(at_ms) FROM ({_reading([path])})")  # noqa: S608 - our own names
            (youngest,) = self._base.fetchone() or (None,)
            return int(youngest or 0)

    def make_table(self, name: str, kind: type[NamedTuple]) -> None:
        """An empty table of rows of this kind."""
        columns = ", ".join(f"{field} {sql_type}" for field, sql_type in columns_of(kind).items())
        self._base.execute(f"CREATE TABLE {name} ({columns})")

    def add(self, name: str, kind: type[NamedTuple], rows: Sequence[Sequence[Any]]) -> None:
        """Rows, at the end of a table that `make_table` made. Raises ColumnsFailed."""
        types = list(columns_of(kind).values())
        with _failures():
            for at in range(0, len(rows), _ROWS_PER_STEP):
                columns = list(zip(*rows[at : at + _ROWS_PER_STEP], strict=True))
                # What is the same in all rows, as half of the columns are, goes over once.
                alike = [place > 0 and len(set(column)) == 1 for place, column in enumerate(columns)]
                picked = ", ".join(
                    f"${place}::{sql_type}" if same else f"unnest(${place}::{sql_type}[])"
                    for place, (sql_type, same) in enumerate(zip(types, alike, strict=True), start=1)
                )
                values = [column[0] if same else list(column) for column, same in zip(columns, alike, strict=True)]
                self._base.execute(f"INSERT INTO {name} SELECT {picked}", values)

    def make_view(self, name: str, table: str, paths: Sequence[Path]) -> None:
        """What a table and these files have together, by names of columns; NULL where a file has not got one."""
        files = f" UNION ALL BY NAME {_reading(paths)}" if paths else ""
        with _failures():
            self._base.execute(f"CREATE VIEW {name} AS SELECT * FROM {table}{files}")  # noqa: S608 - our own names

    def ask(self, question: str, values: Mapping[str, Any], rows_max: int, within_s: float) -> list[tuple[Any, ...]]:
        """At most so many rows of an answer. Raises ColumnsFailed: FileGone, TookTooLong or TooBig where it is one."""
        stopping = Timer(max(within_s, 0.0), self._base.interrupt)
        stopping.daemon = True
        stopping.start()
        try:
            with _failures():
                self._base.execute(question, dict(values))
                return self._base.fetchmany(rows_max)
        finally:
            stopping.cancel()


def columns_of(kind: type[NamedTuple]) -> Mapping[str, str]:
    """The columns of a kind of row, and their types in SQL."""
    return {field: _TYPES[_plain(hint)] for field, hint in get_type_hints(kind).items()}


def _plain(hint: Any) -> type:
    """`int` of `int | None`."""
    kinds = get_args(hint) if get_origin(hint) is UnionType else (hint,)
    (kind,) = (kind for kind in kinds if kind is not NoneType)
    found: type = kind
    return found


@contextmanager
def _failures() -> Iterator[None]:
    """The database's failures as ours."""
    try:
        yield
    except duckdb.InterruptException as stopped:
        raise TookTooLong("the question was stopped at its time limit") from stopped
    except duckdb.OutOfMemoryException as full:
        raise TooBig(str(full)) from full
    except duckdb.IOException as failed:
        gone = "No files found" in str(failed) or "No such file" in str(failed)
        raise (FileGone if gone else ColumnsFailed)(str(failed)) from failed
    except duckdb.Error as failed:
        raise ColumnsFailed(str(failed)) from failed


def _reading(paths: Sequence[Path]) -> str:
    listed = ", ".join(_quoted(path) for path in paths)
    # The names of folders are not columns: tenant and SKU stand in the rows, as text.
    return f"SELECT * FROM read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"  # noqa: S608


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
