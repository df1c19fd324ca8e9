"""Rows: one record becomes one card, or says why not, without showing it."""

import pytest

from engine.errors import CardkeepError
from engine.intake.columns import Columns, find_columns
from engine.intake.refusals import SENTENCES, LineRefused, Reason, RefusedLine
from engine.intake.rows import Reading, Row, read_row
from engine.money import Money

NOW_MS = 1_798_761_600_000  # 2027-01-01 00:00 UTC
READING = Reading(NOW_MS, 0, "CNY")
FULL = find_columns([(1, ["卡号", "卡密", "有效期", "面值", "成本"])], ",")
ALONE = find_columns([(1, ["code"])], ",")


def reason(fields: list[str], columns: Columns = ALONE) -> Reason:
    """Why this record is refused."""
    read = read_row((7, fields), columns, READING)
    assert isinstance(read, RefusedLine)
    assert (read.line_no, read.text, read.first_line_no) == (7, SENTENCES[read.reason], None)
    return read.reason


def code(cell: str) -> str:
    """The code read from one cell."""
    read = read_row((7, [cell]), ALONE, READING)
    assert isinstance(read, Row)
    return read.code


def test_a_full_record_is_a_row() -> None:
    """Number and secret joined, the day's end, money in minor units."""
    read = read_row((7, ["6222", " pw ", "2027-01-01", "¥100", "95.5"]), FULL, READING)
    assert read == Row(7, "6222----pw", NOW_MS + 86_399_999, Money(10_000, "CNY"), Money(9_550, "CNY"))


def test_missing_cells_at_the_end_are_empty_ones() -> None:
    """Spreadsheets leave them out; no expiry and no amount is what they say."""
    assert read_row((7, ["6222", "pw"]), FULL, READING) == Row(7, "6222----pw", None, None, None)


@pytest.mark.parametrize("fields", [["6222"], ["", "pw"], ["6222", " "], ["", ""], ["6222", "\u200b"]])
def test_a_code_with_an_empty_part_is_refused(fields: list[str]) -> None:
    """A number without its secret is worth nothing to the buyer."""
    assert reason(fields, FULL) is Reason.EMPTY_CODE


@pytest.mark.parametrize("cell", ["#N/A", "#REF!", "#NUM!", '=""'])
def test_errors_of_spreadsheets_are_no_codes(cell: str) -> None:
    """A formula that failed leaves its error in the export."""
    assert reason([cell]) is Reason.EMPTY_CODE


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("  AAAA\t", "AAAA"),
        ("\ufeffAAAA\u200b", "AAAA"),
        ("\u3000AAAA\u00a0", "AAAA"),
        ('="00123"', "00123"),
        ("AA AA", "AA AA"),
        ("ＡＡ", "ＡＡ"),
        ("'0012", "'0012"),
        ("用户一", "用户一"),
        ("2E+5", "2E+5"),
        ("#N/A1", "#N/A1"),
        ('=A"', '=A"'),
        ('="A', '="A'),
    ],
)
def test_a_code_loses_what_copying_adds_and_nothing_else(cell: str, expected: str) -> None:
    """It is delivered as its supplier wrote it."""
    assert code(cell) == expected


@pytest.mark.parametrize("cell", ["AA\nBB", "AA\tBB", "AA\x00", "AA\u200bBB", "AA\u202eBB", "\x1b[2JAA", "AA\u00a0BB"])
def test_control_and_invisible_characters_inside_are_refused(cell: str) -> None:
    """The buyer could neither see nor type them."""
    assert reason([cell]) is Reason.CODE_NOT_TEXT


def test_a_code_has_at_most_512_characters_in_all() -> None:
    """Both parts and the dashes between them."""
    assert len(code("x" * 512)) == 512
    assert reason(["x" * 513]) is Reason.CODE_TOO_LONG
    assert reason(["x" * 300, "y" * 209], FULL) is Reason.CODE_TOO_LONG
    assert isinstance(read_row((7, ["x" * 300, "y" * 208]), FULL, READING), Row)


@pytest.mark.parametrize("cell", ["6.22202E+18", "6.22202e+18", "6,22202E+18", "1E+15", "-1.5E+20", '="6.2E+18"'])
def test_numbers_that_lost_their_digits_are_refused(cell: str) -> None:
    """Excel wrote it so; the card number is not in the file any more."""
    assert reason([cell]) is Reason.DIGITS_LOST


def test_lost_digits_in_a_column_that_is_not_read_do_not_matter() -> None:
    """A buyer's telephone number may be damaged."""
    columns = find_columns([(1, ["卡密", "电话"])], ",")
    assert read_row((2, ["AAAA", "1.38001E+10"]), columns, READING) == Row(2, "AAAA", None, None)


def test_a_filled_field_past_the_last_column_is_refused_and_an_empty_one_is_not() -> None:
    """A delimiter inside a password moves everything behind it."""
    assert reason(["AAAA", "BBBB"]) is Reason.FIELD_COUNT
    assert isinstance(read_row((7, ["AAAA", "", " "]), ALONE, READING), Row)


@pytest.mark.parametrize(
    ("expiry", "refused"),
    [
        ("2026-12-31", Reason.ALREADY_EXPIRED),
        ("2027-01-01 00:00:00", Reason.ALREADY_EXPIRED),
        ("soon", Reason.INVALID_DATE),
        ("03/04/2027", Reason.AMBIGUOUS_DATE),
    ],
)
def test_expired_and_unclear_expiries_are_refused(expiry: str, refused: Reason) -> None:
    """A card whose moment is now has expired, as on the shelf."""
    assert reason(["6222", "pw", expiry], FULL) is refused


def test_the_day_that_has_not_ended_is_not_expired() -> None:
    """One second after midnight is still in the future."""
    read = read_row((7, ["6222", "pw", "2027-01-01 00:00:01"]), FULL, READING)
    assert isinstance(read, Row)
    assert read.expires_at_ms == NOW_MS + 1_000


@pytest.mark.parametrize("fields", [["6222", "pw", "", "$5"], ["6222", "pw", "", "", "x"]])
def test_unclear_amounts_are_refused(fields: list[str]) -> None:
    """Face value and cost alike."""
    assert reason(fields, FULL) is Reason.INVALID_MONEY


def test_no_text_of_a_refusal_or_a_row_shows_the_code() -> None:
    """Reports are mailed around, and reprs end in logs."""
    secret = "VERYSECRETCODE\x07"
    assert "SECRET" not in repr(read_row((7, [secret]), ALONE, READING))
    shown = repr(Row(7, "user0001----hunter22", 5, None))
    assert shown == "Row(line 7, ****01----****, 5, None, None)"


def test_every_reason_has_its_sentence_or_its_line() -> None:
    """A new reason without words would fail at the first bad file."""
    assert set(SENTENCES) == set(Reason) - {Reason.DUPLICATE_IN_FILE}


def test_a_refusal_inside_is_one_of_ours() -> None:
    """Nothing outside the family leaves a room, even by mistake."""
    assert isinstance(LineRefused(Reason.EMPTY_CODE), CardkeepError)
    assert str(LineRefused(Reason.EMPTY_CODE)) == "EMPTY_CODE"
