"""What a SKU should sell for, why, and how far a price may move by itself.

Rules.
1. The price wanted is the one at which the landed cost leaves the target margin: ⌈cost ÷ (1 − margin)⌉. A competitor
   who is cheaper pulls it down to his price, pressure (expiry, too much stock) by its share; neither below the floor.
2. The floor is the rule's own or the landed cost, whichever is higher. Only a clearance plan, which a person accepted,
   sets a lower one. At or above it a card may be sold; below it nothing is, whatever the price says.
3. The ceiling holds for what is wanted. Where the floor is above the ceiling nothing is suggested: a person must
   change a rule, and is told.
4. Inside the dead band nothing moves. Outside, a price moves by one step at most, and then not before it has rested.
5. From below the floor it moves at once and all the way: no dead band, step, or rest. Such a move is never automatic,
   nor is any when the rules ask for approval.
"""

from enum import StrEnum
from typing import NamedTuple

from engine.pricing.landing import MILLION


class Why(StrEnum):
    """What moved a price, or kept it from moving."""

    COST = "COST"
    BELOW_FLOOR = "BELOW_FLOOR"
    COMPETITOR = "COMPETITOR"
    PRESSURE = "PRESSURE"
    CLEARANCE = "CLEARANCE"
    FLOOR = "FLOOR"
    CEILING = "CEILING"
    STEP = "STEP"
    FLOOR_ABOVE_CEILING = "FLOOR_ABOVE_CEILING"
    STAFF = "STAFF"
    CLEARANCE_OVER = "CLEARANCE_OVER"


class Rules(NamedTuple):
    """Of one SKU and channel. Prices in minor units of the channel's currency; shares in millionths of the price.

    `target_margin_ppm` below a million. `rest_ms` is the shortest time between two changes.
    """

    floor_minor: int
    ceiling_minor: int
    target_margin_ppm: int
    dead_band_ppm: int
    step_max_ppm: int
    rest_ms: int
    needs_approval: bool = True


class Figures(NamedTuple):
    """What is known now. `pressure_ppm` is the share that stock or expiry would take off; 0 is no competitor known.

    `clearance_minor` is the price of an accepted clearance plan, 0 without one.
    """

    price_minor: int
    landed_minor: int
    changed_at_ms: int
    competitor_minor: int = 0
    pressure_ppm: int = 0
    clearance_minor: int = 0


class Suggestion(NamedTuple):
    """A new price, why, and whether it may be set without a person. Price 0: no price fits the rules."""

    price_minor: int
    why: tuple[Why, ...]
    is_automatic: bool


def floor_minor(figures: Figures, rules: Rules) -> int:
    """The lowest price at which a card is sold at all."""
    if figures.clearance_minor:
        return figures.clearance_minor
    return max(rules.floor_minor, figures.landed_minor)


def suggested(figures: Figures, rules: Rules, now_ms: int) -> Suggestion | None:
    """The price to go to; None when it is right as it is, or must rest."""
    floor = floor_minor(figures, rules)
    is_below = figures.price_minor < floor
    if floor > rules.ceiling_minor:
        return Suggestion(0, (Why.FLOOR_ABOVE_CEILING,), is_automatic=False)
    wanted, why = _wanted(figures, rules)
    wanted, why = _within(wanted, why, floor, rules.ceiling_minor)
    if not is_below:
        if now_ms < figures.changed_at_ms + rules.rest_ms or _is_near(wanted, figures.price_minor, rules):
            return None
        wanted, why = _stepped(wanted, why, figures.price_minor, rules)
    if wanted == figures.price_minor:
        return None
    reasons = (Why.BELOW_FLOOR, *why) if is_below else why
    return Suggestion(wanted, reasons, is_automatic=not (is_below or rules.needs_approval))


def _wanted(figures: Figures, rules: Rules) -> tuple[int, tuple[Why, ...]]:
    """Before any bound."""
    if figures.clearance_minor:
        return figures.clearance_minor, (Why.CLEARANCE,)
    assert 0 <= rules.target_margin_ppm < MILLION
    wanted = -(-figures.landed_minor * MILLION // (MILLION - rules.target_margin_ppm))
    why = [Why.COST]
    if 0 < figures.competitor_minor < wanted:
        wanted = figures.competitor_minor
        why.append(Why.COMPETITOR)
    if figures.pressure_ppm:
        wanted = wanted * (MILLION - figures.pressure_ppm) // MILLION
        why.append(Why.PRESSURE)
    return wanted, tuple(why)


def _within(wanted: int, why: tuple[Why, ...], floor: int, ceiling: int) -> tuple[int, tuple[Why, ...]]:
    if wanted < floor:
        return floor, (*why, Why.FLOOR)
    if wanted > ceiling:
        return ceiling, (*why, Why.CEILING)
    return wanted, why


def _is_near(wanted: int, price: int, rules: Rules) -> bool:
    return abs(wanted - price) * MILLION <= price * rules.dead_band_ppm


def _stepped(wanted: int, why: tuple[Why, ...], price: int, rules: Rules) -> tuple[int, tuple[Why, ...]]:
    step = price * rules.step_max_ppm // MILLION
    if abs(wanted - price) <= step:
        return wanted, why
    return price + step if wanted > price else price - step, (*why, Why.STEP)
