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
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import RayError

from actors.doorstep import port_from
from actors.garbage import keep_young
from actors.logs import begin_logging
from actors.settings import Settings
from actors.store_facts import StoreFacts
from actors.supply.nudging import Nudges
from engine.errors import InvariantBroken
from engine.names import PoolName
from engine.placing import owner_ids, refill_group

if TYPE_CHECKING:
    from actors.front_host import FrontHost
    from actors.supply.ports import Desks
    from engine.supply.ports import SupplierBook

    Outfit = Callable[[Settings], tuple[SupplierBook, Desks]]

_NAMESPACE = "cardkeep"
_ARCHIVIST = "archivist"

#: Ray's smallest object store: nothing of ours travels through it.
_OBJECT_STORE_BYTES = 78_643_200

#: How long front ends may drain, which is bounded by themselves (front/server.py), and a little more.
_DRAIN_PATIENCE_S = 12.0

#: How long owners may finish what is decided: an append, or for a store that hangs, the answer that never comes.
_FINISH_PATIENCE_S = 4.0

#: Between two questions for the port, should the house not answer.
_ASK_DOORSTEP_EVERY_S = 0.5

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
    """An owner as a Ray actor; with `facts` it is a front end, too."""

    def __init__(self, settings: Settings, owner_id: str, facts: StoreFacts | None) -> None:
        from actors.owner_host import OwnerHost  # noqa: PLC0415

        begin_logging(settings, owner_id)
        loop = asyncio.get_running_loop()
        nudge = Nudges(_Refills(settings.refill_actors).nudge)
        self._host = OwnerHost(settings, owner_id, fold=_fold, on_replaced=lambda: os._exit(0), nudge=nudge)
        self._running = loop.create_task(self._host.run())
        self._front: FrontHost | None = None
        self._opening = None if facts is None else loop.create_task(self._open_door(settings, facts))
        self._collecting = loop.create_task(keep_young())

    async def _open_door(self, settings: Settings, facts: StoreFacts) -> int:
        """Pools come first: what a front end is made of is read beside them."""
        hosts = await asyncio.to_thread(import_module, "actors.front_host")
        self._front = hosts.FrontHost(settings, facts, home=self._host.home)
        return await self._front.start(await _port(settings.doorstep) if settings.has_doorstep else None)

    async def process_id(self) -> int:
        """Answers when the process is up."""
        return os.getpid()

    async def port(self) -> int:
        """Answers when its front end serves."""
        assert self._opening is not None
        return await asyncio.shield(self._opening)

    async def metrics(self) -> bytes:
        """Prometheus text."""
        if self._front is not None:
            self._front.count_depth()
        return await self._host.metrics()

    async def drain(self) -> None:
        """Let nothing new come in here."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        if self._front is not None:
            await self._front.drain()

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

    async def drain(self) -> None:
        """Let nothing new come in, and finish what is under way."""
        await self._host.drain()


class ArchivistActor:
    """The archivist as a Ray actor."""

    def __init__(self, settings: Settings) -> None:
        from actors.adapters.redis_store import RedisStore  # noqa: PLC0415
        from actors.archivist import Archivist  # noqa: PLC0415
        from actors.garbage import GivesBack  # noqa: PLC0415

        # A fold is a second of work that nobody waits for; the sale on the same cores goes first.
        os.nice(10)
        begin_logging(settings, _ARCHIVIST)
        url = settings.store_url.get_secret_value()
        self._archivist = Archivist(RedisStore(url), RedisStore(url))
        self._memory = GivesBack()

    async def fold(self, pool: PoolName) -> int | None:
        """See Archivist.fold."""
        try:
            return await self._archivist.fold(pool)
        finally:
            self._memory.worked()


class RefillActor:
    """The refill of one group of SKUs as a Ray actor; `outfit` gives it a book and desks in its own process."""

    def __init__(self, settings: Settings, group: int, outfit: "Outfit") -> None:
        from actors.supply.refill_host import RefillHost  # noqa: PLC0415

        begin_logging(settings, _refill_name(group))
        book, desks = outfit(settings)
        self._host = RefillHost(settings, group, book=book, desks=desks)
        self._running = asyncio.get_running_loop().create_task(self._host.run())

    async def ask(self, what: str, *arguments: object) -> object:
        """Call the method `what` of RefillHost: nudge, recharge, give_up."""
        answer: object = await getattr(self._host, what)(*arguments)
        return answer

    async def metrics(self) -> bytes:
        """Prometheus text."""
        return await self._host.metrics()

    async def stop(self) -> None:
        """Buy nothing more."""
        self._running.cancel()
        await asyncio.wait([self._running])
        await self._host.stop()


class _Refills:
    """The refills as an owner reaches them: found once, and again when a call to one failed."""

    def __init__(self, groups: int) -> None:
        self._groups = groups
        self._actors: dict[int, Any] = {}

    async def nudge(self, pool: PoolName) -> bool:
        """See RefillHost.nudge. Raises RayError or ValueError when there is no such refill, or it does not answer."""
        group = refill_group(pool, self._groups)
        if group not in self._actors:
            find = partial(ray.get_actor, _refill_name(group), namespace=_NAMESPACE)
            self._actors[group] = await asyncio.to_thread(find)
        try:
            return bool(await self._actors[group].ask.remote("nudge", pool))
        except RayError:
            self._actors.pop(group, None)
            raise


def _refill_name(group: int) -> str:
    return f"refill-{group}"


class Cluster:
    """The machine's Ray, started as a head of its own."""

    def __init__(self, settings: Settings, facts: StoreFacts) -> None:
        self._settings = settings
        self._facts = facts
        self._owners: dict[str, Any] = {}
        self._fronts: list[Any] = []
        self._refills: dict[str, Any] = {}

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

    async def open_doors(self) -> int:
        """Start whoever takes calls, all on one port, and return it once they serve."""
        if self._settings.own_front_ends:
            for number in range(self._settings.own_front_ends):
                name = f"front-{number}"
                actor = ray.remote(FrontActor).options(name=name, **_ACTOR).remote(self._settings, self._facts, name)
                self._fronts.append(actor)
        else:
            await asyncio.gather(*map(self.ensure_owner, owner_ids(self._settings.actors_max)))
        ports = await asyncio.gather(*(actor.port.remote() for actor in self._doors))
        return int(ports[0])

    async def ensure_owner(self, owner_id: str) -> None:
        """Start an owner's actor if it has none, and wait until its process is up."""
        facts = None if self._settings.own_front_ends else self._facts
        actor: Any = ray.remote(OwnerActor).options(name=owner_id, **_ACTOR).remote(self._settings, owner_id, facts)
        self._owners[owner_id] = actor
        try:
            await actor.process_id.remote()
        except RayError as ended:
            _log.warning("owner_start_failed owner=%s cause=%s", owner_id, ended)

    def ensure_refill(self, group: int, outfit: "Outfit") -> None:
        """Start the refill of a group, if it has none."""
        name = _refill_name(group)
        actor = ray.remote(RefillActor).options(name=name, **_ACTOR)
        self._refills[name] = actor.remote(self._settings, group, outfit)

    @property
    def _doors(self) -> Sequence[Any]:
        return self._fronts or list(self._owners.values())

    async def metrics(self) -> Mapping[str, bytes]:
        """Each process's metrics; one that does not answer is left out."""
        actors = {f"front-{number}": actor for number, actor in enumerate(self._fronts)}
        actors |= self._owners | self._refills
        texts = await asyncio.gather(*(_metrics_of(actor) for actor in actors.values()))
        return {name: text for name, text in zip(actors, texts, strict=True) if text is not None}

    async def stop(self) -> None:
        """Refills first, then front ends, so that nothing new comes in; then owners; then Ray, with whoever is left.

        An actor that is being started again, or whose store is gone, may not answer; nothing acknowledged is
        lost by ending it.
        """
        await _all_ended((actor.stop for actor in self._refills.values()), _FINISH_PATIENCE_S)
        await _all_ended((actor.drain for actor in self._doors), _DRAIN_PATIENCE_S)
        await _all_ended((actor.stop for actor in self._owners.values()), _FINISH_PATIENCE_S)
        ray.shutdown()


async def _port(doorstep: Path) -> socket.socket:
    """The house's listening socket, asked for until it is given: an owner without a door would be half an owner."""
    while True:
        try:
            return await asyncio.to_thread(port_from, doorstep)
        except OSError as away:
            _log.warning("doorstep_away cause=%s", away)
            await asyncio.sleep(_ASK_DOORSTEP_EVERY_S)


async def _all_ended(ways: Iterable[Any], patience_s: float) -> None:
    """Ask everybody to end in this way, and wait for a while."""
    asked = [asyncio.ensure_future(_ended(way)) for way in ways]
    if asked:
        _, silent = await asyncio.wait(asked, timeout=patience_s)
        for one in silent:
            one.cancel()
        if silent:
            _log.warning("actors_ended_unheard count=%d", len(silent))


async def _ended(way: Any) -> None:
    try:
        await way.remote()
    except RayError as ended:
        _log.info("actor_gone_before_its_end cause=%s", ended)


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
