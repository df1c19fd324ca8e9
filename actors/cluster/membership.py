"""Which machines are there, which owners they may have, and who leaves: as Ray, the registry and staff say.

A house of one machine has one without an address, that never leaves; its host name is what staff call it.
"""

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from actors.cluster.machines import Machine, machines
from actors.settings import Settings
from actors.steward import Roster
from engine.placing import machine_of, owner_ids
from engine.ports import MachineOrder, Registry

#: Looks in a row at which an owner had no pool before it is let go: it says once a second what it has.
empty_looks = 6

_log = logging.getLogger(__name__)


class Membership:
    """What is known now; `look` brings it up to date."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._settings = settings
        self._registry = registry
        self._is_alone = not settings.machine
        self.machines: Mapping[str, Machine] = {}
        self.orders: Mapping[str, MachineOrder] = {}
        self._empty_for: Counter[str] = Counter()

    async def look(self) -> Collection[str]:
        """Ask Ray and the registry; answers the machines that have come, or come anew. Raises StoreUnavailable."""
        before = self.machines
        orders = await self._registry.orders()
        if self._is_alone:
            self.orders = {"": orders.get(socket.gethostname(), MachineOrder())}
            self.machines = {"": Machine("", "", self._settings.actors_max)}
        else:
            self.orders, self.machines = orders, await asyncio.to_thread(machines)
        for address in before.keys() - self.machines.keys():
            _log.error("machine_lost machine=%s", address)
        came = [address for address, machine in self.machines.items() if before.get(address) != machine]
        for address in came:
            _log.info("machine_found machine=%s owners=%d", address, len(self.owners_of(address)))
        return came

    def owners_of(self, address: str) -> Sequence[str]:
        """The owners that a machine may have now, in the order of starting them: none where it is about to leave."""
        order, machine = self.orders.get(address, MachineOrder()), self.machines.get(address)
        if machine is None or order.is_leaving:
            return []
        return owner_ids(order.owners or machine.owners_max, address)

    def roster(self, begun: Collection[str]) -> Roster:
        """The owners there could be, each machine's first before any second. `begun` have an actor already."""
        each = [self.owners_of(address) for address in self.machines]
        placeable = [ids[at] for at in range(max(map(len, each), default=0)) for ids in each if at < len(ids)]
        return Roster(placeable, frozenset((*placeable, *(one for one in begun if machine_of(one) in self.machines))))

    async def emptied(self, leaving: Collection[str]) -> Sequence[str]:
        """Of the owners that may have no pools any more those that have none. Raises StoreUnavailable."""
        self._empty_for = Counter({owner: looks for owner, looks in self._empty_for.items() if owner in leaving})
        if not leaving:
            return []
        placed = set((await self._registry.placement()).owner_of.values())
        hosted = {load.owner_id: load.hosted for load in await self._registry.loads()}
        for owner_id in leaving:
            is_empty = owner_id not in placed and not hosted.get(owner_id)
            self._empty_for[owner_id] = self._empty_for[owner_id] + 1 if is_empty else 0
        return sorted(owner_id for owner_id in leaving if self._empty_for[owner_id] >= empty_looks)

    async def retire(self, owners: Collection[str]) -> None:
        """Take owners that have ended off the list. Raises StoreUnavailable or InDoubt."""
        for seat in await self._registry.owners() if owners else ():
            if seat.owner_id in owners:
                await self._registry.retire(seat)

    async def let_go(self, address: str) -> None:
        """Note that a machine has nobody any more, if it is to leave still. Raises StoreUnavailable or InDoubt."""
        order = (await self._registry.orders()).get(address)
        if order is None or not order.is_leaving:
            return
        await self._registry.order(address, order._replace(has_left=True))
        _log.info("machine_left machine=%s", address)
