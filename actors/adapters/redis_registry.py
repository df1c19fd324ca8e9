"""The registry in the store: which pools there are, who should own them, where owners are. Keys: see append.lua."""

import json
from collections.abc import Sequence

from actors.adapters.redis_line import RedisLine
from engine.names import PoolName
from engine.ports import Placement, Seat

_POOLS = "ck:{registry}:pools"
_PLACEMENT = "ck:{registry}:placement"
_VERSION = "ck:{registry}:version"
_SEATS = "ck:{registry}:seats"


class RedisRegistry:
    """Registry over a line that it may share: see `RedisStore.line`."""

    def __init__(self, line: RedisLine) -> None:
        self._line = line

    async def add_pool(self, pool: PoolName) -> bool:
        """See Registry."""
        (added,) = await self._line.change([("SADD", _POOLS, "/".join(pool))])
        return bool(added)

    async def pools(self) -> Sequence[PoolName]:
        """See Registry."""
        (members,) = await self._line.ask([("SMEMBERS", _POOLS)])
        return sorted(_pool(member) for member in members)

    async def place(self, pool: PoolName, owner_id: str) -> int:
        """See Registry."""
        placed = ("FCALL", "cardkeep_place", 2, _PLACEMENT, _VERSION, "/".join(pool), owner_id)
        version: int
        (version,) = await self._line.change([placed])
        return version

    async def placement(self) -> Placement:
        """See Registry."""
        ((version, fields),) = await self._line.ask([("FCALL", "cardkeep_placement", 2, _PLACEMENT, _VERSION)])
        pairs = zip(fields[::2], fields[1::2], strict=True)
        return Placement(version, {_pool(pool): owner_id.decode() for pool, owner_id in pairs})

    async def placement_version(self) -> int:
        """See Registry."""
        (version,) = await self._line.ask([("GET", _VERSION)])
        return int(version or 0)

    async def announce(self, seat: Seat) -> bool:
        """See Registry."""
        fields = json.dumps(seat._asdict())
        (heard,) = await self._line.change(
            [("FCALL", "cardkeep_announce", 1, _SEATS, seat.owner_id, seat.incarnation, fields)]
        )
        return bool(heard)

    async def retire(self, seat: Seat) -> bool:
        """See Registry."""
        (gone,) = await self._line.change([("FCALL", "cardkeep_retire", 1, _SEATS, seat.owner_id, seat.incarnation)])
        return bool(gone)

    async def owners(self) -> Sequence[Seat]:
        """See Registry."""
        (fields,) = await self._line.ask([("HVALS", _SEATS)])
        return sorted(Seat(**json.loads(field)) for field in fields)


def _pool(member: bytes) -> PoolName:
    tenant, _, sku = member.decode().partition("/")
    return PoolName(tenant, sku)
