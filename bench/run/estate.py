"""Cardkeep on several machines as a side: a House whose process is the head, with machines that come and go."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cardkeep_client import Client
from cardkeep_client.v1.cluster_pb2 import DrainMachineRequest, Machine, RebalanceRequest

from actors.front.doors import Door
from bench.builds import Build
from bench.house_process import HouseFailed
from bench.machines import Machines
from bench.run.house import House
from bench.run.processes import Usage, Usages, usages
from bench.waiting import until
from clients.cli.machines import SERVICE, machines_of

#: A machine that has joined is listed once its first owner has a seat.
_LISTED_WITHIN_S = 20.0

#: A drained machine ends by itself within this time.
_LEAVES_WITHIN_S = 120.0

#: Some tens of SKUs are moved in a second or two; a house that still finds some to move goes round in a circle.
_EVEN_WITHIN_S = 60.0


class Estate(House):
    """Machine 0 is the head; `start` starts it alone."""

    def __init__(self, label: str, folder: Path, door: Door, settings: dict[str, str], machines: int) -> None:
        self._machines = Machines(folder, machines, front_door=door.value, **settings)
        self._running = {0}
        head = self._machines.house(0)
        super().__init__(label, head.folder, door, settings, head)

    @property
    def addresses(self) -> Sequence[str]:
        """Of all machines there may be."""
        return self._machines.addresses

    @property
    def targets(self) -> str:
        """The doors of all machines, as one address of gRPC's: a caller goes round, and leaves out who is gone."""
        return "ipv4:" + ",".join(map(self._machines.door, range(len(self.addresses))))

    def runs(self, number: int) -> bool:
        """Whether a machine is there."""
        return number in self._running

    def join(self, number: int) -> None:
        """Start a machine, and return once it has joined. Raises HouseFailed."""
        self._machines.start(number)
        self._running.add(number)

    def drain(self, number: int) -> None:
        """Have a machine emptied, from elsewhere, and wait for its end. Raises HouseFailed: it is gone then, too."""
        self.wait_listed(number)
        self.client.call(SERVICE, "DrainMachine", DrainMachineRequest(address=self.addresses[number]))
        try:
            code = self._machines.wait_left(number, _LEAVES_WITHIN_S)
        except subprocess.TimeoutExpired as late:
            self.lose(number)
            raise HouseFailed(f"machine {number} did not leave: {late}") from late
        self._running.discard(number)
        if code:
            raise HouseFailed(f"machine {number} did not leave: it ended with exit code {code}")

    def wait_listed(self, number: int) -> None:
        """Until a machine that has joined has its first owner, who answers. Raises HouseFailed."""

        def has_owner() -> bool:
            machine = self.machines().get(self.addresses[number])
            return machine is not None and any(owner.reachable for owner in machine.owners)

        if not until(has_owner, _LISTED_WITHIN_S):
            raise HouseFailed(f"machine {number} has joined, and no owner of it is among the machines'")

    def install(self, number: int, build: Build) -> None:
        """What a machine runs from its next start on."""
        self._machines.house(number).build = build.folder

    def versions(self) -> Mapping[int, str]:
        """What each machine that runs says at its own door that it is. Raises CardkeepError."""
        return {number: self._version_at(self._machines.door(number)) for number in sorted(self._running)}

    def leave(self, number: int) -> None:
        """Stop a machine in good order, as `cardkeep down` on it does."""
        self._machines.stop(number)
        self._running.discard(number)

    def restart_head(self, say: Callable[[str], None]) -> None:
        """Stop the head in good order and start it again, as an upgrade of it does. The others stay."""
        self._machines.stop(0)
        self._machines.start(0, say)

    def lose(self, number: int) -> None:
        """End everything on a machine at once."""
        self._machines.lose(number)
        self._running.discard(number)

    def even_out(self) -> None:
        """Give all owners as many SKUs, as `cardkeep rebalance` does, and have them serve these. Raises HouseFailed.

        There have to be as many SKUs as machines, or more.
        """
        if not until(self._is_even, _EVEN_WITHIN_S):
            raise HouseFailed(f"SKUs were not evened out within {_EVEN_WITHIN_S:g} s")

    def _is_even(self) -> bool:
        """Nothing is left to be moved, nobody serves what has been moved to somebody else, and no machine has nothing.

        Of a machine that has just joined nobody may know yet that it could have something.
        """
        moved = self.client.call(SERVICE, "Rebalance", RebalanceRequest()).moved
        found = self.machines()
        has_all = all(found.get(self.addresses[number], Machine()).pools for number in self._running)
        return not moved and has_all and all(each.pools_served == each.pools for each in found.values())

    def machines(self) -> Mapping[str, Machine]:
        """All machines by address, as the house tells of them."""
        return {each.address: each for each in machines_of(self.client)}

    def placement(self) -> Mapping[str, str]:
        """Which owner each SKU is with."""
        return {pool.name: pool.owner for pool in self.client.pools()}

    @staticmethod
    def _version_at(door: str) -> str:
        with Client(door, channels=1) as client:
            return client.status().version

    def usages(self) -> Usages:
        """CPU and memory of each process of all machines until now."""
        found: dict[int, Usage] = {}
        for number in sorted(self._running):
            found.update(usages(self._machines.pid(number)))
        return found

    def stop(self) -> None:
        """End all machines; what they wrote stays until the run's folder goes."""
        if self._client is not None:
            self._client.close()
            self._client = None
        self._machines.end()
        self._running.clear()
