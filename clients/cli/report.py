"""`cardkeep report …`: what was sold, bought and earned, what lies too long. And `trace`: where a card came from."""

# ruff: noqa: PLC0415 - help and completion must not wait for gRPC

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clients.cli import show, typed
from clients.cli.command import command
from clients.cli.failing import wrong_usage
from clients.cli.pricing import words
from clients.cli.selling import OfSku
from clients.cli.session import Session

if TYPE_CHECKING:
    from cardkeep_client.reports import AgeingRow, CardTrace, Group, Report
    from rich.console import RenderableType

app = typer.Typer(no_args_is_help=True, help="Look at sales, purchases, margins and stock over time.")

#: How long a report may take unless --timeout says otherwise: the server gives up a little earlier.
report_timeout_s = 35.0

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

Of = Annotated[str | None, typer.Option("--sku", metavar="SKU", help="Of this SKU alone.")]
From = Annotated[
    str | None, typer.Option("--from", metavar="DATE", help="From this day or moment on; else 30 days back.")
]
To = Annotated[str | None, typer.Option("--to", metavar="DATE", help="Up to the end of this day, or this moment.")]
Rows = Annotated[int, typer.Option("--rows", metavar="COUNT", min=1, max=5_000, help="Most rows.")]


def _by(names: Sequence[str]) -> Any:
    text = f"Group by {', '.join(names[:-1])} or {names[-1]}; may be given more than once."
    return Annotated[list[str] | None, typer.Option("--by", metavar="WHAT", help=text, show_default=False)]


_ALL = ("sku", "supplier", "channel", "day", "month")
_BOUGHT = ("sku", "supplier", "day", "month")
_HELD = ("sku", "day", "month")
_LYING = ("sku", "supplier")

_PRICES = ("SKU", "channel", "only of batch", "from", "#before", "#price", "by", "because of")
_GROUP = ("SKU", "supplier", "channel", "day", "month")


def register(front: typer.Typer) -> None:
    """Put the commands of this file on the command line."""
    front.add_typer(app, name="report")
    command(front, "trace")(trace)


def margin(
    session: Session,
    *,
    by: _by(_ALL) = None,  # type: ignore[valid-type]
    sku: Of = None,
    since: From = None,
    until: To = None,
    rows: Rows = 1_000,
) -> None:
    """What cards shipped brought in, what those very cards cost, and what is left.

    Currencies are never added up: each pair is a row of its own, and so is what has no cost or no price.
    """
    columns = ("#units", "#of them replaced", "#revenue", "#cost", "#margin")
    _report(session, "margin", _bounds(by or ["sku"], _ALL, sku, since, until, rows), columns, _margin_cells)


def sales(
    session: Session,
    *,
    by: _by(_ALL) = None,  # type: ignore[valid-type]
    sku: Of = None,
    since: From = None,
    until: To = None,
    rows: Rows = 1_000,
) -> None:
    """What was sold, by day unless --by says otherwise."""
    bounds = _bounds(by or ["day"], _ALL, sku, since, until, rows)
    columns = ("#orders", "#units", "#revenue")
    _report(session, "sales", bounds, columns, lambda row: (row.orders, row.units, show.money(row.revenue)))


def purchases(
    session: Session,
    *,
    by: _by(_BOUGHT) = None,  # type: ignore[valid-type]
    sku: Of = None,
    since: From = None,
    until: To = None,
    rows: Rows = 1_000,
) -> None:
    """What arrived and what it cost, by supplier unless --by says otherwise."""
    bounds = _bounds(by or ["supplier"], _BOUGHT, sku, since, until, rows)
    columns = ("#batches", "#units", "#cost")
    _report(session, "purchases", bounds, columns, lambda row: (row.batches, row.units, show.money(row.cost)))


def demand(
    session: Session,
    *,
    by: _by(_HELD) = None,  # type: ignore[valid-type]
    sku: Of = None,
    since: From = None,
    until: To = None,
    rows: Rows = 1_000,
) -> None:
    """How holds began and ended, and how often the shelf was too empty; by SKU unless --by says otherwise."""
    bounds = _bounds(by or ["sku"], _HELD, sku, since, until, rows)
    columns = ("#holds", "#their cards", "#sold", "#given back", "#expired", "#out of stock")
    _report(
        session,
        "demand",
        bounds,
        columns,
        lambda row: (row.held, row.held_units, row.confirmed, row.released, row.expired, row.out_of_stock),
    )


def prices(session: Session, sku: Of = None, since: From = None, until: To = None, rows: Rows = 1_000) -> None:
    """Every change of a price: the SKU's own, of its channels, by clearance; and why."""
    bounds = _bounds([], (), sku, since, until, rows)
    _report(session, "prices", bounds, _PRICES, _price_cells)


def ageing(
    session: Session,
    *,
    by: _by(_LYING) = None,  # type: ignore[valid-type]
    sku: Of = None,
    until: To = None,
    rows: Rows = 1_000,
) -> None:
    """What is in stock, how old it is, what it cost, and how long it lasts at the rate of the last 28 days.

    What lasts longest comes first. By SKU unless --by says otherwise.
    """
    bounds = _bounds(by or ["sku"], _LYING, sku, None, until, rows)
    columns = ("#units", "#value", "#<30 days", "#<60", "#<90", "#<180", "#older", "#sold in 28 days", "#days of cover")
    _report(session, "ageing", bounds, (*columns, "first expires"), _ageing_cells)


for _function in (margin, sales, purchases, demand, prices, ageing):
    command(app, _function.__name__)(_function)


def trace(
    session: Session,
    card: Annotated[
        str | None, typer.Argument(metavar="[CARD]", help="Like NETFLIX-30/cards/3-17.", show_default=False)
    ] = None,
    *,
    sku: OfSku = None,
    code: Annotated[
        bool, typer.Option("--code", help="Read the card's code from stdin instead; say of which --sku.")
    ] = False,
) -> None:
    """Where a card came from, and to whom it went: batch, purchase, supplier, cost, importer, sale.

    A code is read from stdin, so that it stands in no list of processes and in no shell's history.
    """
    if code == (card is not None) or (code and sku is None):
        raise wrong_usage("Which card?", "Name it, like NETFLIX-30/cards/3-17; or say --code --sku NETFLIX-30.")
    name = typed.sku_name(sku or "") if card is None else typed.card_name(card, sku)
    secret = typer.get_text_stream("stdin").readline().strip() if code else ""
    if code and not secret:
        raise wrong_usage("No code came from stdin.", "Type it, or pipe it in.")
    with session.connected(**{"sku" if code else "card": name}) as client:
        from cardkeep_client import reports

        found = client.report(reports.trace_code(name, secret) if code else reports.trace(name))
    session.show(found, _traced)


def _bounds(  # noqa: PLR0917 - as a report has bounds
    by: Sequence[str], may: Sequence[str], sku: str | None, since: str | None, until: str | None, rows: int
) -> dict[str, Any]:
    for each in by:
        if each not in may:
            raise wrong_usage(f"This report cannot be grouped by {each!r}.", f"Say --by {', --by '.join(may)}.")
    return {
        "by": list(by),
        "sku": "" if sku is None else typed.sku_name(sku),
        "start": _moment(since, days=0),
        "end": _moment(until, days=1),
        "utc_offset": timedelta(milliseconds=typed.utc_offset_ms(int(datetime.now(UTC).timestamp() * 1_000))),
        "rows": rows,
    }


def _moment(text: str | None, *, days: int) -> datetime | None:
    """A moment; of a day its beginning here, so many days later."""
    if text is None or not _DAY.fullmatch(text):
        return typed.moment(text)
    try:
        day = date.fromisoformat(text) + timedelta(days=days)
    except (ValueError, OverflowError):
        return typed.moment(text)
    return datetime(day.year, day.month, day.day).astimezone()


def _report(
    session: Session,
    name: str,
    bounds: dict[str, Any],
    columns: Sequence[str],
    cells: Callable[[Any], Sequence[object]],
) -> None:
    session.timeout_s = session.timeout_s or report_timeout_s
    with session.connected(sku=bounds["sku"]) as client:
        from cardkeep_client import reports

        found: Any = client.report(getattr(reports, name)(**bounds))
    has_groups = name != "prices"
    session.show(
        found, lambda report: _table(report, (*_GROUP, *columns) if has_groups else columns, cells, has_groups)
    )
    if found.has_more:
        session.note("There are more rows: say --rows COUNT, or look at less.")
    for sku in found.incomplete_skus:
        session.note(f"{show.short(sku)} is stopped: only a part of it is told here. See `cardkeep status`.")


def _table(
    report: "Report[Any]", columns: Sequence[str], cells: Callable[[Any], Sequence[object]], has_groups: bool
) -> "RenderableType":
    rows = [(*_group_cells(row.group), *cells(row)) if has_groups else cells(row) for row in report.rows]
    over = f"from {show.moment(report.start_time)} to {show.moment(report.end_time)}"
    return show.lines(show.table(columns, rows), over)


def _group_cells(group: "Group") -> Sequence[str]:
    return (show.short(group.sku), group.supplier, group.channel, group.day, group.month)


def _margin_cells(row: Any) -> Sequence[object]:
    return (row.units, row.replaced, _money(row.revenue), _money(row.cost), _money(row.margin))


def _price_cells(row: Any) -> Sequence[object]:
    return (
        *(show.short(row.sku), row.channel or "(the SKU's own)", show.short(row.batch), show.moment(row.time)),
        *(show.money(row.before) or "none", show.money(row.price) or "none"),
        *(row.who or ("staff" if "STAFF" in row.reasons else "a rule"), words(row.reasons)),
    )


def _ageing_cells(row: "AgeingRow") -> Sequence[object]:
    cover = "for ever" if row.days_of_cover is None else f"{row.days_of_cover:,.1f}"
    return (row.units, _money(row.value), *row.units_by_age, row.sold, cover, show.moment(row.next_expire_time))


def _money(amount: Any) -> str:
    return show.money(amount) or "unknown"


def _traced(found: "CardTrace") -> "RenderableType":
    batch, sale = found.batch, found.sale
    rows = [
        ("card", show.short(found.name)),
        ("batch", show.short(batch.name)),
        ("supplier or source", batch.source),
        ("import or purchase", batch.import_id),
        ("importer", batch.importer),
        ("cost", show.money(batch.unit_cost) or "unknown"),
        ("imported", show.moment(batch.create_time)),
    ]
    if sale is None:
        return show.facts([*rows, ("sold", "no")])
    rows += [
        ("sold", show.moment(sale.sell_time)),
        ("price", show.money(sale.unit_price)),
        ("hold", show.short(sale.hold)),
        ("order", sale.order_ref),
        ("payment", sale.payment_ref),
        ("replaced by", show.short(sale.replaced_by)),
        ("in place of", show.short(sale.replaces)),
    ]
    return show.facts(rows)
