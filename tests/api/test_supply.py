"""Suppliers over the API: entered, asked, and what staff see and say of purchases. The suppliers are real sandboxes."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from clients.sandbox.mischief import Question, Rule, Trick
from clients.sandbox.profile import credentials_of, options_of
from clients.sandbox.scenario import Scenario
from clients.sandbox.server import Sandbox
from clients.sandbox.shop import Policy
from engine.money import Money
from engine.names import SupplierName, parse_pool
from engine.supply.attempts import Attempt, AttemptId, Kind, Standing
from engine.supply.suppliers import Idempotency
from protos.cardkeep.v1 import inventory_pb2, supply_pb2
from tests.api.failures import failure
from tests.api.small_house import (
    PATIENCE_S,
    SmallHouse,
    lasting,
    money,
)

_PRODUCT = "GAME-10"
_UNIT_MINOR = 900


def profile(sandbox: Sandbox, supplier: str = "", **fields: Any) -> supply_pb2.Supplier:
    """A supplier that is this sandbox. It may be asked about at once, so that tests need not wait."""
    scenario = sandbox.scenario
    usual: dict[str, Any] = {
        "name": f"tenants/default/suppliers/{supplier or uuid4().hex}",
        "title": "A sandbox",
        "protocol": scenario.dialect,
        "endpoint": sandbox.url,
        "currency": scenario.currency,
        "options": options_of(scenario),
        "credentials": credentials_of(scenario),
        "idempotency": supply_pb2.IDEMPOTENCY_REPLAY,
        "replay_for": lasting(3_600),
        "grace": lasting(60),
        "exposure_units_max": 1_000,
        "exposure_max": money(10_000_000),
        "patience": lasting(3_600),
        "per_second": 1_000.0,
        "answer_within": lasting(0.3),
    }
    return supply_pb2.Supplier(**{**usual, **fields})


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A supplier that behaves."""
    sandbox = Sandbox(Scenario(policy=Policy(idempotency=Idempotency.REPLAY)))
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


async def put(house: SmallHouse, supplier: supply_pb2.Supplier) -> supply_pb2.Supplier:
    """Enter a supplier."""
    entered: supply_pb2.Supplier = await house.supply.PutSupplier(
        supply_pb2.PutSupplierRequest(supplier=supplier), timeout=PATIENCE_S
    )
    return entered


async def listed(house: SmallHouse, name: str) -> supply_pb2.Supplier:
    """A supplier as it is listed."""
    found = await house.supply.ListSuppliers(supply_pb2.ListSuppliersRequest(parent="tenants/default"))
    (supplier,) = [each for each in found.suppliers if each.name == name]
    return supplier


def named(supplier: supply_pb2.Supplier) -> SupplierName:
    """Its name as the engine has it."""
    return SupplierName("default", supplier.name.rpartition("/")[2])


async def buy(
    house: SmallHouse, supplier: supply_pb2.Supplier, sku: str, units: int = 3, currency: str = "CNY"
) -> tuple[str, Any]:
    """A purchase, as a refill would make it."""
    pool = parse_pool(sku)
    assert pool is not None
    attempt = Attempt(AttemptId(uuid4().hex), pool, Kind.CODES, units, Money(units * _UNIT_MINOR, currency))
    return attempt.attempt, await house.desks.buy(named(supplier), attempt, _PRODUCT, "")


async def test_a_supplier_is_entered_and_its_credentials_are_never_told(house: SmallHouse, sandbox: Sandbox) -> None:
    """Neither by the answer nor by a listing; entered again without them, it keeps them, for it can still buy."""
    entered = await put(house, profile(sandbox))
    assert not entered.credentials
    again = await put(house, profile(sandbox, entered.name.rpartition("/")[2], credentials={}, title="Another title"))
    assert again.title == "Another title"
    assert not (await listed(house, entered.name)).credentials
    _, bought = await buy(house, entered, await house.sku())
    assert bought.standing is Standing.DELIVERED


async def test_what_is_bought_is_in_stock_and_the_supplier_shows_its_state(house: SmallHouse, sandbox: Sandbox) -> None:
    """Three cards for three units; nothing is open, and the balance is what the supplier says."""
    supplier = await put(house, profile(sandbox))
    sku = await house.sku()
    await buy(house, supplier, sku)
    assert (await house.cards(sku)).available == 3
    state = (await listed(house, supplier.name)).state
    assert (state.breaker_closed, state.attempts_open, state.tasks) == (True, 0, 0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("idempotency", supply_pb2.IDEMPOTENCY_UNSPECIFIED),
        ("currency", "USD"),
        ("exposure_units_max", 0),
        ("per_second", 0.0),
        ("weight", -1.0),
        ("fee_share_ppm", 1_000_001),
        ("protocol", ""),
        ("endpoint", ""),
    ],
)
async def test_a_profile_that_makes_no_sense_is_refused_by_name(
    house: SmallHouse, sandbox: Sandbox, field: str, value: object
) -> None:
    """And nothing is entered."""
    wrong = profile(sandbox, **{field: value})
    refused = await failure(house.supply.PutSupplier(supply_pb2.PutSupplierRequest(supplier=wrong)))
    assert refused.reason == "INVALID_FIELD"
    found = await house.supply.ListSuppliers(supply_pb2.ListSuppliersRequest(parent="tenants/default"))
    assert wrong.name not in {each.name for each in found.suppliers}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"options": {"order": "POST /orders", "oder.fields": "{}"}}, "no option oder.fields; there are amount, "),
        ({"protocol": "acg"}, "no protocol 'acg'; there are acg-faka, dujiao-next, folder, http"),
        ({"endpoint": "localhost"}, "the endpoint is a URL"),
        ({"credentials": {"key": "k"}}, "needs the credential 'secret'"),
    ],
)
async def test_what_no_adapter_takes_is_refused_when_it_is_entered(
    house: SmallHouse, sandbox: Sandbox, fields: dict[str, Any], says: str
) -> None:
    """In the adapter's words; of a supplier that is there already, too, which stays as it was."""
    there = await put(house, profile(sandbox))
    wrong = profile(sandbox, there.name.rpartition("/")[2], **fields)
    refused = await failure(house.supply.PutSupplier(supply_pb2.PutSupplierRequest(supplier=wrong)))
    assert (refused.reason, refused.facts["field"]) == ("INVALID_FIELD", "supplier")
    assert says in refused.message
    assert (await listed(house, there.name)).options == there.options


async def test_options_are_checked_with_the_credentials_that_are_kept(house: SmallHouse, sandbox: Sandbox) -> None:
    """They are not told again, and a new option may need them."""
    there = await put(house, profile(sandbox))
    changed = profile(sandbox, there.name.rpartition("/")[2], credentials={}, options={**there.options, "sign": "md5"})
    assert (await put(house, changed)).options["sign"] == "md5"
    changed.options["sign"] = "bearer"
    refused = await failure(house.supply.PutSupplier(supply_pb2.PutSupplierRequest(supplier=changed)))
    assert "needs the credential 'token'" in refused.message


async def test_a_repeated_order_is_described_in_one_of_five_words(house: SmallHouse, sandbox: Sandbox) -> None:
    """Whoever left it out reads them."""
    wrong = profile(sandbox, idempotency=supply_pb2.IDEMPOTENCY_UNSPECIFIED)
    refused = await failure(house.supply.PutSupplier(supply_pb2.PutSupplierRequest(supplier=wrong)))
    assert "REPLAY, REJECT_WITH_ID, REJECT_BLIND, REPLAY_UNLESS_FAILED, NONE" in refused.message


async def test_the_currency_of_a_ledger_never_changes(house: SmallHouse, sandbox: Sandbox) -> None:
    """What it owes is in that one."""
    supplier = await put(house, profile(sandbox))
    other = profile(
        sandbox, supplier.name.rpartition("/")[2], currency="USD", exposure_max=money(1, "USD"), credentials={}
    )
    refused = await failure(house.supply.PutSupplier(supply_pb2.PutSupplierRequest(supplier=other)))
    assert (refused.reason, refused.facts["field"]) == ("INVALID_FIELD", "supplier.currency")


def sourcing(sku: str, supplier: str, **fields: Any) -> supply_pb2.PutSourcingRequest:
    """How a SKU is bought there."""
    usual: dict[str, Any] = {
        "sku": sku,
        "sources": [supply_pb2.Source(supplier=supplier, product=_PRODUCT, unit_cost=money(_UNIT_MINOR))],
        "low": 10,
        "high": 20,
        "per_purchase_max": 5,
        "unit_cost_max": money(1_000),
        "min_remaining_life": lasting(3_600),
    }
    return supply_pb2.PutSourcingRequest(sourcing=supply_pb2.Sourcing(**{**usual, **fields}))


async def test_how_a_sku_is_bought_is_told_as_it_was_said(house: SmallHouse, sandbox: Sandbox) -> None:
    """Page by page, by name."""
    supplier = await put(house, profile(sandbox))
    skus = sorted([await house.sku() for _ in range(3)])
    for sku in skus:
        said = sourcing(sku, supplier.name)
        assert await house.supply.PutSourcing(said) == said.sourcing
    found: list[str] = []
    token = ""
    while True:
        request = supply_pb2.ListSourcingsRequest(parent="tenants/default", page_size=2, page_token=token)
        page = await house.supply.ListSourcings(request)
        found += [each.sku for each in page.sourcings if each.sku in skus]
        token = page.next_page_token
        if not token:
            break
    assert found == skus


@pytest.mark.parametrize(("fields"), [{"low": 0}, {"high": 9}, {"per_purchase_max": 0}, {"per_purchase_max": 1_001}])
async def test_marks_that_would_never_end_are_refused(
    house: SmallHouse, sandbox: Sandbox, fields: dict[str, int]
) -> None:
    """Or never begin."""
    supplier = await put(house, profile(sandbox))
    refused = await failure(house.supply.PutSourcing(sourcing(await house.sku(), supplier.name, **fields)))
    assert refused.reason == "INVALID_FIELD"


async def test_a_supplier_of_another_tenant_is_none_to_buy_from(house: SmallHouse) -> None:
    """Nothing of one shop is another's."""
    refused = await failure(house.supply.PutSourcing(sourcing(await house.sku(), "tenants/other/suppliers/east")))
    assert refused.reason == "INVALID_FIELD"


async def test_a_person_settles_what_the_supplier_never_answered(house: SmallHouse, sandbox: Sandbox) -> None:
    """It is listed as open, in doubt; told as delivered with its codes it is not, and they are in stock."""
    supplier = await put(house, profile(sandbox, answer_within=lasting(0.2), grace=lasting(3_600)))
    sku = await house.sku()
    sandbox.mischief.set([Rule(Trick.HANG, ms=5_000), Rule(Trick.DOWN, on=Question.LOOK_UP)])
    attempt, bought = await buy(house, supplier, sku, units=2)
    assert bought.standing is Standing.IN_DOUBT
    request = supply_pb2.ListAttemptsRequest(parent=supplier.name, filter=supply_pb2.ATTEMPT_FILTER_OPEN)
    (row,) = (await house.supply.ListAttempts(request)).attempts
    assert (row.id, row.standing, row.sku) == (attempt, supply_pb2.ATTEMPT_STANDING_IN_DOUBT, sku)
    word = supply_pb2.SettleAttemptRequest(
        supplier=supplier.name,
        attempt=attempt,
        standing=supply_pb2.ATTEMPT_STANDING_DELIVERED,
        cost=money(2 * _UNIT_MINOR),
        codes=[supply_pb2.ToldCode(code="told-1"), supply_pb2.ToldCode(code="told-2")],
        who="ann",
        note="by telephone",
    )
    for _ in range(2):
        settled = await house.supply.SettleAttempt(word)
        assert (settled.standing, settled.codes_fresh) == (supply_pb2.ATTEMPT_STANDING_DELIVERED, 2)
    assert (await house.cards(sku)).available == 2
    (batch,) = (await house.inventory.ListBatches(inventory_pb2.ListBatchesRequest(parent=sku))).batches
    assert (batch.importer, batch.source) == ("ann", supplier.name)
    assert not (await house.supply.ListAttempts(request)).attempts
    word.codes.add(code="told-3")
    refused = await failure(house.supply.SettleAttempt(word))
    assert (refused.reason, refused.facts["field"]) == ("INVALID_FIELD", "order_number")
    assert "none of these codes was taken in" in refused.message
    assert (await house.cards(sku)).available == 2


async def test_a_statement_that_says_otherwise_makes_a_task_once(house: SmallHouse, sandbox: Sandbox) -> None:
    """A charge that is nobody's is told at the first run, known at the second, and gone when a person dealt with it."""
    supplier = await put(house, profile(sandbox))
    attempt, _ = await buy(house, supplier, await house.sku(), units=1)
    now_ms = house.clock.now_ms()
    request = supply_pb2.ReconcileRequest(supplier=supplier.name, with_rows=True)
    request.start_time.FromMilliseconds(now_ms - 3_600_000)
    request.end_time.FromMilliseconds(now_ms + 3_600_000)
    for order, our_id in (("1", attempt), ("2", "")):
        row = request.rows.add(order_number=order, attempt=our_id, units=1, cost=money(_UNIT_MINOR))
        row.time.FromMilliseconds(now_ms)
    report = await house.supply.Reconcile(request)
    assert (report.rows, report.matched, report.told) == (2, 1, 1)
    assert [(each.kind, each.order_number) for each in report.differences] == [("UNKNOWN_CHARGE", "2")]
    assert (await house.supply.Reconcile(request)).told == 0
    listing = supply_pb2.ListAttemptsRequest(parent=supplier.name, filter=supply_pb2.ATTEMPT_FILTER_PERSON)
    assert len((await house.supply.ListAttempts(listing)).differences) == 1
    done = supply_pb2.ResolveTaskRequest(supplier=supplier.name, order_number="2", who="ann", note="paid back")
    assert (await house.supply.ResolveTask(done)).resolved
    assert not (await house.supply.ResolveTask(done)).resolved
    assert not (await house.supply.ListAttempts(listing)).differences


async def test_the_suppliers_own_statement_agrees_with_what_was_bought(house: SmallHouse, sandbox: Sandbox) -> None:
    """To the unit and the cent."""
    supplier = await put(house, profile(sandbox))
    sku = await house.sku()
    for units in (1, 2, 3):
        await buy(house, supplier, sku, units)
    now_ms = house.clock.now_ms()
    request = supply_pb2.ReconcileRequest(supplier=supplier.name)
    request.start_time.FromMilliseconds(now_ms - 3_600_000)
    request.end_time.FromMilliseconds(now_ms + 3_600_000)
    report = await house.supply.Reconcile(request)
    assert (report.rows, report.matched, len(report.differences)) == (3, 3, 0)


_TOPUP = "TOPUP-10"


async def _recharged_sku(house: SmallHouse, *suppliers: supply_pb2.Supplier) -> str:
    """A SKU that is only recharged, at these suppliers in this order."""
    sku = await house.sku()
    sources = [supply_pb2.Source(supplier=each.name, product=_TOPUP, unit_cost=money(950)) for each in suppliers]
    marks = {"low": 0, "high": 0, "per_purchase_max": 0}
    await house.supply.PutSourcing(sourcing(sku, "", sources=sources, unit_cost_max=money(1_000), **marks))
    return sku


def _topped_up(*sandboxes: Sandbox) -> int:
    """How often an account was topped up at these suppliers in all."""
    return sum(sale.topped_up for sandbox in sandboxes for sales in sandbox.shop.sales().values() for sale in sales)


async def test_an_account_is_topped_up_once_however_often_it_is_asked_for(house: SmallHouse, sandbox: Sandbox) -> None:
    """The same answer to all, and one top-up at the supplier."""
    sku = await _recharged_sku(house, await put(house, profile(sandbox)))
    order = supply_pb2.RechargeRequest(parent=sku, order_ref="1042", account="13800000000", quantity=1)
    answers = [await house.supply.Recharge(order) for _ in range(3)]
    assert {(each.standing, each.over) for each in answers} == {(supply_pb2.ATTEMPT_STANDING_DELIVERED, True)}
    assert _topped_up(sandbox) == 1


async def test_a_recharge_in_doubt_is_never_given_to_another(house: SmallHouse, sandbox: Sandbox) -> None:
    """The first made it and never answered: the second is not asked, and the first's word settles it."""
    other = Sandbox(Scenario(name="other"))
    await other.start()
    first = await put(house, profile(sandbox, priority=0))
    sku = await _recharged_sku(house, first, await put(house, profile(other, priority=1)))
    sandbox.mischief.set([Rule(Trick.HANG, ms=5_000, commits=True), Rule(Trick.DOWN, on=Question.LOOK_UP)])
    order = supply_pb2.RechargeRequest(parent=sku, order_ref="1043", account="13800000000", quantity=1)
    for _ in range(2):
        stands = await house.supply.Recharge(order)
        assert (stands.standing, stands.over) == (supply_pb2.ATTEMPT_STANDING_IN_DOUBT, False)
    assert not (await house.supply.GiveUpRecharge(order)).over
    assert (_topped_up(sandbox), _topped_up(other)) == (1, 0)
    await other.stop()


async def test_a_recharge_that_was_refused_goes_to_the_next_supplier(house: SmallHouse, sandbox: Sandbox) -> None:
    """Which tops it up; and one that nobody can do may be given up for good."""
    other = Sandbox(Scenario(name="other"))
    await other.start()
    first = await put(house, profile(sandbox, priority=0))
    sku = await _recharged_sku(house, first, await put(house, profile(other, priority=1)))
    sandbox.mischief.set([Rule(Trick.OUT_OF_STOCK)])
    order = supply_pb2.RechargeRequest(parent=sku, order_ref="1044", account="13800000000", quantity=1)
    assert (await house.supply.Recharge(order)).standing == supply_pb2.ATTEMPT_STANDING_DELIVERED
    assert (_topped_up(sandbox), _topped_up(other)) == (0, 1)
    other.mischief.set([Rule(Trick.OUT_OF_STOCK)])
    order.order_ref = "1045"
    assert (await house.supply.Recharge(order)).standing == supply_pb2.ATTEMPT_STANDING_FAILED
    given_up = await house.supply.GiveUpRecharge(order)
    assert (given_up.standing, given_up.over, given_up.why) == (supply_pb2.ATTEMPT_STANDING_FAILED, True, "GIVEN_UP")
    other.mischief.clear()
    assert (await house.supply.Recharge(order)).why == "GIVEN_UP"
    await other.stop()
