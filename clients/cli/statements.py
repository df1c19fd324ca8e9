"""Statements of suppliers, as they come: JSON rows, or a table as CSV in UTF-8 or GBK.

A CSV has a header with `order_number`, `attempt`, `units`, `cost` and `time`, in any order; other columns are passed
over, and `attempt` may be missing where the supplier does not keep our id. A cost is "90.00 CNY"; or figures alone,
with a column `currency` beside it.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from clients.cli import described, typed
from clients.cli.failing import CommandFailed, ExitCode

#: Bytes of a statement: 100,000 rows, which is what one call takes, are some 10 MB.
_FILE_BYTES_MAX = 32 << 20

_NEEDED = ("order_number", "units", "cost", "time")


def read_rows(file: Path) -> Sequence[Mapping[str, Any]]:
    """The rows of a statement, each with the fields of a StatementRow that it has."""
    if file.suffix.lower() != ".csv":
        rows: Sequence[Mapping[str, Any]] = described.read(file).get("rows", ())
        return rows
    return list(_table(_text(file), file.name))


def _text(file: Path) -> str:
    from engine.intake.encoding import find_encoding  # noqa: PLC0415 - help must not wait for the reader of files
    from engine.intake.refusals import CardFileRefused  # noqa: PLC0415

    try:
        if file.stat().st_size > _FILE_BYTES_MAX:
            raise _refused(f"{file.name} is too large.", "Give a statement of a shorter time.")
        content = file.read_bytes()
        return content.decode(find_encoding([content]))
    except OSError as failure:
        raise CommandFailed(
            what=f"{file} cannot be read: {failure.strerror}.", do="Check the path.", exit_code=ExitCode.USAGE
        ) from None
    except CardFileRefused as failure:
        raise _refused(f"{file.name} cannot be read: {failure}.", "Save it as CSV in UTF-8.") from None


def _table(text: str, name: str) -> Iterator[Mapping[str, Any]]:
    lines = csv.DictReader(text.splitlines(), skipinitialspace=True)
    columns = [column.strip().lower() for column in lines.fieldnames or ()]
    lines.fieldnames = columns
    missing = [column for column in _NEEDED if column not in columns]
    if missing:
        raise _refused(
            f"{name} has no column {' or '.join(missing)}.", f"Its first line names them: {','.join(_NEEDED)},attempt."
        )
    for cells in lines:
        try:
            yield _row({column: (cells[column] or "").strip() for column in columns})
        except (ValueError, CommandFailed) as failure:
            why = failure.what if isinstance(failure, CommandFailed) else "units are whole figures."
            raise _refused(
                f"Line {lines.line_num} of {name} does not read: {why}",
                "Mend it: its cells are like A-17, 10, 90.00 CNY, 2026-11-03 14:05.",
            ) from None


def _row(cells: Mapping[str, str]) -> Mapping[str, Any]:
    cost = f"{cells['cost']} {cells['currency']}" if cells.get("currency") else cells["cost"]
    typed.money(cost)
    typed.beginning(cells["time"])
    return {
        "order_number": cells["order_number"],
        "attempt": cells.get("attempt", ""),
        "units": int(cells["units"]),
        "cost": cost,
        "time": cells["time"],
    }


def _refused(what: str, do: str) -> CommandFailed:
    return CommandFailed(what=what, do=do, reason="FILE_REFUSED")
