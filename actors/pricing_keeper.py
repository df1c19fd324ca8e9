"""The pricing keeper: looks at the pools of its owner now and then, and lets happen what time and stock ask for.

A look costs nothing but itself: only where it finds something is the pool asked to review, which is a command like any
other, journaled, and finds nothing a second time. So two keepers, or one that is killed, do no harm.
"""

import asyncio
import logging

from actors.hosted import Hosted, PoolState
from actors.owner import Owner
from engine.errors import Fenced, InDoubt, InvariantBroken, NotDone
from engine.ports import Clock
from engine.stock.commands import Review
from engine.stock.reviewing import findings

#: Between two looks. When the floor has stopped a sale, staff see the suggestion after half of this; ten thousand quiet
#: pools cost about 20 ms a look.
look_every_s = 5.0

#: Pools without prices looked at before those who buy get a turn, about a millisecond; one with prices is a turn.
_POOLS_PER_TURN = 100

_log = logging.getLogger(__name__)


class PricingKeeper:
    """Keeps the prices of one owner's pools."""

    def __init__(self, owner: Owner, clock: Clock) -> None:
        self._owner = owner
        self._clock = clock

    async def run(self) -> None:
        """Look, and look again, until cancelled."""
        while True:
            await asyncio.sleep(look_every_s)
            await self.look()

    async def look(self) -> None:
        """One look at every pool that serves."""
        for at, hosted in enumerate(self._owner.hosted, start=1):
            if hosted.state is PoolState.SERVING:
                await self._keep(hosted)
            if at % _POOLS_PER_TURN == 0 or hosted.pool.state.prices is not None:
                await asyncio.sleep(0)

    async def _keep(self, hosted: Hosted) -> None:
        try:
            if next(findings(hosted.pool.state, self._clock.now_ms()), None) is not None:
                await self._owner.submit(hosted.name, [(0, Review())])
        except (NotDone, InDoubt, Fenced, InvariantBroken) as failure:
            _log.warning("review_given_up pool=%s cause=%s", hosted.name, failure)
        except Exception:  # noqa: BLE001 - the others are to be looked at all the same
            _log.exception("review_failed pool=%s", hosted.name)
