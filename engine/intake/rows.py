"""One record becomes one row, or a refused line with its reason."""

import re
from typing import NamedTuple

from engine.intake.amounts import amount
from engine.intake.columns import Columns
from engine.intake.dates import expiry_ms
from engine.intake.records import DecimalText, Record
from engine.intake.refusals import SENTENCES, LineRefused, Reason, RefusedLine
from engine.limits import code_chars_max
from engine.money import Money
from engine.secrecy.masks import SEPARATOR, mask

_EDGES = " \t\r\n\u3000\u00a0\u200b\u200c\u200d\u2060\ufeff\u00ad"
_LOST_DIGITS = re.compile(r"-?\d(?:[.,]\d+)?E\+\d\d", re.ASCII | re.IGNORECASE)
_CELL_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!"})


class Row(NamedTuple):
    """One card of a file. Its repr shows a mask, so that a row in a traceback gives no code away."""

    line_no: int
    code: str
    expires_at_ms: int | None
    face_value: Money | None
    cost: Money | None = None

    def __repr__(self) -> str:
        return f"Row(line {self.line_no}, {mask(self.code)}, {self.expires_at_ms}, {self.face_value}, {self.cost})"


class Reading(NamedTuple):
    """What a file does not say of itself: the time now, the clocks where it was written, and its currency."""

    now_ms: int
    utc_offset_ms: int
    currency: str


def read_row(record: Record, columns: Columns, reading: Reading) -> Row | RefusedLine:
    """The card of one record. Short records are filled up with empty cells; longer ones are refused."""
    line_no, fields = record
    missing = columns.width - len(fields)
    if missing > 0:
        fields = fields + [""] * missing
    try:
        if missing < 0:
            _refuse_filled(fields[columns.width :])
        return Row(
            line_no,
            _code(fields, columns.code),
            _expiry(fields, columns.expires, reading),
            _amount(fields, columns.face_value, reading),
            _amount(fields, columns.cost, reading),
        )
    except LineRefused as refused:
        return RefusedLine(line_no, refused.reason, SENTENCES[refused.reason])


def _refuse_filled(surplus: list[str]) -> None:
    if any(map(str.strip, surplus)):
        raise LineRefused(Reason.FIELD_COUNT)


def _code(fields: list[str], places: tuple[int, ...]) -> str:
    parts = [_part(fields[place]) for place in places]
    code = parts[0] if len(parts) == 1 else SEPARATOR.join(parts)
    if len(code) > code_chars_max:
        raise LineRefused(Reason.CODE_TOO_LONG)
    if not code.isprintable():
        raise LineRefused(Reason.CODE_NOT_TEXT)
    return code


def _part(cell: str) -> str:
    """A cell without what copying adds at its ends, and without the `="…"` that keeps Excel from counting."""
    if isinstance(cell, DecimalText):
        raise LineRefused(Reason.CODE_IS_A_NUMBER)
    text = cell.strip(_EDGES)
    if text.startswith('="') and text.endswith('"'):
        text = text[2:-1].strip(_EDGES)
    if not text or text in _CELL_ERRORS:
        raise LineRefused(Reason.EMPTY_CODE)
    if "+" in text and _LOST_DIGITS.fullmatch(text):
        raise LineRefused(Reason.DIGITS_LOST)
    return text


def _expiry(fields: list[str], place: int | None, reading: Reading) -> int | None:
    if place is None:
        return None
    expires_at_ms = expiry_ms(fields[place], reading.utc_offset_ms)
    if expires_at_ms is not None and expires_at_ms <= reading.now_ms:
        raise LineRefused(Reason.ALREADY_EXPIRED)
    return expires_at_ms


def _amount(fields: list[str], place: int | None, reading: Reading) -> Money | None:
    return None if place is None else amount(fields[place], reading.currency)
