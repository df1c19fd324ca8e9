"""Who sits in an owner's seat: says where it can be reached, owns what the placement gives it, leaves when replaced.

Two may sit in one seat for a while, when one was only frozen. The later incarnation stays, since the
registry takes the other's announcement no more; until then the journal's epoch keeps them apart.

A pool that is placed elsewhere is served here until its new owner has claimed it, so that a move is as
short as a claim. Nobody tells anybody anything: the placement is an invitation, the epoch is the handshake.
"""

import asyncio
import logging

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

#: A pool that moves is served by its old owner at most so long. To rebuild 100,000 holds took 34 s on a busy machine.
leave_within_s = 120.0

_log = logging.getLogger(__name__)


class Incumbent:
    """One incarnation of an owner, in its seat."""

    def __init__(self, owner: Owner, registry: Registry, seat: Seat) -> None:
        self._owner = owner
        self._registry = registry
        self._seat = seat
        self._signpost = Signpost(registry)
        self._opening: set[asyncio.Task[None]] = set()
        self._to_open: dict[PoolName, None] = {}
        #: Pools that are served here and whose placement has changed, since when: are they still ours?
        self._to_prove: dict[PoolName, float] = {}
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
        for pool in sorted({*await self._signpost.refresh(), *self._owner.lost}):
            self._attend(pool)
        if self._to_prove:
            await asyncio.gather(*map(self._owner.prove, self._to_prove))
            for pool in list(self._to_prove):
                self._settle(pool)
        self._open_more()

    def _attend(self, pool: PoolName) -> None:
        """Do what the placement says of a pool, as far as it can be done at once."""
        hosted, is_mine = self._owner.find(pool), self._is_mine(pool)
        if hosted is not None and hosted.state is PoolState.SERVING:
            hosted.is_leaving = not is_mine
            self._to_prove.setdefault(pool, asyncio.get_running_loop().time())
        elif not is_mine:
            self._owner.close(pool)
        elif hosted is None or hosted.state is PoolState.FENCED:
            self._to_open[pool] = None

    def _settle(self, pool: PoolName) -> None:
        """After a proof: what is lost is closed or opened anew, what is ours stays, what leaves has its time."""
        hosted, since_s = self._owner.find(pool), self._to_prove[pool]
        is_late = asyncio.get_running_loop().time() >= since_s + leave_within_s
        if hosted is not None and hosted.is_leaving and is_late:
            _log.warning("pool_left_unclaimed pool=%s", pool)
            self._owner.close(pool)
        elif hosted is None or not hosted.is_leaving or hosted.state is not PoolState.SERVING:
            del self._to_prove[pool]
            if hosted is not None and hosted.state is PoolState.FENCED:
                self._attend(pool)

    def _is_mine(self, pool: PoolName) -> bool:
        return self._signpost.owner_of.get(pool) == self._seat.owner_id

    def _open_more(self) -> None:
        while self._to_open and len(self._opening) < opening_max:
            pool = next(iter(self._to_open))
            del self._to_open[pool]
            hosted = self._owner.find(pool)
            if self._is_mine(pool) and (hosted is None or hosted.state is PoolState.FENCED):
                task = asyncio.get_running_loop().create_task(self._owner.open(pool))
                self._opening.add(task)
                task.add_done_callback(self._opened)

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        self._open_more()

    async def _report(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._report_at_s:
            self._report_at_s = now_s + report_every_s
            self._reports += 1
            beat = self._seat.incarnation + self._reports
            hosted = len(self._owner.hosted)
            await self._registry.report(self._owner.meter.report(self._seat.owner_id, beat, hosted))
