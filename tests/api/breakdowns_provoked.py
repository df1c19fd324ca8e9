"""How each breakdown of the error map comes about, by real means: one function per reason, called like it.

Processes are stopped and killed, bytes in the store are changed, files are taken away. Each answers how
the call failed, and leaves a house that can be closed.
"""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from actors.front import reception
from protos.cardkeep.v1 import allocation_pb2, types_pb2
from tests.api.failures import Failure, failure
from tests.api.owner_process import OwnerProcess
from tests.api.small_house import (
    SmallHouse,
    wish,
)


async def overloaded(house: SmallHouse) -> Failure:
    """As many calls as a front end takes are under way, because the store hangs."""
    sku = await house.sku(3)
    bound, reception.calls_under_way_max = reception.calls_under_way_max, 1
    try:
        with frozen(house.server_pid):
            waiting = asyncio.create_task(house.allocate(sku))
            await house.calls_under_way(1)
            refused = await failure(house.allocate(sku))
    finally:
        reception.calls_under_way_max = bound
    assert (await waiting).quantity == 1
    return refused


async def actor_recovering(house: SmallHouse) -> Failure:
    """The owner is gone, and its successor is not there yet; when it is, the same request is done."""
    sku = await house.sku(1)
    owner_id = await house.owner_of(sku)
    await house.stop_owner(owner_id)
    request = wish(sku)
    refused = await failure(house.allocation.Allocate(request, timeout=1.5))
    await house.ensure_owner(owner_id)
    assert not (await house.allocation.Allocate(request, timeout=5)).replayed
    return refused


async def store_unavailable(house: SmallHouse) -> Failure:
    """The store is killed before anything was decided; when it is back, the same request is done."""
    sku = await house.sku(1)
    os.kill(house.server_pid, signal.SIGKILL)
    await house.store_is_missed()
    request = wish(sku)
    try:
        refused = await failure(house.allocation.Allocate(request, timeout=1.5))
    finally:
        await house.server.stop()
        await house.server.start()
    assert not (await house.allocation.Allocate(request, timeout=10)).replayed
    return refused


async def draining(house: SmallHouse) -> Failure:
    """A call is under way while the front end stops, and another one comes."""
    sku = await house.sku(2)
    with frozen(house.server_pid):
        waiting = asyncio.create_task(house.allocate(sku))
        await house.calls_under_way(1)
        stopping = asyncio.create_task(house.front.drain())
        await house.is_draining()
        refused = await failure(house.allocate(sku))
    assert (await waiting).quantity == 1, "what is under way finishes"
    await stopping
    return refused


async def outcome_unknown(house: SmallHouse) -> Failure:
    """The owner's process is killed while its append is on the way to a store that hangs: it happened."""
    sku = await house.sku(1)
    owner_id = await house.owner_of(sku)
    await house.stop_owner(owner_id)
    owner = OwnerProcess(house.settings, owner_id)
    try:
        await house.cards(sku)
        request = wish(sku)
        with frozen(house.server_pid):
            asked = asyncio.create_task(failure(house.allocation.Allocate(request, timeout=2)))
            await house.calls_under_way(1)
            await asyncio.sleep(0.2)  # Nobody can tell from outside when the append has left the owner.
            owner.kill()
        refused = await asked
    finally:
        owner.kill()
    assert refused.facts["requestId"] == request.request_id
    await house.ensure_owner(owner_id)
    assert (await house.allocation.Allocate(request)).quantity == 1
    assert (await house.cards(sku)).held == 1
    return refused


async def deadline_passed(house: SmallHouse) -> Failure:
    """The owner's clock says that the caller is gone, though it is not; nothing was taken."""
    sku = await house.sku(1)
    house.owner_clock.move_on(seconds=60)
    refused = await failure(house.allocation.Allocate(wish(sku), timeout=10))
    house.clock.move_on(seconds=60)
    assert (await house.cards(sku)).held == 0
    return refused


async def card_unreadable(house: SmallHouse) -> Failure:
    """The sealed code was changed in the store; the sale stands, and a look at it still works."""
    sku = await house.sku(1)
    hold = await house.allocate(sku)
    await house.damage_codes(sku)
    refused = await failure(house.confirm(hold))
    assert refused.facts["name"] == hold.cards[0].name
    seen = await house.allocation.GetHold(allocation_pb2.GetHoldRequest(name=hold.name))
    assert (seen.state, seen.cards[0].mask) == (types_pb2.HOLD_STATE_CONFIRMED, "")
    return refused


async def pool_stopped(house: SmallHouse) -> Failure:
    """A record of the journal was spoilt while the owner was away; other SKUs go on."""
    sku, other = await house.sku(1), await house.sku(1)
    owner_ids = {await house.owner_of(sku), await house.owner_of(other)}
    for owner_id in owner_ids:
        await house.stop_owner(owner_id)
    journal = house.key(sku, "journal")
    ((entry,),) = await house.store.line.ask([("XREVRANGE", journal, "+", "-", "COUNT", 1)])
    epoch, seq = entry[0].decode().split("-")
    await house.store.line.ask([("XADD", journal, f"{epoch}-{int(seq) + 1}", "r", b"nonsense")])
    for owner_id in owner_ids:
        await house.ensure_owner(owner_id)
    assert (await house.allocate(other)).quantity == 1
    return await failure(house.allocate(sku))


async def internal(house: SmallHouse) -> Failure:
    """The key ring is gone, so nothing can be sealed."""
    sku = await house.sku()
    ring = house.settings.keys_folder / "ring.json"
    ring.rename(ring.with_suffix(".lost"))
    return await failure(house.stock(sku, ["x"]))


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process that does not answer, for a while."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
