"""Workbooks (XLSX, XLS, ODS): cells in, text out. The only file that knows calamine.

Spreadsheets keep numbers as binary fractions, exact to 15 digits. A longer card number is already
damaged when it is read; it leaves here as spreadsheets show it, `6.22202E+18`, and rows.py refuses that.
"""

import io
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from math import isfinite

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetVisibleEnum,
)

from engine.intake.records import DecimalText, Record, Table
from engine.intake.refusals import CardFileRefused
from engine.limits import workbook_bytes_max

_MAGIC = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_EXACT_MAX = 10**15
_MIDNIGHT = time()

Cell = int | float | str | bool | time | date | datetime | timedelta


def is_workbook(start: bytes) -> bool:
    """Whether a file starts like a workbook, whatever its name says."""
    return start.startswith(_MAGIC)


def read_workbook(content: bytes, sheet: str | None) -> Table:
    """The rows of the named sheet, or of the first visible one that holds anything.

    Raises CardFileRefused for a workbook that is locked, damaged, too big or empty, and for a
    sheet that is not there.
    """
    if len(content) > workbook_bytes_max:
        raise CardFileRefused("the workbook is bigger than 64 MB: save the sheet as CSV, which may have any size")
    try:
        return Table("", _records(_sheet(CalamineWorkbook.from_filelike(io.BytesIO(content)), sheet)))
    except CalamineError as cause:
        raise CardFileRefused(
            f"the workbook cannot be read ({cause}): "
            "take its password off if it has one, and save it as .xlsx, or the sheet as CSV"
        ) from None


def _sheet(workbook: CalamineWorkbook, name: str | None) -> CalamineSheet:
    if name is not None and name not in workbook.sheet_names:
        raise CardFileRefused(f"the workbook has no sheet {name!r}; it has {', '.join(workbook.sheet_names)}")
    visible = (each.name for each in workbook.sheets_metadata if each.visible is SheetVisibleEnum.Visible)
    for each in visible if name is None else (name,):
        sheet = workbook.get_sheet_by_name(each)
        if sheet.height:
            return sheet
    raise CardFileRefused("the workbook holds no cells that can be seen")


def _records(sheet: CalamineSheet) -> Iterator[Record]:
    for row_no, cells in enumerate(sheet.iter_rows(), 1):
        if any(cell != "" for cell in cells):
            yield row_no, [cell_text(cell) for cell in cells]


def cell_text(cell: Cell) -> str:
    """A cell as text: whole numbers of up to 15 digits exactly, dates as 2026-12-31, what is longer as 6.22202E+18."""
    match cell:
        case str():
            return cell
        case bool():
            return "TRUE" if cell else "FALSE"
        case int() | float():
            return _number_text(cell)
        case datetime():
            return cell.date().isoformat() if cell.time() == _MIDNIGHT else f"{cell:%Y-%m-%d %H:%M:%S}"
        case _:
            return str(cell)


def _number_text(number: float) -> str:
    if not isfinite(number):
        return "#NUM!"
    if abs(number) >= _EXACT_MAX:
        return f"{number:.5E}"
    return str(int(number)) if number == int(number) else DecimalText(repr(number))
