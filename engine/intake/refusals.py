"""Why a line, or a whole file, was not taken. No text here ever holds a code."""

from enum import StrEnum
from typing import NamedTuple

from engine.errors import NotDone
from engine.limits import code_chars_max


class CardFileRefused(NotDone):
    """No card of the file was read. The text says what to change in the file."""


class Reason(StrEnum):
    """One word per cause. Those that the server finds too have the server's word."""

    EMPTY_CODE = "EMPTY_CODE"
    CODE_TOO_LONG = "CODE_TOO_LONG"
    CODE_NOT_TEXT = "CODE_NOT_TEXT"
    DIGITS_LOST = "DIGITS_LOST"
    CODE_IS_A_NUMBER = "CODE_IS_A_NUMBER"
    FIELD_COUNT = "FIELD_COUNT"
    INVALID_DATE = "INVALID_DATE"
    AMBIGUOUS_DATE = "AMBIGUOUS_DATE"
    ALREADY_EXPIRED = "ALREADY_EXPIRED"
    INVALID_MONEY = "INVALID_MONEY"
    DUPLICATE_IN_FILE = "DUPLICATE_IN_FILE"


class RefusedLine(NamedTuple):
    """One line that was not taken. `first_line_no` is set for a duplicate: where the code stood first."""

    line_no: int
    reason: Reason
    text: str
    first_line_no: int | None = None


class LineRefused(NotDone):
    """Raised while a line is read and caught where the line ends; never leaves this folder."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


SENTENCES = {
    Reason.EMPTY_CODE: "The code, or a part of it, is empty.",
    Reason.CODE_TOO_LONG: f"The code has more than {code_chars_max} characters.",
    Reason.CODE_NOT_TEXT: "The code holds control or invisible characters. Copy it again from its source.",
    Reason.DIGITS_LOST: (
        "The code was stored as a number, and its last digits are lost. Export it again with the column as text."
    ),
    Reason.CODE_IS_A_NUMBER: (
        "The sheet holds the code as a number with decimals. Format the column as text, and enter the code again."
    ),
    Reason.FIELD_COUNT: "The line has more fields than the others. Look for a delimiter inside the code.",
    Reason.INVALID_DATE: "The expiry is not a date. Write it as 2026-12-31.",
    Reason.AMBIGUOUS_DATE: "The expiry can be read as day/month or as month/day. Write it as 2026-12-31.",
    Reason.ALREADY_EXPIRED: "The card has expired.",
    Reason.INVALID_MONEY: "The amount is not one in the currency of this import. Write it as 100.00.",
}
"""What staff read. DUPLICATE_IN_FILE names a line and is written where it is found."""
