"""What goes over the wire and what comes back: batches in order, pages whole, codes hidden, both clients alike."""

import inspect
import pickle
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from cardkeep_client import (
    Allocate,
    AsyncClient,
    CardkeepError,
    Client,
    Confirm,
    ConfirmOutcome,
    DeliveredCard,
    HoldState,
    LatePolicy,
    Money,
    OutcomeUnknown,
    OutOfStock,
    Principal,
    Release,
    Unavailable,
    new_request_id,
    reports,
)
from cardkeep_client.async_pricing import AsyncPricing
from cardkeep_client.pricing import Pricing
from cardkeep_client.v1 import allocation_pb2, inventory_pb2, operations_pb2, reports_pb2, types_pb2

SKU = "tenants/acme/skus/vip"


def refused(code: grpc.StatusCode, reason: str) -> types_pb2.Refusal:
    """An item's refusal, to be sent again at once where that is allowed."""
    refusal = types_pb2.Refusal(code=code.value[0], reason=reason, message=reason)
    refusal.retry_after.FromMilliseconds(1)
    return refusal


def test_both_clients_have_the_same_methods() -> None:
    """Whoever knows one knows the other: names, parameters and defaults are equal."""

    def surface(client: type) -> dict[str, str]:
        methods = inspect.getmembers(client, inspect.isfunction)
        return {name: str(inspect.signature(method)) for name, method in methods if not name.startswith("_")}

    assert surface(Client) == surface(AsyncClient)
    assert surface(Pricing) == surface(AsyncPricing)
    assert {"allocate", "import_cards", "owners"} <= surface(Client).keys()


async def test_everything_asked_for_reaches_the_server(ask: Any, server: Any, hold_of: Any) -> None:
    """Each parameter of allocate stands in its field; what is not given stays unset."""
    server.will("Allocate", hold_of, hold_of)
    await ask(
        "allocate",
        "vip",
        3,
        order_ref="o-1",
        hold_for=timedelta(minutes=5),
        principal=Principal(user="u", device="d", ip="i", payment_instrument="p"),
        min_remaining_life=timedelta(days=30),
        expected_unit_price=Money(1999, "CNY"),
        allow_partial=True,
        channel="taobao",
        request_id="r-1",
    )
    await ask("allocate", "vip", order_ref="o-2", request_id="r-2")
    expected = allocation_pb2.AllocateRequest(
        parent=SKU,
        quantity=3,
        order_ref="o-1",
        principal=types_pb2.Principal(user="u", device="d", ip="i", payment_instrument="p"),
        expected_unit_price=types_pb2.Money(minor=1999, currency="CNY"),
        allow_partial=True,
        channel="taobao",
        request_id="r-1",
    )
    expected.hold_for.FromSeconds(300)
    expected.min_remaining_life.FromSeconds(30 * 86_400)
    plain = allocation_pb2.AllocateRequest(parent=SKU, quantity=1, order_ref="o-2", request_id="r-2")
    assert server.requests("Allocate") == [expected, plain]


async def test_a_sale_comes_back_typed_and_its_code_stays_out_of_logs(ask: Any, server: Any) -> None:
    """Every field arrives as a plain value, and printing a sale shows no code."""
    card = types_pb2.Card(name=f"{SKU}/cards/1-0", batch=f"{SKU}/batches/1", mask="AB**YZ")
    card.expire_time.FromSeconds(1_800_000_000)
    hold = types_pb2.Hold(
        name=f"{SKU}/holds/1",
        state=types_pb2.HOLD_STATE_CONFIRMED,
        cards=[card],
        unit_price=types_pb2.Money(minor=500, currency="CNY"),
        payment_ref="p-1",
        epoch=2,
        sequence=9,
        replayed=True,
    )
    hold.create_time.FromMilliseconds(1_700_000_000_123)
    hold.end_time.FromMilliseconds(1_700_000_001_000)
    response = allocation_pb2.ConfirmResponse(
        hold=hold,
        outcome=allocation_pb2.CONFIRM_OUTCOME_REACQUIRED,
        delivered=[types_pb2.DeliveredCard(card=card, code="AB-SECRET-YZ")],
    )
    server.will("Confirm", response)
    sale = await ask(
        "confirm",
        f"{SKU}/holds/1",
        payment_ref="p-1",
        paid_amount=Money(500, "CNY"),
        quantity=1,
        late_policy=LatePolicy.REACQUIRE,
        late_window=timedelta(hours=1),
    )
    (sent,) = server.requests("Confirm")
    assert (sent.late_policy, sent.late_window.seconds) == (allocation_pb2.LATE_POLICY_REACQUIRE, 3_600)
    assert (sent.paid_amount.minor, sent.quantity) == (500, 1)
    assert sale.outcome is ConfirmOutcome.REACQUIRED
    assert sale.hold.state is HoldState.CONFIRMED
    assert sale.hold.create_time == datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC)
    assert sale.hold.cards[0].expire_time == datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
    assert (sale.hold.unit_price, sale.hold.epoch, sale.hold.sequence) == (Money(500, "CNY"), 2, 9)
    assert sale.hold.replayed
    assert isinstance(sale.delivered[0], DeliveredCard)
    assert sale.delivered[0].code == "AB-SECRET-YZ"
    assert "SECRET" not in repr(sale)


async def test_a_batch_answers_in_order_and_only_what_may_be_is_sent_again(ask: Any, server: Any, hold_of: Any) -> None:
    """Item 1 is a definite no, item 2 is overloaded once: only item 2 travels twice, and all keep their places."""

    def first(request: Any, _context: Any) -> allocation_pb2.BatchAllocateResponse:
        return allocation_pb2.BatchAllocateResponse(
            results=[
                allocation_pb2.AllocateResult(hold=hold_of(request.items[0])),
                allocation_pb2.AllocateResult(refusal=refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "OUT_OF_STOCK")),
                allocation_pb2.AllocateResult(refusal=refused(grpc.StatusCode.UNAVAILABLE, "OVERLOADED")),
            ]
        )

    def second(request: Any, _context: Any) -> allocation_pb2.BatchAllocateResponse:
        results = [allocation_pb2.AllocateResult(hold=hold_of(item)) for item in request.items]
        return allocation_pb2.BatchAllocateResponse(results=results)

    server.will("BatchAllocate", first, second)
    wishes = [Allocate(sku="vip", order_ref=f"o-{number}", request_id=f"r-{number}") for number in range(3)]
    granted, sold_out, late = await ask("allocate_many", wishes)
    assert (granted.order_ref, late.order_ref) == ("o-0", "o-2")
    assert isinstance(sold_out, OutOfStock)
    assert sold_out.request_id == "r-1"
    sent = [[item.request_id for item in request.items] for request in server.requests("BatchAllocate")]
    assert sent == [["r-0", "r-1", "r-2"], ["r-2"]]


async def test_a_batch_that_breaks_half_way_keeps_what_it_has(ask: Any, server: Any, refusal: Any) -> None:
    """One item was sold before the others' second try failed: its codes must not be lost with an exception."""
    done = allocation_pb2.ConfirmResult(
        response=allocation_pb2.ConfirmResponse(
            hold=types_pb2.Hold(state=types_pb2.HOLD_STATE_CONFIRMED, payment_ref="p-0"),
            outcome=allocation_pb2.CONFIRM_OUTCOME_POSTED,
        )
    )
    doubt = allocation_pb2.ConfirmResult(refusal=refused(grpc.StatusCode.UNAVAILABLE, "OUTCOME_UNKNOWN"))
    busy = allocation_pb2.ConfirmResult(refusal=refused(grpc.StatusCode.UNAVAILABLE, "OVERLOADED"))
    server.will(
        "BatchConfirm",
        allocation_pb2.BatchConfirmResponse(results=[done, doubt, busy]),
        refusal(grpc.StatusCode.UNAVAILABLE, "DRAINING", pushback="-1"),
    )
    wishes = [Confirm(hold=f"{SKU}/holds/{n + 1}", payment_ref=f"p-{n}", request_id=f"r-{n}") for n in range(3)]
    sold, unknown, turned_away = await ask("confirm_many", wishes)
    assert sold.hold.payment_ref == "p-0"
    assert isinstance(unknown, OutcomeUnknown), "its first try may have sold the cards"
    assert "request_id='r-1'" in str(unknown)
    assert isinstance(turned_away, Unavailable)
    assert turned_away.did_it_happen == "no"


async def test_a_batch_nobody_answers_raises(ask: Any, server: Any) -> None:
    """With no answer to any item there is nothing to keep, and the caller must not take a list for success."""
    server.close()
    with pytest.raises(OutcomeUnknown) as caught:
        await ask("release_many", [Release(hold=f"{SKU}/holds/1")])
    assert "same items" in str(caught.value)


async def test_a_hold_is_found_by_order(ask: Any, server: Any) -> None:
    """The way out of a doubt: the SKU and the caller's own order number are enough."""
    server.will("GetHold", types_pb2.Hold(name=f"{SKU}/holds/7", state=types_pb2.HOLD_STATE_ACTIVE))
    hold = await ask("get_hold", sku="vip", order_ref="o-1")
    (sent,) = server.requests("GetHold")
    assert (sent.order.parent, sent.order.order_ref, hold.name) == (SKU, "o-1", f"{SKU}/holds/7")
    with pytest.raises(TypeError):
        await ask("get_hold", sku="vip")


async def test_only_the_given_terms_are_updated(ask: Any, server: Any) -> None:
    """None sets a term back; a term that is not named must not be touched."""
    server.will("UpdateSku", inventory_pb2.Sku(name=SKU, paused=True))
    await ask("update_sku", "vip", paused=True, unit_price=None)
    (sent,) = server.requests("UpdateSku")
    assert list(sent.update_mask.paths) == ["paused", "unit_price"]
    assert sent.sku.paused
    assert not sent.sku.HasField("unit_price")
    with pytest.raises(TypeError):
        await ask("update_sku", "vip")


async def test_lists_are_read_to_the_end(ask: Any, server: Any) -> None:
    """The first page's token is sent for the second; the caller sees one list."""
    server.will(
        "ListSkus",
        inventory_pb2.ListSkusResponse(skus=[inventory_pb2.Sku(name="a")], next_page_token="more"),
        inventory_pb2.ListSkusResponse(skus=[inventory_pb2.Sku(name="b")]),
    )
    skus = await ask("list_skus")
    assert [sku.name for sku in skus] == ["a", "b"]
    assert [(sent.parent, sent.page_token) for sent in server.requests("ListSkus")] == [
        ("tenants/acme", ""),
        ("tenants/acme", "more"),
    ]


async def test_a_recall_is_one_wish_over_all_its_pages(ask: Any, server: Any) -> None:
    """A new id per page would quarantine anew; the sold cards of all pages are for replacement."""
    sold = [inventory_pb2.SoldCard(card=f"{SKU}/cards/1-{n}", hold=f"{SKU}/holds/{n + 1}") for n in range(3)]
    server.will(
        "RecallBatch",
        inventory_pb2.RecallBatchResponse(moved=5, sold=sold[:2], next_page_token="more"),
        inventory_pb2.RecallBatchResponse(moved=5, sold=sold[2:]),
    )
    recalled = await ask("recall", f"{SKU}/batches/1", reason="bad print")
    first, second = server.requests("RecallBatch")
    assert first.request_id == second.request_id != ""
    assert (first.page_token, second.page_token) == ("", "more")
    assert recalled.moved == 5
    assert [card.hold for card in recalled.sold] == [f"{SKU}/holds/{n + 1}" for n in range(3)]


@pytest.mark.parametrize("verb", ["void", "quarantine", "restore"])
async def test_a_withdrawal_takes_a_batch_or_cards(ask: Any, server: Any, verb: str) -> None:
    """The kind of name decides the RPC."""
    batches, cards = f"{verb.title()}Batch", f"{verb.title()}Cards"
    server.will(batches, inventory_pb2.WithdrawResponse(moved=9))
    server.will(cards, inventory_pb2.WithdrawResponse(moved=1, held=["h"], sold=["s"]))
    whole = await ask(verb, f"{SKU}/batches/1", reason="why")
    single = await ask(verb, f"{SKU}/cards/1-0", reason="why")
    assert (whole.moved, single.moved, single.held, single.sold) == (9, 1, ("h",), ("s",))
    assert server.requests(batches)[0].name == f"{SKU}/batches/1"
    assert list(server.requests(cards)[0].names) == [f"{SKU}/cards/1-0"]


async def test_the_rest_of_the_surface_answers(ask: Any, server: Any) -> None:
    """One round through every call the other tests leave out: right RPC, right field, right type."""
    hold, fresh = f"{SKU}/holds/1", types_pb2.DeliveredCard(code="NEW")
    active = types_pb2.Hold(name=hold, state=types_pb2.HOLD_STATE_ACTIVE)
    counts = types_pb2.CardCounts(received=4, available=1, on_shelf=2, withheld=1, held=1, sold=1)
    server.will("Release", types_pb2.Hold(name=hold, state=types_pb2.HOLD_STATE_RELEASED))
    server.will("Extend", active)
    server.will("GetAvailability", allocation_pb2.Availability(sku=SKU, available=7))
    server.will("CreateSku", inventory_pb2.Sku(name=SKU, title="VIP"))
    server.will("GetSku", inventory_pb2.Sku(name=SKU))
    server.will("GetBatch", inventory_pb2.Batch(name=f"{SKU}/batches/1", cards=counts))
    server.will("ListBatches", inventory_pb2.ListBatchesResponse(batches=[inventory_pb2.Batch(name="b")]))
    server.will("ReplaceCard", inventory_pb2.ReplaceCardResponse(hold=active, bad="bad", fresh=fresh))
    lines = [inventory_pb2.BatchAudit(batch="b", cards=counts)]
    server.will("AuditSku", inventory_pb2.SkuAudit(sku=SKU, ok=False, violations=["lost one"], batches=lines))
    pools = operations_pb2.PoolsSummary(open=3, cards=counts)
    server.will("GetStatus", operations_pb2.GetStatusResponse(version="1", ready=True, pools=pools))
    pool = operations_pb2.Pool(name=SKU, state=operations_pb2.POOL_STATE_RECOVERING)
    server.will("ListPools", operations_pb2.ListPoolsResponse(pools=[pool]))
    server.will("ListOwners", operations_pb2.ListOwnersResponse(owners=[operations_pb2.Owner(name="o", pools=2)]))

    assert (await ask("release", hold)).state is HoldState.RELEASED
    assert (await ask("extend", hold, timedelta(seconds=90))).state is HoldState.ACTIVE
    assert (await ask("availability", "vip", channel="taobao")).available == 7
    assert server.requests("GetAvailability")[0].channel == "taobao"
    assert (await ask("create_sku", "vip", title="VIP")).title == "VIP"
    assert (await ask("get_sku", "vip")).name == SKU
    assert (await ask("batch", f"{SKU}/batches/1")).cards.withheld == 1
    assert [batch.name for batch in await ask("batches", "vip")] == ["b"]
    assert (await ask("replace", hold, "bad", reason="empty")).fresh.code == "NEW"
    audit = await ask("audit", "vip")
    assert (audit.ok, audit.violations, audit.batches["b"].received) == (False, ("lost one",), 4)
    assert (await ask("status")).pools_open == 3
    assert (await ask("pools"))[0].state == "RECOVERING"
    assert (await ask("owners"))[0].pools == 2
    assert server.requests("Extend")[0].hold_for.seconds == 90
    created = server.requests("CreateSku")[0]
    assert (created.parent, created.sku_id, created.sku.title) == ("tenants/acme", "vip", "VIP")


async def test_the_channels_are_connections_of_their_own(ask: Any, server: Any) -> None:
    """A server in many processes is balanced per connection: four calls in turn come from four ports."""
    server.will("GetSku", *[inventory_pb2.Sku(name=SKU)] * 8)
    for _ in range(8):
        await ask("get_sku", "vip")
    assert len(set(server.peers)) == 4


def test_request_ids_carry_their_time() -> None:
    """The layout of RFC 9562: version 7, its variant, the milliseconds in front; and no two alike."""
    before_ms = time.time_ns() // 1_000_000
    ids = [uuid.UUID(new_request_id()) for _ in range(1_000)]
    after_ms = time.time_ns() // 1_000_000
    assert len(set(ids)) == 1_000
    assert {made.version for made in ids} == {7}
    assert {made.variant for made in ids} == {uuid.RFC_4122}
    assert all(before_ms <= made.int >> 80 <= after_ms for made in ids)


async def test_an_error_survives_pickling(ask: Any, server: Any, refusal: Any) -> None:
    """Callers hand errors between processes; the facts must travel with them."""
    server.will("Allocate", refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "OUT_OF_STOCK", available="0"))
    with pytest.raises(CardkeepError) as caught:
        await ask("allocate", "vip", order_ref="o-1", request_id="r-1")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), str(copy), copy.facts) == (OutOfStock, str(caught.value), caught.value.facts)


async def test_a_report_is_asked_for_with_its_bounds_and_read_whole(ask: Any, server: Any) -> None:
    """A bare SKU is one of the client's tenant; what is unset is None."""
    group = reports_pb2.ReportGroup(sku=SKU, day="2026-11-26")
    cny = types_pb2.Money(minor=-3, currency="CNY")
    notes = reports_pb2.ReportNotes(has_more=True, incomplete_skus=[SKU])
    server.will(
        "ReportMargin",
        reports_pb2.MarginReport(rows=[reports_pb2.MarginRow(group=group, units=2, margin=cny)], notes=notes),
    )
    start = datetime(2026, 11, 1, tzinfo=UTC)
    wish = reports.margin(by=["sku", "day"], sku="vip", start=start, utc_offset=timedelta(hours=-5), rows=7)
    found = await ask("report", wish)
    assert found.rows == [
        reports.MarginRow(reports.Group(SKU, "", "", "2026-11-26", ""), 2, 0, None, None, Money(-3, "CNY"))
    ]
    assert (found.has_more, found.incomplete_skus) == (True, [SKU])
    (asked,) = server.requests("ReportMargin")
    assert (asked.parent, asked.sku, asked.row_count_max) == ("tenants/acme", SKU, 7)
    assert list(asked.group_by) == [reports_pb2.REPORT_DIMENSION_SKU, reports_pb2.REPORT_DIMENSION_DAY]
    assert (asked.start_time.seconds, asked.utc_offset.seconds) == (start.timestamp(), -5 * 3_600)
    assert not asked.HasField("end_time")
