"""Workbooks: cells as the text a person sees, numbers exactly or visibly lost."""

import io
import zipfile
from datetime import date, datetime, time, timedelta

import openpyxl
import pytest

from engine.intake.records import Record
from engine.intake.refusals import CardFileRefused
from engine.intake.workbook import Cell, cell_text, is_workbook, read_workbook


def xlsx(sheets: dict[str, list[list[object]]], hidden: tuple[str, ...] = ()) -> bytes:
    """A workbook with these sheets."""
    workbook = openpyxl.Workbook()
    assert workbook.active is not None
    workbook.remove(workbook.active)
    for title, rows in sheets.items():
        sheet = workbook.create_sheet(title)
        for row in rows:
            sheet.append(row)
        if title in hidden:
            sheet.sheet_state = "hidden"
    content = io.BytesIO()
    workbook.save(content)
    return content.getvalue()


def records(content: bytes, sheet: str | None = None) -> list[Record]:
    """All records of a workbook."""
    return list(read_workbook(content, sheet).records)


def test_rows_keep_the_numbers_that_the_spreadsheet_shows() -> None:
    """Blank rows at the top and between are counted and left out; so the report can be followed."""
    content = xlsx({"cards": [[], [None, None], ["code", "expires"], ["A1", "2027-01-01"], [], ["A2", None]]})
    assert records(content) == [(3, ["code", "expires"]), (4, ["A1", "2027-01-01"]), (6, ["A2", ""])]


def test_the_first_visible_sheet_with_cells_is_read() -> None:
    """Empty and hidden ones are passed over, unless asked for by name."""
    content = xlsx({"old": [["X"]], "empty": [], "cards": [["A1"]], "more": [["B1"]]}, hidden=("old",))
    assert records(content) == [(1, ["A1"])]
    assert records(content, "more") == [(1, ["B1"])]
    assert records(content, "old") == [(1, ["X"])]


def test_a_sheet_that_is_not_there_is_refused_with_those_that_are() -> None:
    """And one without cells is refused too."""
    content = xlsx({"cards": [["A1"]], "empty": []})
    with pytest.raises(CardFileRefused, match="no sheet 'Cards'; it has cards, empty"):
        records(content, "Cards")
    with pytest.raises(CardFileRefused, match="no cells"):
        records(content, "empty")


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (123456789012345, "123456789012345"),
        (999999999999999, "999999999999999"),
        (1000000000000000, "1.00000E+15"),
        (6222021234567890123, "6.22202E+18"),
        (-6222021234567890, "-6.22202E+15"),
        (0, "0"),
        (12.5, "12.5"),
        (99.9, "99.9"),
        ("00123", "00123"),
        ("6222021234567890123", "6222021234567890123"),
        (True, "TRUE"),
        (False, "FALSE"),
        (date(2026, 12, 31), "2026-12-31"),
        (datetime(2026, 12, 31, 18, 30), "2026-12-31 18:30:00"),  # noqa: DTZ001 - cells have no zone
        (datetime(2026, 12, 31), "2026-12-31"),  # noqa: DTZ001 - cells have no zone
        (time(3, 4), "03:04:00"),
    ],
)
def test_a_cell_becomes_the_text_a_person_sees(cell: object, text: str) -> None:
    """Through a real file: whole numbers of up to 15 digits exactly, longer ones visibly lost."""
    assert records(xlsx({"cards": [["x", cell]]})) == [(1, ["x", text])]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (5, "5"),
        (5.0, "5"),
        (float("nan"), "#NUM!"),
        (float("inf"), "#NUM!"),
        (timedelta(hours=30), "1 day, 6:00:00"),
        (date(2026, 12, 31), "2026-12-31"),
    ],
)
def test_cells_that_no_ordinary_file_holds_still_become_text(cell: Cell, text: str) -> None:
    """A made-up file must not stop the program."""
    assert cell_text(cell) == text


ODF = "urn:oasis:names:tc:opendocument:xmlns"
ODS_CONTENT = (
    f'<office:document-content xmlns:office="{ODF}:office:1.0"'
    f' xmlns:table="{ODF}:table:1.0" xmlns:text="{ODF}:text:1.0">'
    '<office:body><office:spreadsheet><table:table table:name="cards"><table:table-row>'
    '<table:table-cell office:value-type="string"><text:p>卡密</text:p></table:table-cell>'
    '<table:table-cell office:value-type="float" office:value="12"><text:p>12</text:p></table:table-cell>'
    "</table:table-row></table:table></office:spreadsheet></office:body></office:document-content>"
)


def test_an_ods_file_is_read_like_any_other() -> None:
    """As LibreOffice and WPS write it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as ods:
        ods.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        ods.writestr("META-INF/manifest.xml", f'<manifest:manifest xmlns:manifest="{ODF}:manifest:1.0"/>')
        ods.writestr("content.xml", ODS_CONTENT)
    assert is_workbook(content.getvalue())
    assert records(content.getvalue()) == [(1, ["卡密", "12"])]


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04rubbish", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600, b"\xd0\xcf\x11\xe0junk"]
)
def test_a_damaged_workbook_is_refused_with_what_to_do(content: bytes) -> None:
    """It starts like a workbook and is none."""
    assert is_workbook(content)
    with pytest.raises(CardFileRefused, match=r"cannot be read .*save it as \.xlsx, or the sheet as CSV"):
        records(content)


def test_a_workbook_past_the_bound_is_refused_before_it_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be unpacked in memory."""
    content = xlsx({"cards": [["A1"]]})
    monkeypatch.setattr("engine.intake.workbook.workbook_bytes_max", len(content) - 1)
    with pytest.raises(CardFileRefused, match="bigger than 64 MB"):
        records(content)
    monkeypatch.setattr("engine.intake.workbook.workbook_bytes_max", len(content))
    assert records(content) == [(1, ["A1"])]


def test_text_is_no_workbook() -> None:
    """Whatever the file is called."""
    assert not is_workbook(b"code\nA1\n")
