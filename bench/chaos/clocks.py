"""Wall clocks of single processes, which can be set wrong while they run (`shims/clock.c`).

The file of orders: how many pairs, how often somebody was told a wrong time, then process id and nanoseconds of each.
"""

from pathlib import Path

from bench.chaos.orders import Orders, built

_PAIRS, _READ_WRONG, _FIRST_PAIR = 0, 1, 2
_MS_NS = 1_000_000


class Clocks:
    """Made in a folder of its own; `environment` is for processes whose clock may be set. Raises NoCompiler."""

    def __init__(self, folder: Path) -> None:
        shim = built("clock", folder)
        self._orders = Orders(folder / "clock.orders")
        self.environment = {"LD_PRELOAD": str(shim), "CARDKEEP_CLOCKS": str(self._orders.path)}

    @property
    def read_wrong(self) -> int:
        """How often a process was told a wrong time."""
        return self._orders[_READ_WRONG]

    def set(self, pid: int, ahead_ms: int) -> None:
        """A process's clock is so much ahead, or behind; nobody else's is wrong."""
        self._orders[_FIRST_PAIR] = pid
        self._orders[_FIRST_PAIR + 1] = ahead_ms * _MS_NS
        self._orders[_PAIRS] = 1

    def be_right(self) -> None:
        """Every clock is right again."""
        self._orders[_PAIRS] = 0
