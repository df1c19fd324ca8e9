"""Commands about prices, expiry and clearances: what they ask, and what stands on the screen."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from cardkeep_client.v1 import inventory_pb2, pricing_pb2, types_pb2
from google.protobuf.timestamp_pb2 import Timestamp

Run = Callable[..., Any]

SKU = "tenants/default/skus/A"
THEN = Timestamp(seconds=1_800_000_000)


def cny(minor: int) -> types_pb2.Money:
    """Yuan, in fen."""
    return types_pb2.Money(minor=minor, currency="CNY")


def prices() -> pricing_pb2.Prices:
    """Two channels, one suggestion."""
    rule = pricing_pb2.PriceRule(
        currency="CNY", floor_minor=500, ceiling_minor=9_000, target_margin_ppm=200_000, automatic=True
    )
    waiting = pricing_pb2.PriceSuggestion(
        number=1,
        before=cny(800),
        after=cny(4_375),
        reasons=[pricing_pb2.PRICE_REASON_BELOW_FLOOR, pricing_pb2.PRICE_REASON_COST],
        create_time=THEN,
    )
    return pricing_pb2.Prices(
        sku=SKU,
        channels=[
            pricing_pb2.PriceChannel(price=cny(800), change_time=THEN, rule=rule),
            pricing_pb2.PriceChannel(channel="shop"),
        ],
        suggestions=[waiting],
        clearances=[clearance()],
        landed_unit_cost=cny(3_500),
        rate_milli=1_500,
    )


def clearance(**fields: Any) -> pricing_pb2.Clearance:
    """A plan of one step."""
    usual: dict[str, Any] = {
        "number": 2,
        "state": pricing_pb2.CLEARANCE_STATE_PROPOSED,
        "batch": f"{SKU}/batches/1",
        "cards": 40,
        "expire_time": THEN,
        "price": cny(1_000),
        "clearance_price": cny(789),
        "landed_minor": 800,
        "needed_rate_milli": 4_000,
        "actual_rate_milli": 1_000,
        "steps": [pricing_pb2.ClearanceStep(time=THEN, price_minor=789, expected_cards=5)],
        "unsold_without": 30,
        "expected_gain_minor": -8_900,
    }
    return pricing_pb2.Clearance(**{**usual, **fields})


def test_a_price_is_set_by_channel(server: Any, cardkeep: Run) -> None:
    """With who and why; a dash takes a channel's price away."""
    server.will("SetPrices", prices(), prices())
    ended = cardkeep("price", "set", "A", "8.00 CNY", "--channel", "shop", "--who", "ann", "--note", "new")
    assert ended.exit_code == 0, ended.stderr
    cardkeep("price", "set", "A", "-", "--channel", "shop", "--who", "ann")
    sent, away = server.requests("SetPrices")
    assert (sent.prices[0].channel, sent.prices[0].price, sent.who, sent.note) == ("shop", cny(800), "ann", "new")
    assert not away.prices[0].HasField("price")
    assert "5.00 CNY to 90.00 CNY, margin 20 %, by itself" in ended.stdout
    assert cardkeep("price", "set", "A").exit_code == 2


def test_prices_are_shown_with_all_that_waits(server: Any, cardkeep: Run) -> None:
    """For people, and in stable names for programs."""
    server.will("GetPrices", prices(), prices())
    said = cardkeep("price", "show", "A").stdout
    for part in ("35.00 CNY", "1.5 a day", "(the SKU's own)", "43.75 CNY", "below floor, cost", "proposed"):
        assert part in said
    document = json.loads(cardkeep("price", "show", "A", "--json").stdout)
    assert document["channels"][0]["price"] == {"minor": 800, "currency": "CNY", "text": "8.00 CNY"}
    assert document["suggestions"][0]["reasons"] == ["BELOW_FLOOR", "COST"]


def test_a_rule_is_typed_in_money_and_per_cent(server: Any, cardkeep: Run) -> None:
    """And arrives in minor units and millionths."""
    server.will("SetPriceRule", prices(), prices())
    options = "--margin 20 --dead-band 2 --max-step 12.5 --rest 2h --automatic --pressure 10 --refuse-unknown-cost"
    bounds = ("--floor", "5.00 CNY", "--ceiling", "90.00 CNY", "--competitor", "8.50 CNY")
    ended = cardkeep("price", "rule", "A", *options.split(), *bounds)
    assert ended.exit_code == 0, ended.stderr
    cardkeep("price", "rule", "A", "--remove")
    sent, away = server.requests("SetPriceRule")
    assert sent.rule == pricing_pb2.PriceRule(
        currency="CNY",
        floor_minor=500,
        ceiling_minor=9_000,
        target_margin_ppm=200_000,
        dead_band_ppm=20_000,
        max_step_ppm=125_000,
        rest_s=7_200,
        automatic=True,
        competitor_minor=850,
        max_pressure_ppm=100_000,
        refuse_unknown_cost=True,
    )
    assert not away.HasField("rule")
    assert "ceiling is missing" in cardkeep("price", "rule", "A").stderr
    assert "different currencies" in cardkeep("price", "rule", "A", "--ceiling", "9 CNY", "--floor", "1 USD").stderr


def test_a_suggestion_is_approved_by_the_line_that_shows_it(server: Any, cardkeep: Run, run_line: Run) -> None:
    """Or turned down."""
    server.will("ListSuggestions", pricing_pb2.ListSuggestionsResponse(suggestions=prices().suggestions))
    server.will("DecideSuggestion", prices(), prices())
    ended = cardkeep("price", "suggestions", "A")
    assert "43.75 CNY" in ended.stdout
    run_line(ended.stderr.splitlines()[-1])
    cardkeep("price", "approve", "A", "1", "--reject", "--who", "bob")
    yes, no = server.requests("DecideSuggestion")
    assert (yes.parent, yes.number, yes.approve, bool(yes.who)) == (SKU, 1, True, True)
    assert (no.approve, no.who) == (False, "bob")


def test_what_waits_and_what_ends_is_told_of_all_skus(server: Any, cardkeep: Run) -> None:
    """Where no SKU is named; cards that end first come first, whosever they are."""
    skus = inventory_pb2.ListSkusResponse(skus=[inventory_pb2.Sku(name=SKU), inventory_pb2.Sku(name=SKU + "B")])
    server.will("ListSkus", skus, skus)
    server.will("ListSuggestions", pricing_pb2.ListSuggestionsResponse())
    server.will("ListSuggestions", pricing_pb2.ListSuggestionsResponse(suggestions=prices().suggestions))
    document = json.loads(cardkeep("price", "suggestions", "--json").stdout)
    assert [(row["sku"], row["number"]) for row in document["suggestions"]] == [(SKU + "B", 1)]
    for name, seconds in (("A", 2_000_000_000), ("AB", 1_900_000_000)):
        lot = pricing_pb2.ExpiringLot(
            batch=f"tenants/default/skus/{name}/batches/1", expire_time=Timestamp(seconds=seconds), cards=1, step_days=7
        )
        server.will("ListExpiring", pricing_pb2.ListExpiringResponse(lots=[lot]))
    said = cardkeep("expiring").stdout
    assert said.index("AB/batches/1") < said.index("A/batches/1")


def test_a_rule_is_tried_on_a_file_of_sales(server: Any, cardkeep: Run, tmp_path: Path) -> None:
    """A header is welcome; a line that cannot be read is named."""
    file = tmp_path / "sales.csv"
    file.write_text("time,units,price,cost\n2026-11-01T10:00Z,3,8.00,5.00\n\n2026-11-02T10:00Z,1,8.00,35.00\n")
    move = pricing_pb2.SimulatedMove(time=THEN, price_minor=4_375, reasons=[pricing_pb2.PRICE_REASON_COST])
    answer = pricing_pb2.SimulateRuleResponse(moves=[move], was_margin_minor=-1_800, margin_minor=1_100, lost_units=1)
    server.will("SimulateRule", answer)
    ended = cardkeep("price", "simulate", str(file), "--ceiling", "90.00 CNY", "--margin", "20")
    assert ended.exit_code == 0, ended.stderr
    (sent,) = server.requests("SimulateRule")
    assert [(sale.units, sale.price_minor, sale.cost_minor) for sale in sent.sales] == [(3, 800, 500), (1, 800, 3_500)]
    assert "-18.00 CNY" in ended.stdout
    assert "43.75 CNY" in ended.stdout
    file.write_text("2026-11-01T10:00Z,three,8.00,5.00\n")
    assert "Line 1 of sales.csv" in cardkeep("price", "simulate", str(file), "--ceiling", "90.00 CNY").stderr
    assert "not read" in cardkeep("price", "simulate", str(tmp_path / "none"), "--ceiling", "90.00 CNY").stderr


def test_history_says_who_did_what_and_why(server: Any, cardkeep: Run) -> None:
    """A rule has no name."""
    change = pricing_pb2.PriceChange(
        number=1, time=THEN, before=cny(800), after=cny(4_375), reasons=[pricing_pb2.PRICE_REASON_COST], note="dear"
    )
    server.will("GetPriceHistory", pricing_pb2.GetPriceHistoryResponse(changes=[change]))
    said = cardkeep("price", "history", "A").stdout
    for part in ("8.00 CNY", "43.75 CNY", "a rule", "cost", "dear"):
        assert part in said


def test_expiring_cards_lead_to_a_clearance(server: Any, cardkeep: Run, run_line: Run) -> None:
    """From the list to the plan to its acceptance, by the lines that are printed; and its end."""
    lot = pricing_pb2.ExpiringLot(batch=f"{SKU}/batches/1", expire_time=THEN, cards=40, step_days=14, warned=True)
    server.will("ListExpiring", pricing_pb2.ListExpiringResponse(lots=[lot]))
    server.will("ProposeClearance", clearance())
    server.will("AcceptClearance", clearance(state=pricing_pb2.CLEARANCE_STATE_ACCEPTED, steps=[]))
    server.will("EndClearance", clearance(state=pricing_pb2.CLEARANCE_STATE_ENDED))
    listed = cardkeep("expiring", "A")
    assert "14 d" in listed.stdout
    assert "unknown" in listed.stdout
    proposed = run_line(listed.stderr.splitlines()[-1].replace("MONEY", "3.00 CNY") + " --rate 1 --elasticity 2.5")
    assert proposed.exit_code == 0, proposed.stderr
    (sent,) = server.requests("ProposeClearance")
    assert (sent.name, sent.floor_minor, sent.rate_milli, sent.elasticity_milli) == (lot.batch, 300, 1_000, 2_500)
    for part in ("4.0 a day", "1.0 a day", "7.89 CNY", "30 without it, 0 with", "-89.00 CNY"):
        assert part in proposed.stdout
    accepted = run_line(proposed.stderr.splitlines()[-1])
    assert "it has no steps" in accepted.stdout
    assert cardkeep("clearance", "end", "A", "2", "--note", "sold").exit_code == 0
    assert server.requests("EndClearance")[0].note == "sold"


def test_what_lies_too_long_is_named(server: Any, cardkeep: Run) -> None:
    """What never sells lasts for ever."""
    slow = pricing_pb2.AgeingBatch(batch=f"{SKU}/batches/1", cards=40, age_days=91, left=40, slow=True)
    good = pricing_pb2.AgeingBatch(batch=f"{SKU}/batches/2", cards=4, cover_days=0, tied_up=cny(3_200))
    server.will("GetAgeing", pricing_pb2.Ageing(batches=[slow, good]))
    said = cardkeep("ageing", "A", "--max-age", "30", "--max-cover", "20").stdout
    (sent,) = server.requests("GetAgeing")
    assert (sent.max_age_days, sent.max_cover_days) == (30, 20)
    for part in ("91 d", "for ever", "slow", "32.00 CNY", "unknown", "0 d"):
        assert part in said


def test_a_floor_in_another_currency_is_noticed(server: Any, cardkeep: Run) -> None:
    """Three dollars are no three yuan; and nothing at all is no floor."""
    server.will("ProposeClearance", clearance())
    assert "must not be accepted" in cardkeep("clearance", "propose", "A/batches/1", "--floor", "3 USD").stderr
    assert "floor is nothing" in cardkeep("clearance", "propose", "A/batches/1", "--floor", "0 CNY").stderr


def test_a_sale_at_a_loss_leads_to_the_price(server: Any, cardkeep: Run, refusal: Any) -> None:
    """What it is, what it cost, and where to go on."""
    no = refusal(
        grpc.StatusCode.FAILED_PRECONDITION,
        "PRICE_BELOW_COST",
        minor="800",
        currency="CNY",
        cost="3500",
        batch=f"{SKU}/batches/2",
    )
    server.will("Allocate", no)
    said = cardkeep("allocate", "A", "--channel", "shop").stderr
    assert server.requests("Allocate")[0].channel == "shop"
    assert "cost 35.00 CNY" in said
    assert "`cardkeep price suggestions A`" in said


@pytest.mark.parametrize(("typed", "sent"), [("30,7", [30, 7]), ("1", [1])])
def test_the_ladder_is_set_among_the_terms(server: Any, cardkeep: Run, typed: str, sent: list[int]) -> None:
    """In days; what is no list of days is refused."""
    server.will("UpdateSku", inventory_pb2.Sku(name=SKU, expiry_warning_days=sent))
    ended = cardkeep("sku", "set", "A", "--warn-days", typed)
    assert list(server.requests("UpdateSku")[0].sku.expiry_warning_days) == sent
    assert f"{sent[0]} d" in ended.stdout
    assert "no list of days" in cardkeep("sku", "set", "A", "--warn-days", "soon").stderr
