"""What the client asks of prices, and what it makes of the answers."""

import inspect
from datetime import UTC, datetime
from typing import Any

from cardkeep_client import AsyncClient, Client, Money, PastSale, PriceRule
from cardkeep_client.v1 import pricing_pb2, types_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from tests.clients.conftest import QUICK

SKU = "tenants/acme/skus/vip"
CNY = types_pb2.Money(minor=800, currency="CNY")
THEN = Timestamp(seconds=1_800_000_000)
RULE = PriceRule(currency="CNY", floor_minor=1, ceiling_minor=9, target_margin_ppm=2, automatic=True)


async def _both(server: Any, method: str, *values: Any, **named: Any) -> list[Any]:
    """The answers of both clients."""
    with Client(server.target, tenant="acme", retry=QUICK) as client:
        first = getattr(client.pricing, method)(*values, **named)
    async with AsyncClient(server.target, tenant="acme", retry=QUICK) as client:
        answer = getattr(client.pricing, method)(*values, **named)
        second = await answer if inspect.isawaitable(answer) else answer
    assert first == second
    return [first, second]


def _prices() -> pricing_pb2.Prices:
    return pricing_pb2.Prices(
        sku=SKU,
        channels=[
            pricing_pb2.PriceChannel(price=CNY, change_time=THEN, rule=pricing_pb2.PriceRule(currency="CNY")),
            pricing_pb2.PriceChannel(channel="shop"),
        ],
        suggestions=[
            pricing_pb2.PriceSuggestion(
                number=3, before=CNY, reasons=[pricing_pb2.PRICE_REASON_FLOOR_ABOVE_CEILING], create_time=THEN
            )
        ],
        clearances=[_clearance()],
        landed_unit_cost=CNY,
        rate_milli=1_500,
    )


def _clearance() -> pricing_pb2.Clearance:
    steps = [pricing_pb2.ClearanceStep(time=THEN, price_minor=700, expected_cards=5)]
    return pricing_pb2.Clearance(
        number=2, state=pricing_pb2.CLEARANCE_STATE_ACCEPTED, batch=f"{SKU}/batches/1", expire_time=THEN, steps=steps
    )


async def test_prices_are_set_and_shown(server: Any) -> None:
    """Each channel's price in its field; None stays unset."""
    server.will("SetPrices", _prices(), _prices())
    prices = {"": Money(800, "CNY"), "shop": None}
    found, _ = await _both(server, "set", "vip", prices, who="ann", note="n", request_id="r")
    sent, _ = server.requests("SetPrices")
    assert (sent.parent, sent.who, sent.note, sent.request_id) == (SKU, "ann", "n", "r")
    assert [(each.channel, each.HasField("price")) for each in sent.prices] == [("", True), ("shop", False)]
    own, shop = found.channels
    assert (own.price, own.rule.currency, own.change_time.year) == (Money(800, "CNY"), "CNY", 2027)
    assert (shop.price, shop.rule, shop.change_time) == (None, None, None)
    [waiting] = found.suggestions
    assert (waiting.number, waiting.after, waiting.reasons) == (3, None, ("FLOOR_ABOVE_CEILING",))
    assert (found.clearances[0].state, found.clearances[0].steps[0].price_minor) == ("ACCEPTED", 700)
    assert (found.landed_unit_cost, found.rate_milli) == (Money(800, "CNY"), 1_500)


async def test_every_question_reaches_its_rpc(server: Any) -> None:
    """Right method, right fields, right type."""
    change = pricing_pb2.PriceChange(number=9, time=THEN, after=CNY, reasons=[pricing_pb2.PRICE_REASON_STAFF])
    pages = [
        pricing_pb2.GetPriceHistoryResponse(changes=[change], next_page_token="more"),
        pricing_pb2.GetPriceHistoryResponse(changes=[change]),
    ]
    server.will("GetPriceHistory", *pages, *pages)
    server.will("GetPrices", *[_prices()] * 2)
    lot = pricing_pb2.ExpiringLot(batch="b", expire_time=THEN, cards=2, step_days=7, warned=True)
    server.will("ListExpiring", *[pricing_pb2.ListExpiringResponse(lots=[lot])] * 2)
    server.will("ListSuggestions", *[pricing_pb2.ListSuggestionsResponse(suggestions=_prices().suggestions)] * 2)
    move = pricing_pb2.SimulatedMove(time=THEN, price_minor=5, reasons=[pricing_pb2.PRICE_REASON_COST])
    server.will("SimulateRule", *[pricing_pb2.SimulateRuleResponse(moves=[move], lost_units=4)] * 2)

    changes, _ = await _both(server, "history", "vip")
    assert [(row.number, row.before, row.reasons) for row in changes] == [(9, None, ("STAFF",))] * 2
    assert (await _both(server, "get", "vip"))[0].sku == SKU
    assert [(row.step_days, row.warned) for row in (await _both(server, "expiring", "vip"))[0]] == [(7, True)]
    server.will("GetAgeing", *[pricing_pb2.Ageing(batches=[pricing_pb2.AgeingBatch(batch="b", left=3)])] * 2)
    aged, _ = await _both(server, "ageing", "vip", max_age_days=5)
    assert [(row.batch, row.left, row.cover_days) for row in aged] == [("b", 3, None)]
    assert server.requests("GetAgeing")[0].max_age_days == 5
    assert [row.number for row in (await _both(server, "suggestions", "vip"))[0]] == [3]
    sale = PastSale(datetime(2026, 1, 1, tzinfo=UTC), 3, 800, 500)
    done, _ = await _both(server, "simulate", RULE, [sale])
    assert (done.moves[0].price_minor, done.moves[0].reasons, done.lost_units) == (5, ("COST",), 4)
    sent, _ = server.requests("SimulateRule")
    assert (sent.rule.ceiling_minor, sent.rule.automatic, sent.sales[0].cost_minor) == (9, True, 500)


async def test_every_write_reaches_its_rpc(server: Any) -> None:
    """With a request id of its own where none is given."""
    server.will("SetPriceRule", *[_prices()] * 4)
    server.will("DecideSuggestion", *[_prices()] * 2)
    for method in ("ProposeClearance", "AcceptClearance", "EndClearance"):
        server.will(method, *[_clearance()] * 2)
    await _both(server, "set_rule", "vip", RULE, who="ann", channel="shop")
    await _both(server, "set_rule", "vip", None, who="ann")
    ruled, _, away, _ = server.requests("SetPriceRule")
    assert (ruled.channel, ruled.rule.ceiling_minor, away.HasField("rule")) == ("shop", 9, False)
    await _both(server, "decide", "vip", 3, approve=True, who="ann")
    decided, _ = server.requests("DecideSuggestion")
    assert (decided.parent, decided.number, decided.approve) == (SKU, 3, True)
    await _both(server, "propose", f"{SKU}/batches/1", floor_minor=5, who="ann", rate_milli=7)
    proposed, again = server.requests("ProposeClearance")
    assert (proposed.name, proposed.floor_minor, proposed.rate_milli) == (f"{SKU}/batches/1", 5, 7)
    assert proposed.request_id != again.request_id
    await _both(server, "accept", "vip", 2, who="ann")
    await _both(server, "end", "vip", 2, who="ann", note="sold")
    assert (server.requests("AcceptClearance")[0].number, server.requests("EndClearance")[0].note) == (2, "sold")
