"""Answers on the screen: tables for people, one JSON document for programs. Nothing typed by others is markup.

Colours only on a terminal and without NO_COLOR; into a pipe no line is cut or folded.
"""

# ruff: noqa: PLC0415 - rich is imported when there is something to show

import contextlib
import dataclasses
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any

from clients.cli.amounts import money_words
from engine.names import DEFAULT_TENANT

if TYPE_CHECKING:
    from cardkeep_client import Money
    from rich.console import Console, RenderableType
    from rich.table import Table

#: Columns of a table that goes into a pipe or a file: wide enough that nothing is folded.
PIPE_WIDTH = 500

#: Wider than anything that is measured.
_WIDTH_MAX = 10_000

_DEFAULT_PREFIX = f"tenants/{DEFAULT_TENANT}/skus/"


def out() -> "Console":
    """Where answers go."""
    return _console(stderr=False)


def err() -> "Console":
    """Where remarks, progress and failures go."""
    return _console(stderr=True)


def write_json(document: Mapping[str, Any]) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def as_plain(value: Any) -> Any:
    """A result as JSON has it: money in minor units and in words, moments in UTC, spans as `…_s` in seconds."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        if {field.name for field in dataclasses.fields(value)} == {"minor", "currency"}:
            amount: Any = value
            return {"minor": amount.minor, "currency": amount.currency, "text": money(amount)}
        return as_plain({field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    if isinstance(value, Mapping):
        return {_key(name, each): as_plain(each) for name, each in value.items()}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, list | tuple):
        return [as_plain(each) for each in value]
    return value


def money(amount: "Money | None") -> str:
    """`15.00 CNY`, `1500 JPY`; empty for none."""
    return "" if amount is None else money_words(amount.minor, amount.currency)


def moment(when: datetime | None, otherwise: str = "") -> str:
    """Local time with its offset."""
    if when is None:
        return otherwise
    with contextlib.suppress(OverflowError):  # The last evening of the year 9999, which suppliers like to write.
        when = when.astimezone()
    return when.isoformat(sep=" ", timespec="seconds")


def span(length: timedelta) -> str:
    """`15m`, `1h30m`, `7d`: as it could be typed."""
    left = int(length.total_seconds())
    parts = []
    for unit, unit_s in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, unit_s)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def short(name: str) -> str:
    """A name as it may be typed: without the default tenant."""
    return name.removeprefix(_DEFAULT_PREFIX)


def number(count: int) -> str:
    """`1,000,000`."""
    return f"{count:,}"


def counted(count: int, what: str) -> str:
    """`1 line`, `2,000 lines`."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def safe(text: object) -> str:
    """Text of others without what could steer a terminal."""
    return "".join(character if character.isprintable() or character == "\n" else "?" for character in str(text))


def facts(rows: Iterable[tuple[str, object]]) -> "Table":
    """Names and values, one pair a line; pairs without a value are left out."""
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in rows:
        if value not in ("", None):
            table.add_row(name, safe(value))
    return table


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "", whole: Sequence[str] = ()
) -> "Table | str":
    """A table; the word for none where there are no rows.

    Columns whose names start with `#` hold numbers, and columns without any cell filled are left out. Cells of the
    columns named in `whole`, and numbers, are never folded, however narrow the screen is.
    """
    rows = [tuple(row) for row in rows]
    if not rows:
        return "Nothing."
    filled = [place for place in range(len(columns)) if any(row[place] != "" for row in rows)]
    from rich import box
    from rich.table import Table

    made = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in (columns[place] for place in filled):
        made.add_column(
            column.removeprefix("#"),
            justify="right" if column.startswith("#") else "left",
            overflow="fold",
            no_wrap=column.startswith("#") or column in whole,
        )
    for row in rows:
        cells = (row[place] for place in filled)
        made.add_row(*(number(cell) if type(cell) is int else safe(cell) for cell in cells))
    return made


def fits(shown: "RenderableType") -> bool:
    """Whether the screen is wide enough for what must not be folded in it."""
    from rich.measure import Measurement

    screen = out()
    return Measurement.get(screen, screen.options.update(max_width=_WIDTH_MAX), shown).minimum <= screen.width


def lines(*parts: "RenderableType | None") -> "RenderableType":
    """Parts below each other."""
    from rich.console import Group

    return Group(*(part for part in parts if part is not None))


def write(shown: "RenderableType") -> None:
    """Put an answer on the screen. Lines of text are never broken, so that commands in them can be copied."""
    from rich.console import Group

    if isinstance(shown, Group):
        for part in shown.renderables:
            write(part)
    else:
        out().print(shown, soft_wrap=isinstance(shown, str))


def _key(name: str, value: object) -> str:
    return f"{name}_s" if isinstance(value, timedelta) else name


def _console(*, stderr: bool) -> "Console":
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)
