"""OperationsService: what operators ask of the house as a whole."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from typing import NamedTuple

from actors.front.paging import page
from actors.front.reception import Context, Reception, ends_well
from actors.front.refusals import Refusal
from actors.front.translate import from_counts, from_ms
from actors.store_facts import StoreFacts
from engine.errors import CardkeepError, InvariantBroken
from engine.names import PoolName, parse_pool
from engine.ports import Placement, Seat
from engine.stock import commands as ask
from engine.stock import outcomes as said
from protos.cardkeep.v1 import operations_pb2, operations_pb2_grpc, types_pb2

#: How long a status waits for one owner: an operator looks because something is slow.
_PATIENCE_MS = 1_000

#: … and for all of them, however many there are; those not asked by then count as recovering.
_PATIENCE_ALL_MS = 10_000

#: Pools asked at once: ten thousand together would wait longer for their turn than for their owner.
_LOOKS_AT_ONCE = 128


class _PoolFacts(NamedTuple):
    pool: PoolName
    state: operations_pb2.PoolState.ValueType
    shelf: said.Shelf | None
    epoch: int
    sequence: int
    why: str


class OperationsServicer(operations_pb2_grpc.OperationsServiceServicer):
    """Status, pools, owners."""

    def __init__(
        self,
        reception: Reception,
        store: StoreFacts,
        is_store_reachable: Callable[[], Awaitable[bool]],
        front_ends: int,
    ) -> None:
        self.reception = reception
        self._store = store
        self._is_store_reachable = is_store_reachable
        self._front_ends = front_ends

    @ends_well
    async def GetStatus(  # noqa: N802
        self, _request: operations_pb2.GetStatusRequest, _context: Context
    ) -> operations_pb2.GetStatusResponse:
        """Everything at a glance."""
        reachable = await self._is_store_reachable()
        pools = await self.reception.registry.pools() if reachable else []
        facts = await self._look_at_all(pools)
        states = [fact.state for fact in facts]
        summary = operations_pb2.PoolsSummary(
            open=states.count(operations_pb2.POOL_STATE_OPEN),
            recovering=states.count(operations_pb2.POOL_STATE_RECOVERING),
            stopped=states.count(operations_pb2.POOL_STATE_STOPPED),
            cards=_sum([fact.shelf for fact in facts if fact.shelf is not None]),
            holds_active=sum(fact.shelf.holds_active for fact in facts if fact.shelf is not None),
        )
        return operations_pb2.GetStatusResponse(
            version=version("cardkeep"),
            now=from_ms(self.reception.clock.now_ms()),
            ready=reachable and summary.open == len(pools) and not self.reception.is_draining,
            store=operations_pb2.StoreStatus(
                reachable=reachable,
                kind=self._store.kind,
                server=self._store.server if reachable else "",
                durability=self._store.durability,
            ),
            owners=sum(owner.reachable for owner in await self.owners()) if reachable else 0,
            front_ends=self._front_ends,
            pools=summary,
        )

    @ends_well
    async def ListPools(  # noqa: N802
        self, request: operations_pb2.ListPoolsRequest, _context: Context
    ) -> operations_pb2.ListPoolsResponse:
        """One page of pools, by name."""
        asked = page("ListPools", request.page_size, request.page_token)
        last = parse_pool(asked.after)
        pools = [pool for pool in await self.reception.registry.pools() if last is None or pool > last]
        placement = await self.reception.registry.placement()
        facts = await self._look_at_all(pools[: asked.rows])
        return operations_pb2.ListPoolsResponse(
            pools=[self._pool(fact, placement) for fact in facts],
            next_page_token=asked.token_after(str(facts[-1].pool)) if len(pools) > asked.rows else "",
        )

    @ends_well
    async def ListOwners(  # noqa: N802
        self, _request: operations_pb2.ListOwnersRequest, _context: Context
    ) -> operations_pb2.ListOwnersResponse:
        """Every announced owner."""
        return operations_pb2.ListOwnersResponse(owners=await self.owners())

    async def owners(self) -> list[operations_pb2.Owner]:
        """Every announced owner, by name."""
        placement = await self.reception.registry.placement()
        seats = await self.reception.registry.owners()
        return list(await asyncio.gather(*(self._owner(seat, placement) for seat in seats)))

    async def _owner(self, seat: Seat, placement: Placement) -> operations_pb2.Owner:
        """One owner; it answers when one of its pools does, or says that it is stopped."""
        owned = [pool for pool, owner_id in placement.owner_of.items() if owner_id == seat.owner_id]
        reached = not owned or (await self._look_at(owned[0])).state != operations_pb2.POOL_STATE_RECOVERING
        return operations_pb2.Owner(
            name=seat.owner_id,
            node=seat.node,
            process_id=seat.pid,
            start_time=from_ms(seat.incarnation),
            pools=len(owned),
            reachable=reached,
        )

    def _pool(self, fact: _PoolFacts, placement: Placement) -> operations_pb2.Pool:
        return operations_pb2.Pool(
            name=str(fact.pool),
            state=fact.state,
            owner=placement.owner_of.get(fact.pool, ""),
            epoch=fact.epoch,
            sequence=fact.sequence,
            cards=None if fact.shelf is None else from_counts(fact.shelf),
            holds_active=0 if fact.shelf is None else fact.shelf.holds_active,
            commands_waiting=self.reception.waiting.get(fact.pool, 0),
            stopped_because=fact.why if fact.state == operations_pb2.POOL_STATE_STOPPED else "",
        )

    async def _look_at_all(self, pools: Sequence[PoolName]) -> list[_PoolFacts]:
        """Each pool, in order; a few at a time, and not for ever."""
        turn = asyncio.Semaphore(_LOOKS_AT_ONCE)
        until_ms = self.reception.clock.now_ms() + _PATIENCE_ALL_MS

        async def look(pool: PoolName) -> _PoolFacts:
            async with turn:
                if self.reception.clock.now_ms() >= until_ms:
                    return _PoolFacts(pool, operations_pb2.POOL_STATE_RECOVERING, None, 0, 0, "not asked")
                return await self._look_at(pool)

        return await asyncio.gather(*map(look, pools))

    async def _look_at(self, pool: PoolName) -> _PoolFacts:
        deadline_ms = self.reception.clock.now_ms() + _PATIENCE_MS
        try:
            answer, shelf = await self.reception.ask(pool, ask.GetShelf(), deadline_ms)
        except InvariantBroken as broken:
            return _PoolFacts(pool, operations_pb2.POOL_STATE_STOPPED, None, 0, 0, str(broken))
        except (CardkeepError, Refusal) as away:
            return _PoolFacts(pool, operations_pb2.POOL_STATE_RECOVERING, None, 0, 0, str(away))
        assert isinstance(shelf, said.Shelf)
        return _PoolFacts(pool, operations_pb2.POOL_STATE_OPEN, shelf, answer.epoch, answer.seq, "")


def _sum(shelves: list[said.Shelf]) -> types_pb2.CardCounts:
    total = types_pb2.CardCounts()
    for counts in map(from_counts, shelves):
        for field in ("received", "available", "on_shelf", "withheld", "held", "sold", "void"):
            setattr(total, field, getattr(total, field) + getattr(counts, field))
    return total
