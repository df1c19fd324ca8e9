"""The store's disk, which can be slow, failing, full, or without what was never synced.

`shims/disk.c` stands before the store's libc; the file of orders has the numbers of `Place` in the order of the shim's
`struct orders`.
"""

from enum import IntEnum
from pathlib import Path

from bench.chaos.orders import Orders, built


class Place(IntEnum):
    """Where each number lies."""

    SYNC_DELAY_US = 0
    SYNCS_FAIL = 1
    IS_FULL = 2
    LOSE_UNSYNCED = 3
    DELAYED = 4
    FAILED = 5
    REFUSED = 6
    SYNCED_BYTES = 7
    LOST_BYTES = 8
    LOSSES = 9


class Disk:
    """Made in a folder of its own; `environment` is for the store's process. Raises NoCompiler."""

    def __init__(self, folder: Path) -> None:
        shim = built("disk", folder)
        self.orders = Orders(folder / "disk.orders")
        self.environment = {"LD_PRELOAD": str(shim), "CARDKEEP_DISK": str(self.orders.path)}
