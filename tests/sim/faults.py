"""What goes wrong, from one seed: how long things take, what is lost on the way, who dies, whose clock steps.

Each seed draws its own mix, so that some runs are all store trouble, some all deaths, and some quiet.
"""

from collections import Counter
from enum import Enum
from random import Random

#: Every kind of trouble, and how likely a seed is to have it at all.
_KINDS = {
    "store_refuses": 0.6,
    "store_loses_question": 0.6,
    "store_loses_answer": 0.6,
    "store_stalls": 0.5,
    "store_tears_group": 0.5,
    "store_away": 0.6,
    "line_breaks": 0.7,
    "owner_killed": 0.7,
    "owner_paused": 0.6,
    "owner_rivalled": 0.6,
    "clock_steps": 0.6,
    "hours_pass": 0.8,
    "fold_crashes": 0.5,
    "pool_moves": 0.7,
    "caller_gives_up": 0.6,
    "asked_twice": 0.8,
    "front_killed": 0.5,
    "desk_killed": 0.6,
    "desk_paused": 0.4,
    "desk_rivalled": 0.4,
    "desk_answer_lost": 0.5,
    "refill_killed": 0.5,
    "nudge_lost": 0.5,
    "supplier_unreached": 0.4,
    "supplier_refuses": 0.5,
    "supplier_commits_silently": 0.7,
    "supplier_loses_order": 0.4,
    "supplier_hears_late": 0.4,
    "supplier_hides": 0.4,
    "supplier_slow": 0.5,
    "supplier_untold": 0.4,
}


class Fate(Enum):
    """What becomes of one call to the store."""

    WELL = "well"
    REFUSED = "store_refuses"
    LOST_QUESTION = "store_loses_question"
    LOST_ANSWER = "store_loses_answer"
    STALLED = "store_stalls"
    TORN = "store_tears_group"


class Faults:
    """The dice of one run. `seen` counts what came to pass."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.active = {kind for kind, likely in _KINDS.items() if self.random.random() < likely}
        self.seen: Counter[str] = Counter()
        self.is_store_away = False
        self.is_over = False
        self._latency_s = self.random.choice((0.0002, 0.001, 0.01))
        self._rate = self.random.choice((0.002, 0.01, 0.05))
        self._fates = [fate for fate in Fate if fate.value in self.active]

    def happens(self, kind: str, likely: float) -> bool:
        """Whether something goes wrong now."""
        if self.is_over or kind not in self.active or self.random.random() >= likely:
            return False
        self.seen[kind] += 1
        return True

    def latency_s(self) -> float:
        """How long a message takes: mostly the usual, sometimes ten times that."""
        chance = self.random.random
        usual_s = self._latency_s * (0.5 + chance())
        return usual_s * 10 if chance() < 0.02 else usual_s

    def stall_s(self) -> float:
        """How long what stalls is on its way: often longer than anyone waits for it."""
        return self.random.uniform(0.5, 12.0)

    def fate(self) -> Fate:
        """What becomes of the next call to the store."""
        chance = self.random.random() / self._rate
        if chance >= len(self._fates) or self.is_over:
            return Fate.WELL
        fate = self._fates[int(chance)]
        self.seen[fate.value] += 1
        return fate

    def cease(self) -> None:
        """Nothing goes wrong any more."""
        self.is_over = True
        self.is_store_away = False
