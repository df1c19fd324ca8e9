"""What every kind of file is read into first: numbered records of text fields."""

from collections.abc import Iterator
from typing import NamedTuple

Record = tuple[int, list[str]]
"""The number of the record's first line (row, in a workbook), from 1, and its fields as they stand."""


class DecimalText(str):
    """A cell that a spreadsheet keeps as a number with decimals: an amount, or a code it has spoilt."""

    __slots__ = ()


class Table(NamedTuple):
    """A file as records without the blank ones. `delimiter` is empty where the file needs none."""

    delimiter: str
    records: Iterator[Record]
