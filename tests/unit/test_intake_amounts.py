"""Amounts: exact in the currency of the import, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.intake.amounts import amount, minor_places
from engine.intake.refusals import LineRefused, Reason
from engine.limits import money_minor_max
from engine.money import Money


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("100", "CNY", 10_000),
        ("100.5", "CNY", 10_050),
        ("100.50", "CNY", 10_050),
        ("0.01", "CNY", 1),
        ("¥100.00", "CNY", 10_000),
        ("￥100", "CNY", 10_000),
        ("100元", "CNY", 10_000),
        ("RMB 100", "CNY", 10_000),
        ("1,234,567.89", "CNY", 123_456_789),
        ("$25", "USD", 2_500),
        ("25 usd", "USD", 2_500),
        ("€9.99", "EUR", 999),
        ("¥500", "JPY", 500),
        ("500.00", "JPY", 500),
        ("1.234", "KWD", 1_234),
        (" 30 ", "CNY", 3_000),
        ("1000000000", "CNY", money_minor_max),
    ],
)
def test_amounts_are_read_in_minor_units(text: str, currency: str, minor: int) -> None:
    """Signs and codes of the same currency are welcome."""
    assert amount(text, currency) == Money(minor, currency)


@pytest.mark.parametrize("text", ["", "   "])
def test_an_empty_cell_is_no_amount(text: str) -> None:
    """None, and not nothing at all: zero is an amount."""
    assert amount(text, "CNY") is None
    assert amount("0", "CNY") == Money(0, "CNY")


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("$25", "CNY"),
        ("25 EUR", "USD"),
        ("100元", "USD"),
        ("100.001", "CNY"),
        ("500.5", "JPY"),
        ("1,00", "CNY"),
        ("1.000,00", "EUR"),
        ("-5", "CNY"),
        ("ten", "CNY"),
        ("1E+2", "CNY"),
        ("1 000", "CNY"),
        ("1000000000.01", "CNY"),
        ("9999999999999", "CNY"),
        ("1.", "CNY"),
        ("１００", "CNY"),
    ],
)
def test_another_currency_and_unclear_figures_are_refused(text: str, currency: str) -> None:
    """A face value a hundred times too high is found by a buyer."""
    with pytest.raises(LineRefused) as caught:
        amount(text, currency)
    assert caught.value.reason is Reason.INVALID_MONEY


@given(st.integers(0, money_minor_max), st.sampled_from(["CNY", "JPY", "KWD"]))
def test_every_amount_written_out_is_read_back(minor: int, currency: str) -> None:
    """With all decimal places of its currency."""
    places = minor_places(currency)
    figures = str(minor).rjust(places + 1, "0")
    text = f"{figures[:-places]}.{figures[-places:]}" if places else figures
    assert amount(text, currency) == Money(minor, currency)
