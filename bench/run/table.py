"""What a run came to, on the terminal: loads, figures, ratios with their goals, the audit."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

Plain = Mapping[str, Any]


def write_document(console: Console, document: Plain) -> None:
    """The tables of one finished run."""
    if document["loads"]:
        console.print(_loads(document))
    if document["figures"]:
        console.print(_series("Figures", document["figures"]))
    if document["ratios"]:
        console.print(_series("Ratios, round by round", document["ratios"]))
    for title, rows in document["tables"].items():
        console.print(_table(title, rows))
    audit = document["audit"]
    console.print(
        f"Audit clean: {audit['calls']:,} answers, {audit['holds']:,} holds, {audit['sales']:,} sales,"
        f" {audit['cards']:,} cards, {audit['asked_again']:,} asked again.",
        soft_wrap=True,
    )


def write_violations(console: Console, broken: Mapping[str, int], violations: list[str]) -> None:
    """What the audit objects to; there is nothing else to show."""
    counts = ", ".join(f"{count:,} {kind}" for kind, count in broken.items())
    console.print(f"[red]The audit failed: {counts}. There are no figures.")
    for text in violations:
        console.print(f"  {text}", markup=False, highlight=False, soft_wrap=True)


def number(value: float) -> str:
    """Four significant digits, and a comma between thousands."""
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 10 else 3
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _loads(document: Plain) -> Table:
    table = _new_table("Loads: medians of the rounds, and the range of the first", "work", "side")
    for column in ("items/s", "range", "calls/s", "p50 ms", "p99 ms", "p99.9 ms"):
        table.add_column(column, justify="right", no_wrap=True)
    for load in document["loads"]:
        rate = load["items_per_s"]
        table.add_row(
            load["work"],
            f"{load['side']} {load['door']}",
            number(rate["median"]) + _sign(rate),
            f"{number(rate['min'])}–{number(rate['max'])}",
            number(load["calls_per_s"]["median"]),
            *(number(load[of]["median"]) for of in ("p50_ms", "p99_ms", "p999_ms")),
        )
    return table


def _series(title: str, series: Mapping[str, Plain]) -> Table:
    table = _new_table(title, "")
    for column in ("median", "range", "goal"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("what", style="dim")
    for name, one in series.items():
        goal = one["goal"]
        wanted = "" if goal is None else f"{'≥' if goal['sense'] == 'at least' else '≤'} {number(goal['bound'])}"
        table.add_row(
            name,
            f"{number(one['median'])} {one['unit']}",
            f"{number(one['min'])}–{number(one['max'])}",
            wanted + _sign(one),
            one["about"],
        )
    return table


def _table(title: str, rows: Sequence[Plain]) -> Table:
    """Rows that are alike: their names over their values."""
    table = _new_table(title)
    for name, value in rows[0].items() if rows else ():
        table.add_column(name, justify="left" if isinstance(value, str) else "right")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    return table


def _new_table(title: str, *names: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE, padding=(0, 1), pad_edge=False)
    for name in names:
        table.add_column(name, no_wrap=True)
    return table


def _sign(series: Plain) -> str:
    goal = series["goal"]
    return "" if goal is None else " [green]✓[/]" if goal["met"] else " [red]✗[/]"
