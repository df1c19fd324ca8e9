"""The wall clocks of a simulated house."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sim.world import World

#: 1 November 2026: any moment does, as long as it is always the same.
BEGAN_MS = 1_793_491_200_000


class SimulatedClock:
    """The wall clock of one process: virtual time, plus hours that passed at once, plus its own error."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.error_ms = 0

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return BEGAN_MS + int(self._world.loop.time() * 1000) + self._world.passed_ms + self.error_ms
