"""Ray's own processes die, and whole machines: the house begins again, or others take over."""

import time
from contextlib import suppress

from cardkeep_client import CardkeepError

from bench.chaos.arena import Arena
from bench.chaos.faults.deaths import Death
from bench.chaos.faults.fault import Fault
from bench.house_process import HouseFailed
from bench.run.estate import Estate

#: The machine that is lost, and that leaves: never the head, which has the store.
_OTHER = 1


class RayletKilled(Death):
    """A machine's node manager of Ray's."""

    name = "raylet_killed"
    about = "kill -9 of a raylet: its Ray is begun again"
    role = "raylet"
    lasts_s = (8.0, 10.0)


class GcsKilled(Death):
    """Ray's head."""

    name = "gcs_killed"
    about = "kill -9 of Ray's control service: Ray is begun again"
    role = "gcs_server"
    lasts_s = (8.0, 10.0)


class HouseholdKilled(Death):
    """Whoever starts all others."""

    name = "household_killed"
    about = "kill -9 of the household: it is begun again"
    role = "household"
    lasts_s = (4.0, 6.0)


class OfMachines(Fault):
    """A fault of a whole machine."""

    @classmethod
    def missing(cls, arena: Arena) -> str:
        """See Fault."""
        return "" if isinstance(arena.house, Estate) else "needs several machines"

    @property
    def estate(self) -> Estate:
        """The house, which has several."""
        assert isinstance(self.arena.house, Estate)
        return self.arena.house

    def heal(self) -> bool:
        """The machine joins again, unless it never went. Raises HouseFailed."""
        if not self.estate.runs(_OTHER):
            self.estate.join(_OTHER)
        return True


class NodeLost(OfMachines):
    """Everything on a machine ends at once, as if its power had gone."""

    name = "node_lost"
    about = "kill -9 of everything on a machine"
    lasts_s = (10.0, 12.0)
    failover_of = "node"

    def inject(self) -> bool:
        """See Fault."""
        if not self.estate.runs(_OTHER):
            return False
        address = self.estate.addresses[_OTHER]
        with suppress(CardkeepError, HouseFailed):
            # Whoever joined lately has hardly any SKU, and nobody would notice its loss.
            self.estate.wait_listed(_OTHER)
            self.estate.even_out()
            placed = self.estate.placement()
            self.skus = frozenset(name.rpartition("/")[2] for name, owner in placed.items() if address in owner)
        self.estate.lose(_OTHER)
        # Not before: until its processes are found, which takes a while, they still answer.
        self.at_s = time.monotonic()
        return True


class MachineLeft(OfMachines):
    """A machine is emptied and leaves, as for an upgrade: nothing breaks, and something may."""

    name = "machine_left"
    about = "a machine is drained, and joins again"

    def inject(self) -> bool:
        """See Fault."""
        try:
            self.estate.drain(_OTHER)
        except (CardkeepError, HouseFailed):
            return False
        return True
