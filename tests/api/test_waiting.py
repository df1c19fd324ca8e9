"""Waiting for cards, as a stranger sees it: a slow yes, or a definite no in time."""

import asyncio

import pytest

from protos.cardkeep.v1 import allocation_pb2, inventory_pb2
from tests.api.failures import failure
from tests.api.small_house import SmallHouse, new_id, until, wish


async def _waits(house: SmallHouse) -> str:
    return await house.sku(wait_max=10)


def _guests(house: SmallHouse) -> int:
    pools = [hosted for owner in house.owners.values() for hosted in owner._owner.hosted]
    return sum(len(hosted.guests or ()) for hosted in pools)


async def test_an_allocate_waits_until_cards_come(house: SmallHouse) -> None:
    """All of three, in one call each; the last answer is the same for the same request."""
    sku = await _waits(house)
    wishes = [wish(sku, 1) for _ in range(3)]
    calls = [asyncio.ensure_future(house.allocation.Allocate(each, timeout=15)) for each in wishes]
    await until(lambda: _guests(house) == 3)
    await house.stock(sku, ["A", "B", "C"])
    holds = await asyncio.gather(*calls)
    assert len({hold.name for hold in holds}) == 3
    assert (await house.allocation.Allocate(wishes[0], timeout=15)).name == holds[0].name


async def test_who_waited_in_vain_hears_so_before_his_deadline(house: SmallHouse) -> None:
    """And nobody waits without one, or at a SKU that does not let people wait."""
    sku = await _waits(house)
    refused = await failure(house.allocation.Allocate(wish(sku, 1), timeout=0.6))
    assert refused.reason == "OUT_OF_STOCK"
    assert (await failure(house.allocation.Allocate(wish(sku, 1)))).reason == "OUT_OF_STOCK"
    other = await house.sku()
    assert (await failure(house.allocation.Allocate(wish(other, 1), timeout=15))).reason == "OUT_OF_STOCK"


async def test_items_of_a_batch_wait_each_for_itself(house: SmallHouse) -> None:
    """One has a card at once, one when it comes, one is refused for another reason."""
    sku = await _waits(house)
    await house.stock(sku, ["A"])
    items = [wish(sku, 1), wish(sku, 1), wish(sku, 101)]
    request = allocation_pb2.BatchAllocateRequest(items=items)
    call = asyncio.ensure_future(house.allocation.BatchAllocate(request, timeout=15))
    await until(lambda: _guests(house) == 1)
    await house.stock(sku, ["B"])
    results = (await call).results
    assert [each.HasField("hold") for each in results] == [True, True, False]
    assert results[2].refusal.reason == "INVALID_QUANTITY"


@pytest.mark.parametrize("most", [-1, 10_001])
async def test_how_many_may_wait_is_bounded(house: SmallHouse, most: int) -> None:
    """Each is memory, and looked at when cards come."""
    request = inventory_pb2.CreateSkuRequest(
        parent="tenants/default", sku_id="w", sku=inventory_pb2.Sku(wait_max=most), request_id=new_id()
    )
    refused = await failure(house.inventory.CreateSku(request))
    assert (refused.reason, refused.facts["field"]) == ("INVALID_FIELD", "wait_max")
