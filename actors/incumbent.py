"""Who sits in an owner's seat: says where it can be reached, owns what the placement gives it, leaves when replaced.

Two may sit in one seat for a while, when one was only frozen. The later incarnation stays, since the
registry takes the other's announcement no more; until then the journal's epoch keeps them apart.

A pool that is placed elsewhere is served here until its new owner has claimed it, so that a move is as
short as a claim. Nobody tells anybody anything: the placement is an invitation, the epoch is the handshake.
"""

import asyncio
import logging
from collections import deque

from actors.hosted import PoolState
from actors.owner import Owner
from actors.signpost import Signpost
from engine.errors import InDoubt, StoreUnavailable
from engine.names import PoolName
from engine.ports import Registry, Seat

#: Between two looks at the placement: a new SKU waits about half of this for its owner.
look_every_s = 0.1

#: Between two reports of how busy we are.
report_every_s = 1.0

#: Pools opened at once: their questions to the store then travel together, and a large pool holds up few others.
opening_max = 64

_log = logging.getLogger(__name__)


class Incumbent:
    """One incarnation of an owner, in its seat."""

    def __init__(self, owner: Owner, registry: Registry, seat: Seat) -> None:
        self._owner = owner
        self._registry = registry
        self._seat = seat
        self._signpost = Signpost(registry)
        self._opening: set[asyncio.Task[None]] = set()
        self._to_open: deque[PoolName] = deque()
        #: Pools that are hosted here and placed elsewhere.
        self._leaving: dict[PoolName, None] = {}
        self._report_at_s = 0.0
        self._reports = 0

    async def sit(self) -> None:
        """Announce the seat and follow the placement, until another incarnation has taken the seat."""
        has_sat_down = False
        while True:
            try:
                if not has_sat_down:
                    await self._come_later_than_the_last()
                    has_sat_down = True
                if not await self._registry.announce(self._seat):
                    _log.warning("owner_replaced owner=%s incarnation=%d", self._seat.owner_id, self._seat.incarnation)
                    return
                await self._follow_placement()
                await self._report()
            except (StoreUnavailable, InDoubt) as away:
                _log.warning("placement_unread cause=%s", away)
            except Exception:  # noqa: BLE001 - a top loop
                # An owner that stopped looking would keep its seat and never open another pool.
                _log.exception("look_failed")
            await asyncio.sleep(look_every_s)

    async def _come_later_than_the_last(self) -> None:
        """Incarnations are numbered by the clock; one that stepped back must not keep a new owner from its seat."""
        for seat in await self._registry.owners():
            if seat.owner_id == self._seat.owner_id and seat.incarnation >= self._seat.incarnation:
                self._seat = self._seat._replace(incarnation=seat.incarnation + 1)

    async def _follow_placement(self) -> None:
        for pool in sorted([*await self._signpost.refresh(), *self._owner.lost]):
            hosted = self._owner.find(pool)
            if not self._is_mine(pool):
                if hosted is not None:
                    self._leaving[pool] = None
            elif hosted is None or hosted.state is PoolState.FENCED:
                self._to_open.append(pool)
            else:
                hosted.is_leaving = False
                self._leaving.pop(pool, None)
        self._open_more()
        if self._leaving:
            await asyncio.gather(*(self._leave(pool) for pool in list(self._leaving)))

    def _is_mine(self, pool: PoolName) -> bool:
        return self._signpost.owner_of.get(pool) == self._seat.owner_id

    def _open_more(self) -> None:
        while self._to_open and len(self._opening) < opening_max:
            pool = self._to_open.popleft()
            hosted = self._owner.find(pool)
            if self._is_mine(pool) and (hosted is None or hosted.state is PoolState.FENCED):
                task = asyncio.get_running_loop().create_task(self._owner.open(pool))
                self._opening.add(task)
                task.add_done_callback(self._opened)

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        self._open_more()

    async def _leave(self, pool: PoolName) -> None:
        if self._owner.find(pool) is not None:
            await self._owner.leave(pool)
        if self._owner.find(pool) is None:
            self._leaving.pop(pool, None)

    async def _report(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._report_at_s:
            self._report_at_s = now_s + report_every_s
            self._reports += 1
            beat = self._seat.incarnation + self._reports
            await self._registry.report(self._owner.meter.report(self._seat.owner_id, beat))
