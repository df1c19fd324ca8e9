"""Reports: what was sold, bought and earned, what lies too long, where a card came from.

    from cardkeep_client import reports

    report = cardkeep.report(reports.margin(by=["supplier", "day"]))
    for row in report.rows:
        print(row.group.supplier, row.group.day, row.margin)

A report may take some seconds: give the call a `timeout_s` of 30 or so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from cardkeep_client import answers, pricing_answers
from cardkeep_client.allocation_calls import duration, sku_name, timestamp
from cardkeep_client.journeys import Call
from cardkeep_client.results import Money
from cardkeep_client.stock_results import Batch
from cardkeep_client.v1 import reports_pb2

REPORTS = "ReportsService"

#: What rows may be about. Which report takes which: see reports.proto.
DIMENSIONS = ("sku", "supplier", "channel", "day", "month")

Answer = TypeVar("Answer")
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Group:
    """What a row is about; a dimension that was not asked for is empty."""

    sku: str
    supplier: str
    channel: str
    day: str
    month: str


@dataclass(frozen=True, slots=True)
class Report(Generic[Row]):
    """Rows, over which time, and whether there are more. `incomplete_skus` are stopped, and told of in part."""

    rows: list[Row]
    start_time: datetime
    end_time: datetime
    has_more: bool
    incomplete_skus: list[str]


@dataclass(frozen=True, slots=True)
class MarginRow:
    """What cards shipped brought in, and what they cost; None where it is unknown or in different currencies."""

    group: Group
    units: int
    replaced: int
    revenue: Money | None
    cost: Money | None
    margin: Money | None


@dataclass(frozen=True, slots=True)
class SalesRow:
    """What was sold."""

    group: Group
    orders: int
    units: int
    revenue: Money | None


@dataclass(frozen=True, slots=True)
class PurchasesRow:
    """What arrived."""

    group: Group
    batches: int
    units: int
    cost: Money | None


@dataclass(frozen=True, slots=True)
class DemandRow:
    """How holds began and ended, and how often there was too little."""

    group: Group
    held: int
    held_units: int
    confirmed: int
    released: int
    expired: int
    out_of_stock: int


@dataclass(frozen=True, slots=True)
class PriceRow:
    """A price that was another from then on; None: the channel had none of its own. `channel` is empty for the SKU's.

    `batch` is named where it was that batch's alone, by clearance; `who` is empty where a rule or a clearance did it.
    """

    sku: str
    time: datetime
    price: Money | None
    channel: str = ""
    batch: str = ""
    before: Money | None = None
    who: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AgeingRow:
    """What is in stock, by age, and how many days it lasts; None: nothing was sold in the last 28 days."""

    group: Group
    units: int
    available: int
    value: Money | None
    units_by_age: list[int]
    oldest: timedelta
    next_expire_time: datetime | None
    sold: int
    days_of_cover: float | None


@dataclass(frozen=True, slots=True)
class CardSale:
    """To whom a card was sold."""

    hold: str
    order_ref: str
    payment_ref: str
    sell_time: datetime
    unit_price: Money | None
    replaced_by: str
    replaces: str


@dataclass(frozen=True, slots=True)
class CardTrace:
    """Where a card came from, and to whom it went; None while it is not sold."""

    name: str
    batch: Batch
    sale: CardSale | None


@dataclass(frozen=True, slots=True)
class Wish(Generic[Answer]):
    """What `Client.report` asks for: made by the functions below."""

    make: Callable[[str], Call[Answer]]


def margin(**bounds: Any) -> Wish[Report[MarginRow]]:
    """Margin of the cards shipped. For `bounds` see `request`."""
    return _wish("ReportMargin", bounds, _margin_row)


def sales(**bounds: Any) -> Wish[Report[SalesRow]]:
    """Sales."""
    return _wish(
        "ReportSales", bounds, lambda row: SalesRow(_group(row), row.orders, row.units, _money(row, "revenue"))
    )


def purchases(**bounds: Any) -> Wish[Report[PurchasesRow]]:
    """Purchases."""
    return _wish(
        "ReportPurchases", bounds, lambda row: PurchasesRow(_group(row), row.batches, row.units, _money(row, "cost"))
    )


def demand(**bounds: Any) -> Wish[Report[DemandRow]]:
    """How holds began and ended."""
    return _wish("ReportDemand", bounds, _demand_row)


def prices(**bounds: Any) -> Wish[Report[PriceRow]]:
    """Prices over time."""
    return _wish("ReportPrices", bounds, _price_row)


def ageing(**bounds: Any) -> Wish[Report[AgeingRow]]:
    """What lies in stock, and for how long."""
    return _wish("ReportAgeing", bounds, _ageing_row)


def trace(card: str) -> Wish[CardTrace]:
    """Where a card came from, by its whole name."""
    return _card(lambda _tenant: reports_pb2.TraceCardRequest(name=card))


def trace_code(sku: str, code: str) -> Wish[CardTrace]:
    """The same by the code that a buyer has."""
    return _card(lambda tenant: reports_pb2.TraceCardRequest(parent=sku_name(tenant, sku), code=code))


def request(
    tenant: str,
    *,
    by: Sequence[str] = (),
    sku: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
    utc_offset: timedelta | None = None,
    rows: int = 0,
) -> reports_pb2.ReportRequest:
    """The request of a report: grouped `by` some of DIMENSIONS, of one `sku`, from `start` up to `end`.

    `utc_offset` is what clocks show ahead of UTC where days are reckoned; `rows` is the most that come.
    """
    return reports_pb2.ReportRequest(
        parent=f"tenants/{tenant}",
        sku=sku_name(tenant, sku) if sku else "",
        group_by=[reports_pb2.ReportDimension.Value(f"REPORT_DIMENSION_{name.upper()}") for name in by],
        start_time=timestamp(start),
        end_time=timestamp(end),
        utc_offset=duration(utc_offset),
        row_count_max=rows,
    )


def _card(ask: Callable[[str], reports_pb2.TraceCardRequest]) -> Wish[CardTrace]:
    return Wish(lambda tenant: Call(REPORTS, "TraceCard", ask(tenant), _trace))


def _wish(method: str, bounds: dict[str, Any], read_row: Callable[[Any], Row]) -> Wish[Report[Row]]:
    def read(message: Any) -> Report[Row]:
        notes = message.notes
        return Report(
            [read_row(row) for row in message.rows],
            answers.moment(notes.start_time),
            answers.moment(notes.end_time),
            notes.has_more,
            list(notes.incomplete_skus),
        )

    return Wish(lambda tenant: Call(REPORTS, method, request(tenant, **bounds), read))


def _group(row: Any) -> Group:
    group: reports_pb2.ReportGroup = row.group
    return Group(group.sku, group.supplier, group.channel, group.day, group.month)


def _money(row: Any, field: str) -> Money | None:
    return answers.money(getattr(row, field)) if row.HasField(field) else None


def _margin_row(row: reports_pb2.MarginRow) -> MarginRow:
    return MarginRow(
        _group(row), row.units, row.replaced, *(_money(row, field) for field in ("revenue", "cost", "margin"))
    )


def _price_row(row: reports_pb2.PriceRow) -> PriceRow:
    price, before = _money(row, "price"), _money(row, "before")
    when, why = answers.moment(row.time), pricing_answers.reasons(row.reasons)
    return PriceRow(row.sku, when, price, row.channel, row.batch, before, row.who, why)


def _demand_row(row: reports_pb2.DemandRow) -> DemandRow:
    counts = (row.held, row.held_units, row.confirmed, row.released, row.expired, row.out_of_stock)
    return DemandRow(_group(row), *counts)


def _ageing_row(row: reports_pb2.AgeingRow) -> AgeingRow:
    return AgeingRow(
        group=_group(row),
        units=row.units,
        available=row.available,
        value=_money(row, "value"),
        units_by_age=list(row.units_by_age),
        oldest=answers.span(row.oldest),
        next_expire_time=answers.moment(row.next_expire_time) if row.HasField("next_expire_time") else None,
        sold=row.sold,
        days_of_cover=row.days_of_cover if row.HasField("days_of_cover") else None,
    )


def _trace(message: reports_pb2.CardTrace) -> CardTrace:
    sale = message.sale
    sold = CardSale(
        hold=sale.hold,
        order_ref=sale.order_ref,
        payment_ref=sale.payment_ref,
        sell_time=answers.moment(sale.sell_time),
        unit_price=_money(sale, "unit_price"),
        replaced_by=sale.replaced_by,
        replaces=sale.replaces,
    )
    return CardTrace(message.name, answers.batch(message.batch), sold if message.HasField("sale") else None)
