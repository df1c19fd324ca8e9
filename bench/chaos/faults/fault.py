"""What every fault is. A new kind is a class with a name, what it does, and how it is put right."""

from random import Random
from typing import ClassVar

from bench.chaos.arena import Arena


class Fault:
    """One fault, once. Only what surely happened counts: `inject` and `heal` both say whether it did."""

    #: As reports call it; and one line that says what happens.
    name: ClassVar[str]
    about: ClassVar[str]
    #: From its beginning to when it is put right, seconds, least and most.
    lasts_s: ClassVar[tuple[float, float]] = (0.0, 0.0)
    #: What is measured from it until each of `skus` is served: "owner" → `owner_failover_p99_ms`.
    failover_of: ClassVar[str] = ""

    def __init__(self, arena: Arena, chance: Random) -> None:
        self.arena = arena
        self.chance = chance
        #: When it began, monotonic seconds.
        self.at_s = 0.0
        #: SKUs that nobody serves from now on, as far as that is known.
        self.skus: frozenset[str] = frozenset()

    @classmethod
    def missing(cls, arena: Arena) -> str:  # noqa: ARG003 - for those that miss something
        """Why this arena cannot have it; empty when it can."""
        return ""

    def inject(self) -> bool:
        """Do it. Whether it was done."""
        raise NotImplementedError

    def heal(self) -> bool:
        """Put it right, also what was only tried, or half done. Whether anybody can have noticed."""
        return True
