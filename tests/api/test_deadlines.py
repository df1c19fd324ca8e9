"""Deadlines and clients that go away: what was too late takes nothing, what was done stays done."""

import asyncio
from collections.abc import Awaitable

import grpc
import pytest

from protos.cardkeep.v1 import allocation_pb2, types_pb2
from tests.api.breakdowns_provoked import frozen
from tests.api.failures import failure, read_failure
from tests.api.small_house import (
    SmallHouse,
    payment,
    wish,
)


async def test_a_client_that_goes_away_does_not_undo_its_hold(own_house: SmallHouse) -> None:
    """It hangs up while the store hangs; the hold is there afterwards under its order."""
    sku = await own_house.sku(1)
    with frozen(own_house.server_pid):
        call = own_house.allocation.Allocate(wish(sku, order_ref="order-1"))
        asked = asyncio.ensure_future(_ended(call))
        await own_house.decided(sku)
        call.cancel()
        await asked
    hold = await _of_order(own_house, sku, "order-1")
    assert (hold.state, hold.quantity) == (types_pb2.HOLD_STATE_ACTIVE, 1)


async def test_a_caller_that_gave_up_finds_its_sale_under_the_same_request(own_house: SmallHouse) -> None:
    """The deadline passes in mid-command; nobody says "no"; the same request gets the codes."""
    sku = await own_house.sku(1)
    hold = await own_house.allocate(sku)
    request = payment(hold)
    with frozen(own_house.server_pid):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await own_house.allocation.Confirm(request, timeout=0.5)
        assert read_failure(raised.value).reason == "OUTCOME_UNKNOWN"
    sold = await own_house.allocation.Confirm(request)
    assert (len(sold.delivered), sold.hold.replayed) == (1, True)


async def test_a_sale_whose_codes_cannot_be_read_is_no_refusal(own_house: SmallHouse) -> None:
    """The key ring is away for a moment: the sale stands, the answer is in doubt, the same request gets the code."""
    sku = await own_house.sku()
    await own_house.stock(sku, ["the code"])
    hold = await own_house.allocate(sku)
    request = payment(hold)
    ring = own_house.settings.keys_folder / "ring.json"
    ring.rename(ring.with_suffix(".away"))
    refused = await failure(own_house.allocation.Confirm(request))
    assert (refused.reason, refused.facts["requestId"]) == ("OUTCOME_UNKNOWN", request.request_id)
    ring.with_suffix(".away").rename(ring)
    assert (await own_house.allocation.Confirm(request)).delivered[0].code == "the code"


async def test_what_comes_after_its_deadline_takes_nothing(house: SmallHouse) -> None:
    """It waits in line behind an owner whose clock is past the deadline; a batch says so item by item."""
    sku = await house.sku(2)
    house.owner_clock.move_on(seconds=60)
    response = await house.allocation.BatchAllocate(
        allocation_pb2.BatchAllocateRequest(items=[wish(sku), wish(sku)]), timeout=10
    )
    assert [result.refusal.reason for result in response.results] == ["DEADLINE_PASSED"] * 2
    house.clock.move_on(seconds=60)
    assert (await house.cards(sku)).held == 0


async def test_a_caller_without_a_deadline_is_served(house: SmallHouse) -> None:
    """No deadline is no deadline, not one of zero."""
    hold = await house.allocation.Allocate(wish(await house.sku(1)))
    assert hold.quantity == 1


async def test_a_caller_hears_why_before_it_stops_listening(house: SmallHouse) -> None:
    """The owner is away and the deadline short: the answer is ours, with a reason, not the client's own clock."""
    sku = await house.sku(1)
    await house.stop_owner(await house.owner_of(sku))
    for timeout_s in (0.1, 0.3):
        refused = await failure(house.allocation.Allocate(wish(sku), timeout=timeout_s))
        assert refused.reason == "ACTOR_RECOVERING"


async def _ended(call: Awaitable[types_pb2.Hold]) -> None:
    with pytest.raises(asyncio.CancelledError):
        await call


async def _of_order(house: SmallHouse, sku: str, order_ref: str) -> types_pb2.Hold:
    question = allocation_pb2.GetHoldRequest(order=allocation_pb2.HoldOfOrder(parent=sku, order_ref=order_ref))
    hold: types_pb2.Hold = await house.allocation.GetHold(question)
    return hold
