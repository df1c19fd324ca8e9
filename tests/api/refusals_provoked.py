"""How each definite refusal of the error map comes about: one function per reason, called like it.

Each answers how the call failed.
"""

from typing import Any

from actors.history import reports
from clients.sandbox.profile import credentials_of, options_of
from clients.sandbox.scenario import Scenario
from protos.cardkeep.v1 import (
    allocation_pb2,
    cluster_pb2,
    inventory_pb2,
    pricing_pb2,
    reports_pb2,
    supply_pb2,
    types_pb2,
)
from tests.api.failures import Failure, failure
from tests.api.priced import set_price, set_rule
from tests.api.small_house import (
    SmallHouse,
    lasting,
    money,
    new_id,
    rows,
    wish,
)


async def _sold(house: SmallHouse, cards: int = 1) -> tuple[str, types_pb2.Hold]:
    sku = await house.sku(cards)
    return sku, (await house.confirm(await house.allocate(sku))).hold


async def invalid_name(house: SmallHouse) -> Failure:
    """A SKU with a space."""
    return await failure(house.allocate("tenants/default/skus/no such thing"))


async def invalid_quantity(house: SmallHouse) -> Failure:
    """More than the SKU gives at once."""
    return await failure(house.allocate(await house.sku(cards_per_hold_max=5), 6))


async def invalid_duration(house: SmallHouse) -> Failure:
    """Half a second cannot be paid in."""
    return await failure(house.allocate(await house.sku(1), hold_for=lasting(0.5)))


async def invalid_money(house: SmallHouse) -> Failure:
    """Not a currency."""
    return await failure(house.allocate(await house.sku(1), expected_unit_price=money(1, "yuan")))


async def request_id_required(house: SmallHouse) -> Failure:
    """A write without one."""
    return await failure(house.allocate(await house.sku(1), request_id=""))


async def order_ref_required(house: SmallHouse) -> Failure:
    """A hold for no order."""
    return await failure(house.allocate(await house.sku(1), order_ref=""))


async def payment_ref_required(house: SmallHouse) -> Failure:
    """A sale for no payment."""
    return await failure(house.confirm(await house.allocate(await house.sku(1)), payment_ref=""))


async def too_many_items(house: SmallHouse) -> Failure:
    """None is as wrong as too many."""
    return await failure(house.allocation.BatchAllocate(allocation_pb2.BatchAllocateRequest()))


async def field_too_long(house: SmallHouse) -> Failure:
    """An order number of 129 characters."""
    return await failure(house.allocate(await house.sku(1), order_ref="x" * 129))


async def invalid_field(house: SmallHouse) -> Failure:
    """A path that is none."""
    return await failure(house.update(await house.sku(), "colour"))


async def bad_page_token(house: SmallHouse) -> Failure:
    """The token of another listing."""
    for _ in range(2):
        await house.sku()
    page = await house.inventory.ListSkus(inventory_pb2.ListSkusRequest(parent="tenants/default", page_size=1))
    other = inventory_pb2.ListSkusRequest(parent="tenants/other", page_token=page.next_page_token)
    return await failure(house.inventory.ListSkus(other))


async def idempotency_key_reused(house: SmallHouse) -> Failure:
    """The same id asks for two instead of one."""
    request = wish(await house.sku(3))
    await house.allocation.Allocate(request)
    request.quantity = 2
    return await failure(house.allocation.Allocate(request))


async def sku_not_found(house: SmallHouse) -> Failure:
    """Nobody made it."""
    return await failure(house.allocate("tenants/default/skus/nowhere"))


async def hold_not_found(house: SmallHouse) -> Failure:
    """The SKU has no hold 99."""
    return await failure(house.confirm(types_pb2.Hold(name=f"{await house.sku()}/holds/99")))


async def batch_not_found(house: SmallHouse) -> Failure:
    """The SKU has no batch 9."""
    name = f"{await house.sku()}/batches/9"
    return await failure(house.inventory.GetBatch(inventory_pb2.GetBatchRequest(name=name)))


async def card_not_found(house: SmallHouse) -> Failure:
    """The batch has one card, number 0."""
    request = inventory_pb2.VoidCardsRequest(names=[f"{await house.sku(1)}/cards/1-1"], request_id=new_id())
    return await failure(house.inventory.VoidCards(request))


async def sku_exists(house: SmallHouse) -> Failure:
    """Made before, by another request."""
    sku_id = (await house.sku()).rpartition("/")[2]
    request = inventory_pb2.CreateSkuRequest(parent="tenants/default", sku_id=sku_id, request_id=new_id())
    return await failure(house.inventory.CreateSku(request))


async def order_ref_exists(house: SmallHouse) -> Failure:
    """The order holds one already and now wants two."""
    sku = await house.sku(3)
    await house.allocate(sku, order_ref="order-1")
    return await failure(house.allocate(sku, 2, order_ref="order-1"))


async def payment_ref_used(house: SmallHouse) -> Failure:
    """One payment for two holds."""
    sku = await house.sku(2)
    await house.confirm(await house.allocate(sku), payment_ref="pay-1")
    return await failure(house.confirm(await house.allocate(sku), payment_ref="pay-1"))


async def out_of_stock(house: SmallHouse) -> Failure:
    """No cards at all."""
    return await failure(house.allocate(await house.sku()))


async def out_of_stock_late(house: SmallHouse) -> Failure:
    """The one card was sold to somebody else meanwhile."""
    sku = await house.sku(1)
    late = await house.allocate(sku, hold_for=lasting(1))
    house.move_on(seconds=2)
    await house.confirm(await house.allocate(sku))
    return await failure(house.confirm(late, late_policy=allocation_pb2.LATE_POLICY_REACQUIRE))


async def held_quota_exceeded(house: SmallHouse) -> Failure:
    """One unpaid card per wallet."""
    sku = await house.sku(3, held_quotas={"payment_instrument": 1})
    who = types_pb2.Principal(payment_instrument="wallet")
    return await failure(house.allocate(sku, 2, principal=who))


async def hold_expired(house: SmallHouse) -> Failure:
    """Paid a second too late."""
    hold = await house.allocate(await house.sku(1), hold_for=lasting(1))
    house.move_on(seconds=2)
    return await failure(house.confirm(hold))


async def hold_released(house: SmallHouse) -> Failure:
    """Given back, then extended."""
    hold = await house.allocate(await house.sku(1))
    await house.allocation.Release(allocation_pb2.ReleaseRequest(name=hold.name, request_id=new_id()))
    request = allocation_pb2.ExtendRequest(name=hold.name, hold_for=lasting(60), request_id=new_id())
    return await failure(house.allocation.Extend(request))


async def hold_already_confirmed(house: SmallHouse) -> Failure:
    """Sold, then given back."""
    _, hold = await _sold(house)
    return await failure(house.allocation.Release(allocation_pb2.ReleaseRequest(name=hold.name, request_id=new_id())))


async def max_lifetime_reached(house: SmallHouse) -> Failure:
    """The hold was made to last as long as its SKU allows."""
    hold = await house.allocate(await house.sku(1, hold_lifetime_max=lasting(60)))
    request = allocation_pb2.ExtendRequest(name=hold.name, hold_for=lasting(90), request_id=new_id())
    return await failure(house.allocation.Extend(request))


async def price_changed(house: SmallHouse) -> Failure:
    """The buyer was shown another price."""
    return await failure(house.allocate(await house.sku(1, unit_price=money(2)), expected_unit_price=money(1)))


async def amount_mismatch(house: SmallHouse) -> Failure:
    """A cent is missing."""
    hold = await house.allocate(await house.sku(1, unit_price=money(100)))
    return await failure(house.confirm(hold, paid_amount=money(99)))


async def sku_paused(house: SmallHouse) -> Failure:
    """Staff paused it."""
    return await failure(house.allocate(await house.sku(1, paused=True)))


async def batch_recalled(house: SmallHouse) -> Failure:
    """The held card is withdrawn, and there is no other."""
    sku = await house.sku(1)
    hold = await house.allocate(sku)
    await house.inventory.RecallBatch(inventory_pb2.RecallBatchRequest(name=f"{sku}/batches/1", request_id=new_id()))
    return await failure(house.confirm(hold))


async def cost_currency_mismatch(house: SmallHouse) -> Failure:
    """Cards bought in dollars for a SKU bought in yuan."""
    return await failure(house.stock(await house.sku(cost_currency="CNY"), ["x"], unit_cost=money(1, "USD")))


async def import_out_of_step(house: SmallHouse) -> Failure:
    """Chunk 1 before chunk 0."""
    header = inventory_pb2.ImportHeader(parent=await house.sku(), import_id=new_id())
    return await failure(house.bring(header, [rows(["x"])], first=1))


async def import_closed(house: SmallHouse) -> Failure:
    """A further chunk after the end."""
    header = inventory_pb2.ImportHeader(parent=await house.sku(), import_id=new_id())
    await house.bring(header, [rows(["x"])], chunks=1)
    return await failure(house.bring(header, [rows(["y"])], first=1))


async def card_not_sold(house: SmallHouse) -> Failure:
    """A card of nobody's."""
    sku, hold = await _sold(house, 2)
    request = inventory_pb2.ReplaceCardRequest(name=hold.name, card=f"{sku}/cards/1-1", request_id=new_id())
    return await failure(house.inventory.ReplaceCard(request))


async def card_already_replaced(house: SmallHouse) -> Failure:
    """The second time."""
    _, hold = await _sold(house, 3)
    request = inventory_pb2.ReplaceCardRequest(name=hold.name, card=hold.cards[0].name, request_id=new_id())
    await house.inventory.ReplaceCard(request)
    request.request_id = new_id()
    return await failure(house.inventory.ReplaceCard(request))


async def report_too_large(house: SmallHouse) -> Failure:
    """No time at all, which no report can be made in."""
    await house.sku(1)
    usual_s, reports.report_s_max = reports.report_s_max, -1.0
    try:
        return await failure(house.reports.ReportSales(reports_pb2.ReportRequest(parent="tenants/default")))
    finally:
        reports.report_s_max = usual_s


async def _priced(house: SmallHouse, price: int, **header: Any) -> str:
    """A SKU of one card and one price."""
    sku = await house.sku()
    await house.stock(sku, ["x"], **header)
    await set_price(house, sku, price)
    return sku


async def price_below_cost(house: SmallHouse) -> Failure:
    """A card that cost eight at seven."""
    return await failure(house.allocate(await _priced(house, 7, unit_cost=money(8))))


async def price_below_floor(house: SmallHouse) -> Failure:
    """It cost less than that, and the rule wants more."""
    sku = await _priced(house, 7, unit_cost=money(6))
    await set_rule(house, sku, floor_minor=8, ceiling_minor=9)
    return await failure(house.allocate(sku))


async def cost_unknown(house: SmallHouse) -> Failure:
    """The cost is in dollars, the price in yuan, and nobody said what that is."""
    return await failure(house.allocate(await _priced(house, 7, unit_cost=money(1, "USD"))))


async def price_currency_mismatch(house: SmallHouse) -> Failure:
    """A rule in dollars for a price in yuan."""
    return await failure(set_rule(house, await _priced(house, 7), currency="USD", ceiling_minor=9))


async def nothing_to_clear(house: SmallHouse) -> Failure:
    """Its cards never end."""
    request = pricing_pb2.ProposeClearanceRequest(
        name=f"{await _priced(house, 7)}/batches/1", floor_minor=1, request_id=new_id()
    )
    return await failure(house.pricing.ProposeClearance(request))


async def suggestion_not_found(house: SmallHouse) -> Failure:
    """Nothing was ever suggested."""
    request = pricing_pb2.DecideSuggestionRequest(parent=await house.sku(), number=1, request_id=new_id())
    return await failure(house.pricing.DecideSuggestion(request))


async def clearance_not_found(house: SmallHouse) -> Failure:
    """Nothing was ever proposed."""
    request = pricing_pb2.AcceptClearanceRequest(parent=await house.sku(), number=1, request_id=new_id())
    return await failure(house.pricing.AcceptClearance(request))


_NOBODY = "tenants/default/suppliers/nobody"


async def supplier_not_found(house: SmallHouse) -> Failure:
    """Never entered."""
    return await failure(house.supply.ListAttempts(supply_pb2.ListAttemptsRequest(parent=_NOBODY)))


async def _supplier(house: SmallHouse, dialect: str = "http") -> str:
    """A supplier at an address where nobody listens."""
    scenario = Scenario(dialect=dialect)
    supplier = supply_pb2.Supplier(
        name=f"tenants/default/suppliers/{new_id()}",
        protocol=dialect,
        endpoint="http://127.0.0.1:9",
        currency="CNY",
        options=options_of(scenario),
        credentials=credentials_of(scenario),
        idempotency=supply_pb2.IDEMPOTENCY_NONE,
        exposure_units_max=1,
        exposure_max=money(1),
        patience=lasting(60),
        per_second=100.0,
        answer_within=lasting(1),
    )
    entered = await house.supply.PutSupplier(supply_pb2.PutSupplierRequest(supplier=supplier))
    return str(entered.name)


async def attempt_not_found(house: SmallHouse) -> Failure:
    """Nothing was ever bought there."""
    word = supply_pb2.SettleAttemptRequest(
        supplier=await _supplier(house), attempt="none", standing=supply_pb2.ATTEMPT_STANDING_FAILED, who="ann"
    )
    return await failure(house.supply.SettleAttempt(word))


async def rate_jumps(house: SmallHouse) -> Failure:
    """The point is in the wrong place."""
    rate = supply_pb2.ExchangeRate(source_currency="USD", target_currency="CNY", rate="7.21", who="ann")
    rate.start_time.FromMilliseconds(house.clock.now_ms())
    await house.supply.EnterRate(supply_pb2.EnterRateRequest(parent="tenants/jumping", rate=rate, accept_jump=True))
    rate.rate = "72.1"
    return await failure(house.supply.EnterRate(supply_pb2.EnterRateRequest(parent="tenants/jumping", rate=rate)))


async def supplier_away(house: SmallHouse) -> Failure:
    """Its statement cannot be had just now."""
    return await _reconciled(house, "http")


async def statement_not_offered(house: SmallHouse) -> Failure:
    """Its protocol has no statement."""
    return await _reconciled(house, "dujiao-next")


async def _reconciled(house: SmallHouse, dialect: str) -> Failure:
    request = supply_pb2.ReconcileRequest(supplier=await _supplier(house, dialect))
    request.start_time.FromSeconds(1)
    request.end_time.FromSeconds(2)
    return await failure(house.supply.Reconcile(request))


async def machine_not_found(house: SmallHouse) -> Failure:
    """One that never was."""
    return await failure(house.cluster.DrainMachine(cluster_pb2.DrainMachineRequest(address="10.9.9.9")))


async def owner_not_found(house: SmallHouse) -> Failure:
    """The same of an owner."""
    wanted = cluster_pb2.MoveSkuRequest(name=await house.sku(1), owner="owner-10.9.9.9-0")
    return await failure(house.cluster.MoveSku(wanted))


async def head_stays(house: SmallHouse) -> Failure:
    """The only machine there is."""
    await house.sku(1)
    (machine,) = (await house.cluster.ListMachines(cluster_pb2.ListMachinesRequest())).machines
    return await failure(house.cluster.DrainMachine(cluster_pb2.DrainMachineRequest(address=machine.address)))
