"""An owner's word to the refill that a shelf is dry: passed on at once, and not oftener than helps anybody."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from engine.names import PoolName

#: Between two words about one pool: a refill looks that often by itself when a shelf is short.
again_after_s = 0.05

#: How long a pool is left alone that nobody refills, or whose refill is away: a refill reads once a second what it is
#: to watch, and one that died is back sooner than that. Longer, and a shelf that begins to sell may be empty meanwhile.
unwatched_for_s = 1.0

#: Words under way at the same time: each is a call to another process, and who does not keep up needs no more of them.
under_way_max = 16

#: Pools remembered; beyond it they are forgotten, and told of once more than needed.
_POOLS_MAX = 10_000

_log = logging.getLogger(__name__)


class Nudges:
    """Call it with a pool. `send` tells the refill, and answers whether it watches that pool."""

    def __init__(self, send: Callable[[PoolName], Awaitable[bool]]) -> None:
        self._send = send
        self._not_before_s: dict[PoolName, float] = {}
        self._under_way: dict[PoolName, asyncio.Task[None]] = {}

    def __call__(self, pool: PoolName) -> None:
        """Pass it on, unless the same was said just now. Never waits, never fails."""
        loop = asyncio.get_running_loop()
        if pool in self._under_way or len(self._under_way) >= under_way_max:
            return
        if loop.time() < self._not_before_s.get(pool, 0.0):
            return
        if len(self._not_before_s) >= _POOLS_MAX:
            self._not_before_s.clear()
        self._under_way[pool] = loop.create_task(self._tell(pool))

    async def _tell(self, pool: PoolName) -> None:
        is_watched = False
        try:
            is_watched = await self._send(pool)
        except Exception as away:  # noqa: BLE001 - the refill looks by itself, only later
            _log.info("nudge_lost pool=%s cause=%r", pool, away)
        finally:
            rest_s = again_after_s if is_watched else unwatched_for_s
            self._not_before_s[pool] = asyncio.get_running_loop().time() + rest_s
            del self._under_way[pool]
