"""Clearance plans: the published formula, worked by hand (engine.pricing.clearance)."""

from hypothesis import given
from hypothesis import strategies as some

from engine.money import Money
from engine.names import BatchNo
from engine.pricing.clearance import Offer, needed, planned, rate

DAY_MS = 86_400_000


def _offer(cards: int = 40, days: int = 10, **others: int) -> Offer:
    facts = {"floor_minor": 300, "landed_minor": 800, "actual_milli": 1_000, "elasticity_milli": 2_000, **others}
    return Offer(BatchNo(1), "", cards, 0, days * DAY_MS, Money(1_000, "CNY"), **facts)


def test_a_plan_sells_what_would_be_left() -> None:
    """Ten days at one a day leave thirty of forty.

    Down to 367: (1000/789)² × 10/3 = 5.4, (1000/578)² × 10/3 = 10.0, (1000/367)² × 10/3 = 24.7, 40.1 in all; at 368
    the last step sells 24.6 and 39.9 are sold, one too few. It brings 5 × 789 + 10 × 578 + 25 × 367 = 18,900 where
    ten at 1,000 would bring 10,000.
    """
    plan = planned(_offer())
    assert [(step.at_ms, step.price_minor, step.cards) for step in plan.steps] == [
        (0, 789, 5),
        (10 * DAY_MS // 3, 578, 10),
        (20 * DAY_MS // 3, 367, 25),
    ]
    assert (plan.needed_milli, plan.unsold_without, plan.unsold_with, plan.gain_minor) == (4_000, 30, 0, 8_900)


def test_where_cards_go_fast_enough_there_is_nothing_to_do() -> None:
    """Forty in ten days are four a day."""
    plan = planned(_offer(actual_milli=4_000))
    assert (plan.steps, plan.unsold_without, plan.unsold_with, plan.gain_minor) == ((), 0, 0, 0)


def test_a_plan_ends_at_the_floor_where_no_price_sells_all() -> None:
    """Then some are left, and the plan says how many."""
    plan = planned(_offer(cards=1_000))
    assert plan.steps[-1].price_minor == 300
    assert 0 < plan.unsold_with < plan.unsold_without == 990


def test_buyers_who_do_not_care_for_the_price_make_a_plan_a_loss() -> None:
    """A tenth of a per cent for each per cent: lower prices earn less, and the plan says so."""
    assert planned(_offer(elasticity_milli=100)).gain_minor < 0


def test_what_never_sold_is_taken_to_sell_one_a_week() -> None:
    """Else no price would move it: nothing times anything is nothing."""
    plan = planned(_offer(cards=2, actual_milli=0, elasticity_milli=3_000))
    assert plan.unsold_without == 2
    assert plan.unsold_with == 0


def test_rates_are_thousandths_of_a_card_a_day() -> None:
    """Rounded up where they are needed, down where they are measured; no time is taken for a moment."""
    assert needed(10, 0, 3 * DAY_MS) == 3_334
    assert needed(1, 5, 5) == 1_000 * DAY_MS
    assert rate(10, 3 * DAY_MS) == 3_333
    assert rate(0, 0) == 0


@given(
    some.integers(1, 5_000),
    some.integers(1, 400),
    some.integers(0, 20_000),
    some.integers(1, 10_000),
    some.integers(1, 999),
)
def test_a_plan_never_goes_below_its_floor_nor_up(
    cards: int, days: int, actual: int, elasticity: int, floor: int
) -> None:
    """Whatever the figures: prices fall, none is below the floor, and no more cards go than there are."""
    plan = planned(_offer(cards, days, actual_milli=actual, elasticity_milli=elasticity, floor_minor=floor))
    prices = [step.price_minor for step in plan.steps]
    assert prices == sorted(prices, reverse=True)
    assert all(floor <= price <= 1_000 for price in prices)
    assert 0 <= plan.unsold_with <= cards
    assert plan.unsold_with + sum(step.cards for step in plan.steps) in (cards, plan.unsold_with)
