"""Ray: the only file that imports it. Wraps the hosts as actors, finds them, and maps Ray's failures to ours.

Owners and front ends start by themselves when their actor starts, so a restart by Ray is all the
recovery they need. Ray restarts an actor of a lost node without waiting for the old one to end; what
keeps two copies apart is the journal's epoch, not Ray.

Each actor imports its host when it starts: every process of the cluster reads this file, and an owner
that comes back in the middle of a sale should not load a gRPC server first.
"""

import asyncio
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from actors.garbage import keep_young
from actors.logs import begin_logging
from actors.settings import Settings
from actors.store_facts import StoreFacts
from engine.errors import InvariantBroken
from engine.names import PoolName

_NAMESPACE = "cardkeep"
_ARCHIVIST = "archivist"

#: Ray's smallest object store: nothing of ours travels through it.
_OBJECT_STORE_BYTES = 78_643_200

#: How long front ends may drain, which is bounded by themselves (front/server.py), and a little more.
_DRAIN_PATIENCE_S = 12.0

#: How long owners may finish what is decided: an append, or for a store that hangs, the answer that never comes.
_FINISH_PATIENCE_S = 4.0

#: Every actor: named, outlives its maker, always restarted, never re-asked by Ray, no CPU slot of its own.
_ACTOR: Mapping[str, Any] = {
    "namespace": _NAMESPACE,
    "lifetime": "detached",
    "get_if_exists": True,
    "max_restarts": -1,
    "max_task_retries": 0,
    "num_cpus": 0,
    "enable_task_events": False,
}

_log = logging.getLogger(__name__)


class OwnerActor:
    """An owner as a Ray actor."""

    def __init__(self, settings: Settings, owner_id: str) -> None:
        from actors.owner_host import OwnerHost  # noqa: PLC0415

        begin_logging(settings, owner_id)
        self._host = OwnerHost(settings, owner_id, fold=_fold, on_replaced=lambda: os._exit(0))
        self._running = asyncio.get_running_loop().create_task(self._host.run())
        self._collecting = asyncio.get_running_loop().create_task(keep_young())

    async def process_id(self) -> int:
        """Answers when the process is up."""
        return os.getpid()

    async def metrics(self) -> bytes:
        """Prometheus text."""
        return await self._host.metrics()

    async def stop(self) -> None:
        """Finish what is under way."""
        self._running.cancel()
        self._collecting.cancel()
        await self._host.stop()


class FrontActor:
    """A front end as a Ray actor."""

    def __init__(self, settings: Settings, facts: StoreFacts, name: str) -> None:
        from actors.front_host import FrontHost  # noqa: PLC0415

        begin_logging(settings, name)
        self._host = FrontHost(settings, facts)
        self._starting = asyncio.get_running_loop().create_task(self._host.start())

    async def port(self) -> int:
        """Answers when the front end serves."""
        return await asyncio.shield(self._starting)

    async def metrics(self) -> bytes:
        """Prometheus text."""
        return await self._host.metrics()

    async def stop(self) -> None:
        """Drain."""
        await self._host.drain()


class ArchivistActor:
    """The archivist as a Ray actor."""

    def __init__(self, settings: Settings) -> None:
        from actors.adapters.redis_store import RedisStore  # noqa: PLC0415
        from actors.archivist import Archivist  # noqa: PLC0415

        # A fold is a second of work that nobody waits for; the sale on the same cores goes first.
        os.nice(10)
        begin_logging(settings, _ARCHIVIST)
        url = settings.store_url.get_secret_value()
        self._archivist = Archivist(RedisStore(url), RedisStore(url))

    async def fold(self, pool: PoolName) -> int | None:
        """See Archivist.fold."""
        return await self._archivist.fold(pool)


class Cluster:
    """The machine's Ray, started as a head of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._owners: dict[str, Any] = {}
        self._fronts: list[Any] = []

    def start(self, temp: Path) -> None:
        """Start Ray's processes. They end with this process, however that ends."""
        ray.init(
            namespace=_NAMESPACE,
            include_dashboard=False,
            num_cpus=os.cpu_count(),
            object_store_memory=_OBJECT_STORE_BYTES,
            log_to_driver=False,
            configure_logging=False,
            _temp_dir=str(temp),
        )

    async def start_archivist(self) -> None:
        """Start the archivist."""
        ray.remote(ArchivistActor).options(name=_ARCHIVIST, **_ACTOR).remote(self._settings)

    async def start_front_ends(self, facts: StoreFacts) -> int:
        """Start all front ends on one port, and return it once they serve."""
        for number in range(self._settings.front_ends):
            name = f"front-{number}"
            actor = ray.remote(FrontActor).options(name=name, **_ACTOR).remote(self._settings, facts, name)
            self._fronts.append(actor)
        ports = await asyncio.gather(*(actor.port.remote() for actor in self._fronts))
        return int(ports[0])

    async def ensure_owner(self, owner_id: str) -> None:
        """Start an owner's actor if it has none, and wait until its process is up."""
        actor: Any = ray.remote(OwnerActor).options(name=owner_id, **_ACTOR).remote(self._settings, owner_id)
        self._owners[owner_id] = actor
        try:
            await actor.process_id.remote()
        except RayError as ended:
            _log.warning("owner_start_failed owner=%s cause=%s", owner_id, ended)

    async def metrics(self) -> Mapping[str, bytes]:
        """Each process's metrics; one that does not answer is left out."""
        actors = {f"front-{number}": actor for number, actor in enumerate(self._fronts)} | self._owners
        texts = await asyncio.gather(*(_metrics_of(actor) for actor in actors.values()))
        return {name: text for name, text in zip(actors, texts, strict=True) if text is not None}

    async def stop(self) -> None:
        """Front ends first, so that nothing new comes in; then owners; then Ray, with whoever is left.

        An actor that is being started again, or whose store is gone, may not answer; nothing acknowledged is
        lost by ending it.
        """
        for group, patience_s in ((self._fronts, _DRAIN_PATIENCE_S), (list(self._owners.values()), _FINISH_PATIENCE_S)):
            asked = [asyncio.ensure_future(_stopped(actor)) for actor in group]
            if asked:
                _, silent = await asyncio.wait(asked, timeout=patience_s)
                for one in silent:
                    one.cancel()
                if silent:
                    _log.warning("actors_ended_unheard count=%d", len(silent))
        ray.shutdown()


async def _stopped(actor: Any) -> None:
    try:
        await actor.stop.remote()
    except RayError as ended:
        _log.info("actor_gone_before_stop cause=%s", ended)


async def _metrics_of(actor: Any) -> bytes | None:
    try:
        text: bytes = await asyncio.wait_for(actor.metrics.remote(), timeout=2.0)
    except (RayError, TimeoutError):
        return None
    return text


async def _fold(pool: PoolName) -> int | None:
    try:
        before_ms: int | None = await ray.get_actor(_ARCHIVIST, namespace=_NAMESPACE).fold.remote(pool)
    except InvariantBroken:
        raise
    except (RayError, ValueError) as away:
        _log.warning("fold_impossible pool=%s cause=%s", pool, away)
        return None
    return before_ms
