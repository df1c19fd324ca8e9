"""Landed cost, by hand; and that it is never less than the truth."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.money import Money
from engine.pricing.landing import MILLION, Fees, Rate, Rates, RateUnusable, landed

NOW_MS = 1_700_000_000_000
DAY_MS = 86_400_000


def test_a_dollar_card_in_yuan_with_its_fees() -> None:
    """9.50 USD + 0.10 USD + 1.5 % of 9.50 = 9.7425 USD; at 7.1234 that is 69.3997…, so 69.40 CNY."""
    rate = Rate("USD", "CNY", 71_234, 10_000, NOW_MS)
    assert landed(Money(950, "USD"), Fees(unit_minor=10, share_ppm=15_000), rate) == Money(6_940, "CNY")


def test_a_currency_without_decimals_is_counted_in_its_own_minor_units() -> None:
    """1,000 JPY at 0.0468 CNY a yen are 46.80 CNY: 4.68 fen a yen."""
    assert landed(Money(1_000, "JPY"), Fees(), Rate("JPY", "CNY", 468, 100, NOW_MS)) == Money(4_680, "CNY")


def test_the_latest_rate_counts_until_it_is_too_old() -> None:
    """Entered in any order; good to the millisecond before its age."""
    rates = Rates(age_max_ms=DAY_MS)
    new, old = Rate("USD", "CNY", 72, 10, NOW_MS), Rate("USD", "CNY", 71, 10, NOW_MS - 1)
    for rate in (new, old):
        rates.enter(rate)
    assert rates.between("USD", "CNY", NOW_MS + DAY_MS - 1) == new
    with pytest.raises(RateUnusable, match="too old"):
        rates.between("USD", "CNY", NOW_MS + DAY_MS)
    corrected = new._replace(numerator=73)
    rates.enter(corrected)
    assert rates.between("USD", "CNY", NOW_MS) == corrected


def test_a_rate_nobody_entered_is_an_error_and_the_same_currency_needs_none() -> None:
    """Not even the way back of one that is known: it has another spread."""
    rates = Rates(DAY_MS)
    rates.enter(Rate("USD", "CNY", 72, 10, NOW_MS))
    with pytest.raises(RateUnusable, match="from CNY to USD"):
        rates.between("CNY", "USD", NOW_MS)
    assert landed(Money(950, "CNY"), Fees(), rates.between("CNY", "CNY", NOW_MS)) == Money(950, "CNY")


@pytest.mark.parametrize("part", ["numerator", "denominator"])
@pytest.mark.parametrize("number", [0, -1])
def test_a_rate_that_would_make_a_cost_nothing_is_refused(part: str, number: int) -> None:
    """A slip of the keyboard must not give cards away."""
    with pytest.raises(ValueError, match="positive"):
        Rates(DAY_MS).enter(Rate("USD", "CNY", 72, 10, NOW_MS)._replace(**{part: number}))


_SIZES = some.integers(0, 10**9)


@given(_SIZES, _SIZES, some.integers(0, MILLION), some.integers(1, 10**9), some.integers(1, 10**9))
def test_rounding_never_hides_a_loss_and_costs_less_than_one_minor_unit(
    cost: int, fee: int, share_ppm: int, numerator: int, denominator: int
) -> None:
    """Against exact fractions."""
    rate = Rate("USD", "CNY", numerator, denominator, NOW_MS)
    exact = (cost + fee + Fraction(cost * share_ppm, MILLION)) * Fraction(numerator, denominator)
    assert 0 <= landed(Money(cost, "USD"), Fees(fee, share_ppm), rate).minor - exact < 1
