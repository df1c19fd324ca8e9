"""When to buy, and how much: from the low-water mark up to the high one, counting what is on its way.

What a supplier works on is on its way. What is in doubt is not: it may never come, and a shelf that waited for it
would run dry; how much too much may come then is bounded by the exposure (ledger.py). So a shelf never ends above its
high mark by more than what was in doubt.
"""

from typing import NamedTuple


class Marks(NamedTuple):
    """Of one SKU, in cards: buy when fewer than `low` are there or on their way, up to `high`.

    No purchase is for more than `per_purchase_max`.
    """

    low: int
    high: int
    per_purchase_max: int

    @property
    def are_sound(self) -> bool:
        """Whether buying by them ever ends, and ever begins."""
        return 0 < self.low <= self.high and self.per_purchase_max > 0


def to_buy(marks: Marks, available: int, on_the_way: int) -> list[int]:
    """The purchases to make now, in cards, the largest first; none when there is enough.

    `available` can be sold now; `on_the_way` was asked for and is neither settled nor in doubt.
    """
    assert marks.are_sound
    coming = available + on_the_way
    if coming >= marks.low:
        return []
    whole, rest = divmod(marks.high - coming, marks.per_purchase_max)
    return [marks.per_purchase_max] * whole + ([rest] if rest else [])
