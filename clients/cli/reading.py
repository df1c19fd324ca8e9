"""A card file, looked at: how it is understood, what is wrong with it, and its rows as the client sends them."""

# ruff: noqa: PLC0415 - help and completion must not wait for the reader of card files

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from clients.cli import show
from clients.cli.amounts import money_words
from clients.cli.failing import CommandFailed, wrong_usage
from clients.cli.typed import utc_offset_ms

if TYPE_CHECKING:
    from cardkeep_client import ImportRow
    from cardkeep_client import Money as ClientMoney
    from rich.console import RenderableType

    from engine.intake import CardStream, ImportReport, RefusedLine
    from engine.money import Money

#: Lines between two moves of the bar.
_TICK_LINES = 1_000


@dataclass(frozen=True, kw_only=True)
class Looked:
    """A file that was read to its end. Holds no code."""

    stream: "CardStream"
    currency: str
    costs: "frozenset[Money]"
    expired: int

    @property
    def usable(self) -> int:
        """Cards that are not refused for what the file says of them: those that have ended by now are."""
        return self.report.accepted - self.expired

    @property
    def report(self) -> "ImportReport":
        """Counts of lines."""
        return self.stream.report

    @property
    def file_lines_refused(self) -> "list[RefusedLine]":
        """The first of the lines the file reader does not take."""
        return self.stream.report.listed

    def one_cost(self) -> "ClientMoney | None":
        """What each card cost, by the file itself. A batch has one cost, so a file that says several is refused."""
        if len(self.costs) > 1:
            raise wrong_usage(
                f"The file has {len(self.costs)} different costs, and a batch has one.",
                "Split the file by cost, or say one with --unit-cost.",
            )
        from cardkeep_client import Money as ClientMoney

        return next((ClientMoney(cost.minor, cost.currency) for cost in self.costs), None)


def look_at(
    file: Path, *, sheet: str | None, currency: str, lists_expired: bool, on_line: Callable[[int], None]
) -> Looked:
    """Read a file to its end. Raises CommandFailed when it cannot be read at all.

    Expired cards are only counted unless `lists_expired`: the server judges them by its clock, and lines refused
    here would move the others between two tries of an import.
    """
    from engine.intake import CardFileRefused, Row

    costs: set[Money] = set()
    expired, clock_ms = 0, time.time_ns() // 1_000_000
    try:
        with file.open("rb") as content:
            stream = _stream(file, content, sheet=sheet, currency=currency, now_ms=clock_ms if lists_expired else 0)
            for lines, read in enumerate(stream, start=1):
                if isinstance(read, Row):
                    expired += read.expires_at_ms is not None and read.expires_at_ms <= clock_ms
                    costs.update(() if read.cost is None else (read.cost,))
                if lines % _TICK_LINES == 0:
                    on_line(lines)
    except CardFileRefused as refused:
        raise _file_refused(file, str(refused)) from None
    return Looked(stream=stream, currency=currency, costs=frozenset(costs), expired=expired)


def rows_to_send(file: Path, *, sheet: str | None, currency: str) -> "Iterator[ImportRow]":
    """The cards of a file that was looked at before, in the same order each time: a resumed import rests on it."""
    from cardkeep_client import ImportRow
    from cardkeep_client import Money as ClientMoney

    from engine.intake import Row

    with file.open("rb") as content:
        for read in _stream(file, content, sheet=sheet, currency=currency, now_ms=0):
            if isinstance(read, Row):
                value = read.face_value
                yield ImportRow(
                    read.line_no,
                    read.code,
                    None if read.expires_at_ms is None else datetime.fromtimestamp(read.expires_at_ms / 1_000, UTC),
                    None if value is None else ClientMoney(value.minor, value.currency),
                )


def understanding(looked: Looked) -> "RenderableType":
    """How the file is read, for people to check before it is too late: encoding, columns, first lines."""
    stream = looked.stream
    columns = ", ".join(f"{name} = {role}" for name, role in stream.columns.titles)
    rows = [
        (str(row.line_no), row.code, _expiry(row.expires_at_ms), _value(row.face_value), row.refused or "")
        for row in stream.preview.rows
    ]
    return show.lines(
        show.facts(
            [
                ("kind", stream.kind.value),
                ("encoding", stream.encoding),
                ("delimiter", repr(stream.preview.delimiter) if stream.preview.delimiter else ""),
                ("header", header_words(looked)),
                ("columns", columns),
                ("cards", f"{looked.usable:,} of {show.counted(looked.report.lines, 'line')}"),
            ]
        ),
        show.table(("#line", "code", "expires", "#face value", "refused for"), rows),
    )


def header_words(looked: Looked) -> str:
    """Whether the first line names the columns."""
    return "line 1 names the columns" if looked.stream.columns.has_header else "none: line 1 counts as a card"


def _stream(file: Path, content: "BinaryIO", *, sheet: str | None, currency: str, now_ms: int) -> "CardStream":
    from engine.intake import stream_cards

    # Dates without a zone are those of the clocks here when the file was written: the same at each reading.
    written_ms = file.stat().st_mtime_ns // 1_000_000
    return stream_cards(
        file.name, content, now_ms=now_ms, utc_offset_ms=utc_offset_ms(written_ms), currency=currency, sheet=sheet
    )


def _file_refused(file: Path, text: str) -> CommandFailed:
    """The reader says what is wrong, then a colon, then what to do."""
    what, _, do = text.partition(": ")
    do = f"{do[:1].upper()}{do[1:]}." if do else "Mend the file, and run the command again."
    return CommandFailed(what=f"{file.name} was not read: {what}.", do=do, reason="FILE_REFUSED")


def _expiry(at_ms: int | None) -> str:
    return "" if at_ms is None else show.moment(datetime.fromtimestamp(at_ms / 1_000, UTC))


def _value(value: "Money | None") -> str:
    return "" if value is None else money_words(value.minor, value.currency)
