"""What a person should look at before a file is imported: things it could mean otherwise than it is read.

Nothing is decided here. A reader that guesses sells headers as cards, and dates it did not see as cards that
never end; so whoever imports is told, and says what is meant.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from engine.intake.columns import Columns
from engine.intake.dates import is_date
from engine.intake.records import Record

#: A shorter cell is a row number or a quantity, not the other half of a code.
_PART_CHARS_MIN = 4

#: Longer text without a digit is no column's name.
_NAME_CHARS_MAX = 24


class Unread(StrEnum):
    """What a column that is not read looks like."""

    DATES = "dates"
    CODES = "a part of the code"


class Doubts(NamedTuple):
    """`first_line_no` is that of a first line that counts as a card and reads like column names; else None.

    `unread` are the columns that are not read: where they stand, from 0, their names, what they look like.
    """

    first_line_no: int | None
    unread: tuple[tuple[int, str, Unread], ...]


def find_doubts(sample: Sequence[Record], columns: Columns) -> Doubts:
    """The doubts about a file that starts with `sample` (its header included) and is read as `columns`."""
    if not columns.has_header:
        return Doubts(_first_line_no(sample), ())
    read = {*columns.code, columns.expires, columns.face_value, columns.cost}
    unread = []
    for place in range(columns.width):
        looks_like = None if place in read else _looks_like(_cells(sample[1:], place))
        if looks_like is not None:
            unread.append((place, columns.titles[place][0] or f"column {place + 1}", looks_like))
    return Doubts(None, tuple(unread))


def _first_line_no(sample: Sequence[Record]) -> int | None:
    """Names are short words without digits, above lines that all have digits and other lengths."""
    (line_no, names), *cards = sample
    lengths = [len(name.strip()) for name in names]
    reads_like_names = not any(map(_has_digit, names)) and max(lengths) <= _NAME_CHARS_MAX
    others_differ = all(
        any(map(_has_digit, fields)) and [len(field.strip()) for field in fields] != lengths for _, fields in cards
    )
    return line_no if cards and reads_like_names and others_differ else None


def _cells(records: Sequence[Record], place: int) -> list[str]:
    cells = (fields[place].strip() for _, fields in records if place < len(fields))
    return [cell for cell in cells if cell]


def _looks_like(cells: Sequence[str]) -> Unread | None:
    """Codes differ from card to card, and have digits and no spaces; notes and states do not."""
    if not cells:
        return None
    if all(map(is_date, cells)):
        return Unread.DATES
    is_code = all(len(cell) >= _PART_CHARS_MIN and _has_digit(cell) and " " not in cell for cell in cells)
    return Unread.CODES if is_code and len(set(cells)) == len(cells) else None


def _has_digit(text: str) -> bool:
    return any(map(str.isdecimal, text))
