"""Rates of exchange over the API: entered, corrected, listed; and a card bought abroad that costs what it cost here."""

from itertools import count
from typing import Any

import pytest

from clients.sandbox.scenario import Scenario
from clients.sandbox.server import Sandbox
from engine import limits
from engine.supply.attempts import Standing
from protos.cardkeep.v1 import inventory_pb2, supply_pb2
from tests.api.failures import failure
from tests.api.small_house import SmallHouse, money
from tests.api.test_supply import buy, profile, put, sourcing

_CODES = (f"X{letter}{other}" for letter in "ABCDEFGHIJ" for other in "ABCDEFGHIJ")
_TENANTS = count(1)


@pytest.fixture
def tenant() -> str:
    """One that has no rates."""
    return f"tenants/rates-{next(_TENANTS)}"


def rate(house: SmallHouse, figures: str, *, ago_ms: int = 0, **others: Any) -> supply_pb2.ExchangeRate:
    """From dollars to yuan, from so long ago on."""
    entered = supply_pb2.ExchangeRate(
        **{"source_currency": "USD", "target_currency": "CNY", "rate": figures, "who": "ann", **others}
    )
    entered.start_time.FromMilliseconds(house.clock.now_ms() - ago_ms)
    return entered


async def enter(
    house: SmallHouse, tenant: str, entered: supply_pb2.ExchangeRate, *, accept_jump: bool = False
) -> supply_pb2.ExchangeRate:
    """As staff do."""
    request = supply_pb2.EnterRateRequest(parent=tenant, rate=entered, accept_jump=accept_jump)
    done: supply_pb2.ExchangeRate = await house.supply.EnterRate(request)
    return done


async def listed(house: SmallHouse, tenant: str) -> list[supply_pb2.ExchangeRate]:
    """All that a tenant has."""
    return list((await house.supply.ListRates(supply_pb2.ListRatesRequest(parent=tenant))).rates)


async def test_rates_are_listed_with_who_and_when_and_one_of_a_pair_is_in_force(house: SmallHouse, tenant: str) -> None:
    """Yesterday's, today's and tomorrow's; a correction of today's is the last word, and what it mends stays."""
    day_ms = limits.DAY_MS
    today = rate(house, "7.20", note="the bank's")
    await enter(house, tenant, rate(house, "7.10", ago_ms=day_ms))
    assert (await enter(house, tenant, today)).in_force
    assert not (await enter(house, tenant, rate(house, "7.30", ago_ms=-day_ms))).in_force
    today.rate, today.who = "7.21", "bob"
    assert (await enter(house, tenant, today)).in_force
    found = await listed(house, tenant)
    assert [(each.rate, each.who, each.in_force) for each in found] == [
        ("7.30", "ann", False),
        ("7.21", "bob", True),
        ("7.20", "ann", False),
        ("7.10", "ann", False),
    ]
    now_ms = house.clock.now_ms()
    assert all(abs(each.enter_time.ToMilliseconds() - now_ms) < 60_000 for each in found)
    assert found[1].end_time.ToMilliseconds() - found[1].start_time.ToMilliseconds() == 7 * day_ms
    assert found[2].note == "the bank's"


async def test_the_same_rate_again_changes_nothing(house: SmallHouse, tenant: str) -> None:
    """So a caller who did not hear the answer may ask again."""
    said = rate(house, "7.20")
    assert await enter(house, tenant, said) == await enter(house, tenant, said)
    assert len(await listed(house, tenant)) == 1
    assert await listed(house, "tenants/nobody-elses") == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("source_currency", "dollar"),
        ("target_currency", "usd"),
        ("target_currency", "USD"),
        ("rate", ""),
        ("rate", "0"),
        ("rate", "-7.2"),
        ("rate", "7,2"),
        ("who", ""),
    ],
)
async def test_what_is_no_rate_is_refused_by_name(house: SmallHouse, tenant: str, field: str, value: str) -> None:
    """And nothing is entered."""
    wrong = rate(house, "7.2", **{field: value}) if field != "rate" else rate(house, value)
    refused = await failure(enter(house, tenant, wrong))
    assert refused.reason == "INVALID_FIELD"
    assert await listed(house, tenant) == []


@pytest.mark.parametrize("ago_days", [367, -32])
async def test_a_date_that_must_be_a_slip_is_refused(house: SmallHouse, tenant: str, ago_days: int) -> None:
    """The wrong year, mostly."""
    refused = await failure(enter(house, tenant, rate(house, "7.2", ago_ms=ago_days * limits.DAY_MS)))
    assert (refused.reason, refused.facts["field"]) == ("INVALID_FIELD", "rate.start_time")


async def test_a_rate_far_from_the_one_before_is_taken_when_it_is_said_twice(house: SmallHouse, tenant: str) -> None:
    """A point in the wrong place would sell cards at a tenth of what they cost."""
    await enter(house, tenant, rate(house, "7.20", ago_ms=1_000))
    slip = rate(house, "0.72")
    refused = await failure(enter(house, tenant, slip))
    assert (refused.reason, refused.facts["before"], refused.facts["rate"]) == ("RATE_JUMPS", "7.20", "0.72")
    assert (await enter(house, tenant, slip, accept_jump=True)).in_force


async def test_a_tenant_has_so_many_pairs_of_currencies_and_no_more(
    house: SmallHouse, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound is the house's memory."""
    monkeypatch.setattr(limits, "rate_pairs_max", 1)
    await enter(house, tenant, rate(house, "7.2"))
    refused = await failure(enter(house, tenant, rate(house, "7.8", source_currency="EUR")))
    assert refused.reason == "TOO_MANY_ITEMS"


async def test_a_card_bought_abroad_has_both_costs_and_without_a_rate_staff_see_who_is_left_out(
    house: SmallHouse,
) -> None:
    """9.00 dollars at 7.2141 are 64.9269 yuan: 64.93. The batch says what was paid, and what that is."""
    code = next(_CODES)
    sandbox = Sandbox(Scenario(currency=code))
    await sandbox.start()
    supplier = await put(house, profile(sandbox, currency=code, exposure_max=money(10_000_000, code)))
    sku = await house.sku()
    said = sourcing(sku, supplier.name, unit_cost_max=money(10_000), low=0, high=0, per_purchase_max=0)
    said.sourcing.sources[0].unit_cost.currency = code
    assert [each.left_out for each in (await house.supply.PutSourcing(said)).sources] == ["NO_RATE"]
    await enter(house, "tenants/default", rate(house, "7.2141", source_currency=code, ago_ms=1_000))
    assert [each.left_out for each in (await house.supply.PutSourcing(said)).sources] == [""]
    _, bought = await buy(house, supplier, sku, currency=code)
    assert bought.standing is Standing.DELIVERED
    page = await house.inventory.ListBatches(inventory_pb2.ListBatchesRequest(parent=sku))
    (batch,) = page.batches
    assert (batch.unit_cost, batch.landed_unit_cost) == (money(900, code), money(6_493))
    await sandbox.stop()


async def test_a_rate_that_is_too_old_leaves_a_supplier_out_by_that_word(house: SmallHouse) -> None:
    """What is to be done is another thing than where there never was one."""
    code = next(_CODES)
    supplier = profile(Sandbox(Scenario()), currency=code, exposure_max=money(1, code), endpoint="http://127.0.0.1:9")
    entered = await put(house, supplier)
    await enter(house, "tenants/default", rate(house, "7.2", source_currency=code, ago_ms=limits.rate_age_max_ms))
    said = sourcing(await house.sku(), entered.name, low=0, high=0, per_purchase_max=0)
    said.sourcing.sources[0].unit_cost.currency = code
    assert (await house.supply.PutSourcing(said)).sources[0].left_out == "RATE_TOO_OLD"
    found = await house.supply.ListSourcings(supply_pb2.ListSourcingsRequest(parent="tenants/default", page_size=1_000))
    (told,) = [each for each in found.sourcings if each.sku == said.sourcing.sku]
    assert told.sources[0].left_out == "RATE_TOO_OLD"
