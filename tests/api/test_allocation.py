"""Allocate, Release, Extend, GetHold, GetAvailability: what a storefront is promised."""

from protos.cardkeep.v1 import types_pb2
from tests.api.small_house import SmallHouse


async def test_a_hold_sets_cards_aside_and_says_everything_about_itself(house: SmallHouse) -> None:
    """Names, times, price, epoch and sequence are there; the shelf has fewer."""
    sku = await house.sku(3)
    hold = await house.allocate(sku, 2, order_ref="order-1")
    assert hold.state == types_pb2.HOLD_STATE_ACTIVE
    assert hold.name == f"{sku}/holds/1"
    print(hold)
