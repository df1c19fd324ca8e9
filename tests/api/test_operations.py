"""GetStatus, ListPools, ListOwners: what an operator is promised, also when something is broken."""

import os
import signal

from protos.cardkeep.v1 import operations_pb2
from tests.api.breakdowns_provoked import pool_stopped
from tests.api.failures import failure
from tests.api.small_house import (
    SmallHouse,
)


async def test_a_sound_house_on_one_page(house: SmallHouse) -> None:
    """Two SKUs, two owners, cards and holds summed up."""
    first, second = await house.sku(5), await house.sku(7)
    await house.allocate(first, 2)
    await house.confirm(await house.allocate(second, 3))
    status = await _status(house)
    assert status.ready
    assert (status.store.reachable, status.store.kind, status.store.server) == (True, "embedded", "valkey 9")
    assert status.store.durability == "always"
    assert (status.owners, status.front_ends) == (2, 1)
    pools = status.pools
    assert (pools.open, pools.recovering, pools.stopped, pools.holds_active) == (2, 0, 0, 1)
    assert (pools.cards.received, pools.cards.held, pools.cards.sold, pools.cards.available) == (12, 2, 3, 7)
    assert abs(status.now.ToMilliseconds() - house.clock.now_ms()) < 10_000
    assert status.version


async def test_pools_come_page_by_page(house: SmallHouse) -> None:
    """In order of name, each with its owner, epoch and counts."""
    names = sorted([await house.sku(number) for number in range(1, 4)])
    seen = []
    token = ""
    while True:
        page = await house.operations.ListPools(operations_pb2.ListPoolsRequest(page_size=2, page_token=token))
        seen += list(page.pools)
        token = page.next_page_token
        if not token:
            break
    assert [pool.name for pool in seen] == names
    for pool in seen:
        assert (pool.state, pool.epoch, pool.owner) == (
            operations_pb2.POOL_STATE_OPEN,
            1,
            await house.owner_of(pool.name),
        )
        assert pool.sequence > 0
    assert sum(pool.cards.received for pool in seen) == 6


async def test_owners_say_where_they_are(house: SmallHouse) -> None:
    """Process, node, start; three SKUs over two owners."""
    for _ in range(3):
        await house.sku()
    owners = (await house.operations.ListOwners(operations_pb2.ListOwnersRequest())).owners
    assert [owner.name for owner in owners] == ["owner-0", "owner-1"]
    assert sorted(owner.pools for owner in owners) == [1, 2]
    for owner in owners:
        assert (owner.process_id, owner.reachable) == (os.getpid(), True)
        assert owner.start_time.ToMilliseconds() <= house.clock.now_ms()
        assert owner.node


async def test_an_owner_that_is_gone_is_seen(house: SmallHouse) -> None:
    """Its pool recovers, it is not counted, and the house is not ready; the other one is not meant."""
    lost, _ = await house.sku(), await house.sku()
    await house.stop_owner(await house.owner_of(lost))
    status = await _status(house)
    assert (status.ready, status.owners, status.pools.open, status.pools.recovering) == (False, 1, 1, 1)
    owners = (await house.operations.ListOwners(operations_pb2.ListOwnersRequest())).owners
    assert sorted(owner.reachable for owner in owners) == [False, True]


async def test_a_stopped_pool_says_why(own_house: SmallHouse) -> None:
    """The operator reads what the caller only hears as POOL_STOPPED; the others go on."""
    await pool_stopped(own_house)
    status = await _status(own_house)
    assert (status.ready, status.pools.open, status.pools.stopped) == (False, 1, 1)
    pools = (await own_house.operations.ListPools(operations_pb2.ListPoolsRequest())).pools
    [stopped] = [pool for pool in pools if pool.state == operations_pb2.POOL_STATE_STOPPED]
    assert stopped.stopped_because


async def test_the_status_answers_while_the_store_is_away(own_house: SmallHouse) -> None:
    """It says that the store is missing, and does not pretend to know what it cannot ask."""
    await own_house.sku(1)
    os.kill(own_house.server_pid, signal.SIGKILL)
    try:
        status = await _status(own_house)
        assert (status.ready, status.store.reachable, status.store.server) == (False, False, "")
        assert status.store.kind == "embedded"
    finally:
        await own_house.server.stop()
        await own_house.server.start()
    await until_ready(own_house)


async def test_a_page_token_of_another_listing_is_refused(house: SmallHouse) -> None:
    """Nor is nonsense taken for a place to go on."""
    for _ in range(2):
        await house.sku()
    page = await house.operations.ListPools(operations_pb2.ListPoolsRequest(page_size=1))
    for token in ("1", "nonsense", "%%%", page.next_page_token[:-4], page.next_page_token[::-1]):
        refused = await failure(
            house.operations.ListPools(operations_pb2.ListPoolsRequest(page_size=1, page_token=token))
        )
        assert refused.reason == "BAD_PAGE_TOKEN"


async def until_ready(house: SmallHouse) -> None:
    """Wait until sales can be made again."""
    while not (await _status(house)).ready:
        pass


async def _status(house: SmallHouse) -> operations_pb2.GetStatusResponse:
    status: operations_pb2.GetStatusResponse = await house.operations.GetStatus(operations_pb2.GetStatusRequest())
    return status
