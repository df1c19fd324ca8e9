"""Prices, floor, suggestions, expiry and clearances, as staff and storefront meet them."""

from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from protos.cardkeep.v1 import allocation_pb2, inventory_pb2, pricing_pb2
from tests.api.failures import failure
from tests.api.priced import decide, history, set_price, set_rule, suggestions
from tests.api.small_house import SmallHouse, lasting, money, new_id, wish

DAY_S = 86_400


def _in_days(house: SmallHouse, days: float) -> Timestamp:
    return Timestamp(seconds=house.clock.now_ms() // 1000 + int(days * DAY_S))


async def _stock(house: SmallHouse, sku: str, cards: int, cost: int, **header: Any) -> str:
    return await house.stock(sku, [new_id() for _ in range(cards)], unit_cost=money(cost), **header)


async def test_cost_jumps_sevenfold(house: SmallHouse) -> None:
    """The floor stops the sale at a loss, a suggestion waits with its reasons, staff approve, the next hold has it."""
    sku = await house.sku(unit_price=money(800))
    await set_price(house, sku, 800)
    await set_rule(house, sku, floor_minor=500, ceiling_minor=9_000, target_margin_ppm=200_000, max_step_ppm=100_000)
    batch = await _stock(house, sku, 2, 3_500)
    refused = await failure(house.allocate(sku))
    assert refused.reason == "PRICE_BELOW_COST"
    assert refused.facts == {"minor": "800", "currency": "CNY", "cost": "3500", "batch": batch}
    [waiting] = await suggestions(house, sku)
    assert (waiting.number, waiting.before, waiting.after) == (1, money(800), money(4_375))
    assert list(waiting.reasons) == [pricing_pb2.PRICE_REASON_BELOW_FLOOR, pricing_pb2.PRICE_REASON_COST]
    assert [each.number for each in await suggestions(house, sku)] == [1], "looked at again it is the same one"
    approved = await decide(house, sku, 1)
    assert (approved.channels[0].price, list(approved.suggestions)) == (money(4_375), [])
    hold = await house.allocate(sku)
    assert hold.unit_price == money(4_375)
    assert (await house.confirm(hold, paid_amount=money(4_375))).hold.unit_price == money(4_375)
    first, *_ = (await history(house, sku)).changes
    assert (first.number, first.before, first.after, first.who) == (2, money(800), money(4_375), "bob")
    await house.cards(sku)


async def test_a_hold_has_the_price_of_its_channel(house: SmallHouse) -> None:
    """Single, in a batch, looked at, given back; and availability says it before."""
    sku = await house.sku(5, unit_price=money(900))
    prices = await set_price(house, sku, 700, "taobao")
    assert [(each.channel, each.price) for each in prices.channels] == [("", money(900)), ("taobao", money(700))]
    for channel, price in (("", 900), ("taobao", 700), ("elsewhere", 900)):
        question = allocation_pb2.GetAvailabilityRequest(parent=sku, channel=channel)
        assert (await house.allocation.GetAvailability(question)).unit_price == money(price)
        hold = await house.allocate(sku, channel=channel)
        assert (hold.unit_price, hold.channel) == (money(price), channel)
        assert (await house.allocation.GetHold(allocation_pb2.GetHoldRequest(name=hold.name))).channel == channel
        release = allocation_pb2.ReleaseRequest(name=hold.name, request_id=new_id())
        assert (await house.allocation.Release(release)).channel == channel
    items = [wish(sku, channel=channel) for channel in ("", "taobao")]
    together = await house.allocation.BatchAllocate(allocation_pb2.BatchAllocateRequest(items=items))
    assert [result.hold.unit_price for result in together.results] == [money(900), money(700)]
    refused = await failure(house.allocate(sku, channel="taobao", expected_unit_price=money(900)))
    assert (refused.reason, refused.facts["minor"]) == ("PRICE_CHANGED", "700")
    assert (await failure(house.allocate(sku, channel="x" * 129))).facts["field"] == "channel"


async def test_landed_cost_is_what_counts(house: SmallHouse) -> None:
    """Ten dollars that came to 7,300 fen; a batch says both."""
    sku = await house.sku()
    name = await house.stock(sku, ["x"], unit_cost=money(1_000, "USD"), landed_unit_cost=money(7_300))
    batch = await house.inventory.GetBatch(inventory_pb2.GetBatchRequest(name=name))
    assert (batch.unit_cost, batch.landed_unit_cost) == (money(1_000, "USD"), money(7_300))
    await set_price(house, sku, 7_299)
    assert (await failure(house.allocate(sku))).reason == "PRICE_BELOW_COST"
    assert (await set_price(house, sku, 7_300)).landed_unit_cost == money(7_300)
    assert (await house.allocate(sku)).unit_price == money(7_300)


async def test_what_will_expire_is_listed_with_its_value(house: SmallHouse) -> None:
    """By the SKU's own ladder; the cards go out before those that last."""
    sku = await house.sku(expiry_warning_days=[60, 2])
    await _stock(house, sku, 3, 500)
    batch = await _stock(house, sku, 2, 400, expire_time=_in_days(house, 50))
    found = await house.pricing.ListExpiring(pricing_pb2.ListExpiringRequest(parent=sku))
    [lot] = found.lots
    assert (lot.batch, lot.cards, lot.value_at_risk, lot.step_days) == (batch, 2, money(800), 60)
    hold = await house.allocate(sku)
    assert hold.cards[0].batch == batch
    assert (await house.inventory.GetSku(inventory_pb2.GetSkuRequest(name=sku))).expiry_warning_days == [60, 2]
    for days in ([0], [367], list(range(1, 10))):
        assert (await failure(house.sku(expiry_warning_days=days))).facts["field"] == "expiry_warning_days"


async def test_what_lies_too_long_is_told(house: SmallHouse) -> None:
    """Two batches that nobody buys, a day old, where half a day is too long; those that end go out first."""
    sku = await house.sku()
    lasting = await _stock(house, sku, 3, 500)
    ending = await _stock(house, sku, 2, 400, expire_time=_in_days(house, 9))
    house.move_on(hours=48)
    report = await house.pricing.GetAgeing(pricing_pb2.GetAgeingRequest(parent=sku, max_age_days=1))
    assert [(line.batch, line.cards, line.age_days, line.left) for line in report.batches] == [
        (ending, 2, 2, 2),
        (lasting, 3, 2, 0),
    ]
    assert [(line.tied_up, line.slow, line.HasField("cover_days")) for line in report.batches] == [
        (money(800), True, False),
        (money(1_500), True, False),
    ]
    refused = await failure(house.pricing.GetAgeing(pricing_pb2.GetAgeingRequest(parent=sku, max_age_days=-1)))
    assert refused.facts == {"field": "max_age_days"}


async def test_a_clearance_is_proposed_accepted_and_ended(house: SmallHouse) -> None:
    """It changes the price of the batch below its cost, and nothing before it is accepted or after it has ended."""
    sku = await house.sku()
    batch = await _stock(house, sku, 40, 800, expire_time=_in_days(house, 10))
    await set_price(house, sku, 1_000)
    proposed = await house.pricing.ProposeClearance(
        pricing_pb2.ProposeClearanceRequest(
            name=batch, floor_minor=300, rate_milli=1_000, who="ann", request_id=new_id()
        )
    )
    assert (proposed.state, proposed.cards) == (pricing_pb2.CLEARANCE_STATE_PROPOSED, 40)
    assert [step.price_minor for step in proposed.steps] == [789, 578, 367]
    assert (await house.allocate(sku)).unit_price == money(1_000)
    accept = pricing_pb2.AcceptClearanceRequest(parent=sku, number=1, who="bob", request_id=new_id())
    accepted = await house.pricing.AcceptClearance(accept)
    assert (accepted.state, accepted.clearance_price) == (pricing_pb2.CLEARANCE_STATE_ACCEPTED, money(789))
    assert await house.pricing.AcceptClearance(accept) == accepted
    assert (await house.allocate(sku)).unit_price == money(789)
    shown = await house.pricing.GetPrices(pricing_pb2.GetPricesRequest(parent=sku))
    assert [each.number for each in shown.clearances] == [1]
    end = pricing_pb2.EndClearanceRequest(parent=sku, number=1, who="bob", note="sold", request_id=new_id())
    assert (await house.pricing.EndClearance(end)).state == pricing_pb2.CLEARANCE_STATE_ENDED
    assert (await house.allocate(sku)).unit_price == money(1_000)
    latest, *_ = (await history(house, sku)).changes
    assert (latest.batch, latest.note) == (batch, "sold")
    assert list(latest.reasons) == [pricing_pb2.PRICE_REASON_CLEARANCE_OVER]


async def test_a_late_payment_takes_no_cards_at_a_loss(house: SmallHouse) -> None:
    """The card it was for is withdrawn, and the next cost more: the money is owed, and the hold says so."""
    sku = await house.sku()
    first = await _stock(house, sku, 1, 500)
    await set_price(house, sku, 800)
    hold = await house.allocate(sku, hold_for=lasting(1))
    house.move_on(seconds=2)
    await house.inventory.VoidBatch(inventory_pb2.VoidBatchRequest(name=first, request_id=new_id()))
    await _stock(house, sku, 1, 3_500)
    late = {"late_policy": allocation_pb2.LATE_POLICY_REACQUIRE, "paid_amount": money(800), "payment_ref": "late"}
    refused = await failure(house.confirm(hold, **late))
    assert (refused.reason, refused.facts["refundDue"]) == ("PRICE_BELOW_COST", "true")
    assert "refund it" in refused.message
    [due] = (await house.allocation.GetHold(allocation_pb2.GetHoldRequest(name=hold.name))).refunds_due
    assert (due.payment_ref, due.reason) == ("late", "PRICE_BELOW_COST")


async def test_history_comes_in_pages(house: SmallHouse) -> None:
    """The latest first, and everything of each change."""
    sku = await house.sku()
    for minor in (100, 200, 300):
        await set_price(house, sku, minor)
    page = await history(house, sku, page_size=2)
    rest = await history(house, sku, page_size=2, page_token=page.next_page_token)
    changes = [*page.changes, *rest.changes]
    assert [change.after.minor for change in changes] == [300, 200, 100]
    assert not rest.next_page_token
    assert (changes[-1].HasField("before"), changes[-1].who, changes[-1].note) == (False, "ann", "new")
    assert list(changes[-1].reasons) == [pricing_pb2.PRICE_REASON_STAFF]


async def test_a_rule_comes_back_as_it_was_set_and_can_be_taken_away(house: SmallHouse) -> None:
    """Every field of it."""
    sku = await house.sku(unit_price=money(5))
    rule = pricing_pb2.PriceRule(
        currency="CNY",
        floor_minor=1,
        ceiling_minor=9,
        target_margin_ppm=2,
        dead_band_ppm=3,
        max_step_ppm=4,
        rest_s=5,
        automatic=True,
        competitor_minor=6,
        max_pressure_ppm=7,
        refuse_unknown_cost=True,
    )
    request = pricing_pb2.SetPriceRuleRequest(parent=sku, rule=rule, who="ann", request_id=new_id())
    assert (await house.pricing.SetPriceRule(request)).channels[0].rule == rule
    away = pricing_pb2.SetPriceRuleRequest(parent=sku, who="ann", request_id=new_id())
    assert not (await house.pricing.SetPriceRule(away)).channels[0].HasField("rule")


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"floor_minor": 9, "ceiling_minor": 8}, "ceiling_minor"),
        ({"ceiling_minor": 9, "target_margin_ppm": 1_000_000}, "target_margin_ppm"),
        ({"ceiling_minor": 9, "rest_s": -1}, "rest_s"),
        ({"ceiling_minor": 9, "max_pressure_ppm": 1_000_000}, "max_pressure_ppm"),
    ],
)
async def test_a_rule_out_of_bounds_is_refused_by_field(house: SmallHouse, rule: dict[str, int], field: str) -> None:
    """Before it can do any harm."""
    refused = await failure(set_rule(house, await house.sku(), **rule))
    assert (refused.reason, refused.facts) == ("INVALID_FIELD", {"field": field})


async def test_a_rule_is_tried_on_the_past(house: SmallHouse) -> None:
    """Ten units at a loss would have been ten at a margin."""
    sales = [
        pricing_pb2.PastSale(time=Timestamp(seconds=DAY_S), units=10, price_minor=800, cost_minor=500),
        pricing_pb2.PastSale(time=Timestamp(seconds=2 * DAY_S), units=10, price_minor=800, cost_minor=3_500),
    ]
    rule = pricing_pb2.PriceRule(currency="CNY", ceiling_minor=9_000, target_margin_ppm=200_000)
    done = await house.pricing.SimulateRule(pricing_pb2.SimulateRuleRequest(rule=rule, sales=sales))
    assert [move.price_minor for move in done.moves] == [625, 4_375]
    assert (done.was_margin_minor, done.margin_minor, done.lost_units) == (-24_000, 10_000, 10)
    empty = await failure(house.pricing.SimulateRule(pricing_pb2.SimulateRuleRequest(rule=rule)))
    assert empty.reason == "TOO_MANY_ITEMS"


async def test_a_channel_is_named_once(house: SmallHouse) -> None:
    """Two prices for one channel are no wish."""
    twice = [pricing_pb2.ChannelPrice(channel="a", price=money(minor)) for minor in (1, 2)]
    request = pricing_pb2.SetPricesRequest(parent=await house.sku(), prices=twice, request_id=new_id())
    assert (await failure(house.pricing.SetPrices(request))).facts == {"field": "prices"}


async def test_prices_outlive_their_owner(house: SmallHouse) -> None:
    """Restarted, it sells at the same price and refuses the same loss."""
    sku = await house.sku()
    await _stock(house, sku, 2, 500)
    await set_price(house, sku, 600)
    await set_price(house, sku, 400, "cheap")
    await house.restart_owner(await house.owner_of(sku))
    assert (await house.allocate(sku)).unit_price == money(600)
    assert (await failure(house.allocate(sku, channel="cheap"))).reason == "PRICE_BELOW_COST"


async def test_the_keeper_reviews_by_itself_and_the_metrics_tell(house: SmallHouse) -> None:
    """Warned once per step, a rule's price moved, another suggested, a loss refused; each is counted."""
    sku = await house.sku()
    await _stock(house, sku, 2, 500, expire_time=_in_days(house, 5))
    await set_price(house, sku, 400)
    await set_price(house, sku, 1_000, "shop")
    await set_rule(house, sku, ceiling_minor=9_000)
    await set_rule(house, sku, "shop", ceiling_minor=9_000, automatic=True)
    assert (await failure(house.allocate(sku))).reason == "PRICE_BELOW_COST"
    host = house.owners[await house.owner_of(sku)]
    await host.keeper.look()
    await host.keeper.look()
    assert (await house.allocate(sku, channel="shop")).unit_price == money(500)
    [lot] = (await house.pricing.ListExpiring(pricing_pb2.ListExpiringRequest(parent=sku))).lots
    assert (lot.step_days, lot.warned, lot.cards) == (7, True, 1)
    told = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in (await _metrics(house, sku))}
    name = sku.rpartition("/")[2]
    assert told[f'cardkeep_events_total{{event="ExpiryWarned",sku="{name}"}}'] == 1
    assert told[f'cardkeep_events_total{{event="PriceSuggested",sku="{name}"}}'] == 1
    assert told[f'cardkeep_events_total{{event="Repriced",sku="{name}"}}'] == 1
    assert told[f'cardkeep_value_at_risk{{currency="CNY",days="7",sku="{name}"}}'] == 500
    assert told[f'cardkeep_cards_expiring{{days="7",sku="{name}"}}'] == 1
    assert told[f'cardkeep_suggestions_waiting{{sku="{name}"}}'] == 1
    assert told[f'cardkeep_floor_refusals_total{{reason="PRICE_BELOW_COST",sku="{name}"}}'] == 1


async def _metrics(house: SmallHouse, sku: str) -> list[str]:
    text = (await house.owners[await house.owner_of(sku)].metrics()).decode()
    return [line for line in text.splitlines() if not line.startswith("#")]
