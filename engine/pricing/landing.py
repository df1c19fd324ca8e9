"""Landed cost: what one card really cost, in the currency it is sold in. Rounded up, so that no margin is imagined.

    landed = ⌈ (unit cost + fee + unit cost × fee share) × rate ⌉

Exact whole numbers throughout: a share is in millionths, a rate is a fraction of minor units per minor unit, so that
currencies without decimals need no care of their own.
"""

from typing import NamedTuple

from engine.money import Money

MILLION = 1_000_000


class RateUnusable(Exception):
    """There is no rate that may be used: none between these currencies, or only an old one. Enter today's rate."""


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


class Rates:
    """The rates that are known, of which the latest counts; each is good for `age_max_ms`."""

    def __init__(self, age_max_ms: int) -> None:
        self._age_max_ms = age_max_ms
        self._latest: dict[tuple[str, str], Rate] = {}

    def enter(self, rate: Rate) -> None:
        """Take a rate in; an older one than is known changes nothing. Raises ValueError when it is not positive."""
        if rate.numerator <= 0 or rate.denominator <= 0:
            raise ValueError(f"the rate from {rate.source} to {rate.target} must be positive")
        known = self._latest.get((rate.source, rate.target))
        if known is None or known.dated_ms <= rate.dated_ms:
            self._latest[rate.source, rate.target] = rate

    def between(self, source: str, target: str, now_ms: int) -> Rate:
        """The rate to use now. Raises RateUnusable."""
        if source == target:
            return Rate(source, target, 1, 1, now_ms)
        rate = self._latest.get((source, target))
        if rate is None:
            raise RateUnusable(f"no rate from {source} to {target} is known")
        if rate.dated_ms + self._age_max_ms <= now_ms:
            raise RateUnusable(f"the rate from {source} to {target} is of {rate.dated_ms}, too old to sell by")
        return rate


def landed(unit_cost: Money, fees: Fees, rate: Rate) -> Money:
    """What a unit cost in the rate's target currency. The rate must be from the cost's currency."""
    assert unit_cost.currency == rate.source
    cost_ppm = unit_cost.minor * (MILLION + fees.share_ppm) + fees.unit_minor * MILLION
    return Money(_up(cost_ppm * rate.numerator, MILLION * rate.denominator), rate.target)


def _up(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)
