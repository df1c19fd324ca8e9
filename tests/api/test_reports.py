"""Reports and traces over gRPC: what staff are promised, with the history of a real house in files and journals."""

import asyncio
import os
import signal
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from actors.history import reporting
from protos.cardkeep.v1 import inventory_pb2, pricing_pb2, reports_pb2, types_pb2
from tests.api.breakdowns_provoked import pool_stopped
from tests.api.failures import failure
from tests.api.priced import set_price
from tests.api.small_house import (
    SmallHouse,
    money,
    new_id,
)

_DIMENSION = reports_pb2.ReportDimension

SKU, SUPPLIER, CHANNEL, DAY = (
    _DIMENSION.Value(f"REPORT_DIMENSION_{name}") for name in ("SKU", "SUPPLIER", "CHANNEL", "DAY")
)


def request(*by: Any, **fields: Any) -> reports_pb2.ReportRequest:
    """A report over the tenant."""
    return reports_pb2.ReportRequest(parent="tenants/default", group_by=by, **fields)


async def shop(house: SmallHouse) -> str:
    """Two cards of acme at 10.00 and two of zeta at 11.00, at 15.00; three of them sold in one order."""
    sku = await house.sku(unit_price=money(1500))
    await house.stock(sku, ["a-1", "a-2"], source="acme", importer="ann", unit_cost=money(1000))
    await house.stock(sku, ["z-1", "z-2"], source="zeta", importer="bob", unit_cost=money(1100))
    await house.confirm(await house.allocate(sku, 3), paid_amount=money(4500))
    return sku


@pytest.mark.parametrize("is_folded", [False, True], ids=["journal", "files"])
async def test_reports_are_complete_up_to_the_last_sale(house: SmallHouse, *, is_folded: bool) -> None:
    """Whether it has left the journal or not."""
    sku = await shop(house)
    if is_folded:
        await house.forget(sku)
        assert list(house.settings.history_folder.rglob("*.parquet"))
    ahead = Timestamp()
    ahead.FromMilliseconds(house.clock.now_ms() + 60_000)
    margin = await house.reports.ReportMargin(request(SUPPLIER, end_time=ahead))
    assert [(row.group.supplier, row.units, row.revenue, row.cost, row.margin) for row in margin.rows] == [
        ("acme", 2, money(3000), money(2000), money(1000)),
        ("zeta", 1, money(1500), money(1100), money(400)),
    ]
    assert (margin.notes.has_more, list(margin.notes.incomplete_skus)) == (False, [])
    [sales] = (await house.reports.ReportSales(request(SKU, DAY, end_time=ahead, sku=sku))).rows
    assert (sales.group.sku, sales.orders, sales.units, sales.revenue) == (sku, 1, 3, money(4500))
    assert len(sales.group.day) == len("2026-11-26")
    bought = (await house.reports.ReportPurchases(request(SUPPLIER, end_time=ahead))).rows
    assert [(row.group.supplier, row.batches, row.units, row.cost) for row in bought] == [
        ("acme", 1, 2, money(2000)),
        ("zeta", 1, 2, money(2200)),
    ]
    [demand] = (await house.reports.ReportDemand(request(end_time=ahead))).rows
    assert (demand.held, demand.held_units, demand.confirmed, demand.out_of_stock) == (1, 3, 1, 0)
    [price] = (await house.reports.ReportPrices(request(end_time=ahead))).rows
    assert (price.sku, price.price) == (sku, money(1500))
    for minor in (1600, 1700):
        await set_price(house, sku, minor, channel="shop")
    (*_, price) = (await house.reports.ReportPrices(request(end_time=ahead))).rows
    assert (price.channel, price.price, price.who) == ("shop", money(1700), "ann")
    assert price.before == money(1600)
    assert (price.batch, list(price.reasons)) == ("", [pricing_pb2.PRICE_REASON_STAFF])
    [ageing] = (await house.reports.ReportAgeing(request(SKU, end_time=ahead))).rows
    assert (ageing.units, ageing.available, ageing.value, list(ageing.units_by_age)) == (
        1,
        1,
        money(1100),
        [1, 0, 0, 0, 0],
    )
    assert (ageing.sold, ageing.days_of_cover) == (3, pytest.approx(28 / 3))


async def test_what_nobody_said_is_not_made_up(house: SmallHouse) -> None:
    """No price, no cost: no revenue, no margin, and nothing sold lasts for ever."""
    sku = await house.sku(2)
    await house.confirm(await house.allocate(sku))
    [row] = (await house.reports.ReportMargin(request(CHANNEL))).rows
    assert (row.units, row.group.channel) == (1, "")
    assert not any(row.HasField(field) for field in ("revenue", "cost", "margin"))
    [stock] = (await house.reports.ReportAgeing(request(end_time=Timestamp(seconds=1)))).rows
    assert not stock.HasField("days_of_cover")
    assert not stock.HasField("next_expire_time")


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"sku": "tenants/other/skus/A"}, "INVALID_FIELD", "sku"),
        ({"sku": "A"}, "INVALID_NAME", "sku"),
        ({"group_by": [0]}, "INVALID_FIELD", "group_by"),
        ({"group_by": [77]}, "INVALID_FIELD", "group_by"),
        ({"start_time": Timestamp(seconds=2), "end_time": Timestamp(seconds=1)}, "INVALID_DURATION", "start_time"),
        ({"start_time": Timestamp(seconds=1)}, "INVALID_DURATION", "start_time"),
        ({"utc_offset": Duration(seconds=15 * 3600)}, "INVALID_DURATION", "utc_offset"),
    ],
)
async def test_a_field_that_cannot_be_is_named(
    house: SmallHouse, fields: dict[str, Any], reason: str, field: str
) -> None:
    """Before anything is read."""
    usual = {"parent": "tenants/default"}
    refused = await failure(house.reports.ReportSales(reports_pb2.ReportRequest(**{**usual, **fields})))
    assert (refused.reason, refused.facts["field"]) == (reason, field)


async def test_bounds_of_rows_and_groups(house: SmallHouse) -> None:
    """More rows than there may be, a dimension that a report has not, a SKU that nobody knows."""
    assert (await failure(house.reports.ReportSales(request(row_count_max=5_001)))).reason == "INVALID_QUANTITY"
    assert (await failure(house.reports.ReportAgeing(request(DAY)))).reason == "INVALID_FIELD"
    assert (await failure(house.reports.ReportPrices(request(SKU)))).reason == "INVALID_FIELD"
    unknown = await failure(house.reports.ReportSales(request(sku="tenants/default/skus/unknown")))
    assert (unknown.reason, unknown.facts["name"]) == ("SKU_NOT_FOUND", "tenants/default/skus/unknown")
    for _ in range(2):
        await house.confirm(await house.allocate(await house.sku(1)))
    cut = await house.reports.ReportSales(request(SKU, row_count_max=1))
    assert (len(cut.rows), cut.notes.has_more) == (1, True)


async def test_a_report_process_that_dies_is_started_again(house: SmallHouse) -> None:
    """Who waited hears that nothing happened; and only so many may wait."""
    await shop(house)
    assert (await house.reports.ReportSales(request())).rows
    office = house.front._reporting
    assert office.pid is not None
    assert (os.getsid(office.pid), os.getpriority(os.PRIO_PROCESS, office.pid)) == (office.pid, 19)
    os.kill(office.pid, signal.SIGSTOP)
    waiting = [asyncio.ensure_future(failure(house.reports.ReportSales(request()))) for _ in range(8)]
    while len(office._waiting) < reporting.reports_waiting_max:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.001)
    assert (await failure(house.reports.ReportSales(request()))).reason == "OVERLOADED"
    os.kill(office.pid, signal.SIGKILL)
    assert {each.reason for each in await asyncio.gather(*waiting)} == {"ACTOR_RECOVERING"}
    assert (await house.reports.ReportSales(request())).rows


async def test_a_stopped_sku_is_named_and_hides_no_other(own_house: SmallHouse) -> None:
    """What its journal tells cannot be read."""
    await shop(own_house)
    await pool_stopped(own_house)
    report = await own_house.reports.ReportSales(request())
    assert report.rows[0].units == 3
    assert len(report.notes.incomplete_skus) == 1


async def test_a_sold_card_is_traced_to_where_it_came_from(house: SmallHouse) -> None:
    """Batch, attempt, supplier, cost, importer; hold, order, payment, price; in memory and in the archive."""
    sku = await shop(house)
    for _ in range(2):
        trace = await house.reports.TraceCard(reports_pb2.TraceCardRequest(name=f"{sku}/cards/2-0"))
        assert (trace.batch.name, trace.batch.source, trace.batch.importer) == (f"{sku}/batches/2", "zeta", "bob")
        assert trace.batch.unit_cost == money(1100)
        assert trace.batch.import_id
        assert (trace.sale.hold, trace.sale.unit_price) == (f"{sku}/holds/1", money(1500))
        assert trace.sale.order_ref
        assert trace.sale.payment_ref
        assert trace.sale.HasField("sell_time")
        await house.forget(sku)


async def test_a_replaced_card_and_its_replacement_name_each_other(house: SmallHouse) -> None:
    """Both went to the same buyer."""
    sku = await shop(house)
    bad, fresh = f"{sku}/cards/1-0", f"{sku}/cards/2-1"
    await house.inventory.ReplaceCard(
        inventory_pb2.ReplaceCardRequest(name=f"{sku}/holds/1", card=bad, reason="odd", request_id=new_id())
    )
    first = await house.reports.TraceCard(reports_pb2.TraceCardRequest(name=bad))
    second = await house.reports.TraceCard(reports_pb2.TraceCardRequest(name=fresh))
    assert (first.sale.hold, first.sale.replaced_by, first.sale.replaces) == (f"{sku}/holds/1", fresh, "")
    assert (second.sale.hold, second.sale.replaced_by, second.sale.replaces) == (f"{sku}/holds/1", "", bad)


async def test_a_card_in_stock_has_no_sale_and_one_that_never_came_is_not_found(house: SmallHouse) -> None:
    """Nor has one that is only held."""
    sku = await shop(house)
    trace = await house.reports.TraceCard(reports_pb2.TraceCardRequest(name=f"{sku}/cards/2-1"))
    assert not trace.HasField("sale")
    await house.allocate(sku)
    trace = await house.reports.TraceCard(reports_pb2.TraceCardRequest(name=f"{sku}/cards/2-1"))
    assert not trace.HasField("sale")
    for name in (f"{sku}/cards/2-2", f"{sku}/cards/3-0"):
        refused = await failure(house.reports.TraceCard(reports_pb2.TraceCardRequest(name=name)))
        assert (refused.reason, refused.facts["name"]) == ("CARD_NOT_FOUND", name)
    assert isinstance(trace.batch.cards, types_pb2.CardCounts)


async def test_a_card_is_found_by_its_code(house: SmallHouse) -> None:
    """As a buyer types it; a code that never came is of no card, and is not repeated in the answer."""
    sku = await shop(house)
    for code in ("z-1", " ｚ-1 "):
        trace = await house.reports.TraceCard(reports_pb2.TraceCardRequest(parent=sku, code=code))
        assert (trace.name, trace.batch.source, trace.sale.hold) == (f"{sku}/cards/2-0", "zeta", f"{sku}/holds/1")
    refused = await failure(house.reports.TraceCard(reports_pb2.TraceCardRequest(parent=sku, code="z-9")))
    assert (refused.reason, refused.facts) == ("CARD_NOT_FOUND", {"name": sku})
    assert "z-9" not in refused.message
    too_long = reports_pb2.TraceCardRequest(parent=sku, code="x" * 513)
    assert (await failure(house.reports.TraceCard(too_long))).reason == "FIELD_TOO_LONG"
    assert (await failure(house.reports.TraceCard(reports_pb2.TraceCardRequest(code="z-1")))).reason == "INVALID_NAME"
