"""What people type, and what it is taken for."""

from datetime import UTC, datetime, timedelta

import pytest
from cardkeep_client import Money

from clients.cli import show, typed
from clients.cli.failing import CommandFailed, ExitCode


@pytest.mark.parametrize(
    ("text", "minor", "currency"),
    [
        ("15.00 CNY", 1500, "CNY"),
        ("15 CNY", 1500, "CNY"),
        ("0.05 usd", 5, "USD"),
        ("1,000.50 CNY", 100050, "CNY"),
        ("1500 JPY", 1500, "JPY"),
        ("20000 VND", 20000, "VND"),
        ("1.250 KWD", 1250, "KWD"),
    ],
)
def test_money_is_read_in_the_units_of_its_currency(text: str, minor: int, currency: str) -> None:
    """Two decimals for most, none for yen and dong, three for dinars."""
    assert typed.money(text) == Money(minor, currency)


@pytest.mark.parametrize("text", ["15", "15.00", "CNY", "15.001 CNY", "15.5 JPY", "-1 CNY", "1e3 CNY", "15.00 ¥", ""])
def test_money_that_could_be_misread_is_refused_with_an_example(text: str) -> None:
    """A bare number has no currency, and nothing is rounded."""
    with pytest.raises(CommandFailed) as refused:
        typed.money(text)
    assert refused.value.exit_code is ExitCode.USAGE
    assert "15.00 CNY" in refused.value.do


@pytest.mark.parametrize("text", ["2000000000.00 CNY", "1,000,000,000.01 CNY", "100000000001 JPY"])
def test_money_over_the_bound_is_called_too_much(text: str) -> None:
    """It is an amount of money, and more than one may be."""
    with pytest.raises(CommandFailed, match="too much") as refused:
        typed.money(text)
    assert ",000,000,000 " in refused.value.do


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(1500, "CNY", "15.00 CNY"), (5, "USD", "0.05 USD"), (0, "CNY", "0.00 CNY"), (1500, "JPY", "1500 JPY")],
)
def test_money_is_shown_as_it_may_be_typed(minor: int, currency: str, text: str) -> None:
    """What the screen says can be typed back."""
    assert show.money(Money(minor, currency)) == text
    assert typed.money(text) == Money(minor, currency)


def test_a_cost_in_minor_units_needs_its_currency() -> None:
    """`1000 --currency CNY` is ten yuan; 1000 alone is a mistake waiting to happen."""
    assert typed.unit_cost("1000", "CNY") == Money(1000, "CNY")
    assert typed.unit_cost("10.00 CNY", None) == Money(1000, "CNY")
    with pytest.raises(CommandFailed, match="says no currency"):
        typed.unit_cost("1000", None)
    with pytest.raises(CommandFailed, match="--currency is USD"):
        typed.unit_cost("10.00 CNY", "USD")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("2h", 7_200), ("1h30m", 5_400), ("7d", 604_800)]
)
def test_spans_are_read_and_shown(text: str, seconds: int) -> None:
    """The same form both ways, in the biggest units."""
    assert typed.span(text) == timedelta(seconds=seconds)
    assert typed.span(show.span(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["15", "m", "", "-5m", "1.5h", "30m1h"])
def test_spans_without_a_unit_are_refused(text: str) -> None:
    """15 could be seconds or minutes."""
    with pytest.raises(CommandFailed, match="no span"):
        typed.span(text)


def test_a_date_ends_with_its_day_here_and_a_zone_wins() -> None:
    """The last evening of the year in Shanghai is the afternoon in Greenwich."""
    assert typed.moment("2026-12-31") == datetime(2026, 12, 31, 15, 59, 59, 999_000, UTC)
    assert typed.moment("2026-12-31 18:00") == datetime(2026, 12, 31, 10, tzinfo=UTC)
    assert typed.moment("2026-12-31T18:00Z") == datetime(2026, 12, 31, 18, tzinfo=UTC)


@pytest.mark.parametrize("text", ["tomorrow", "31.12.26", "01/02/2026", "2026-13-01", "0", "never", ""])
def test_dates_with_two_readings_are_refused(text: str) -> None:
    """Nobody's codes expire on a guess, and `never` is said by leaving the option out."""
    with pytest.raises(CommandFailed, match="no date"):
        typed.moment(text)


def test_moments_are_shown_in_the_local_zone_with_its_offset() -> None:
    """Eight in the evening here, noon in UTC."""
    assert show.moment(datetime(2026, 5, 1, 12, tzinfo=UTC)) == "2026-05-01 20:00:00+08:00"
    assert show.moment(datetime(9999, 12, 31, 23, 59, tzinfo=UTC)) == "9999-12-31 23:59:00+00:00"


def test_names_may_be_short() -> None:
    """The default tenant goes without saying, and a number with the SKU apart."""
    whole = "tenants/default/skus/NETFLIX-30"
    assert typed.sku_name("NETFLIX-30") == typed.sku_name(whole) == whole
    for text, sku in (("NETFLIX-30/holds/17", None), (f"{whole}/holds/17", None), ("17", "NETFLIX-30"), ("17", whole)):
        assert typed.hold_name(text, sku) == f"{whole}/holds/17"
    assert typed.card_name("3-17", "NETFLIX-30") == typed.card_name("NETFLIX-30/cards/3-17") == f"{whole}/cards/3-17"
    assert typed.hold_name("tenants/acme/skus/A/holds/1") == "tenants/acme/skus/A/holds/1"
    assert show.short(f"{whole}/holds/17") == "NETFLIX-30/holds/17"


@pytest.mark.parametrize("text", ["17", "NETFLIX-30", "NETFLIX-30/holds/0", "a b/holds/1", "NETFLIX-30/batches/1", ""])
def test_what_is_no_hold_is_refused_before_anybody_is_asked(text: str) -> None:
    """A typing mistake is exit code 2, not a refusal of the engine."""
    with pytest.raises(CommandFailed) as refused:
        typed.hold_name(text)
    assert refused.value.exit_code is ExitCode.USAGE


def test_a_batch_goes_alone_and_cards_go_together() -> None:
    """One call withdraws a batch, or cards; a mixture would be two things."""
    batch = "tenants/default/skus/A/batches/3"
    assert typed.batch_or_cards(["A/batches/3"]) == typed.batch_or_cards(["3"], "A") == batch
    assert typed.batch_or_cards(["3-1", "3-2"], "A") == [
        "tenants/default/skus/A/cards/3-1",
        "tenants/default/skus/A/cards/3-2",
    ]
    with pytest.raises(CommandFailed, match="goes alone"):
        typed.batch_or_cards(["A/batches/3", "A/cards/3-1"])
