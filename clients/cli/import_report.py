"""What became of an import: refused lines of the file's reader and of the server in one list, and the whole answer."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from clients.cli import show

if TYPE_CHECKING:
    from cardkeep_client import ImportReport
    from cardkeep_client import RefusedLine as ServerLine
    from rich.console import RenderableType

    from clients.cli.reading import Looked
    from engine.intake import RefusedLine as FileLine

#: Refused lines a screen shows; --json has up to a thousand.
LINES_SHOWN_MAX = 50


class Refused(NamedTuple):
    """One line that was not taken."""

    line_no: int
    reason: str
    text: str


class RefusedLines:
    """Lines with reasons, and exact counts: the reader and the server both list only the first thousand."""

    def __init__(self, lines: "Iterable[FileLine]", by_reason: Mapping[Any, int]) -> None:
        self.lines = [Refused(line.line_no, str(line.reason), line.text) for line in lines]
        self.by_reason = Counter({str(reason): count for reason, count in by_reason.items()})

    def add_server(self, lines: "Iterable[ServerLine]", by_reason: Mapping[str, int]) -> None:
        """What the server did not take."""
        self.lines += [Refused(line.line_no, line.reason, line.message) for line in lines]
        self.lines.sort()
        self.by_reason.update(by_reason)

    @property
    def count(self) -> int:
        """All of them."""
        return self.by_reason.total()


@dataclass(frozen=True, kw_only=True)
class ImportAnswer:
    """The answer of `cardkeep import`. `report` is None when nothing was sent."""

    sku: str
    import_id: str
    looked: "Looked"
    report: "ImportReport | None"
    refused: RefusedLines
    was_whole_before: bool

    def as_document(self) -> dict[str, Any]:
        """For programs."""
        stream, report = self.looked.stream, self.report
        return {
            "sku": self.sku,
            "import_id": self.import_id,
            "dry_run": report is None,
            "kind": stream.kind.value,
            "encoding": stream.encoding,
            "columns": [{"name": name, "role": str(role)} for name, role in stream.columns.titles],
            "batch": None if report is None else report.batch,
            "lines": self.looked.report.lines,
            "accepted": self.looked.report.accepted if report is None else report.accepted,
            "refused": self.refused.count,
            "refused_by_reason": dict(self.refused.by_reason),
            "refused_lines": [line._asdict() for line in self.refused.lines],
            "was_whole_before": self.was_whole_before,
        }


def answer_text(answer: ImportAnswer) -> "RenderableType":
    """For people."""
    refused, report = answer.refused, answer.report
    shown = refused.lines[:LINES_SHOWN_MAX]
    title = f"Refused: {refused.count:,} lines"
    if refused.count > len(shown):
        title += f", of which these are the first {len(shown)} (--json lists more)"
    return show.lines(
        _verdict(answer),
        None
        if report is None
        else show.facts(
            [
                ("batch", show.short(report.batch.name)),
                ("cost each", show.money(report.batch.unit_cost) or "unknown: say --unit-cost to see margins"),
                ("import id", answer.import_id),
            ]
        ),
        show.table(("reason", "#lines"), refused.by_reason.most_common()) if refused.count else None,
        show.table(
            ("#line", "reason", "what"), [(str(line.line_no), line.reason, line.text) for line in shown], title=title
        )
        if shown
        else None,
    )


def _verdict(answer: ImportAnswer) -> str:
    sku = show.short(answer.sku)
    if answer.report is None:
        accepted = answer.looked.report.accepted
        return f"Dry run: {accepted:,} cards could be sent to {sku}; nothing was sent. Stock is asked at the import."
    if answer.was_whole_before:
        return f"This file was imported before: {answer.report.accepted:,} cards of it came to {sku}. Nothing was sent."
    return f"{answer.report.accepted:,} cards are on the shelf of {sku}."
