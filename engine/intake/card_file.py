"""A whole card file: what kind it is, how it is read, and its rows one by one.

Small files are read in one call (`read_cards`), files of any size as a stream (`stream_cards`). Both
walk the same way: encoding, delimiter, columns, rows, duplicates.
"""

import codecs
import io
from collections.abc import Iterator
from enum import StrEnum
from functools import partial
from itertools import chain, islice
from typing import BinaryIO, NamedTuple

from engine.intake.columns import Columns, find_columns
from engine.intake.doubts import find_doubts
from engine.intake.duplicates import FirstLines
from engine.intake.encoding import find_encoding
from engine.intake.records import Record, Table
from engine.intake.refusals import CardFileRefused, Reason, RefusedLine
from engine.intake.report import ImportReport
from engine.intake.rows import Reading, Row, read_row
from engine.intake.text import read_csv, read_txt
from engine.intake.workbook import is_workbook, read_workbook
from engine.limits import card_line_bytes_max, sample_lines_max, workbook_bytes_max
from engine.money import Money, is_currency
from engine.secrecy.masks import mask

_CSV_ENDS = (".csv", ".tsv", ".xls", ".xlsx", ".ods")
_WORKBOOK_ENDS = (".xls", ".xlsx", ".ods")
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_START_BYTES = 512

#: What text files hold besides text: tab, line ends, and the mark some end with.
_TEXT_CONTROLS = b"\t\n\v\f\r\x1a"
_PREVIEW_ROWS = 3


class Kind(StrEnum):
    """How a file is laid out."""

    TXT = "txt"
    CSV = "csv"
    WORKBOOK = "workbook"


class PreviewRow(NamedTuple):
    """One of the first lines as it will be read: the code as a mask, or the reason it is refused for."""

    line_no: int
    code: str
    expires_at_ms: int | None
    face_value: Money | None
    refused: Reason | None


class Preview(NamedTuple):
    """What to show before an import: how the file is understood, and its first lines."""

    delimiter: str
    rows: tuple[PreviewRow, ...]


class CardFile(NamedTuple):
    """A file that was read whole. `encoding` is empty for a workbook."""

    rows: tuple[Row, ...]
    refused: tuple[RefusedLine, ...]
    encoding: str
    kind: Kind
    columns: Columns
    preview: Preview
    report: ImportReport


def read_cards(
    name: str, content: bytes, *, now_ms: int, utc_offset_ms: int, currency: str, sheet: str | None = None
) -> CardFile:
    """All cards of a file in memory. Arguments and errors are those of `stream_cards`."""
    stream = stream_cards(
        name, io.BytesIO(content), now_ms=now_ms, utc_offset_ms=utc_offset_ms, currency=currency, sheet=sheet
    )
    rows: list[Row] = []
    refused: list[RefusedLine] = []
    for read in stream:
        if isinstance(read, Row):
            rows.append(read)
        else:
            refused.append(read)
    return CardFile(
        tuple(rows), tuple(refused), stream.encoding, stream.kind, stream.columns, stream.preview, stream.report
    )


def stream_cards(
    name: str, content: BinaryIO, *, now_ms: int, utc_offset_ms: int, currency: str, sheet: str | None = None
) -> "CardStream":
    """The cards of a file of any size; TXT and CSV are never in memory as a whole.

    `name` tells TXT from CSV by its ending; workbooks are told by their first bytes. `content` is read
    twice from its start (first for the encoding), and left open. Expired cards are refused
    as of `now_ms`: to resume an import, pass the same again, or the lines move. Dates without a
    zone are those of `utc_offset_ms` ahead of UTC; amounts are of `currency` (ISO 4217).
    Raises CardFileRefused when the file cannot be read at all.
    """
    if not is_currency(currency):
        raise CardFileRefused(f"{currency!r} is no currency code: write it like CNY or USD")
    return CardStream(name, content, sheet, Reading(now_ms, utc_offset_ms, currency))


class CardStream:
    """A file being read: what is known before its first card, then the cards, then the report.

    To be walked once. `report` is whole when the walk is.
    """

    def __init__(self, name: str, content: BinaryIO, sheet: str | None, reading: Reading) -> None:
        self.kind, self.encoding, table = _open(name, content, sheet)
        sample = list(islice(table.records, sample_lines_max))
        self.columns = find_columns(sample, table.delimiter)
        self.doubts = find_doubts(sample, self.columns)
        self.report = ImportReport()
        self._reading = reading
        if self.columns.has_header:
            del sample[0]
        self.preview = Preview(table.delimiter, tuple(map(self._preview_row, sample[:_PREVIEW_ROWS])))
        self._records = chain(sample, table.records)

    def __iter__(self) -> Iterator[Row | RefusedLine]:
        """Each line as a row or a refusal, in the order of the file. Raises CardFileRefused for broken CSV."""
        seen = FirstLines()
        for record in self._records:
            read = read_row(record, self.columns, self._reading)
            if isinstance(read, Row):
                read = seen.refuse_again(read)
            self.report.add(read)
            yield read

    def _preview_row(self, record: Record) -> PreviewRow:
        read = read_row(record, self.columns, self._reading)
        if isinstance(read, RefusedLine):
            return PreviewRow(read.line_no, "", None, None, read.reason)
        return PreviewRow(read.line_no, mask(read.code), read.expires_at_ms, read.face_value, None)


def _open(name: str, content: BinaryIO, sheet: str | None) -> tuple[Kind, str, Table]:
    content.seek(0)
    start = content.read(_START_BYTES)
    content.seek(0)
    if is_workbook(start):
        return Kind.WORKBOOK, "", read_workbook(content.read(workbook_bytes_max + 1), sheet)
    if start.lstrip()[:1] == b"<":
        raise CardFileRefused("the file is a web page, whatever its name says: open it and save it as CSV or XLSX")
    if name.lower().endswith(_WORKBOOK_ENDS) and not _is_text(start):
        raise CardFileRefused(
            "the file is no workbook that can be read: open it where it was made, and save it as .xlsx"
        )
    encoding = find_encoding(iter(partial(content.read, card_line_bytes_max), b""))
    content.seek(0)
    if name.lower().endswith(_CSV_ENDS):
        return Kind.CSV, encoding, read_csv(_lines(content, encoding))
    return Kind.TXT, encoding, read_txt(_lines(content, encoding))


def _is_text(start: bytes) -> bool:
    """Whether a file that is named like a workbook starts like the text that many systems write under such names."""
    if start.startswith(_UTF_16_MARKS):
        return True
    return not any(byte < ord(" ") and byte not in _TEXT_CONTROLS for byte in start)


def _lines(content: BinaryIO, encoding: str) -> Iterator[str]:
    """Lines as decoded. Leaves the caller's stream open, which `yield from` would close when a walk is given up."""
    text = io.TextIOWrapper(content, encoding)
    try:
        for line in text:  # noqa: UP028 - `yield from` closes what it walks
            yield line
    finally:
        text.detach()
