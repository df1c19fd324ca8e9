"""Repricing, rule by rule; and that no figures, however wrong, lead to a price below the floor."""

from hypothesis import given
from hypothesis import strategies as some

from engine.pricing.landing import MILLION
from engine.pricing.repricing import Figures, Rules, Suggestion, Why, floor_minor, suggested

NOW_MS = 1_700_000_000_000
HOUR_MS = 3_600_000

RULES = Rules(
    floor_minor=800,
    ceiling_minor=3_000,
    target_margin_ppm=200_000,
    dead_band_ppm=20_000,
    step_max_ppm=100_000,
    rest_ms=HOUR_MS,
    needs_approval=False,
)
FIGURES = Figures(price_minor=1_250, landed_minor=1_000, changed_at_ms=NOW_MS - HOUR_MS)


def _suggested(rules: Rules = RULES, **others: int) -> Suggestion | None:
    return suggested(FIGURES._replace(**others), rules, NOW_MS)


def test_at_the_target_margin_nothing_moves() -> None:
    """Cost 10.00, margin 20 % of the price: 12.50."""
    assert _suggested() is None


def test_a_higher_cost_raises_the_price_to_the_margin_rounded_up() -> None:
    """10.61 ÷ 0.8 = 13.2625, so 13.27."""
    assert _suggested(landed_minor=1_061) == Suggestion(1_327, (Why.COST,), is_automatic=True)


def test_inside_the_dead_band_nothing_moves() -> None:
    """2 % of 12.50 is 0.25: 12.75 is near, 12.76 is not."""
    assert _suggested(landed_minor=1_020) is None
    assert _suggested(landed_minor=1_021) == Suggestion(1_277, (Why.COST,), is_automatic=True)


def test_a_price_moves_by_one_step_at_most_both_ways() -> None:
    """10 % of 12.50."""
    assert _suggested(landed_minor=1_200) == Suggestion(1_375, (Why.COST, Why.STEP), is_automatic=True)
    assert _suggested(landed_minor=800) == Suggestion(1_125, (Why.COST, Why.STEP), is_automatic=True)
    assert _suggested(landed_minor=1_100) == Suggestion(1_375, (Why.COST,), is_automatic=True)


def test_and_then_it_rests() -> None:
    """To the millisecond."""
    assert _suggested(landed_minor=1_200, changed_at_ms=NOW_MS - HOUR_MS + 1) is None


def test_a_cheaper_competitor_and_pressure_pull_it_down_and_a_dearer_one_does_not_push() -> None:
    """11.90; 5 % off 12.50 is 11.875, cut to 11.87; both together 11.305, cut to 11.30."""
    assert _suggested(competitor_minor=1_190) == Suggestion(1_190, (Why.COST, Why.COMPETITOR), is_automatic=True)
    assert _suggested(competitor_minor=1_900) is None
    assert _suggested(pressure_ppm=50_000) == Suggestion(1_187, (Why.COST, Why.PRESSURE), is_automatic=True)
    both = (Why.COST, Why.COMPETITOR, Why.PRESSURE)
    assert _suggested(competitor_minor=1_190, pressure_ppm=50_000) == Suggestion(1_130, both, is_automatic=True)


def test_neither_goes_below_the_landed_cost_or_the_rules_own_floor() -> None:
    """Whichever is higher."""
    wide = RULES._replace(step_max_ppm=MILLION)
    dumped = (Why.COST, Why.COMPETITOR, Why.FLOOR)
    assert _suggested(wide, competitor_minor=1) == Suggestion(1_000, dumped, is_automatic=True)
    own = wide._replace(floor_minor=1_100)
    assert _suggested(own, competitor_minor=1) == Suggestion(1_100, dumped, is_automatic=True)


def test_the_ceiling_holds() -> None:
    """30.00, with a cost that would like 31.25."""
    assert _suggested(RULES, price_minor=2_900, landed_minor=2_500) == Suggestion(
        3_000, (Why.COST, Why.CEILING), is_automatic=True
    )


def test_a_cost_that_jumps_sevenfold_is_left_at_once_and_only_by_a_person() -> None:
    """Neither step nor rest keep a price below its cost; the sale itself stops at the floor meanwhile."""
    rules = RULES._replace(ceiling_minor=20_000)
    figures = FIGURES._replace(landed_minor=7_000, changed_at_ms=NOW_MS)
    assert floor_minor(figures, rules) == 7_000
    assert suggested(figures, rules, NOW_MS) == Suggestion(8_750, (Why.BELOW_FLOOR, Why.COST), is_automatic=False)


def test_a_floor_above_the_ceiling_is_told_and_sets_no_price() -> None:
    """The same jump under the old ceiling."""
    assert _suggested(landed_minor=7_000) == Suggestion(0, (Why.FLOOR_ABOVE_CEILING,), is_automatic=False)


def test_an_accepted_clearance_plan_is_the_floor_and_the_aim() -> None:
    """Below cost, by steps, and then it stays there."""
    wide = RULES._replace(step_max_ppm=MILLION)
    assert _suggested(wide, clearance_minor=600) == Suggestion(600, (Why.CLEARANCE,), is_automatic=True)
    assert _suggested(clearance_minor=600) == Suggestion(1_125, (Why.CLEARANCE, Why.STEP), is_automatic=True)
    assert _suggested(price_minor=600, clearance_minor=600) is None
    assert floor_minor(FIGURES._replace(clearance_minor=600), RULES) == 600


def test_a_rule_that_asks_for_approval_changes_nothing_by_itself() -> None:
    """The same price, for a person."""
    suggestion = _suggested(RULES._replace(needs_approval=True), landed_minor=1_061)
    assert suggestion is not None
    assert not suggestion.is_automatic


def test_a_price_so_low_that_a_step_is_nothing_stays() -> None:
    """9 fen, 10 % of which is no fen."""
    rules = RULES._replace(floor_minor=1)
    assert suggested(Figures(9, 3, 0), rules, NOW_MS) is None


_PRICES = some.integers(1, 10**6)


@given(
    some.builds(Figures, _PRICES, _PRICES, some.just(0), _PRICES, some.integers(0, MILLION), some.just(0)),
    some.builds(
        Rules,
        floor_minor=_PRICES,
        ceiling_minor=_PRICES,
        target_margin_ppm=some.integers(0, 900_000),
        dead_band_ppm=some.integers(0, 500_000),
        step_max_ppm=some.integers(0, 500_000),
        rest_ms=some.just(0),
        needs_approval=some.booleans(),
    ),
)
def test_no_suggestion_is_a_loss_or_a_leap_and_following_them_comes_to_rest(figures: Figures, rules: Rules) -> None:
    """Whatever the figures: at or above the floor, a step at most unless out of a loss, and an end."""
    for _ in range(200):
        suggestion = suggested(figures, rules, NOW_MS)
        if suggestion is None or not suggestion.price_minor:
            break
        floor, price = floor_minor(figures, rules), suggestion.price_minor
        is_below = figures.price_minor < floor
        assert price >= floor
        assert price != figures.price_minor
        assert price <= max(rules.ceiling_minor, figures.price_minor)
        assert is_below or abs(price - figures.price_minor) * MILLION <= figures.price_minor * rules.step_max_ppm
        assert not (suggestion.is_automatic and is_below)
        figures = figures._replace(price_minor=price)
    else:
        assert rules.step_max_ppm < 100_000, "a price that may move by a tenth is there after two hundred steps"
