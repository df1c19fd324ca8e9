"""Who owns what, as far as the registry was read: kept up to date by reading what changed, never the whole again."""

from collections.abc import Mapping

from engine.names import PoolName
from engine.ports import Registry


class Signpost:
    """One process's copy of the placement. Pools never vanish from it."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._version = 0
        self.owner_of: dict[PoolName, str] = {}

    async def refresh(self) -> Mapping[PoolName, str]:
        """Read on; answers the pools that changed, and whose each was before, if anybody's. Raises StoreUnavailable."""
        self._version, changed = await self._registry.placement(self._version)
        before = {pool: self.owner_of.get(pool, "") for pool in changed}
        self.owner_of.update(changed)
        return before
