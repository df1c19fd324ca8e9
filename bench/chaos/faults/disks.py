"""The store's disk: slow, failing, full. With `appendfsync always` a store that cannot sync ends, by its own rule."""

from typing import ClassVar

from bench.chaos.arena import Arena
from bench.chaos.disk import Disk, Place
from bench.chaos.faults.fault import Fault


class DiskTrouble(Fault):
    """One number of the orders is set, and another one counts what came of it."""

    order: ClassVar[Place]
    counted: ClassVar[Place]
    _before = 0

    @classmethod
    def missing(cls, arena: Arena) -> str:
        """See Fault."""
        return "" if arena.disk is not None else "needs a C compiler for its shim"

    @property
    def disk(self) -> Disk:
        """The store's."""
        assert self.arena.disk is not None
        return self.arena.disk

    def value(self) -> int:
        """What the order is."""
        return 1

    def inject(self) -> bool:
        """See Fault."""
        self._before = self.disk.orders[self.counted]
        self.disk.orders[self.order] = self.value()
        return True

    def heal(self) -> bool:
        """See Fault."""
        self.disk.orders[self.order] = 0
        return self.disk.orders[self.counted] > self._before


class SlowSync(DiskTrouble):
    """As when something else writes much to the same disk."""

    name = "sync_slow"
    about = "each fsync of the store takes 20 to 400 ms longer"
    order, counted = Place.SYNC_DELAY_US, Place.DELAYED
    lasts_s = (2.0, 4.0)

    def value(self) -> int:
        """See DiskTrouble."""
        return self.chance.randint(20_000, 400_000)


class FailingSync(DiskTrouble):
    """What was written stays in the file, and nobody was told that it is there."""

    name = "sync_failing"
    about = "fsync of the store answers EIO"
    order, counted = Place.SYNCS_FAIL, Place.FAILED
    lasts_s = (0.5, 2.0)


class FullDisk(DiskTrouble):
    """The first write without room is torn."""

    name = "disk_full"
    about = "the store finds no room on its disk (ENOSPC); the first record without room is half written"
    order, counted = Place.IS_FULL, Place.REFUSED
    lasts_s = (0.5, 2.0)

    def inject(self) -> bool:
        """See Fault."""
        self.disk.orders[Place.REFUSED] = 0
        return super().inject()
