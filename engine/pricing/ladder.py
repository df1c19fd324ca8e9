"""The expiry ladder: when staff are warned of cards that will soon be worth nothing, and that each step is told once.

Cards that expire together stand on the lowest step they have reached: with five days left on that of 7, not on those of
14 and 30 as well. A step is told once; what comes in already near its end is told on its step at once; what has expired
is not told, for it is off sale by itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from engine.money import Money
from engine.names import BatchNo

days_default = (30, 14, 7, 1)

_DAY_MS = 86_400_000


class Lapse(NamedTuple):
    """Cards of one batch on the shelf that expire at one moment, and what they cost in all; None where nobody said."""

    batch: BatchNo
    expires_at_ms: int
    cards: int
    at_risk: Money | None


class Warned(NamedTuple):
    """Staff were told: so many days or less are left to `lapse`."""

    at_ms: int
    days: int
    lapse: Lapse


class Ladder:
    """One SKU's. `due` decides, `apply` notes what was told, live or in replay. Without days nothing is told."""

    def __init__(self, days: Sequence[int] = days_default) -> None:
        self._days = sorted(days)
        self._told: dict[tuple[BatchNo, int], int] = {}

    def set_days(self, days: Sequence[int]) -> None:
        """Warn at so many days left from now on; what was told on a step that stays is not told again."""
        self._days = sorted(days)

    def recall(self, batch: BatchNo, expires_at_ms: int, days: int) -> None:
        """It was told before, says a snapshot."""
        self._told[batch, expires_at_ms] = days

    @property
    def reach_ms(self) -> int:
        """How long before its end something is told of at the earliest."""
        return self._days[-1] * _DAY_MS if self._days else 0

    @property
    def told(self) -> Mapping[tuple[BatchNo, int], int]:
        """The lowest step told, by batch and moment of expiry."""
        return self._told

    def due(self, lapses: Iterable[Lapse], now_ms: int) -> list[Warned]:
        """What is to be told now, the nearest end first. Nothing of what has no cards left."""
        warned = [
            Warned(now_ms, days, lapse)
            for lapse in lapses
            if lapse.cards and (days := self.step(lapse, now_ms)) and days < self._told_of(lapse)
        ]
        return sorted(warned, key=lambda each: (each.lapse.expires_at_ms, each.lapse.batch))

    def apply(self, warned: Warned) -> None:
        """It was told. What is over by then is forgotten, so that this does not grow for ever."""
        for over in [key for key in self._told if key[1] <= warned.at_ms]:
            del self._told[over]
        self._told[warned.lapse.batch, warned.lapse.expires_at_ms] = warned.days

    def step(self, lapse: Lapse, now_ms: int) -> int:
        """The lowest step in days that it has reached; 0 before the first, and when it is over."""
        left_ms = lapse.expires_at_ms - now_ms
        return next((days for days in self._days if 0 < left_ms <= days * _DAY_MS), 0)

    def _told_of(self, lapse: Lapse) -> int:
        return self._told.get((lapse.batch, lapse.expires_at_ms), self._days[-1] + 1)
