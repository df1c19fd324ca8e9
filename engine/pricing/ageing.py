"""The ageing report: how long each batch has lain on the shelf, how long it will last, and what will be left of it.

cover    = cards of this batch and of all that go out before it ÷ rate       days until it is sold
left     = cards of it still there when it ends, at that rate
slow     = cover beyond `cover_days_max`, or older than `age_days_max`
"""

from collections.abc import Sequence
from typing import NamedTuple

from engine.money import Money
from engine.names import BatchNo
from engine.pricing.clearance import MILLI

_DAY_MS = 86_400_000


class Lying(NamedTuple):
    """A batch with cards on the shelf. `expires_at_ms` is None for never; `landed` is what one card cost, if known."""

    batch: BatchNo
    cards: int
    arrived_at_ms: int
    expires_at_ms: int | None
    landed: Money | None


class Bounds(NamedTuple):
    """From when on a batch is slow, in days."""

    age_days_max: int = 90
    cover_days_max: int = 60


usual = Bounds()


class Aged(NamedTuple):
    """One line of the report. `cover_days` is None when nothing sells; `tied_up` is what its cards cost, if known."""

    batch: BatchNo
    cards: int
    age_days: int
    cover_days: int | None
    left: int
    tied_up: Money | None
    is_slow: bool


def aged(lying: Sequence[Lying], now_ms: int, rate_milli: int, bounds: Bounds = usual) -> list[Aged]:
    """The report, in the order in which the batches go out. `rate_milli`: thousandths of a card a day in all."""
    lines: list[Aged] = []
    before = 0
    for one in sorted(lying, key=_goes_out):
        age_days = (now_ms - one.arrived_at_ms) // _DAY_MS
        through = before + one.cards
        cover = through * MILLI // rate_milli if rate_milli else None
        left = 0 if one.expires_at_ms is None else _left(one, before, rate_milli * (one.expires_at_ms - now_ms))
        slow = age_days > bounds.age_days_max or cover is None or cover > bounds.cover_days_max
        cost = None if one.landed is None else one.landed.times(one.cards)
        lines.append(Aged(one.batch, one.cards, age_days, cover, left, cost, slow))
        before = through
    return lines


def _goes_out(one: Lying) -> tuple[bool, int, BatchNo]:
    return one.expires_at_ms is None, one.expires_at_ms or 0, one.batch


def _left(one: Lying, before: int, rate_times_ms: int) -> int:
    """What of it is there at its end, when all before it went out first."""
    sold = max(0, rate_times_ms // (MILLI * _DAY_MS) - before)
    return max(0, one.cards - sold)
