"""The registry in the store: which pools there are, who should own them, where owners are. Keys: see append.lua."""

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from sys import intern
from typing import Any

from actors.adapters.redis_line import Command, RedisLine
from engine.names import PoolName
from engine.ports import Load, MachineOrder, Placement, Seat

_PLACEMENT = "ck:{registry}:placement"
_VERSION = "ck:{registry}:version"
_CHANGES = "ck:{registry}:changes"
_SEATS = "ck:{registry}:seats"
_LOADS = "ck:{registry}:loads"
_MACHINES = "ck:{registry}:machines"

_PLACES = (_PLACEMENT, _VERSION, _CHANGES)

#: Pools placed by one step of the store, which takes about a millisecond for them.
pools_per_step_max = 500


class RedisRegistry:
    """Registry over a line that it may share: see `RedisStore.line`."""

    def __init__(self, line: RedisLine) -> None:
        self._line = line

    async def add_pool(self, pool: PoolName) -> bool:
        """See Registry."""
        (added,) = await self._line.change([("FCALL", "cardkeep_add_pool", 3, *_PLACES, "/".join(pool))])
        return bool(added)

    async def pools(self) -> Sequence[PoolName]:
        """See Registry."""
        (members,) = await self._line.ask([("HKEYS", _PLACEMENT)])
        return sorted(_pool(member) for member in members)

    async def place(self, owner_of: Mapping[PoolName, str]) -> int:
        """See Registry."""
        pairs = [("/".join(pool), owner_id) for pool, owner_id in owner_of.items()]
        steps = [pairs[start : start + pools_per_step_max] for start in range(0, len(pairs), pools_per_step_max)]
        placed: list[Command] = [
            ("FCALL", "cardkeep_place", 3, *_PLACES, *chain.from_iterable(step)) for step in steps or [[]]
        ]
        version: int
        version = (await self._line.change(placed))[-1]
        return version

    async def placement(self, since: int = 0) -> Placement:
        """See Registry."""
        ((version, fields),) = await self._line.ask([("FCALL", "cardkeep_placement", 3, *_PLACES, since)])
        pairs = zip(fields[::2], fields[1::2], strict=True)
        return Placement(version, {_pool(pool): intern(owner_id.decode()) for pool, owner_id in pairs})

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

    async def report(self, load: Load) -> None:
        """See Registry."""
        pools = {"/".join(pool): round(per_s, 1) for pool, per_s in load.pools.items()}
        fields = json.dumps({"beat": load.beat, "per_s": load.per_s, "pools": pools, "hosted": load.hosted})
        await self._line.change([("HSET", _LOADS, load.owner_id, fields)])

    async def loads(self) -> Sequence[Load]:
        """See Registry."""
        (fields,) = await self._line.ask([("HGETALL", _LOADS)])
        return sorted(_load(owner_id.decode(), json.loads(field)) for owner_id, field in fields.items())

    async def order(self, machine: str, order: MachineOrder) -> None:
        """See Registry."""
        await self._line.change([("HSET", _MACHINES, machine, json.dumps(order))])

    async def orders(self) -> Mapping[str, MachineOrder]:
        """See Registry."""
        (fields,) = await self._line.ask([("HGETALL", _MACHINES)])
        return {machine.decode(): MachineOrder(*json.loads(order)) for machine, order in fields.items()}


def _load(owner_id: str, fields: Mapping[str, Any]) -> Load:
    pools = {_pool(pool.encode()): per_s for pool, per_s in fields["pools"].items()}
    return Load(owner_id, fields["beat"], fields["per_s"], pools, fields["hosted"])


def _pool(member: bytes) -> PoolName:
    tenant, _, sku = member.decode().partition("/")
    return PoolName(tenant, sku)
