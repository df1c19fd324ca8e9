"""Processes that die by SIGKILL, without a word. The house brings each back; the bench, its buyers."""

import socket
import time
from typing import ClassVar

from bench.chaos.arena import Arena, kill
from bench.chaos.disk import Place
from bench.chaos.faults.fault import Fault

_ASK_WITHIN_S = 2.0


class Death(Fault):
    """One process of a role dies."""

    role: ClassVar[str]

    def inject(self) -> bool:
        """See Fault."""
        pid = self.arena.one(self.role, self.chance)
        return pid is not None and kill(pid)


class OwnerKilled(Death):
    """An owner that has SKUs; by default it is a front end, too."""

    name = "owner_killed"
    about = "kill -9 of an owner in the middle of its sales"
    role = "owner"
    failover_of = "owner"

    def inject(self) -> bool:
        """See Fault."""
        owner = self.arena.owner(self.chance)
        if owner is None:
            return False
        self.skus, self.at_s = owner.skus, time.monotonic()
        return kill(owner.pid)


class FrontKilled(Death):
    """A front end that is no owner."""

    name = "front_killed"
    about = "kill -9 of a front end of its own"
    role = "front"

    @classmethod
    def missing(cls, arena: Arena) -> str:
        """See Fault."""
        return "" if arena.pids(cls.role) else "here the owners are the front ends"


class StoreKilled(Death):
    """The house starts it again."""

    name = "store_killed"
    about = "kill -9 of the store"
    role = "store"


class DeskKilled(Death):
    """A supplier's."""

    name = "desk_killed"
    about = "kill -9 of a supplier's desk"
    role = "desk"


class RefillKilled(Death):
    """The one there is."""

    name = "refill_killed"
    about = "kill -9 of the refill"
    role = "refill"


class ArchivistKilled(Death):
    """Perhaps in the middle of a fold."""

    name = "archivist_killed"
    about = "kill -9 of the archivist"
    role = "archivist"


class ClientKilled(Death):
    """A buyer; what it had asked and not heard is unknown."""

    name = "client_killed"
    about = "kill -9 of a client in the middle of its calls"
    role = "client"


class StoreKilledRewriting(StoreKilled):
    """The store dies while it writes its file anew."""

    name = "store_killed_rewriting"
    about = "kill -9 of the store while it writes its file anew"

    def inject(self) -> bool:
        """See Fault."""
        return self._begins_to_rewrite() and super().inject()

    def _begins_to_rewrite(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(_ASK_WITHIN_S)
                line.connect(str(self.arena.store))
                line.sendall(b"BGREWRITEAOF\r\n")
                return line.recv(100).startswith(b"+Background")
        except OSError:
            return False


class PowerLost(StoreKilled):
    """The store dies, and what was never synced is not on its disk when it comes back."""

    name = "power_lost"
    about = "kill -9 of the store; when it starts again, its file ends where it was last synced"
    lasts_s = (1.5, 2.5)
    _losses_before = 0

    @classmethod
    def missing(cls, arena: Arena) -> str:
        """See Fault."""
        return "" if arena.disk is not None else "needs a C compiler for its shim"

    def inject(self) -> bool:
        """See Fault."""
        disk = self.arena.disk
        assert disk is not None
        self._losses_before = disk.orders[Place.LOSSES]
        # It is looked at when the store starts again, which is after its death.
        disk.orders[Place.LOSE_UNSYNCED] = 1
        if super().inject():
            return True
        disk.orders[Place.LOSE_UNSYNCED] = 0
        return False

    def heal(self) -> bool:
        """Whether the store has come back since, without what was not synced."""
        disk = self.arena.disk
        assert disk is not None
        return disk.orders[Place.LOSSES] > self._losses_before
