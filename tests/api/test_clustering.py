"""ClusterService: what operators move, while somebody buys."""

import asyncio

import pytest

from protos.cardkeep.v1 import cluster_pb2, operations_pb2
from tests.api.failures import failure
from tests.api.small_house import SmallHouse


async def test_a_house_of_one_machine_is_one_machine(house: SmallHouse) -> None:
    """With its owners, its SKUs, and how many it still serves."""
    for _ in range(3):
        await house.sku()
    machine = await _machine(house, served=3)
    assert machine.state == cluster_pb2.MACHINE_STATE_SERVING
    assert [owner.name for owner in machine.owners] == ["owner-0", "owner-1"]
    assert (machine.pools, machine.owners_max) == (3, 0)


async def test_a_sku_moves_to_the_owner_that_is_named(house: SmallHouse) -> None:
    """Who buys meanwhile sees a slow answer at most, and the hold from before is known there."""
    sku = await house.sku(20)
    hold = await house.allocate(sku)
    before = await house.owner_of(sku)
    to = "owner-1" if before == "owner-0" else "owner-0"
    await house.sku()  # So that the other owner is there.
    answer = await house.cluster.MoveSku(cluster_pb2.MoveSkuRequest(name=sku, owner=to))
    assert answer.from_owner == before
    for _ in range(10):
        await house.allocate(sku)
    await _moved(house, sku)
    assert await house.owner_of(sku) == to
    assert (await house.confirm(hold)).hold.name == hold.name
    assert (await _pool(house, sku)).cards.held == 10


async def test_rebalancing_ends_when_no_two_owners_differ_by_two(house: SmallHouse) -> None:
    """Six SKUs with one owner, none with the other: three go, and then there is nothing to do."""
    skus = [await house.sku() for _ in range(6)]
    await house.registry.place(dict.fromkeys((await house.registry.placement()).owner_of, "owner-0"))
    assert (await house.cluster.Rebalance(cluster_pb2.RebalanceRequest(at_most=2))).moved == 2
    assert (await house.cluster.Rebalance(cluster_pb2.RebalanceRequest())).moved == 1
    assert (await house.cluster.Rebalance(cluster_pb2.RebalanceRequest())).moved == 0
    owners = [await house.owner_of(sku) for sku in skus]
    assert sorted(map(owners.count, ("owner-0", "owner-1"))) == [3, 3]


async def test_what_is_wanted_of_a_machine_is_kept(house: SmallHouse) -> None:
    """Whoever starts owners reads it; nobody does here."""
    await house.sku()
    address = (await _machine(house, served=1)).address
    wanted = cluster_pb2.ScaleMachineRequest(address=address, owners_max=7)
    assert (await house.cluster.ScaleMachine(wanted)).owners_max == 7
    assert (await house.registry.orders())[address].owners == 7


@pytest.mark.parametrize("owners", [-1, 257])
async def test_no_machine_is_given_any_number_of_owners(house: SmallHouse, owners: int) -> None:
    """Each is a process."""
    await house.sku()
    address = (await _machine(house, served=1)).address
    wanted = cluster_pb2.ScaleMachineRequest(address=address, owners_max=owners)
    assert (await failure(house.cluster.ScaleMachine(wanted))).reason == "INVALID_FIELD"


async def test_nothing_is_given_to_an_owner_that_is_one_too_many(house: SmallHouse) -> None:
    """The machine is to have one: the second gets nothing, by name or to even things out."""
    skus = [await house.sku() for _ in range(4)]
    await house.registry.place(dict.fromkeys((await house.registry.placement()).owner_of, "owner-0"))
    address = (await _machine(house, served=4)).address
    await house.cluster.ScaleMachine(cluster_pb2.ScaleMachineRequest(address=address, owners_max=1))
    wanted = cluster_pb2.MoveSkuRequest(name=skus[0], owner="owner-1")
    assert (await failure(house.cluster.MoveSku(wanted))).reason == "OWNER_NOT_FOUND"
    assert (await house.cluster.Rebalance(cluster_pb2.RebalanceRequest())).moved == 0


async def test_a_rebalance_has_a_bound(house: SmallHouse) -> None:
    """A thousand moves at once."""
    wanted = cluster_pb2.RebalanceRequest(at_most=1_001)
    assert (await failure(house.cluster.Rebalance(wanted))).reason == "INVALID_FIELD"


async def _machine(house: SmallHouse, served: int) -> cluster_pb2.Machine:
    """The only one, once its owners have said that they serve so many SKUs: they speak once a second."""
    async with asyncio.timeout(10):
        while True:
            (machine,) = (await house.cluster.ListMachines(cluster_pb2.ListMachinesRequest())).machines
            if machine.pools_served == served:
                return machine
            await asyncio.sleep(0.05)


async def _moved(house: SmallHouse, sku: str) -> None:
    """Wait until its second owner has claimed it."""
    async with asyncio.timeout(10):
        while True:
            if (await _pool(house, sku)).epoch == 2:
                return
            await asyncio.sleep(0.01)


async def _pool(house: SmallHouse, sku: str) -> operations_pb2.Pool:
    pools = (await house.operations.ListPools(operations_pb2.ListPoolsRequest())).pools
    return next(pool for pool in pools if pool.name == sku)
