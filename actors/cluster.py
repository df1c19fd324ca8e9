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
from actors.supply.desk_actor import SupplierActor, desk_name
from engine.errors import CardkeepError, InDoubt, InvariantBroken, PoolClosed
from engine.names import PoolName, SupplierName
from engine.placing import owner_ids

if TYPE_CHECKING:
    from actors.front_host import FrontHost
    from actors.supply.desk_host import OutfitFor

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
        self._host = OwnerHost(settings, owner_id, fold=_fold, on_replaced=lambda: os._exit(0))
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
        from actors.supply.ledger_archivist import LedgerArchivist  # noqa: PLC0415

        # A fold is a second of work that nobody waits for; the sale on the same cores goes first.
        os.nice(10)
        begin_logging(settings, _ARCHIVIST)
        url = settings.store_url.get_secret_value()
        journal, archive = RedisStore(url), RedisStore(url)
        self._archivist = Archivist(journal, archive)
        self._ledgers = LedgerArchivist(journal, archive)
        self._memory = GivesBack()

    async def fold(self, pool: PoolName) -> int | None:
        """See Archivist.fold."""
        try:
            return await self._archivist.fold(pool)
        finally:
            self._memory.worked()

    async def fold_ledger(self, book: PoolName) -> int | None:
        """See LedgerArchivist.fold."""
        try:
            return await self._ledgers.fold(book)
        finally:
            self._memory.worked()


class Reach:
    """Named actors as any process of the cluster calls them: found once, and again when a call failed."""

    def __init__(self) -> None:
        self._actors: dict[str, Any] = {}

    async def ask(self, actor: str, what: str, *arguments: object) -> Any:
        """Call `ask(what, …)` of an actor. Raises what it raises, PoolClosed when there is none, else InDoubt."""
        if actor not in self._actors:
            try:
                self._actors[actor] = await asyncio.to_thread(partial(ray.get_actor, actor, namespace=_NAMESPACE))
            except (RayError, ValueError) as away:
                raise PoolClosed(f"there is no {actor}: {away}") from away
        try:
            return await self._actors[actor].ask.remote(what, *arguments)
        except CardkeepError as told:
            # Ray's copy of it has the whole traceback of the other process for its text.
            cause = getattr(told, "cause", None)
            raise (cause if isinstance(cause, CardkeepError) else told) from None
        except RayError as gone:
            self._actors.pop(actor, None)
            raise InDoubt(f"{actor} went away: {type(gone).__name__}") from gone


class Cluster:
    """The machine's Ray, started as a head of its own."""

    def __init__(self, settings: Settings, facts: StoreFacts) -> None:
        self._settings = settings
        self._facts = facts
        self._owners: dict[str, Any] = {}
        self._fronts: list[Any] = []
        self._desks: dict[str, Any] = {}

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

    async def ensure_supplier(self, supplier: SupplierName, outfit_for: "OutfitFor") -> None:
        """Start the actor of a supplier's desk if it has none, and wait until its process is up."""
        name = desk_name(supplier)
        actor: Any = ray.remote(SupplierActor).options(name=name, **_ACTOR)
        self._desks[name] = actor.remote(self._settings, supplier, outfit_for, _fold_ledger)
        try:
            await self._desks[name].process_id.remote()
        except RayError as ended:
            _log.warning("desk_start_failed supplier=%s cause=%s", supplier, ended)

    @property
    def _doors(self) -> Sequence[Any]:
        return self._fronts or list(self._owners.values())

    async def metrics(self) -> Mapping[str, bytes]:
        """Each process's metrics; one that does not answer is left out."""
        actors = {f"front-{number}": actor for number, actor in enumerate(self._fronts)} | self._owners | self._desks
        texts = await asyncio.gather(*(_metrics_of(actor) for actor in actors.values()))
        return {name: text for name, text in zip(actors, texts, strict=True) if text is not None}

    async def stop(self) -> None:
        """Desks first, then front ends, so that nothing new comes in; then owners; then Ray, with whoever is left.

        An actor that is being started again, or whose store is gone, may not answer; nothing acknowledged is
        lost by ending it.
        """
        await _all_ended((actor.stop for actor in self._desks.values()), _FINISH_PATIENCE_S)
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
    return await _folded(pool, lambda archivist: archivist.fold)


async def _fold_ledger(book: PoolName) -> int | None:
    return await _folded(book, lambda archivist: archivist.fold_ledger)


async def _folded(pool: PoolName, fold: Callable[[Any], Any]) -> int | None:
    try:
        before_ms: int | None = await fold(ray.get_actor(_ARCHIVIST, namespace=_NAMESPACE)).remote(pool)
    except InvariantBroken:
        raise
    except (RayError, ValueError) as away:
        _log.warning("fold_impossible pool=%s cause=%s", pool, away)
        return None
    return before_ms
