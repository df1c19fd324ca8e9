"""The card files of a folder: which may be read, and the codes in them, by the rules of engine/intake."""

import logging
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

from engine.intake.card_file import stream_cards
from engine.intake.refusals import CardFileRefused
from engine.intake.rows import Row

_log = logging.getLogger(__name__)

#: Bytes of one file that is read: a million cards of 64 characters.
file_bytes_max = 64 << 20

_ENDS = frozenset({".csv", ".tsv", ".txt", ".xlsx", ".xls", ".ods"})
_STILL_MS = 2_000


class CardFiles:
    """See above. `is_sure` reads files, too, whose columns had to be guessed."""

    def __init__(
        self, folder: Path, *, currency: str, utc_offset_ms: int, is_sure: bool, now_ms: Callable[[], int]
    ) -> None:
        self._folder = folder
        self._currency = currency
        self._utc_offset_ms = utc_offset_ms
        self._is_sure = is_sure
        self._now_ms = now_ms
        #: Files that were complained of: once each.
        self._told: set[tuple[Path, int]] = set()

    def products(self) -> list[str]:
        """Each sub-folder is a product."""
        return sorted(each.name for each in self._folder.iterdir() if each.is_dir() and not each.name.startswith("."))

    def has(self, product: str) -> bool:
        """Whether there is such a product."""
        return product in self.products()

    def rows(self, product: str) -> Iterator[Row]:
        """Its cards, file by file in the order of their names; a card may come again. Raises OSError.

        A file that changed within the last two seconds may still be on its way here, and waits.
        """
        for path in sorted((self._folder / product).iterdir()):
            facts = path.stat()
            if path.suffix.lower() not in _ENDS or path.name.startswith(".") or not path.is_file():
                continue
            if self._now_ms() - facts.st_mtime_ns // 1_000_000 < _STILL_MS:
                continue
            if facts.st_size > file_bytes_max:
                self._complain(path, facts.st_mtime_ns, "it is too large")
                continue
            yield from self._read(path, facts.st_mtime_ns)

    def _read(self, path: Path, changed_ns: int) -> Iterator[Row]:
        content = BytesIO(path.read_bytes())  # One moment of the file, whatever happens to it meanwhile.
        try:
            stream = stream_cards(
                path.name,
                content,
                now_ms=self._now_ms(),
                utc_offset_ms=self._utc_offset_ms,
                currency=self._currency,
            )
            doubts = stream.doubts
            if (doubts.first_line_no is not None or doubts.unread) and not self._is_sure:
                self._complain(path, changed_ns, "its columns are not sure")
                return
            for read in stream:
                if isinstance(read, Row):
                    yield read
        except CardFileRefused:
            self._complain(path, changed_ns, "it is no card file that can be read")

    def _complain(self, path: Path, changed_ns: int, why: str) -> None:
        if (path, changed_ns) not in self._told:
            self._told.add((path, changed_ns))
            _log.warning("left alone file=%s because=%r", path, why)
