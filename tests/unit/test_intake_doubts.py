"""Doubts: what a file could mean otherwise than it is read, told before it is imported."""

import pytest

from engine.intake.columns import find_columns
from engine.intake.doubts import Doubts, Unread, find_doubts


def doubts(*lines: str) -> Doubts:
    """The doubts about a file with these lines, split at `|`."""
    sample = [(line_no, line.split("|")) for line_no, line in enumerate(lines, 1)]
    return find_doubts(sample, find_columns(sample, ","))


@pytest.mark.parametrize("first", ["foo|bar", "Ticket|Riddle", "voucher id|"])
def test_a_first_line_of_words_above_lines_with_digits_may_be_a_header(first: str) -> None:
    """It counts as a card, and would be sold."""
    assert doubts(first, "AAAA-1111|9876", "BBBB-2222|8765").first_line_no == 1


@pytest.mark.parametrize(
    "lines",
    [
        ("AAAA-BBBB-CCCC",),
        ("AAAA-BBBB-CCCC", "AAAA-1BBB-CCCC"),
        ("AAAA-BBBB-C", "DDDD-EEEE-FFFF"),
        ("AAAA-1", "BBBB-12"),
        ("A-code-that-is-longer-than-any-name", "BBBB-2"),
    ],
)
def test_a_first_line_that_may_be_a_card_is_in_no_doubt(lines: tuple[str, ...]) -> None:
    """Alone, of the others' shape, among others without digits, with a digit itself, or too long for a name."""
    assert doubts(*lines).first_line_no is None


def test_columns_that_are_not_read_are_told_when_they_matter() -> None:
    """Dates, and what differs from card to card like codes; not notes, row numbers, states or empty columns."""
    found = doubts(
        "code|ends on|second half|no|note|state||rest|empty",
        "AAAA|2027-01-01|9001|1|of May 2026|free|77771",
        "BBBB||9002|2|of May 2026|sold||x",
        "CCCC|2027-01-01||3||free",
    )
    assert found == Doubts(
        None, ((1, "ends on", Unread.DATES), (2, "second half", Unread.CODES), (6, "column 7", Unread.CODES))
    )


def test_a_column_of_one_repeated_word_is_no_code() -> None:
    """Order numbers of the supplier stand on every line."""
    assert doubts("code|order", "AAAA|PO-1234", "BBBB|PO-1234").unread == ()


def test_a_header_that_is_known_leaves_no_doubt() -> None:
    """Every column is read."""
    assert doubts("卡号|卡密|到期|面值|成本", "A|B|2027-01-01|1|1") == Doubts(None, ())
