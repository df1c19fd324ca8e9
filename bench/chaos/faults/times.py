"""Wall clocks that step in one owner's process, and step back later."""

from typing import ClassVar

from bench.chaos.arena import Arena
from bench.chaos.clocks import Clocks
from bench.chaos.faults.fault import Fault

#: The largest step, either way. Histories say that the house's clock may have been so wrong.
STEP_MS_MAX = 5_000


class ClockStep(Fault):
    """An owner's clock steps, and after a while back."""

    sign: ClassVar[int]
    lasts_s = (2.0, 5.0)
    _before = 0

    @classmethod
    def missing(cls, arena: Arena) -> str:
        """See Fault."""
        return "" if arena.clocks is not None else "needs a C compiler for its shim"

    @property
    def clocks(self) -> Clocks:
        """Everybody's."""
        assert self.arena.clocks is not None
        return self.arena.clocks

    def inject(self) -> bool:
        """See Fault."""
        owner = self.arena.owner(self.chance)
        if owner is None:
            return False
        self._before = self.clocks.read_wrong
        self.clocks.set(owner.pid, self.sign * self.chance.randint(STEP_MS_MAX // 10, STEP_MS_MAX))
        return True

    def heal(self) -> bool:
        """See Fault."""
        self.clocks.be_right()
        return self.clocks.read_wrong > self._before


class ClockAhead(ClockStep):
    """Holds end too early by everybody else's clock."""

    name = "clock_ahead"
    about = "an owner's wall clock steps ahead by 0.5 to 5 s, and back later"
    sign = 1


class ClockBehind(ClockStep):
    """Time that was read before comes once more."""

    name = "clock_behind"
    about = "an owner's wall clock steps back by 0.5 to 5 s, and ahead later"
    sign = -1
