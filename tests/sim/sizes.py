"""How large a simulated house is. Most are small, since a mistake needs few people and a search needs many houses."""

from random import Random
from typing import NamedTuple

Span = tuple[int, int]
"""From, to, both included."""


class Size(NamedTuple):
    """How many of each there are: owners and pools in all, people and what each of them does for each pool."""

    owners_max: int
    pools_max: int
    buyers: Span
    purchases: Span
    imports: Span
    crowd: Span
    staff_rounds: Span


_SIZES = {
    # Owners, pools; buyers, purchases of each, imports, buyers who come all at once, what staff do.
    Size(2, 2, (1, 3), (1, 3), (1, 2), (2, 8), (0, 2)): 0.955,
    Size(3, 3, (2, 8), (3, 9), (1, 3), (2, 20), (0, 5)): 0.04,
    Size(3, 3, (8, 16), (6, 14), (2, 4), (10, 60), (2, 10)): 0.005,
}


def drawn(chance: Random) -> Size:
    """A size by chance: small ones twenty-one times of twenty-two, large ones once in two hundred."""
    return chance.choices(list(_SIZES), list(_SIZES.values()))[0]
