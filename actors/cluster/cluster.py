"""Ray's cluster, and whom it keeps alive: on one machine, or on several that come and go."""

import asyncio
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import RayError
from ray.util import list_named_actors

from actors.cluster.house_actors import ArchivistActor, FrontActor, OwnerActor
from actors.cluster.membership import Membership
from actors.cluster.reach import ARCHIVIST, NAMESPACE, ask_by, fold_ledger
from actors.cluster.understudies import Understudies
from actors.kin import own_ray_ends
from actors.ray_node import object_store_bytes
from actors.settings import Settings
from actors.steward import Roster
from actors.store_facts import StoreFacts
from actors.supply.desk_actor import SupplierActor, desk_name
from actors.supply.outfit import outfit_for
from actors.supply.refill_actor import RefillActor, refill_name
from engine.names import SupplierName
from engine.placing import machine_of
from engine.ports import Registry

if TYPE_CHECKING:
    from actors.supply.desk_host import OutfitFor

#: Between two questions which machines live.
look_every_s = 0.5

#: How long front ends may drain, which is bounded by themselves (front/server.py), and a little more.
_DRAIN_PATIENCE_S = 12.0

#: How long owners may finish what is decided: an append, or for a store that hangs, the answer that never comes.
_FINISH_PATIENCE_S = 4.0

#: How long an actor's process may take to start on a machine that is busy with a sale.
_UP_PATIENCE_S = 60.0

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
    """The house's view of Ray: started here for one machine, joined where a cluster file says that there are more.

    Machines are known by address. Owners and front ends belong to their machine, and end for good with it; who else
    there is (desks, refills, archivist) runs on the house's own machine.
    """

    def __init__(self, settings: Settings, facts: StoreFacts, registry: Registry) -> None:
        self._settings = settings
        self._facts = facts
        self._members = Membership(settings, registry)
        self._owners: dict[str, Any] = {}
        self._fronts: dict[str, Any] = {}
        self._archivist: Any = None
        #: Machines on which somebody is being started.
        self._staffing: dict[str, asyncio.Task[None]] = {}
        #: Desks of suppliers, and refills.
        self._buyers: dict[str, Any] = {}

    def start(self, temp: Path) -> None:
        """Start Ray's processes on this one machine. They end with this process, however that ends."""
        ray.init(
            namespace=NAMESPACE,
            include_dashboard=False,
            num_cpus=os.cpu_count(),
            object_store_memory=object_store_bytes,
            log_to_driver=False,
            configure_logging=False,
            _temp_dir=str(temp),
        )

    def join(self, address: str) -> None:
        """Join Ray as it runs on this machine and others; see actors/ray_node.py."""
        ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)

    async def ended(self) -> None:
        """Until the Ray that was started here has ended. One that runs beside us is looked after there."""
        await (asyncio.Event().wait() if self._settings.machine else own_ray_ends())

    async def start_archivist(self) -> None:
        """Start the archivist."""
        self._archivist = self._here(ArchivistActor, ARCHIVIST).remote(self._settings)

    async def meet(self) -> None:
        """Learn which machines there are, and who is on them from before: until then nobody is started or seen off.

        Raises StoreUnavailable.
        """
        await self._members.look()
        for name in await asyncio.to_thread(list_named_actors):
            actors = {"owner": self._owners, "front": self._fronts}.get(name.partition("-")[0])
            if actors is not None and _machine(name) in self._members.machines:
                with suppress(ValueError):  # It has ended since it was listed.
                    actors[name] = ray.get_actor(name, namespace=NAMESPACE)

    async def open_doors(self) -> int:
        """Start whoever takes calls on this machine, all on one port, and return it once they serve."""
        mine = self._settings.machine
        await self._staff(mine)
        doors = self._fronts or self._owners
        ports = await asyncio.gather(*(actor.port.remote() for name, actor in doors.items() if _machine(name) == mine))
        return int(ports[0]) if ports else self._settings.port

    async def keep_doors(self) -> None:
        """Follow which machines live, staff those that come, see off who leaves, until cancelled."""
        while True:
            try:
                await self._follow_machines()
                await self._see_off()
            except Exception:  # noqa: BLE001 - a top loop: no machine would ever be followed again
                _log.exception("machines_not_followed")
            await asyncio.sleep(look_every_s)

    def roster(self) -> Roster:
        """The owners that could be there now."""
        return self._members.roster(self._owners)

    async def ensure_owner(self, owner_id: str) -> None:
        """Start an owner's actor if it has none, and wait until its process is up."""
        facts = None if self._settings.own_front_ends else self._facts
        actor = self._on(machine_of(owner_id), OwnerActor, owner_id).remote(self._settings, owner_id, facts)
        self._owners[owner_id] = actor
        await _is_up(owner_id, actor)

    async def ensure_supplier(self, supplier: SupplierName, outfit: "OutfitFor" = outfit_for) -> None:
        """Start the actor of a supplier's desk if it has none, made with `outfit`; wait until its process is up."""
        name = desk_name(supplier)
        actor = self._here(SupplierActor, name)
        self._buyers[name] = actor.remote(self._settings, supplier, outfit, fold_ledger)
        await _is_up(name, self._buyers[name])

    async def ensure_refills(self) -> None:
        """The same for the refills of all groups of SKUs."""
        for group in range(self._settings.refill_actors):
            name = refill_name(group)
            actor = self._here(RefillActor, name)
            self._buyers[name] = actor.remote(self._settings, group, ask_by)
            await _is_up(name, self._buyers[name])

    async def keep_understudies(self) -> None:
        """Have processes stand ready for actors that die, until cancelled."""
        await Understudies(self._settings).run()

    async def metrics(self) -> Mapping[str, bytes]:
        """Each process's metrics; one that does not answer is left out."""
        actors = self._fronts | self._owners | self._buyers
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
        mine = self._settings.machine
        owners = {name: actor for name, actor in self._owners.items() if _machine(name) == mine}
        doors = {name: actor for name, actor in self._fronts.items() if _machine(name) == mine} or owners
        await self._end_all(doors, owners)
        ray.shutdown()

    async def _follow_machines(self) -> None:
        came, here = await self._members.look(), self._members.machines
        for actors in (self._owners, self._fronts):
            for name in [name for name in actors if _machine(name) not in here or _machine(name) in came]:
                del actors[name]
        for address in here:
            if address not in self._staffing and self._lacking(address) != ([], []):
                self._staffing[address] = asyncio.get_running_loop().create_task(self._staff(address))
                self._staffing[address].add_done_callback(partial(self._end_staffing, address))

    def _end_staffing(self, address: str, ended: "asyncio.Task[None]") -> None:
        del self._staffing[address]
        if not ended.cancelled() and ended.exception() is not None:
            _log.warning("machine_not_staffed machine=%s cause=%r", address, ended.exception())

    def _lacking(self, machine: str) -> tuple[Sequence[str], Sequence[str]]:
        """The front ends and the owners that a machine should have, and that nobody has started."""
        owners, names = self._members.owners_of(machine), f"front-{machine}-" if machine else "front-"
        fronts = [f"{names}{number}" for number in range(self._settings.own_front_ends if owners else 0)]
        return (
            [name for name in fronts if name not in self._fronts],
            [owner_id for owner_id in owners if owner_id not in self._owners],
        )

    async def _staff(self, machine: str) -> None:
        """Start whom a machine lacks."""
        fronts, owners = self._lacking(machine)
        for name in fronts:
            self._fronts[name] = self._on(machine, FrontActor, name).remote(self._settings, self._facts, name)
        await asyncio.gather(*map(self.ensure_owner, owners))

    async def _see_off(self) -> None:
        """Let those go that may have no pools any more, once they have none; then their machine, if it is to leave."""
        leaving = self._owners.keys() - set(self.roster().placeable)
        emptied = {owner_id: self._owners[owner_id] for owner_id in await self._members.emptied(leaving)}
        await self._end_all(emptied, emptied)
        await self._members.retire(emptied)
        for owner_id in emptied:
            del self._owners[owner_id]
        for address, order in self._members.orders.items():
            if order.is_leaving and not order.has_left and address not in set(map(_machine, self._owners)):
                fronts = {name: actor for name, actor in self._fronts.items() if _machine(name) == address}
                await self._end_all(fronts, {})
                for name in fronts:
                    del self._fronts[name]
                await self._members.let_go(address)

    async def _end_all(self, doors: Mapping[str, Any], owners: Mapping[str, Any]) -> None:
        """Close these doors, then let these owners finish; those that have ended do not come back."""
        await _all_ended((actor.drain for actor in doors.values()), _DRAIN_PATIENCE_S)
        await _all_ended((actor.stop for actor in owners.values()), _FINISH_PATIENCE_S)
        for actor in {**doors, **owners}.values():
            ray.kill(actor)

    def _here(self, kind: type, name: str) -> Any:
        return self._on(self._settings.machine, kind, name)

    def _on(self, machine: str, kind: type, name: str) -> Any:
        """An actor to be, on a machine that lives. Raises KeyError for one that does not."""
        pinned = self._members.machines[machine].pinned() if machine else {}
        return ray.remote(kind).options(name=name, **_ACTOR, **pinned)


def _machine(name: str) -> str:
    """Where an owner or a front end is."""
    return machine_of(name.removeprefix("front-"))


async def _is_up(name: str, actor: Any) -> None:
    """Wait until an actor's process is up, or for as long as one may take that will be."""
    try:
        await asyncio.wait_for(actor.process_id.remote(), _UP_PATIENCE_S)
    except (RayError, TimeoutError) as ended:
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
