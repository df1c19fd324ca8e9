"""Processes that stand still (SIGSTOP) and go on later as if nothing had been."""

import time
from typing import ClassVar

from bench.chaos.arena import freeze, thaw
from bench.chaos.faults.fault import Fault


class Freeze(Fault):
    """One process of a role."""

    role: ClassVar[str]
    lasts_s = (1.0, 4.0)
    _pid: int | None = None

    def inject(self) -> bool:
        """See Fault."""
        self._pid = self.arena.one(self.role, self.chance)
        return self._pid is not None and freeze(self._pid)

    def heal(self) -> bool:
        """See Fault."""
        if self._pid is not None:
            thaw(self._pid)
        return True


class OwnerFrozen(Freeze):
    """Longer than buyers wait."""

    name = "owner_frozen"
    about = "an owner stands still for longer than its callers wait, and goes on"
    lasts_s = (2.0, 6.0)

    def inject(self) -> bool:
        """See Fault."""
        owner = self.arena.owner(self.chance)
        if owner is None:
            return False
        self.skus, self._pid, self.at_s = owner.skus, owner.pid, time.monotonic()
        return freeze(owner.pid)


class OwnerFrozenPastTakeover(OwnerFrozen):
    """So long that its SKUs are another owner's when it goes on."""

    name = "owner_frozen_past_takeover"
    about = "an owner stands still until its SKUs are another's, and goes on: two think that they own them"
    #: An owner that is silent for 10 s is relieved (actors/steward.py), and goes on with a second one beside it.
    lasts_s = (13.0, 15.0)
    failover_of = "takeover"


class StoreFrozen(Freeze):
    """Nothing can be made durable meanwhile."""

    name = "store_frozen"
    about = "the store stands still"
    role = "store"
    lasts_s = (1.0, 5.0)


class DeskFrozen(Freeze):
    """A purchase may be under way."""

    name = "desk_frozen"
    about = "a supplier's desk stands still"
    role = "desk"


class ArchivistFrozen(Freeze):
    """Perhaps in the middle of a fold."""

    name = "archivist_frozen"
    about = "the archivist stands still"
    role = "archivist"


class ClientFrozen(Freeze):
    """Answers wait in its socket, and deadlines pass."""

    name = "client_frozen"
    about = "a client stands still while it is answered"
    role = "client"


class HouseFrozen(Freeze):
    """Who starts owners and the store again."""

    name = "house_frozen"
    about = "the house's own process, which brings back who dies, stands still"
    role = "house"


class RayletFrozen(Freeze):
    """Nobody is started meanwhile."""

    name = "raylet_frozen"
    about = "Ray's node manager stands still"
    role = "raylet"


class GcsFrozen(Freeze):
    """Nobody is found meanwhile."""

    name = "gcs_frozen"
    about = "Ray's control service stands still"
    role = "gcs_server"
