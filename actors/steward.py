"""The steward: every registered pool has an owner, and every owner has a living actor.

It asks nobody and remembers nothing: it reads the registry, mends what is missing, and looks again. So
it may be killed and started anywhere, at any time; two at once would only do the same work twice.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable

from engine.errors import InDoubt, StoreUnavailable
from engine.ports import Placement, Registry

#: Between two rounds: a new SKU waits about half of this to be placed.
round_every_s = 0.1

_log = logging.getLogger(__name__)

EnsureOwner = Callable[[str], Awaitable[None]]
"""Starts the actor of an owner if it has none; returns at once if it has."""


class Steward:
    """Places pools: one owner each up to `actors_max` owners, then the owner with the fewest pools."""

    def __init__(self, registry: Registry, ensure_owner: EnsureOwner, actors_max: int) -> None:
        self._registry = registry
        self._ensure_owner = ensure_owner
        self._actors_max = actors_max
        self._ensured: set[str] = set()

    async def run(self) -> None:
        """Mend, look again, until cancelled."""
        while True:
            try:
                await self.mend()
            except (StoreUnavailable, InDoubt) as away:
                _log.warning("registry_unread cause=%s", away)
            except Exception:  # noqa: BLE001 - a top loop
                # Without the steward no SKU would ever get an owner again: whatever it is, look once more.
                _log.exception("round_failed")
            await asyncio.sleep(round_every_s)

    async def mend(self) -> None:
        """One round."""
        placement = await self._registry.placement()
        owner_of = dict(placement.owner_of)
        for pool in await self._registry.pools():
            if pool not in owner_of:
                owner_of[pool] = self.choose(Placement(placement.version, owner_of))
                await self._registry.place(pool, owner_of[pool])
                _log.info("pool_placed pool=%s owner=%s", pool, owner_of[pool])
        for owner_id in sorted(set(owner_of.values()) - self._ensured):
            await self._ensure_owner(owner_id)
            self._ensured.add(owner_id)

    def choose(self, placement: Placement) -> str:
        """The owner for one more pool."""
        pools = Counter(placement.owner_of.values())
        if len(pools) < self._actors_max:
            return next(
                owner_id for owner_id in map("owner-{}".format, range(self._actors_max)) if owner_id not in pools
            )
        return min(pools, key=lambda owner_id: (pools[owner_id], owner_id))
