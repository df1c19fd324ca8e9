"""Landed cost: what one card really cost, in the currency it is sold in. Rounded up, so that no margin is imagined.

    landed = ⌈ (unit cost + fee + unit cost × fee share) × rate ⌉

Exact whole numbers throughout: a share is in millionths, a rate is a fraction of minor units per minor unit, so that
currencies without decimals need no care of their own. Which rate counts at a moment: rates.py.
"""

from typing import NamedTuple

from engine.money import Money

MILLION = 1_000_000


class Fees(NamedTuple):
    """What a purchase costs besides: so much a unit, in the cost's currency, and a share of the cost in millionths."""

    unit_minor: int = 0
    share_ppm: int = 0


class Rate(NamedTuple):
    """`numerator` minor units of `target` for each `denominator` minor units of `source`, as of `dated_ms`."""

    source: str
    target: str
    numerator: int
    denominator: int
    dated_ms: int


def landed(unit_cost: Money, fees: Fees, rate: Rate) -> Money:
    """What a unit cost in the rate's target currency. The rate must be from the cost's currency."""
    assert unit_cost.currency == rate.source
    cost_ppm = unit_cost.minor * (MILLION + fees.share_ppm) + fees.unit_minor * MILLION
    return Money(_up(cost_ppm * rate.numerator, MILLION * rate.denominator), rate.target)


def _up(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)
