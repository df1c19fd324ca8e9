"""SKUs, batches and cards: what the back office is promised."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from protos.cardkeep.v1 import allocation_pb2, inventory_pb2
from tests.api.failures import failure
from tests.api.small_house import (
    SmallHouse,
    lasting,
    money,
    new_id,
)


async def test_a_sku_without_terms_has_the_usual_ones(house: SmallHouse) -> None:
    """Answers carry the values in force, defaults included."""
    made = await house.inventory.GetSku(inventory_pb2.GetSkuRequest(name=await house.sku()))
    assert (made.hold_for, made.hold_for_max) == (lasting(15 * 60), lasting(2 * 3600))
    assert (made.hold_lifetime_max, made.late_window) == (lasting(24 * 3600), lasting(12 * 3600))
    assert (made.cards_per_hold_max, made.paused, made.held_quotas.user) == (100, False, 0)
    assert not made.HasField("unit_price")


async def test_every_term_that_is_set_is_kept(house: SmallHouse) -> None:
    """What goes in comes out, here and at GetSku."""
    terms = inventory_pb2.Sku(
        title="一个月会员",
        unit_price=money(1990),
        face_value=money(2500),
        cost_currency="USD",
        hold_for=lasting(60),
        hold_for_max=lasting(600),
        hold_lifetime_max=lasting(1200),
        cards_per_hold_max=7,
        late_window=lasting(0),
        held_quotas=inventory_pb2.HeldQuotas(user=1, device=2, ip=3, payment_instrument=4),
        paused=True,
        expiry_warning_days=[60, 2],
        wait_max=8,
    )
    request = _create(terms)
    made = await house.inventory.CreateSku(request)
    terms.name = f"tenants/default/skus/{request.sku_id}"
    assert made == terms
    assert await house.inventory.GetSku(inventory_pb2.GetSkuRequest(name=terms.name)) == terms


async def test_creating_a_sku_again_is_the_same_sku(house: SmallHouse) -> None:
    """The same request in a row and at once: one SKU, one answer."""
    request = _create(inventory_pb2.Sku(title="one"))
    answers = await asyncio.gather(*(house.inventory.CreateSku(request) for _ in range(5)))
    assert [answer.title for answer in answers] == ["one"] * 5
    await house.update(answers[0].name, title="two")
    assert (await house.inventory.CreateSku(request)).title == "one", "the answer of then"


@pytest.mark.parametrize("terms", [inventory_pb2.Sku(), inventory_pb2.Sku(title="mine")], ids=["usual", "own"])
async def test_a_sku_is_made_once(house: SmallHouse, terms: inventory_pb2.Sku) -> None:
    """Another request for the same name is refused, however alike, and stays refused; nothing changes."""
    first = _create(terms)
    name = (await house.inventory.CreateSku(first)).name
    for other in (terms, inventory_pb2.Sku(title="theirs")):
        second = _create(other)
        second.sku_id = first.sku_id
        for _ in range(2):
            refused = await failure(house.inventory.CreateSku(second))
            assert (refused.reason, refused.facts) == ("SKU_EXISTS", {"name": name})
    assert (await house.inventory.GetSku(inventory_pb2.GetSkuRequest(name=name))).title == terms.title


async def test_a_mask_names_what_changes(house: SmallHouse) -> None:
    """Named and unset goes back to its default; not named stays, even when it is set."""
    name = await house.sku(title="old", unit_price=money(100), held_quotas={"user": 5, "ip": 6}, hold_for=lasting(60))
    changed = await house.update(name, "unit_price", "held_quotas.user", "hold_for", title="new")
    assert changed.title == "old"
    assert not changed.HasField("unit_price")
    assert (changed.held_quotas.user, changed.held_quotas.ip) == (0, 6)
    assert changed.hold_for == lasting(15 * 60)
    changed = await house.update(name, "held_quotas.payment_instrument", held_quotas={"payment_instrument": 2})
    assert (changed.held_quotas.payment_instrument, changed.held_quotas.ip) == (2, 6)


async def test_without_a_mask_what_is_set_changes(house: SmallHouse) -> None:
    """And nothing else."""
    name = await house.sku(title="old", unit_price=money(100))
    changed = await house.update(name, title="new")
    assert (changed.title, changed.unit_price) == ("new", money(100))


async def test_an_update_repeated_later_gets_its_answer_and_undoes_nothing(house: SmallHouse) -> None:
    """Between the two tries somebody else changed another term."""
    name = await house.sku()
    request = inventory_pb2.UpdateSkuRequest(sku=inventory_pb2.Sku(name=name, title="mine"), request_id=new_id())
    await house.inventory.UpdateSku(request)
    await house.update(name, unit_price=money(100))
    await house.update(name, title="theirs")
    assert (await house.inventory.UpdateSku(request)).title == "mine", "the answer of then"
    now = await house.inventory.GetSku(inventory_pb2.GetSkuRequest(name=name))
    assert (now.title, now.unit_price) == ("theirs", money(100))


async def test_two_updates_at_once_both_count(house: SmallHouse) -> None:
    """Each changes what it names; none overwrites the other."""
    name = await house.sku()
    await asyncio.gather(house.update(name, title="new"), house.update(name, unit_price=money(5)))
    now = await house.inventory.GetSku(inventory_pb2.GetSkuRequest(name=name))
    assert (now.title, now.unit_price) == ("new", money(5))


async def test_a_hold_may_not_usually_last_longer_than_it_may_last(house: SmallHouse) -> None:
    """hold_for is bound by hold_for_max: said so when it is set, kept so when it is not."""
    name = await house.sku(1, hold_for_max=lasting(60))
    seen = await house.inventory.GetSku(inventory_pb2.GetSkuRequest(name=name))
    assert seen.hold_for == lasting(60)
    hold = await house.allocate(name)
    assert hold.expire_time.ToMilliseconds() - hold.create_time.ToMilliseconds() == 60_000
    refused = await failure(house.update(name, hold_for=lasting(61)))
    assert refused.facts == {"field": "hold_for", "minMs": "1000", "maxMs": "60000"}


async def test_all_skus_come_page_by_page(house: SmallHouse) -> None:
    """In order of name, none twice, none left out, also when one is made on the way; only this tenant's."""
    names = sorted([await house.sku() for _ in range(5)])
    other = _create(inventory_pb2.Sku())
    other.parent = "tenants/other"
    await house.inventory.CreateSku(other)
    seen: list[str] = []
    token = ""
    while True:
        request = inventory_pb2.ListSkusRequest(parent="tenants/default", page_size=2, page_token=token)
        page = await house.inventory.ListSkus(request)
        seen += [sku.name for sku in page.skus]
        token = page.next_page_token
        if not token:
            break
    assert seen == names


async def test_batches_come_page_by_page_oldest_first(house: SmallHouse) -> None:
    """Exactly full pages end without an empty one."""
    sku = await house.sku()
    made = [await house.stock(sku, [f"code-{number}"]) for number in range(4)]
    first = await house.inventory.ListBatches(inventory_pb2.ListBatchesRequest(parent=sku, page_size=2))
    assert [batch.name for batch in first.batches] == made[:2]
    request = inventory_pb2.ListBatchesRequest(parent=sku, page_size=2, page_token=first.next_page_token)
    second = await house.inventory.ListBatches(request)
    assert [batch.name for batch in second.batches] == made[2:]
    assert second.next_page_token == ""


async def test_a_batch_says_where_its_cards_are(house: SmallHouse) -> None:
    """Received = on the shelf + held + sold + void, and what was told at the import."""
    sku = await house.sku()
    name = await house.stock(sku, [f"code-{n}" for n in range(5)], source="acme", importer="ann", unit_cost=money(700))
    await house.allocate(sku)
    await house.confirm(await house.allocate(sku))
    await house.inventory.VoidCards(inventory_pb2.VoidCardsRequest(names=[f"{sku}/cards/1-4"], request_id=new_id()))
    batch = await house.inventory.GetBatch(inventory_pb2.GetBatchRequest(name=name))
    assert (batch.source, batch.importer, batch.unit_cost, batch.importing) == ("acme", "ann", money(700), False)
    cards = batch.cards
    assert (cards.received, cards.on_shelf, cards.held, cards.sold, cards.void) == (5, 2, 1, 1, 1)
    assert (cards.available, cards.withheld) == (2, 0)


async def test_the_first_cost_decides_the_currency(house: SmallHouse) -> None:
    """A SKU that names none takes that of its first batch."""
    sku = await house.sku()
    await house.stock(sku, ["a"])
    await house.stock(sku, ["b"], unit_cost=money(7, "USD"))
    assert (await house.inventory.GetSku(inventory_pb2.GetSkuRequest(name=sku))).cost_currency == "USD"
    refused = await failure(house.stock(sku, ["c"], unit_cost=money(7, "EUR")))
    assert (refused.reason, refused.facts["expected"]) == ("COST_CURRENCY_MISMATCH", "USD")


async def test_a_batch_goes_off_sale_and_comes_back(house: SmallHouse) -> None:
    """Quarantine withholds, restore offers again; the same request twice moves nothing more."""
    sku = await house.sku(4)
    hold = await house.allocate(sku)
    name = f"{sku}/batches/1"
    request = inventory_pb2.QuarantineBatchRequest(name=name, reason="smells", request_id=new_id())
    for _ in range(2):
        off = await house.inventory.QuarantineBatch(request)
        assert (off.moved, off.batch.quarantined, off.batch.cards.withheld) == (3, True, 3)
        assert list(off.held) == [hold.cards[0].name]
    assert (await failure(house.allocate(sku))).reason == "OUT_OF_STOCK"
    back = await house.inventory.RestoreBatch(inventory_pb2.RestoreBatchRequest(name=name, request_id=new_id()))
    assert (back.moved, back.batch.quarantined, back.batch.cards.available) == (3, False, 3)
    assert (await house.confirm(hold)).hold.cards[0].name == hold.cards[0].name


async def test_a_void_batch_stays_void(house: SmallHouse) -> None:
    """For ever means that a restore moves nothing."""
    sku = await house.sku(4)
    name = f"{sku}/batches/1"
    void = await house.inventory.VoidBatch(inventory_pb2.VoidBatchRequest(name=name, request_id=new_id()))
    assert (void.moved, void.batch.cards.void, void.batch.cards.available) == (4, 4, 0)
    back = await house.inventory.RestoreBatch(inventory_pb2.RestoreBatchRequest(name=name, request_id=new_id()))
    assert (back.moved, back.batch.cards.void) == (0, 4)


async def test_single_cards_go_and_come(house: SmallHouse) -> None:
    """A free one moves; a held and a sold one stay and are named."""
    sku = await house.sku(5)
    sold = await house.confirm(await house.allocate(sku))
    held = await house.allocate(sku)
    names = [f"{sku}/cards/1-{serial}" for serial in range(4)]
    off = await house.inventory.QuarantineCards(inventory_pb2.QuarantineCardsRequest(names=names, request_id=new_id()))
    assert off.moved == 2
    assert (list(off.held), list(off.sold)) == ([held.cards[0].name], [sold.hold.cards[0].name])
    back = await house.inventory.RestoreCards(inventory_pb2.RestoreCardsRequest(names=names, request_id=new_id()))
    assert (back.moved, back.batch.cards.available) == (2, 3)
    void = await house.inventory.VoidCards(inventory_pb2.VoidCardsRequest(names=names[2:], request_id=new_id()))
    assert (void.moved, void.batch.cards.void) == (2, 2)
    back = await house.inventory.RestoreCards(inventory_pb2.RestoreCardsRequest(names=names, request_id=new_id()))
    assert back.moved == 0


async def test_a_recall_lists_every_sold_card_with_its_hold(house: SmallHouse) -> None:
    """Page by page under one request_id; held and free cards are not listed."""
    sku = await house.sku(12)
    holds = [await house.allocate(sku, 2) for _ in range(4)]
    for hold in holds[:3]:
        await house.confirm(hold)
    expected = [(card.name, hold.name) for hold in holds[:3] for card in hold.cards]
    assert await _recalled(house, f"{sku}/batches/1") == expected
    batch = await house.inventory.GetBatch(inventory_pb2.GetBatchRequest(name=f"{sku}/batches/1"))
    assert (batch.quarantined, batch.cards.withheld) == (True, 4)


async def test_a_recall_names_holds_that_have_left_memory(house: SmallHouse) -> None:
    """A quarter of an hour later the pool has forgotten them; the archive has not. A replaced card is listed too."""
    sku = await house.sku(3)
    sold = await house.confirm(await house.allocate(sku, 2))
    bad = sold.hold.cards[0].name
    await house.inventory.ReplaceCard(
        inventory_pb2.ReplaceCardRequest(name=sold.hold.name, card=bad, request_id=new_id())
    )
    await house.forget(sku)
    assert await _recalled(house, f"{sku}/batches/1") == [(f"{sku}/cards/1-{n}", sold.hold.name) for n in range(3)]


async def test_a_forgotten_hold_and_request_are_still_answered(house: SmallHouse) -> None:
    """The archive answers for the hold, its order, its payment, and the request that made it."""
    sku = await house.sku(3)
    request = allocation_pb2.AllocateRequest(parent=sku, quantity=1, order_ref="order-1", request_id="no-uuid")
    hold = await house.allocation.Allocate(request)
    sold = await house.confirm(hold, payment_ref="pay-1")
    other = await house.allocate(sku)
    await house.forget(sku)
    seen = await house.allocation.GetHold(
        allocation_pb2.GetHoldRequest(order=allocation_pb2.HoldOfOrder(parent=sku, order_ref="order-1"))
    )
    assert (seen.name, seen.payment_ref) == (hold.name, "pay-1")
    assert (await house.allocation.Allocate(request)).replayed
    assert (await house.confirm(hold, payment_ref="pay-1")).delivered == sold.delivered
    refused = await failure(house.confirm(other, payment_ref="pay-1"))
    assert (refused.reason, refused.facts["hold"]) == ("PAYMENT_REF_USED", hold.name)


async def test_a_bad_card_is_replaced_with_a_fresh_code(house: SmallHouse) -> None:
    """Once per card, linked in GetHold; the same request gets the same card; the fresh one can be replaced too."""
    sku = await house.sku()
    await house.stock(sku, ["bad code", "fresh code 1", "fresh code 2"])
    sold = await house.confirm(await house.allocate(sku))
    bad = sold.hold.cards[0].name
    request = inventory_pb2.ReplaceCardRequest(name=sold.hold.name, card=bad, reason="used", request_id=new_id())
    given = await house.inventory.ReplaceCard(request)
    assert (given.bad, given.fresh.code, given.fresh.card.mask) == (bad, "fresh code 1", "****e 1")
    assert [card.name for card in given.hold.cards] == [given.fresh.card.name]
    again = await house.inventory.ReplaceCard(request)
    assert (again.fresh.code, again.hold.replayed) == ("fresh code 1", True)
    request = inventory_pb2.ReplaceCardRequest(
        name=sold.hold.name, card=given.fresh.card.name, reason="used", request_id=new_id()
    )
    last = await house.inventory.ReplaceCard(request)
    seen = await house.allocation.GetHold(allocation_pb2.GetHoldRequest(name=sold.hold.name))
    assert [(one.bad, one.fresh) for one in seen.replacements] == [
        (bad, given.fresh.card.name),
        (given.fresh.card.name, last.fresh.card.name),
    ]
    assert (await house.cards(sku)).sold == 3


async def test_an_audit_counts_every_card_and_batch(house: SmallHouse) -> None:
    """The sum of the batches is the SKU; every law holds."""
    sku = await house.sku(3)
    await house.stock(sku, [uuid4().hex for _ in range(4)])
    hold = await house.allocate(sku, 5)
    audit = await house.inventory.AuditSku(inventory_pb2.AuditSkuRequest(name=sku))
    assert (audit.ok, list(audit.violations), audit.holds_active) == (True, [], 1)
    assert (audit.cards.received, audit.cards.held, audit.cards.available) == (7, 5, 2)
    assert [(one.cards.received, one.cards.held) for one in audit.batches] == [(3, 3), (4, 2)]
    assert (audit.epoch, audit.sequence) == (hold.epoch, hold.sequence)


async def test_a_key_rotated_while_the_sale_runs_closes_nothing(house: SmallHouse) -> None:
    """Old batches still open, new ones are under the new key, and a disabled key is told from a lost one."""
    sku = await house.sku()
    await house.stock(sku, ["old code"])
    before = house.ring.current()
    after = house.ring.rotate(now_ms=house.clock.now_ms())
    await house.stock(sku, ["new code"])
    keys = await _key_ids(house, sku)
    assert keys[0] in {key.key_id for key in before.keys}
    assert keys[1] in {key.key_id for key in after.keys} - {key.key_id for key in before.keys}
    sold = await house.confirm(await house.allocate(sku, 2))
    assert [one.code for one in sold.delivered] == ["old code", "new code"]


async def _key_ids(house: SmallHouse, sku: str) -> list[int]:
    """Under which ring key the data key of each batch is wrapped: bytes 1 to 4."""
    ((*wrapped,),) = await house.store.line.ask([("HVALS", house.key(sku, "keys"))])
    return [int.from_bytes(key[1:5]) for key in wrapped]


async def _recalled(house: SmallHouse, name: str) -> list[tuple[str, str]]:
    """All pages of a recall, by two."""
    sold: list[tuple[str, str]] = []
    fields: dict[str, Any] = {"name": name, "page_size": 2, "request_id": new_id()}
    token = ""
    while True:
        page = await house.inventory.RecallBatch(inventory_pb2.RecallBatchRequest(**fields, page_token=token))
        sold += [(one.card, one.hold) for one in page.sold]
        token = page.next_page_token
        if not token:
            return sold


def _create(terms: inventory_pb2.Sku) -> inventory_pb2.CreateSkuRequest:
    return inventory_pb2.CreateSkuRequest(
        parent="tenants/default", sku_id=f"sku-{uuid4().hex}", sku=terms, request_id=new_id()
    )
