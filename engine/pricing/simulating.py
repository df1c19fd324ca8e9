"""What a price rule would have done in the past: the same rule that runs live, over sales that were made.

Each sale is one moment: the rule is asked, and its suggestion is taken as approved at once; then the floor is asked as
Allocate asks it. Units are taken as they were, whatever the price: so a margin here says what the rule does to prices,
not how buyers would have answered.
"""

from collections.abc import Sequence
from typing import NamedTuple

from engine.pricing.repricing import Figures, Rules, Why, floor_minor, suggested


class PastSale(NamedTuple):
    """So many units were sold at a price, and cost so much each. In minor units of one currency."""

    at_ms: int
    units: int
    price_minor: int
    cost_minor: int


class Move(NamedTuple):
    """The rule would have gone to this price, and why; 0 where no price fits the rule."""

    at_ms: int
    price_minor: int
    why: tuple[Why, ...]


class Simulated(NamedTuple):
    """What came of it beside what was. `refused_units` would not have been sold, for no price of theirs was allowed.

    `lost_units` were in truth sold below what they cost.
    """

    moves: tuple[Move, ...]
    was_margin_minor: int
    margin_minor: int
    refused_units: int
    lost_units: int


def simulate(sales: Sequence[PastSale], rules: Rules) -> Simulated:
    """Run a rule over past sales, in the order of time, from the first one's price on."""
    moves: list[Move] = []
    margin = refused = price = changed_at_ms = 0
    ordered = sorted(sales)
    for sale in ordered:
        price = price or sale.price_minor
        figures = Figures(price, sale.cost_minor, changed_at_ms)
        step = suggested(figures, rules, sale.at_ms)
        if step is not None and (not moves or moves[-1][1:] != (step.price_minor, step.why)):
            moves.append(Move(sale.at_ms, step.price_minor, step.why))
        if step is not None and step.price_minor:
            price, changed_at_ms = step.price_minor, sale.at_ms
        if price < floor_minor(figures, rules):
            refused += sale.units
        else:
            margin += sale.units * (price - sale.cost_minor)
    return Simulated(
        tuple(moves),
        sum(sale.units * (sale.price_minor - sale.cost_minor) for sale in ordered),
        margin,
        refused,
        sum(sale.units for sale in ordered if sale.price_minor < sale.cost_minor),
    )
