"""A history by SKU: each SKU is judged alone, so no more than one bucket of them has to be in memory.

The file is read once and its lines are written into as many temporary files as there are buckets; a line's SKU is
found by its text, and the line is parsed only when its bucket's turn comes.
"""

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from zlib import crc32

from bench.checker.history import HistoryUnreadable, SkuHistory, opened, read_head

#: A file of a hundred million lines then has some million and a half in a bucket: one or two gigabytes.
_BUCKETS = 64

#: A quoted name that is followed by a colon is a key: inside a value its quotes would have backslashes.
_SKU = re.compile(rb'"sku"\s*:\s*"((?:[^"\\]|\\.)*)"')


def by_sku(path: Path) -> Iterator[SkuHistory]:
    """The history of one SKU after the other, in no order. Raises HistoryUnreadable."""
    with tempfile.TemporaryDirectory(prefix="history-") as folder:
        clock_error_ms = _spread(path, Path(folder))
        for bucket in sorted(Path(folder).iterdir()):
            histories: dict[str, SkuHistory] = {}
            _read(bucket, histories, clock_error_ms)
            bucket.unlink()
            while histories:
                yield histories.popitem()[1]


def _spread(path: Path, folder: Path) -> float:
    """Every line into its SKU's bucket, with its number before it. Answers the bound on clocks."""
    with ExitStack() as files:
        lines = files.enter_context(opened(path))
        outs = [files.enter_context((folder / f"{number:02}").open("wb")) for number in range(_BUCKETS)]
        try:
            clock_error_ms = read_head(lines.readline())
            for number, line in enumerate(lines, 2):
                if not line.strip():
                    continue
                found = _SKU.search(line)
                if found is None:
                    raise HistoryUnreadable(f"line {number} names no SKU")
                outs[crc32(found[1]) % _BUCKETS].write(b"%d " % number + line.rstrip(b"\n") + b"\n")
        except (OSError, EOFError) as broken:
            raise HistoryUnreadable(f"{path} breaks off: {broken}") from broken
    return clock_error_ms


def _read(bucket: Path, histories: dict[str, SkuHistory], clock_error_ms: float) -> None:
    """Sort a bucket's lines into histories."""
    with bucket.open("rb") as lines:
        for numbered in lines:
            number, _, line = numbered.partition(b" ")
            try:
                about = json.loads(line)
                sku = about["sku"]
                if sku not in histories:
                    histories[sku] = SkuHistory(sku, clock_error_ms)
                histories[sku].add(about, int(number))
            except (ValueError, KeyError, TypeError) as wrong:
                raise HistoryUnreadable(f"line {int(number)} is no line of a history: {wrong!r}") from wrong
