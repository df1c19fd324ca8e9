"""Tables and figures as HTML text. Everything that was not written here is escaped."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

Plain = Mapping[str, Any]


class Cell(NamedTuple):
    """One cell: HTML that is already safe, and whether it is a number."""

    html: str
    is_number: bool = False


def text(value: object) -> Cell:
    """Words."""
    return Cell(escape(str(value)))


def number(value: float, unit: str = "") -> Cell:
    """A number with four significant digits and commas."""
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 10 else 3
    said = f"{value:,.{digits}f}"
    said = said.rstrip("0").rstrip(".") if "." in said else said
    return Cell(escape(f"{said} {unit}".strip()), True)


def span(series: Plain) -> Cell:
    """The range of the rounds."""
    return Cell(f"{number(series['min']).html}–{number(series['max']).html}", True)


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table that scrolls by itself where the page is narrow. Over numbers, names stand to the right."""
    lines = list(rows)
    are_numbers = [cell.is_number for cell in lines[0]] if lines else [False] * len(head)
    names = "".join(
        f"<th{' class=n' if is_number else ''}>{escape(name)}</th>"
        for name, is_number in zip(head, are_numbers, strict=True)
    )
    body = "".join(f"<tr>{''.join(_of(cell) for cell in row)}</tr>" for row in lines)
    return f'<div class="wide" tabindex="0"><table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table></div>'


def moment(iso: str) -> Cell:
    """A moment in UTC, to the minute."""
    return Cell(f'<span class="whole">{escape(iso[:16].replace("T", " "))} UTC</span>')


def verdict(series: Plain) -> tuple[Cell, Cell]:
    """A goal and whether it was met, in a word as well as a sign."""
    goal = series["goal"]
    if goal is None:
        return Cell("", True), Cell("")
    sign = "≥" if goal["sense"] == "at least" else "≤"
    met = (
        Cell('<span class="good whole">✓ met</span>')
        if goal["met"]
        else Cell('<span class="bad whole">✗ missed</span>')
    )
    return Cell(f"{sign} {number(goal['bound']).html}", True), met


def paragraphs(prose: str) -> str:
    """A docstring without its first line, as paragraphs."""
    parts = prose.split("\n\n")[1:]
    return "".join(f"<p>{escape(' '.join(part.split()))}</p>" for part in parts)


def _of(cell: Cell) -> str:
    return f'<td class="n">{cell.html}</td>' if cell.is_number else f"<td>{cell.html}</td>"
