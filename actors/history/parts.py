"""Where history lies: a folder a table and pool, in it parts named for the events they tell of.

`<root>/<table>/tenant=T/sku=S/<first seq>-<last seq>.parquet` has every row of those events, and a part is there
whole or not at all: it is written under another name, synced, and renamed. What a crash leaves is told by names
alone: a name that ends in `.new` is nothing yet, and a part whose events another part has, too, is not read.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from engine.names import PoolName

_NAME = re.compile(r"(\d{1,19})-(\d{1,19})\.parquet")

#: The end of a name that is not whole yet.
_UNFINISHED = ".new"


class Part(NamedTuple):
    """The rows of the events `first_seq` to `last_seq`, as far as they have any."""

    first_seq: int
    last_seq: int
    path: Path


def folder_of(root: Path, table: str, pool: PoolName) -> Path:
    """Where a pool's part of a table lies. Names of tenants and SKUs are safe in paths."""
    return root / table / f"tenant={pool.tenant}" / f"sku={pool.sku}"


def parts_in(folder: Path) -> list[Part]:
    """What is to be read, in order: of parts that tell of the same events, the one that tells of most."""
    parts: list[Part] = []
    # Of those that begin together the longest comes first, and hides the others.
    for part in sorted(_all_in(folder), key=lambda part: (part.first_seq, -part.last_seq)):
        if not parts or part.last_seq > parts[-1].last_seq:
            parts.append(part)
    return parts


def covered_to(folder: Path) -> int:
    """The last event that is written down here; 0 for none."""
    return max((part.last_seq for part in _all_in(folder)), default=0)


def write_part(folder: Path, first_seq: int, last_seq: int, write: Callable[[Path], None]) -> Part:
    """Let `write` make a file, and give it its name once the disk has it. Raises OSError, and what `write` raises."""
    is_new = not folder.is_dir()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{first_seq}-{last_seq}.parquet"
    unfinished = path.with_name(path.name + _UNFINISHED)
    try:
        write(unfinished)
        _sync(unfinished)
        unfinished.rename(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
    # A new folder's name stands in the one above, up to the folder of all tables.
    for above in (folder, *folder.parents[:3]) if is_new else (folder,):
        _sync(above)
    return Part(first_seq, last_seq, path)


def tidy(folder: Path) -> None:
    """Remove what a crash left: unfinished files, and parts that a longer one stands for. For the writer alone."""
    read = {part.path for part in parts_in(folder)}
    for path in _files_in(folder):
        if path.name.endswith(_UNFINISHED) or (_NAME.fullmatch(path.name) and path not in read):
            path.unlink(missing_ok=True)


def pool_folders(root: Path, tables: Iterable[str]) -> Iterator[Path]:
    """Every folder that may have parts."""
    for table in tables:
        yield from (root / table).glob("tenant=*/sku=*")


def _all_in(folder: Path) -> Iterator[Part]:
    for path in _files_in(folder):
        match = _NAME.fullmatch(path.name)
        if match is not None:
            yield Part(int(match[1]), int(match[2]), path)


def _files_in(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def _sync(path: Path) -> None:
    """Until the disk has it, a file or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
