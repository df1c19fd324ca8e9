"""What became of a file: exact counts, and the refused lines that fit on a page. Never a code."""

from collections import Counter

from engine.intake.refusals import Reason, RefusedLine
from engine.intake.rows import Row
from engine.limits import refused_lines_listed_max


class ImportReport:
    """Grows while a file is read. Counts are exact; of refused lines the first are listed."""

    def __init__(self) -> None:
        self.accepted = 0
        self.refused_by_reason: Counter[Reason] = Counter()
        self.listed: list[RefusedLine] = []

    @property
    def refused(self) -> int:
        """Lines that were not taken."""
        return self.refused_by_reason.total()

    @property
    def lines(self) -> int:
        """Lines with anything on them, without the header."""
        return self.accepted + self.refused

    @property
    def duplicates(self) -> list[tuple[int, int]]:
        """Of the listed lines the duplicates: the line, and the line on which its code stood first."""
        return [(line.line_no, line.first_line_no) for line in self.listed if line.first_line_no is not None]

    def add(self, read: Row | RefusedLine) -> None:
        """Count one line."""
        if isinstance(read, Row):
            self.accepted += 1
            return
        self.refused_by_reason[read.reason] += 1
        if len(self.listed) < refused_lines_listed_max:
            self.listed.append(read)

    def as_plain(self) -> dict[str, object]:
        """The report as numbers, text, lists and dicts, for JSON and for tables."""
        return {
            "lines": self.lines,
            "accepted": self.accepted,
            "refused": self.refused,
            "refused_by_reason": {str(reason): count for reason, count in self.refused_by_reason.most_common()},
            "refused_lines": [
                {"line_no": line.line_no, "reason": str(line.reason), "text": line.text} for line in self.listed
            ],
            "duplicates": [{"line_no": line_no, "first_line_no": first} for line_no, first in self.duplicates],
            "refused_lines_not_listed": self.refused - len(self.listed),
        }
