"""The report: exact counts, a bounded list, and nothing to hide."""

import pytest

from engine.intake.refusals import Reason, RefusedLine
from engine.intake.report import ImportReport
from engine.intake.rows import Row


def test_a_report_counts_and_lists_and_is_plain_data() -> None:
    """The most frequent reason stands first."""
    report = ImportReport()
    for read in (
        Row(2, "SECRET-1", None, None),
        RefusedLine(3, Reason.EMPTY_CODE, "Empty."),
        RefusedLine(4, Reason.DUPLICATE_IN_FILE, "Line 2.", 2),
        RefusedLine(5, Reason.DUPLICATE_IN_FILE, "Line 2.", 2),
        Row(6, "SECRET-2", None, None),
    ):
        report.add(read)
    assert report.as_plain() == {
        "lines": 5,
        "accepted": 2,
        "refused": 3,
        "refused_by_reason": {"DUPLICATE_IN_FILE": 2, "EMPTY_CODE": 1},
        "refused_lines": [
            {"line_no": 3, "reason": "EMPTY_CODE", "text": "Empty."},
            {"line_no": 4, "reason": "DUPLICATE_IN_FILE", "text": "Line 2."},
            {"line_no": 5, "reason": "DUPLICATE_IN_FILE", "text": "Line 2."},
        ],
        "duplicates": [{"line_no": 4, "first_line_no": 2}, {"line_no": 5, "first_line_no": 2}],
        "refused_lines_not_listed": 0,
    }
    assert list(report.refused_by_reason) == [Reason.EMPTY_CODE, Reason.DUPLICATE_IN_FILE]


def test_past_the_bound_lines_are_counted_and_no_longer_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million bad lines must not stay in memory."""
    monkeypatch.setattr("engine.intake.report.refused_lines_listed_max", 2)
    report = ImportReport()
    for line_no in range(1, 6):
        report.add(RefusedLine(line_no, Reason.EMPTY_CODE, "Empty."))
    plain = report.as_plain()
    assert (plain["refused"], plain["refused_lines_not_listed"]) == (5, 3)
    assert [line.line_no for line in report.listed] == [1, 2]
