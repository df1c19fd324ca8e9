"""What became of an import: refused lines of the file's reader and of the server in one list, and the whole answer."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from clients.cli import show
from clients.cli.reading import header_words

if TYPE_CHECKING:
    from cardkeep_client import ImportReport
    from cardkeep_client import RefusedLine as ServerLine
    from rich.console import RenderableType

    from clients.cli.doubting import Doubt
    from clients.cli.reading import Looked
    from engine.intake import RefusedLine as FileLine

#: Refused lines a screen shows; --json has up to a thousand.
LINES_SHOWN_MAX = 50

#: The word for lines that were refused in an earlier run; which ones, and why, that run said.
_EARLIER = "REFUSED_IN_EARLIER_RUN"

#: The server's and the reader's word for a code that stands twice in what was sent.
_TWICE = "DUPLICATE_IN_FILE"


_NO_COST = "unknown, and stays so: a batch's cost is said when it is imported (--unit-cost)"

_RIVAL = (
    "No code stands twice in this file, and the server met some twice: another run seems to import the same file at\n"
    "the same time. Wait until it has ended, and run this command again: it says what has come in, and adds nothing."
)


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

    def add_earlier(self, count: int) -> None:
        """Lines that an earlier run of the import sent and the server did not take: told then, and only counted now."""
        if count > 0:
            self.by_reason[_EARLIER] += count

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
    doubts: "tuple[Doubt, ...]"
    was_whole_before: bool = False
    has_rival: bool = False

    def as_document(self) -> dict[str, Any]:
        """For programs."""
        stream, report = self.looked.stream, self.report
        return {
            "sku": self.sku,
            "import_id": self.import_id,
            "dry_run": report is None,
            "kind": stream.kind.value,
            "encoding": stream.encoding,
            "has_header": stream.columns.has_header,
            "warnings": [{"what": doubt.what, "do": doubt.do, "stops": doubt.stops} for doubt in self.doubts],
            "columns": [{"name": name, "role": str(role)} for name, role in stream.columns.titles],
            "batch": None if report is None else report.batch,
            "lines": self.looked.report.lines,
            "accepted": self.looked.usable if report is None else report.accepted,
            "refused": self.refused.count,
            "refused_by_reason": dict(self.refused.by_reason),
            "refused_lines": [line._asdict() for line in self.refused.lines],
            "was_whole_before": self.was_whole_before,
            "another_run_seems_to_import_this": self.has_rival,
        }


def answer_text(answer: ImportAnswer) -> "RenderableType":
    """For people."""
    refused, report = answer.refused, answer.report
    shown = refused.lines[:LINES_SHOWN_MAX]
    title = f"Refused: {show.counted(refused.count, 'line')}"
    if len(refused.lines) > len(shown):
        title += f", of which these are the first {len(shown)} (--json lists more)"
    return show.lines(
        _verdict(answer),
        _RIVAL if answer.has_rival else None,
        None
        if report is None
        else show.facts(
            [
                ("batch", show.short(report.batch.name)),
                ("cost each", show.money(report.batch.unit_cost) or _NO_COST),
                ("header", header_words(answer.looked)),
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
        cards = show.counted(answer.looked.usable, "card")
        return f"Dry run: {cards} could be sent to {sku}; nothing was sent. Stock is asked at the import."
    cards = show.counted(answer.report.accepted, "card")
    if answer.was_whole_before:
        return f"This file was imported before: {cards} of it came to {sku}. Nothing was sent."
    return f"{cards} {'is' if answer.report.accepted == 1 else 'are'} on the shelf of {sku}."


def met_twice_by_server(refused_by_reason: Mapping[str, int], looked: "Looked") -> bool:
    """Whether the server met codes twice in a file where none stands twice: then somebody else sends it, too."""
    in_file = {str(reason) for reason in looked.report.refused_by_reason}
    return refused_by_reason.get(_TWICE, 0) > 0 and _TWICE not in in_file
