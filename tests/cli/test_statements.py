"""Statements of suppliers as files."""

from pathlib import Path

import pytest

from clients.cli.failing import CommandFailed
from clients.cli.statements import read_rows

HEADER = "order_number,attempt,units,cost,time"


def _file(folder: Path, *lines: str, encoding: str = "utf-8") -> Path:
    file = folder / "statement.csv"
    file.write_bytes("\n".join(lines).encode(encoding))
    return file


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
def test_a_table_is_read_whatever_it_was_saved_as(tmp_path: Path, encoding: str) -> None:
    """A mark of byte order is no part of the first column's name, and other columns are passed over."""
    rows = read_rows(
        _file(tmp_path, f"{HEADER},备注", "A-17, a-1, 10, 90.00 CNY, 2026-11-03 14:05, 充值卡", encoding=encoding)
    )
    assert rows == [
        {"order_number": "A-17", "attempt": "a-1", "units": 10, "cost": "90.00 CNY", "time": "2026-11-03 14:05"}
    ]


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        (["order_number,units,time", "A-17,10,2026-11-03"], "cost"),
        ([HEADER, "A-17,,10,90.00 CNY,2026-11-03", "A-18,,ten,90.00 CNY,2026-11-03"], "Line 3"),
        ([HEADER, "A-17,,10,90.00,2026-11-03"], "Line 2"),
        ([HEADER, "A-17,,10,90.00 CNY,some day"], "Line 2"),
        ([HEADER, "A-17,,10"], "Line 2"),
    ],
    ids=["no column", "no figure", "no currency", "no moment", "short"],
)
def test_what_does_not_read_is_named(tmp_path: Path, lines: list[str], what: str) -> None:
    """The column, or the line; nothing is sent of a statement that reads in part."""
    with pytest.raises(CommandFailed, match=what):
        read_rows(_file(tmp_path, *lines))


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    """As for every file that is named."""
    with pytest.raises(CommandFailed, match="cannot be read"):
        read_rows(tmp_path / "none.csv")
