"""Pressure: the share that stock which would not sell before it ends takes off a wanted price.

    stranded = cards that are left when they end, if cards go on selling at today's rate, the first to end first
    pressure = most × stranded ÷ cards that end at all

`most` is the rule's. Without a known rate there is no pressure: nobody can say what would be left.
"""

from collections.abc import Iterable

from engine.pricing.clearance import MILLI
from engine.pricing.ladder import Lapse

_DAY_MS = 86_400_000


def pressure_ppm(lapses: Iterable[Lapse], now_ms: int, rate_milli: int | None, most_ppm: int) -> int:
    """In millionths of the price. `rate_milli`: what the SKU sells, in thousandths of a card a day; None if unknown."""
    ending = sorted((lapse.expires_at_ms, lapse.cards) for lapse in lapses)
    cards = sum(count for _, count in ending)
    if rate_milli is None or not most_ppm or not cards:
        return 0
    return most_ppm * stranded(ending, now_ms, rate_milli) // cards


def stranded(ending: Iterable[tuple[int, int]], now_ms: int, rate_milli: int) -> int:
    """Cards left at their end, of (expires_at_ms, cards) in the order of time."""
    sold = left = 0
    for expires_at_ms, cards in ending:
        could = max(0, rate_milli * (expires_at_ms - now_ms) // (MILLI * _DAY_MS) - sold)
        gone = min(cards, could)
        sold += gone
        left += cards - gone
    return left
