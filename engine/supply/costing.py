"""The inverse of landing a cost: what a unit may cost at its supplier, so that landed it stays within a bound."""

from engine.money import Money
from engine.pricing.landing import MILLION, Fees, Rate


def affordable(landed_max: Money, fees: Fees, rate: Rate) -> Money:
    """The dearest unit cost, in the rate's source currency, that lands at `landed_max` or below; 0 when none does.

    The rate must be to the bound's currency.
    """
    assert landed_max.currency == rate.target
    cost_ppm = landed_max.minor * MILLION * rate.denominator // rate.numerator - fees.unit_minor * MILLION
    return Money(max(0, cost_ppm // (MILLION + fees.share_ppm)), rate.source)
