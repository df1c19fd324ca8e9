"""Landed cost, by hand; and that it is never less than the truth."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as some

from engine.money import Money
from engine.pricing.landing import MILLION, Fees, Rate, landed

NOW_MS = 1_700_000_000_000


def test_a_dollar_card_in_yuan_with_its_fees() -> None:
    """9.50 USD + 0.10 USD + 1.5 % of 9.50 = 9.7425 USD; at 7.1234 that is 69.3997…, so 69.40 CNY."""
    rate = Rate("USD", "CNY", 71_234, 10_000, NOW_MS)
    assert landed(Money(950, "USD"), Fees(unit_minor=10, share_ppm=15_000), rate) == Money(6_940, "CNY")


def test_a_currency_without_decimals_is_counted_in_its_own_minor_units() -> None:
    """1,000 JPY at 0.0468 CNY a yen are 46.80 CNY: 4.68 fen a yen."""
    assert landed(Money(1_000, "JPY"), Fees(), Rate("JPY", "CNY", 468, 100, NOW_MS)) == Money(4_680, "CNY")


_SIZES = some.integers(0, 10**9)


@given(_SIZES, _SIZES, some.integers(0, MILLION), some.integers(1, 10**9), some.integers(1, 10**9))
def test_rounding_never_hides_a_loss_and_costs_less_than_one_minor_unit(
    cost: int, fee: int, share_ppm: int, numerator: int, denominator: int
) -> None:
    """Against exact fractions."""
    rate = Rate("USD", "CNY", numerator, denominator, NOW_MS)
    exact = (cost + fee + Fraction(cost * share_ppm, MILLION)) * Fraction(numerator, denominator)
    assert 0 <= landed(Money(cost, "USD"), Fees(fee, share_ppm), rate).minor - exact < 1
