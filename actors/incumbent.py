"""Who sits in an owner's seat: says where it can be reached, owns what the placement gives it, leaves when replaced.

Two may sit in one seat for a while, when one was only frozen. The later incarnation stays, since the
registry takes the other's announcement no more; until then the journal's epoch keeps them apart.
"""

import asyncio
import logging
from collections.abc import Mapping

from actors.owner import Owner, PoolState
from engine.errors import InDoubt, StoreUnavailable
from engine.names import PoolName
from engine.ports import Placement, Registry, Seat

#: Between two looks at the placement: a new SKU waits about half of this for its owner.
look_every_s = 0.1

_log = logging.getLogger(__name__)


class Incumbent:
    """One incarnation of an owner, in its seat."""

    def __init__(self, owner: Owner, registry: Registry, seat: Seat) -> None:
        self._owner = owner
        self._registry = registry
        self._seat = seat
        self._placement = Placement(0, {})
        self._mine: Mapping[PoolName, None] = {}
        self._opening: set[asyncio.Task[None]] = set()

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
        if await self._registry.placement_version() != self._placement.version:
            self._placement = await self._registry.placement()
            owner_of = self._placement.owner_of
            self._mine = dict.fromkeys(sorted(pool for pool in owner_of if owner_of[pool] == self._seat.owner_id))
        hosted = {one.name: one for one in self._owner.hosted}
        for pool in self._mine:
            if pool not in hosted or hosted[pool].state is PoolState.FENCED:
                self._open(pool)
        for pool in hosted:
            if pool not in self._mine:
                self._owner.close(pool)

    def _open(self, pool: PoolName) -> None:
        task = asyncio.get_running_loop().create_task(self._owner.open(pool))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
