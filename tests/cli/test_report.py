"""`cardkeep report` and `trace`: what is asked of the server, and how figures stand on the screen."""

import io
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from cardkeep_client.v1 import inventory_pb2, pricing_pb2, reports_pb2, types_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

Run = Callable[..., Any]

_NOTES = reports_pb2.ReportNotes(start_time=Timestamp(seconds=1_800_000_000), end_time=Timestamp(seconds=1_800_086_400))


def _money(minor: int) -> types_pb2.Money:
    return types_pb2.Money(minor=minor, currency="CNY")


def _margins() -> reports_pb2.MarginReport:
    acme = reports_pb2.ReportGroup(sku="tenants/default/skus/A", supplier="acme")
    return reports_pb2.MarginReport(
        rows=[
            reports_pb2.MarginRow(
                group=acme, units=1_200, replaced=1, revenue=_money(150_000), cost=_money(150_005), margin=_money(-5)
            ),
            reports_pb2.MarginRow(group=reports_pb2.ReportGroup(sku="tenants/default/skus/B"), units=1),
        ],
        notes=_NOTES,
    )


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000)


def test_margin_asks_for_whole_days_here(server: Any, cardkeep: Run) -> None:
    """From the first midnight to the midnight after the last day, in Shanghai; grouped as typed."""
    server.will("ReportMargin", _margins())
    words = ("--by", "sku", "--by", "supplier", "--from", "2026-11-01", "--to", "2026-11-30", "--sku", "A")
    ended = cardkeep("report", "margin", *words)
    assert ended.exit_code == 0
    (asked,) = server.requests("ReportMargin")
    assert asked.start_time.ToMilliseconds() == _ms("2026-11-01T00:00:00+08:00")
    assert asked.end_time.ToMilliseconds() == _ms("2026-12-01T00:00:00+08:00")
    assert asked.utc_offset == Duration(seconds=8 * 3_600)
    assert (asked.parent, asked.sku, asked.row_count_max) == ("tenants/default", "tenants/default/skus/A", 1_000)
    assert list(asked.group_by) == [reports_pb2.REPORT_DIMENSION_SKU, reports_pb2.REPORT_DIMENSION_SUPPLIER]
    lines = ended.stdout.splitlines()
    [first] = [line.split() for line in lines if "acme" in line]
    assert first == ["A", "acme", "1,200", "1", "1500.00", "CNY", "1500.05", "CNY", "-0.05", "CNY"]
    assert [line.split()[-1] for line in lines if line.split()[:1] == ["B"]] == ["unknown"]
    assert "channel" not in ended.stdout


def test_a_report_in_json_has_stable_names(server: Any, cardkeep: Run) -> None:
    """Programs rest on these."""
    server.will("ReportMargin", _margins())
    document = json.loads(cardkeep("report", "margin", "--json").stdout)
    assert set(document) == {"rows", "start_time", "end_time", "has_more", "incomplete_skus"}
    assert document["rows"][0]["margin"] == {"minor": -5, "currency": "CNY", "text": "-0.05 CNY"}
    assert document["rows"][1]["margin"] is None
    assert document["rows"][0]["group"]["supplier"] == "acme"
    assert server.requests("ReportMargin")[0].HasField("start_time") is False


@pytest.mark.parametrize(
    ("name", "method", "report", "row", "shown"),
    [
        ("sales", "ReportSales", "SalesReport", {"orders": 7, "units": 9, "revenue": _money(5)}, ["7", "9", "0.05"]),
        ("purchases", "ReportPurchases", "PurchasesReport", {"batches": 2, "units": 9}, ["2", "9"]),
        ("demand", "ReportDemand", "DemandReport", {"held": 5, "out_of_stock": 3}, ["5", "0", "0", "0", "0", "3"]),
    ],
)
def test_other_reports(  # noqa: PLR0917 - a table
    server: Any, cardkeep: Run, name: str, method: str, report: str, row: dict[str, Any], shown: list[str]
) -> None:
    """Each has its columns, and says over which time."""
    kind: Any = getattr(reports_pb2, report)
    server.will(
        method, kind(rows=[{"group": {"day": "2026-11-26", "sku": "tenants/default/skus/A"}, **row}], notes=_NOTES)
    )
    ended = cardkeep("report", name, "--by", "day")
    assert ended.exit_code == 0
    [line] = [line.split() for line in ended.stdout.splitlines() if "2026-11-26" in line]
    assert line[2 : 2 + len(shown)] == shown
    assert "from 2027-01-15 16:00:00+08:00 to 2027-01-16 16:00:00+08:00" in ended.stdout


def test_prices_and_an_empty_report(server: Any, cardkeep: Run) -> None:
    """A price that was taken away is none; nothing is said to be nothing."""
    at: dict[str, Any] = {"sku": "tenants/default/skus/A", "time": Timestamp(seconds=1_800_000_000)}
    cleared = reports_pb2.PriceRow(
        **at,
        channel="shop",
        batch="tenants/default/skus/A/batches/3",
        before=_money(900),
        price=_money(700),
        who="ann",
        reasons=[pricing_pb2.PRICE_REASON_CLEARANCE],
    )
    rows = [reports_pb2.PriceRow(**at), cleared]
    server.will(
        "ReportPrices", reports_pb2.PricesReport(rows=rows, notes=_NOTES), reports_pb2.PricesReport(notes=_NOTES)
    )
    shown = [line.split() for line in cardkeep("report", "prices").stdout.splitlines()]
    assert ["A", "(the", "SKU's", "own)", "2027-01-15", "16:00:00+08:00", "none", "none", "a", "rule"] in shown
    when = ["2027-01-15", "16:00:00+08:00"]
    assert ["A", "shop", "A/batches/3", *when, "9.00", "CNY", "7.00", "CNY", "ann", "clearance"] in shown
    assert "Nothing." in cardkeep("report", "prices").stdout


def test_ageing_shows_what_never_ends(server: Any, cardkeep: Run) -> None:
    """And remarks go to stderr: more rows, a stopped SKU."""
    group = {"sku": "tenants/default/skus/A"}
    notes = reports_pb2.ReportNotes(has_more=True, incomplete_skus=["tenants/default/skus/X"])
    notes.MergeFrom(_NOTES)
    rows = [
        {"group": group, "units": 10, "value": _money(900), "units_by_age": [1, 2, 3, 4, 0], "sold": 0},
        {"group": group, "units": 1, "units_by_age": [1, 0, 0, 0, 0], "sold": 2, "days_of_cover": 14.0},
    ]
    server.will("ReportAgeing", reports_pb2.AgeingReport(rows=rows, notes=notes))
    ended = cardkeep("report", "ageing")
    first, second = [line.split() for line in ended.stdout.splitlines() if line.split()[:1] == ["A"]]
    assert first == ["A", "10", "9.00", "CNY", "1", "2", "3", "4", "0", "0", "for", "ever"]
    assert second[-2:] == ["2", "14.0"]
    assert "more rows" in ended.stderr
    assert "X is stopped" in ended.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("ageing", "--by", "day"),
        ("sales", "--by", "weather"),
        ("sales", "--from", "2026-13-01"),
        ("sales", "--to", "x"),
    ],
)
def test_what_cannot_be_is_refused_before_the_server_is_asked(
    words: tuple[str, ...], server: Any, cardkeep: Run
) -> None:
    """With what could have been typed."""
    ended = cardkeep("report", *words)
    assert ended.exit_code == 2
    assert not server.seen


def test_a_trace_says_where_a_card_came_from_and_went(server: Any, cardkeep: Run) -> None:
    """Supplier, purchase, cost, importer, sale."""
    sku = "tenants/default/skus/A"
    batch = inventory_pb2.Batch(
        name=f"{sku}/batches/3", import_id="attempt-7", source="acme", importer="refill", unit_cost=_money(1000)
    )
    sale = reports_pb2.CardSale(hold=f"{sku}/holds/4", order_ref="o-1", payment_ref="p-1", unit_price=_money(1500))
    server.will(
        "TraceCard",
        reports_pb2.CardTrace(name=f"{sku}/cards/3-17", batch=batch, sale=sale),
        reports_pb2.CardTrace(name=f"{sku}/cards/3-18", batch=batch),
    )
    said = cardkeep("trace", "A/cards/3-17").stdout
    assert server.requests("TraceCard")[0].name == f"{sku}/cards/3-17"
    for word in ("A/batches/3", "attempt-7", "acme", "refill", "10.00 CNY", "A/holds/4", "o-1", "p-1", "15.00 CNY"):
        assert word in said
    assert cardkeep("trace", "3-18", "--sku", "A").stdout.splitlines()[-1].split() == ["sold", "no"]


def test_a_code_is_read_from_stdin(server: Any, cardkeep: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no argument; without a SKU, without a code, or beside a name it is refused."""
    sku = "tenants/default/skus/A"
    batch = inventory_pb2.Batch(name=f"{sku}/batches/3", source="acme")
    server.will("TraceCard", reports_pb2.CardTrace(name=f"{sku}/cards/3-17", batch=batch))
    monkeypatch.setattr("typer.get_text_stream", lambda _name: io.StringIO("CODE-1\n"))
    assert "A/cards/3-17" in cardkeep("trace", "--code", "--sku", "A").stdout
    (asked,) = server.requests("TraceCard")
    assert (asked.parent, asked.code, asked.name) == (sku, "CODE-1", "")
    for words in (("trace",), ("trace", "--code"), ("trace", "--code", "--sku", "A", "A/cards/3-17")):
        assert cardkeep(*words).exit_code == 2
    monkeypatch.setattr("typer.get_text_stream", lambda _name: io.StringIO(""))
    assert cardkeep("trace", "--code", "--sku", "A").exit_code == 2
    assert len(server.requests("TraceCard")) == 1
