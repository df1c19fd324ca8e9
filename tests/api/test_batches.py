"""The batch forms: each item is answered on its own, in order, whatever becomes of its neighbours."""

from typing import Any

import pytest

from engine import limits
from protos.cardkeep.v1 import allocation_pb2, types_pb2
from tests.api.failures import failure
from tests.api.small_house import (
    SmallHouse,
    lasting,
    money,
    new_id,
    payment,
    wish,
)


async def test_allocates_over_several_skus_are_answered_in_order(house: SmallHouse) -> None:
    """Done, unknown SKU, sold out, wrong quantity, no request_id, done: one result each."""
    first, second = await house.sku(1), await house.sku(1)
    items = [
        wish(first),
        wish("tenants/default/skus/nowhere"),
        wish(first, 5),
        wish(second, 0),
        wish(second, request_id=""),
        wish(second),
    ]
    response = await house.allocation.BatchAllocate(allocation_pb2.BatchAllocateRequest(items=items))
    assert [result.WhichOneof("result") for result in response.results] == ["hold", *["refusal"] * 4, "hold"]
    assert [result.refusal.reason for result in response.results[1:5]] == [
        "SKU_NOT_FOUND",
        "OUT_OF_STOCK",
        "INVALID_QUANTITY",
        "REQUEST_ID_REQUIRED",
    ]
    assert response.results[0].hold.order_ref == items[0].order_ref
    assert response.results[5].hold.name.startswith(f"{second}/holds/")


async def test_a_refused_item_says_what_the_single_call_would_have_said(house: SmallHouse) -> None:
    """Code, reason, message and facts are the same; nothing says to retry what a retry cannot help."""
    sku = await house.sku(1)
    single = await failure(house.allocate(sku, 2))
    response = await house.allocation.BatchAllocate(allocation_pb2.BatchAllocateRequest(items=[wish(sku, 2)]))
    [refusal] = [result.refusal for result in response.results]
    assert (refusal.code, refusal.reason, refusal.message) == (single.code.value[0], single.reason, single.message)
    assert dict(refusal.metadata) == single.facts
    assert not refusal.HasField("retry_after")


async def test_the_same_request_twice_in_one_call_is_one_hold(house: SmallHouse) -> None:
    """A batch is no way around idempotency."""
    sku = await house.sku(2)
    request = wish(sku)
    response = await house.allocation.BatchAllocate(allocation_pb2.BatchAllocateRequest(items=[request, request]))
    assert [result.hold.replayed for result in response.results] == [False, True]
    assert (await house.cards(sku)).held == 1


async def test_a_thousand_holds_are_confirmed_and_released_in_one_call_each(house: SmallHouse) -> None:
    """The bound is reached: 1,000 items, all done, all codes different."""
    sku = await house.sku(1_000)
    wishes = [wish(sku) for _ in range(limits.batch_items_max)]
    held = await house.allocation.BatchAllocate(allocation_pb2.BatchAllocateRequest(items=wishes))
    holds = [result.hold for result in held.results]
    assert [hold.order_ref for hold in holds] == [one.order_ref for one in wishes]
    payments = [payment(hold) for hold in holds[:600]]
    sold = await house.allocation.BatchConfirm(allocation_pb2.BatchConfirmRequest(items=payments))
    assert len({result.response.delivered[0].code for result in sold.results}) == 600
    gone = await house.allocation.BatchRelease(
        allocation_pb2.BatchReleaseRequest(
            items=[allocation_pb2.ReleaseRequest(name=hold.name, request_id=new_id()) for hold in holds[600:]]
        )
    )
    assert {result.hold.state for result in gone.results} == {types_pb2.HOLD_STATE_RELEASED}
    counts = await house.cards(sku)
    assert (counts.sold, counts.available, counts.held) == (600, 400, 0)


async def test_confirms_and_releases_are_refused_one_by_one(house: SmallHouse) -> None:
    """A wrong amount, a hold nobody knows, a sold one: the others go through."""
    sku = await house.sku(3, unit_price=money(100))
    good, cheap, sold = [await house.allocate(sku) for _ in range(3)]
    await house.confirm(sold, paid_amount=money(100))
    unknown = types_pb2.Hold(name=f"{sku}/holds/99")
    items = [
        payment(cheap, paid_amount=money(1)),
        payment(unknown, paid_amount=money(100)),
        payment(good, paid_amount=money(100)),
    ]
    answers = await house.allocation.BatchConfirm(allocation_pb2.BatchConfirmRequest(items=items))
    assert [result.refusal.reason for result in answers.results] == ["AMOUNT_MISMATCH", "HOLD_NOT_FOUND", ""]
    assert answers.results[2].response.hold.name == good.name
    releases = [
        allocation_pb2.ReleaseRequest(name=name, request_id=new_id()) for name in (sold.name, unknown.name, cheap.name)
    ]
    gone = await house.allocation.BatchRelease(allocation_pb2.BatchReleaseRequest(items=releases))
    assert [result.refusal.reason for result in gone.results] == ["HOLD_ALREADY_CONFIRMED", "HOLD_NOT_FOUND", ""]
    assert gone.results[2].hold.name == cheap.name


async def test_an_item_that_may_be_retried_says_when(own_house: SmallHouse) -> None:
    """The owner is gone: each item is refused as not done, with the delay of the single call."""
    sku = await own_house.sku(1)
    await own_house.stop_owner(await own_house.owner_of(sku))
    response = await own_house.allocation.BatchAllocate(
        allocation_pb2.BatchAllocateRequest(items=[wish(sku), wish("not a name")]), timeout=1.5
    )
    away, wrong = [result.refusal for result in response.results]
    assert (away.reason, away.retry_after) == ("ACTOR_RECOVERING", lasting(0.25))
    assert wrong.reason == "INVALID_NAME"


async def test_a_call_for_more_cards_than_an_answer_holds_is_refused_before_anything_is_held(house: SmallHouse) -> None:
    """Each item is small enough; a negative quantity makes no room; the most there is goes through."""
    sku = await house.sku(1, cards_per_hold_max=1_000)
    wishes = [wish(sku, 1_000) for _ in range(5)]
    for more in ([wish(sku)], [wish(sku), wish(sku, -1)]):
        request = allocation_pb2.BatchAllocateRequest(items=[*wishes, *more])
        refused = await failure(house.allocation.BatchAllocate(request))
        assert (refused.reason, refused.facts) == (
            "TOO_MANY_ITEMS",
            {"field": "items.quantity", "count": "5001", "max": "5000"},
        )
    assert (await house.cards(sku)).held == 0
    response = await house.allocation.BatchAllocate(allocation_pb2.BatchAllocateRequest(items=wishes))
    assert {result.refusal.reason for result in response.results} == {"OUT_OF_STOCK"}


@pytest.mark.parametrize("count", [0, limits.batch_items_max + 1])
async def test_an_empty_or_too_long_list_is_refused_whole(house: SmallHouse, count: int) -> None:
    """The list's own bound is the only reason to refuse the call as a whole."""
    requests: dict[Any, Any] = {
        house.allocation.BatchAllocate: allocation_pb2.BatchAllocateRequest(
            items=[allocation_pb2.AllocateRequest()] * count
        ),
        house.allocation.BatchConfirm: allocation_pb2.BatchConfirmRequest(
            items=[allocation_pb2.ConfirmRequest()] * count
        ),
        house.allocation.BatchRelease: allocation_pb2.BatchReleaseRequest(
            items=[allocation_pb2.ReleaseRequest()] * count
        ),
    }
    for method, request in requests.items():
        refused = await failure(method(request))
        assert refused.reason == "TOO_MANY_ITEMS"
        assert refused.facts == {"field": "items", "count": str(count), "max": "1000"}
