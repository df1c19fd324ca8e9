"""The machine's Ray, and whom it keeps alive."""

import asyncio
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import RayError

from actors.cluster.house_actors import ArchivistActor, FrontActor, OwnerActor
from actors.cluster.reach import ARCHIVIST, NAMESPACE, Reach, fold_ledger
from actors.cluster.understudies import Understudies
from actors.settings import Settings
from actors.store_facts import StoreFacts
from actors.supply.desk_actor import SupplierActor, desk_name
from actors.supply.outfit import outfit_for
from actors.supply.refill_actor import RefillActor, refill_name
from engine.names import SupplierName
from engine.placing import owner_ids

if TYPE_CHECKING:
    from actors.supply.desk_host import OutfitFor

#: Ray's smallest object store: nothing of ours travels through it.
_OBJECT_STORE_BYTES = 78_643_200

#: How long front ends may drain, which is bounded by themselves (front/server.py), and a little more.
_DRAIN_PATIENCE_S = 12.0

#: How long owners may finish what is decided: an append, or for a store that hangs, the answer that never comes.
_FINISH_PATIENCE_S = 4.0

#: Every actor: named, outlives its maker, always restarted, never re-asked by Ray, no CPU slot of its own.
_ACTOR: Mapping[str, Any] = {
    "namespace": NAMESPACE,
    "lifetime": "detached",
    "get_if_exists": True,
    "max_restarts": -1,
    "max_task_retries": 0,
    "num_cpus": 0,
    "enable_task_events": False,
}

_log = logging.getLogger(__name__)


class Cluster:
    """The machine's Ray, started as a head of its own."""

    def __init__(self, settings: Settings, facts: StoreFacts) -> None:
        self._settings = settings
        self._facts = facts
        self._owners: dict[str, Any] = {}
        self._fronts: list[Any] = []
        self._archivist: Any = None
        #: Desks of suppliers, and refills.
        self._buyers: dict[str, Any] = {}

    def start(self, temp: Path) -> None:
        """Start Ray's processes. They end with this process, however that ends."""
        ray.init(
            namespace=NAMESPACE,
            include_dashboard=False,
            num_cpus=os.cpu_count(),
            object_store_memory=_OBJECT_STORE_BYTES,
            log_to_driver=False,
            configure_logging=False,
            _temp_dir=str(temp),
        )

    async def start_archivist(self) -> None:
        """Start the archivist."""
        self._archivist = ray.remote(ArchivistActor).options(name=ARCHIVIST, **_ACTOR).remote(self._settings)

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
        await _is_up(owner_id, actor)

    async def ensure_supplier(self, supplier: SupplierName, outfit: "OutfitFor" = outfit_for) -> None:
        """Start the actor of a supplier's desk if it has none, made with `outfit`; wait until its process is up."""
        name = desk_name(supplier)
        actor = ray.remote(SupplierActor).options(name=name, **_ACTOR)
        self._buyers[name] = actor.remote(self._settings, supplier, outfit, fold_ledger)
        await _is_up(name, self._buyers[name])

    async def ensure_refills(self) -> None:
        """The same for the refills of all groups of SKUs."""
        for group in range(self._settings.refill_actors):
            name = refill_name(group)
            actor = ray.remote(RefillActor).options(name=name, **_ACTOR)
            self._buyers[name] = actor.remote(self._settings, group, Reach(self._settings.token.get_secret_value()).ask)
            await _is_up(name, self._buyers[name])

    async def keep_understudies(self) -> None:
        """Have processes stand ready for actors that die, until cancelled."""
        await Understudies(self._settings.understudies, self._settings.token.get_secret_value()).run()

    @property
    def _doors(self) -> Sequence[Any]:
        return self._fronts or list(self._owners.values())

    async def metrics(self) -> Mapping[str, bytes]:
        """Each process's metrics; one that does not answer is left out."""
        actors = {f"front-{number}": actor for number, actor in enumerate(self._fronts)}
        actors |= self._owners | self._buyers
        if self._archivist is not None:
            actors[ARCHIVIST] = self._archivist
        texts = await asyncio.gather(*(_metrics_of(actor) for actor in actors.values()))
        return {name: text for name, text in zip(actors, texts, strict=True) if text is not None}

    async def stop(self) -> None:
        """Who buys first, then front ends, so that nothing new comes in; then owners; then Ray, with whoever is left.

        An actor that is being started again, or whose store is gone, may not answer; nothing acknowledged is
        lost by ending it.
        """
        await _all_ended((actor.stop for actor in self._buyers.values()), _FINISH_PATIENCE_S)
        await _all_ended((actor.drain for actor in self._doors), _DRAIN_PATIENCE_S)
        await _all_ended((actor.stop for actor in self._owners.values()), _FINISH_PATIENCE_S)
        ray.shutdown()


async def _is_up(name: str, actor: Any) -> None:
    """Wait until an actor's process is up."""
    try:
        await actor.process_id.remote()
    except RayError as ended:
        _log.warning("actor_start_failed name=%s cause=%s", name, ended)


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
