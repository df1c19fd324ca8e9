"""One owner in one process: its store lines, its gate, and the pools that the placement gives it.

Starts by itself and needs nobody to tell it what to own; it reads that from the registry, again and
again. When another incarnation of the same owner has announced itself, this one ends.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable

from prometheus_client import CollectorRegistry, generate_latest

from actors.adapters.redis_registry import RedisRegistry
from actors.adapters.redis_store import RedisStore
from actors.adapters.system_clock import SystemClock
from actors.metrics import OwnerMetrics
from actors.owner import Fold, Owner, PoolState
from actors.owner_gate import OwnerGate
from actors.settings import Settings
from actors.wire import Address
from engine.errors import InDoubt, StoreUnavailable
from engine.names import PoolName
from engine.ports import Seat

#: Between two looks at the placement: a new SKU waits about half of this for its owner.
look_every_s = 0.1

_log = logging.getLogger(__name__)


class OwnerHost:
    """One incarnation of an owner. `on_replaced` is called when a later one has taken its seat."""

    def __init__(self, settings: Settings, owner_id: str, *, fold: Fold, on_replaced: Callable[[], None]) -> None:
        self._settings = settings
        self._owner_id = owner_id
        self._on_replaced = on_replaced
        clock = SystemClock()
        url = settings.store_url.get_secret_value()
        self._journal = RedisStore(url)
        self._lookups = RedisStore(url)
        self._registry = RedisRegistry(self._lookups.line)
        self._metrics = OwnerMetrics(CollectorRegistry())
        self._owner = Owner(self._journal, self._lookups, self._lookups, clock, metrics=self._metrics, fold=fold)
        self._gate = OwnerGate(self._owner, settings.token.get_secret_value())
        self._incarnation = clock.now_ms()
        self._opening: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Listen, announce, and own what the placement says, until cancelled or replaced."""
        seat = await self._sit_down()
        sweeping = asyncio.get_running_loop().create_task(self._owner.run())
        try:
            while True:
                try:
                    if not await self._registry.announce(seat):
                        _log.warning("owner_replaced owner=%s incarnation=%d", self._owner_id, seat.incarnation)
                        self._on_replaced()
                        return
                    await self._follow_placement()
                except (StoreUnavailable, InDoubt) as away:
                    _log.warning("placement_unread cause=%s", away)
                await asyncio.sleep(look_every_s)
        finally:
            sweeping.cancel()

    async def stop(self) -> None:
        """Finish what is under way and hang up."""
        await self._gate.close()
        await self._journal.close()
        await self._lookups.close()

    def metrics(self) -> bytes:
        """The process's metrics in the Prometheus text form."""
        for hosted in self._owner.hosted:
            if hosted.state is PoolState.SERVING:
                self._metrics.stocked(hosted.pool)
        return generate_latest(self._metrics.registry)

    async def _sit_down(self) -> Seat:
        folder = self._settings.run_folder
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self._owner_id}-{os.getpid()}.sock"
        path.unlink(missing_ok=True)
        address = await self._gate.open(Address("unix", str(path)))
        path.chmod(0o600)
        return Seat(self._owner_id, str(address), self._incarnation, socket.gethostname(), os.getpid())

    async def _follow_placement(self) -> None:
        placement = await self._registry.placement()
        mine = {pool for pool, owner_id in placement.owner_of.items() if owner_id == self._owner_id}
        hosted = {one.name: one for one in self._owner.hosted}
        for pool in mine:
            if pool not in hosted or hosted[pool].state is PoolState.FENCED:
                self._open(pool)
        for pool in hosted.keys() - mine:
            self._owner.close(pool)

    def _open(self, pool: PoolName) -> None:
        task = asyncio.get_running_loop().create_task(self._owner.open(pool))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
