"""Money is minor units and a currency."""

from engine.money import Money, is_currency


def test_a_price_of_several_pieces_keeps_its_currency() -> None:
    """Three at 500 are 1500, in the same currency."""
    assert Money(500, "CNY").times(3) == Money(1500, "CNY")


def test_money_says_that_its_units_are_minor() -> None:
    """A log reader must not take fen for yuan."""
    assert str(Money(500, "CNY")) == "500 CNY (minor units)"


def test_a_currency_has_three_capitals() -> None:
    """The form of ISO 4217."""
    assert is_currency("CNY")
    assert not is_currency("cny")
    assert not is_currency("CNYX")
    assert not is_currency("CNY\n")
