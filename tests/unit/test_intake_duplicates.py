"""Duplicates in a file: found by normal form, told by line, kept as digests."""

from engine.intake.duplicates import FirstLines
from engine.intake.refusals import Reason, RefusedLine
from engine.intake.rows import Row


def row(line_no: int, code: str) -> Row:
    """A card without terms."""
    return Row(line_no, code, None, None)


def test_the_second_and_third_time_name_the_first() -> None:
    """Not the one before: staff look for the line that was taken."""
    seen = FirstLines()
    assert seen.refuse_again(row(2, "AAAA")) == row(2, "AAAA")
    assert seen.refuse_again(row(3, "BBBB")) == row(3, "BBBB")
    for line_no in (5, 9):
        text = "The same code stands on line 2."
        assert seen.refuse_again(row(line_no, "AAAA")) == RefusedLine(line_no, Reason.DUPLICATE_IN_FILE, text, 2)


def test_codes_are_compared_in_their_normal_form() -> None:
    """Full-width letters are the same card; another case is another."""
    seen = FirstLines()
    seen.refuse_again(row(1, "ABCD-1234"))
    assert isinstance(seen.refuse_again(row(2, "ＡＢＣＤ－１２３４")), RefusedLine)
    assert isinstance(seen.refuse_again(row(3, "abcd-1234")), Row)


def test_no_plain_code_is_kept() -> None:
    """Sixteen bytes per code, whatever its length."""
    seen = FirstLines()
    seen.refuse_again(row(1, "A" * 500))
    assert [len(digest) for digest in seen._lines] == [16]
    assert b"AAAA" not in next(iter(seen._lines))
