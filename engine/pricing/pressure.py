"""Pressure: the share that stock which would not sell before it ends takes off a wanted price.

    stranded = cards that are left when they end, if cards go on selling at today's rate, the first to end first
    pressure = most × stranded ÷ cards that end at all

`most` is the rule's. Without a known rate there is no pressure: nobody can say what would be left.
"""

from collections.abc import Sequence

from engine.pricing.clearance import MILLI

_DAY_MS = 86_400_000


Ending = Sequence[tuple[int, int]]
"""Moments and how many cards end then, in the order of time."""


def pressure_ppm(ending: Ending, now_ms: int, rate_milli: int | None, most_ppm: int) -> int:
    """In millionths of the price. `rate_milli`: what the SKU sells, in thousandths of a card a day; None if unknown."""
    cards = sum(count for _, count in ending)
    if rate_milli is None or not most_ppm or not cards:
        return 0
    return most_ppm * stranded(ending, now_ms, rate_milli) // cards


def stranded(ending: Ending, now_ms: int, rate_milli: int) -> int:
    """Cards left at their end."""
    sold = left = 0
    for expires_at_ms, cards in ending:
        could = max(0, rate_milli * (expires_at_ms - now_ms) // (MILLI * _DAY_MS) - sold)
        gone = min(cards, could)
        sold += gone
        left += cards - gone
    return left
