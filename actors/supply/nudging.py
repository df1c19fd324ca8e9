"""An owner's word to the refill that a shelf is dry: passed on at once, and not oftener than helps anybody."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from engine.names import PoolName

#: Between two words about one pool: a refill looks that often by itself when a shelf is short.
again_after_s = 0.05

#: How long a pool is left alone that nobody watches: a refill reads once a second what it is to watch. Then twice as
#: long, and so on, for a shop may have thousands of SKUs that nobody ever refills.
unwatched_for_s = 1.0
unwatched_for_s_max = 30.0

#: How long nobody is told anything when a refill is away: it is back sooner than that, or there is none at all.
away_for_s = 1.0

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
        #: How long each of the unwatched is left alone the next time.
        self._rests_s: dict[PoolName, float] = {}
        self._away_until_s = 0.0
        self._under_way: dict[PoolName, asyncio.Task[None]] = {}

    def __call__(self, pool: PoolName) -> None:
        """Pass it on, unless the same was said just now. Never waits, never fails."""
        loop = asyncio.get_running_loop()
        if pool in self._under_way or len(self._under_way) >= under_way_max:
            return
        if loop.time() < max(self._away_until_s, self._not_before_s.get(pool, 0.0)):
            return
        if len(self._not_before_s) >= _POOLS_MAX:
            self._not_before_s.clear()
            self._rests_s.clear()
        self._under_way[pool] = loop.create_task(self._tell(pool))

    async def _tell(self, pool: PoolName) -> None:
        loop = asyncio.get_running_loop()
        try:
            is_watched = await self._send(pool)
        except Exception as away:  # noqa: BLE001 - the refill looks by itself, only later
            _log.info("nudge_lost pool=%s cause=%r", pool, away)
            self._away_until_s = loop.time() + away_for_s
        else:
            self._not_before_s[pool] = loop.time() + self._rest_s(pool, is_watched=is_watched)
        finally:
            del self._under_way[pool]

    def _rest_s(self, pool: PoolName, *, is_watched: bool) -> float:
        if is_watched:
            self._rests_s.pop(pool, None)
            return again_after_s
        rest_s = self._rests_s.get(pool, unwatched_for_s)
        self._rests_s[pool] = min(2 * rest_s, unwatched_for_s_max)
        return rest_s
