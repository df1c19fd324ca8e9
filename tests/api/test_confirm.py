"""Confirm: the buyer's codes, exactly the money, early or late, once or again."""

import asyncio

import pytest

from protos.cardkeep.v1 import allocation_pb2, inventory_pb2, types_pb2
from tests.api.failures import failure
from tests.api.small_house import (
    SmallHouse,
    lasting,
    money,
    new_id,
    payment,
)

POSTED, PARTLY, REACQUIRED = (
    allocation_pb2.CONFIRM_OUTCOME_POSTED,
    allocation_pb2.CONFIRM_OUTCOME_PARTIALLY_POSTED,
    allocation_pb2.CONFIRM_OUTCOME_REACQUIRED,
)
STRICT, REACQUIRE = allocation_pb2.LATE_POLICY_STRICT, allocation_pb2.LATE_POLICY_REACQUIRE


async def test_a_paid_hold_delivers_its_codes(house: SmallHouse) -> None:
    """The codes come exactly as they were imported, in the order of the hold's cards, with masks."""
    sku = await house.sku(unit_price=money(990))
    codes = ["ABCD-1234-EFGH", "user@example.com----p a s s 密码", "  trimmed  "]
    await house.stock(sku, codes)
    hold = await house.allocate(sku, 3)
    sold = await house.confirm(hold, payment_ref="pay-1", paid_amount=money(2970))
    assert (sold.outcome, sold.hold.state) == (POSTED, types_pb2.HOLD_STATE_CONFIRMED)
    assert [one.code for one in sold.delivered] == ["ABCD-1234-EFGH", codes[1], "trimmed"]
    assert [one.card for one in sold.delivered] == list(sold.hold.cards)
    assert [card.name for card in sold.hold.cards] == [card.name for card in hold.cards]
    assert [card.mask for card in sold.hold.cards] == ["****FGH", "****.com----****", "****d"]
    assert (sold.hold.payment_ref, sold.hold.quantity, list(sold.hold.refunds_due)) == ("pay-1", 3, [])
    assert (await house.cards(sku)).sold == 3


async def test_a_card_says_to_its_buyer_when_it_ends(house: SmallHouse) -> None:
    """The expiry stands in Allocate, Confirm and GetHold alike."""
    sku = await house.sku()
    ends = types_pb2.Hold().expire_time
    ends.FromMilliseconds(house.clock.now_ms() + 86_400_000)
    await house.stock(sku, ["code"], expire_time=ends)
    hold = await house.allocate(sku)
    sold = await house.confirm(hold)
    seen = await house.allocation.GetHold(allocation_pb2.GetHoldRequest(name=hold.name))
    for one in (hold, sold.hold, seen):
        assert one.cards[0].expire_time == ends
    assert sold.delivered[0].card.expire_time == ends


async def test_a_part_is_sold_and_the_rest_goes_back(house: SmallHouse) -> None:
    """Two of three are paid."""
    sku = await house.sku(3, unit_price=money(100))
    hold = await house.allocate(sku, 3)
    sold = await house.confirm(hold, quantity=2, paid_amount=money(200))
    assert (sold.outcome, sold.hold.quantity, len(sold.delivered)) == (PARTLY, 2, 2)
    counts = await house.cards(sku)
    assert (counts.sold, counts.available, counts.held) == (2, 1, 0)


async def test_the_same_confirm_gets_the_same_codes(house: SmallHouse) -> None:
    """By request_id it is replayed; by payment_ref alone the cards are the same; nothing is sold twice."""
    sku = await house.sku(5)
    hold = await house.allocate(sku, 2)
    request = payment(hold)
    first = await house.allocation.Confirm(request)
    again = await house.allocation.Confirm(request)
    assert (first.hold.replayed, again.hold.replayed) == (False, True)
    assert list(again.delivered) == list(first.delivered)
    request.request_id = new_id()
    assert list((await house.allocation.Confirm(request)).delivered) == list(first.delivered)
    assert (await house.cards(sku)).sold == 2


async def test_five_confirms_at_once_sell_once(house: SmallHouse) -> None:
    """In flight they join."""
    sku = await house.sku(5)
    request = payment(await house.allocate(sku))
    answers = await asyncio.gather(*(house.allocation.Confirm(request) for _ in range(5)))
    assert {answer.delivered[0].code for answer in answers} == {answers[0].delivered[0].code}
    assert sorted(answer.hold.replayed for answer in answers) == [False, True, True, True, True]
    assert (await house.cards(sku)).sold == 1


@pytest.mark.parametrize("paid", [money(989), money(991), money(990, "USD"), None])
async def test_another_amount_is_not_delivered(house: SmallHouse, paid: types_pb2.Money | None) -> None:
    """Too little, too much, another currency, nothing at all: the hold stays as it was."""
    sku = await house.sku(1, unit_price=money(990))
    hold = await house.allocate(sku)
    refused = await failure(house.confirm(hold, paid_amount=paid))
    assert (refused.reason, refused.facts["expected"], refused.facts["currency"]) == ("AMOUNT_MISMATCH", "990", "CNY")
    assert (await house.confirm(hold, paid_amount=money(990))).outcome == POSTED


async def test_without_a_price_amounts_are_not_looked_at(house: SmallHouse) -> None:
    """The SKU has no price."""
    hold = await house.allocate(await house.sku(1))
    assert (await house.confirm(hold, paid_amount=money(1, "USD"))).outcome == POSTED


async def test_a_hold_keeps_the_price_it_was_made_at(house: SmallHouse) -> None:
    """A later price is for later holds."""
    sku = await house.sku(1, unit_price=money(990))
    hold = await house.allocate(sku)
    await house.update(sku, "unit_price", unit_price=money(1990))
    assert (await house.confirm(hold, paid_amount=money(990))).hold.unit_price == money(990)


async def test_one_millisecond_decides_whether_a_payment_is_late(house: SmallHouse) -> None:
    """Before its end the held card is sold; after it, STRICT (which is also the default) refuses."""
    sku = await house.sku(3)
    early, late, unsaid = [await house.allocate(sku, hold_for=lasting(60)) for _ in range(3)]
    house.move_on(seconds=55)
    assert (await house.confirm(early)).outcome == POSTED
    house.move_on(seconds=5)
    for hold, policy in ((late, STRICT), (unsaid, allocation_pb2.LATE_POLICY_UNSPECIFIED)):
        refused = await failure(house.confirm(hold, late_policy=policy))
        assert (refused.reason, refused.facts["refundDue"]) == ("HOLD_EXPIRED", "true")
        seen = await house.allocation.GetHold(allocation_pb2.GetHoldRequest(name=hold.name))
        assert [due.reason for due in seen.refunds_due] == ["HOLD_EXPIRED"]


async def test_a_payment_late_under_strict_may_be_sent_again_with_reacquire(house: SmallHouse) -> None:
    """As its message says: a new request_id, the same payment, and the buyer has the cards; nothing is owed."""
    hold = await house.allocate(await house.sku(1), hold_for=lasting(1))
    house.move_on(seconds=2)
    refused = await failure(house.confirm(hold, payment_ref="pay-1"))
    assert "confirm it again with REACQUIRE" in refused.message
    sold = await house.confirm(hold, payment_ref="pay-1", late_policy=REACQUIRE)
    assert (sold.outcome, list(sold.hold.refunds_due)) == (REACQUIRED, [])


async def test_who_comes_too_late_for_reacquire_is_not_told_to_try_it(house: SmallHouse) -> None:
    """Advice that cannot work is worse than none."""
    hold = await house.allocate(await house.sku(1), hold_for=lasting(1))
    house.move_on(hours=13)
    refused = await failure(house.confirm(hold, late_policy=REACQUIRE))
    assert (refused.reason, refused.message.rpartition(": ")[2]) == ("HOLD_EXPIRED", "refund it.")


@pytest.mark.parametrize("ended", ["expired", "released"])
async def test_a_late_payment_may_take_fresh_cards(house: SmallHouse, ended: str) -> None:
    """REACQUIRE, whichever way the hold ended, at the hold's price."""
    sku = await house.sku(1, unit_price=money(100))
    hold = await house.allocate(sku, hold_for=lasting(60))
    if ended == "released":
        await house.allocation.Release(allocation_pb2.ReleaseRequest(name=hold.name, request_id=new_id()))
    else:
        house.move_on(seconds=61)
    await house.update(sku, "unit_price", unit_price=money(200))
    sold = await house.confirm(hold, late_policy=REACQUIRE, paid_amount=money(100))
    assert (sold.outcome, sold.hold.state, len(sold.delivered)) == (REACQUIRED, types_pb2.HOLD_STATE_CONFIRMED, 1)


async def test_the_late_window_ends(house: SmallHouse) -> None:
    """The SKU's 12 h unless the payment says otherwise; zero seconds mean never."""
    sku = await house.sku(9)
    holds = [await house.allocate(sku, hold_for=lasting(1)) for _ in range(4)]
    house.move_on(seconds=5)
    refused = await failure(house.confirm(holds[0], late_policy=REACQUIRE, late_window=lasting(0)))
    assert refused.reason == "HOLD_EXPIRED"
    refused = await failure(house.confirm(holds[1], late_policy=REACQUIRE, late_window=lasting(2)))
    assert refused.reason == "HOLD_EXPIRED"
    assert (await house.confirm(holds[2], late_policy=REACQUIRE)).outcome == REACQUIRED
    house.move_on(hours=12)
    assert (await failure(house.confirm(holds[3], late_policy=REACQUIRE))).reason == "HOLD_EXPIRED"


async def test_a_sku_may_never_reacquire(house: SmallHouse) -> None:
    """late_window of zero seconds in the SKU: never, unless the payment names a window of its own."""
    sku = await house.sku(9, late_window=lasting(0))
    hold = await house.allocate(sku, hold_for=lasting(1))
    house.move_on(seconds=2)
    assert (await failure(house.confirm(hold, late_policy=REACQUIRE))).reason == "HOLD_EXPIRED"


async def test_a_withdrawn_card_is_swapped_before_it_is_sold(house: SmallHouse) -> None:
    """The batch is quarantined between hold and payment; the buyer gets a card of another one."""
    sku = await house.sku(1)
    hold = await house.allocate(sku)
    await house.stock(sku, ["good"])
    await house.inventory.QuarantineBatch(
        inventory_pb2.QuarantineBatchRequest(name=f"{sku}/batches/1", request_id=new_id())
    )
    sold = await house.confirm(hold)
    assert (sold.outcome, sold.delivered[0].code) == (REACQUIRED, "good")


async def test_a_second_payment_is_to_be_refunded(house: SmallHouse) -> None:
    """Another payment_ref for a sold hold: refused, and both answer and hold say that money is due."""
    hold = await house.allocate(await house.sku(3))
    await house.confirm(hold, payment_ref="pay-1")
    refused = await failure(house.confirm(hold, payment_ref="pay-2", paid_amount=money(1500)))
    assert (refused.reason, refused.facts["refundDue"]) == ("HOLD_ALREADY_CONFIRMED", "true")
    seen = await house.allocation.GetHold(allocation_pb2.GetHoldRequest(name=hold.name))
    due = types_pb2.RefundDue(payment_ref="pay-2", reason="HOLD_ALREADY_CONFIRMED", paid_amount=money(1500))
    assert (list(seen.refunds_due), seen.payment_ref) == ([due], "pay-1")
