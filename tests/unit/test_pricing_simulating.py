"""A rule on past sales (engine.pricing.simulating)."""

from engine.pricing.repricing import Rules, Why
from engine.pricing.simulating import Move, PastSale, Simulated, simulate

DAY_MS = 86_400_000
RULES = Rules(
    floor_minor=100,
    ceiling_minor=5_000,
    target_margin_ppm=200_000,
    dead_band_ppm=20_000,
    step_max_ppm=1_000_000,
    rest_ms=0,
)


def test_a_cost_that_jumped_sevenfold_would_not_have_been_a_loss() -> None:
    """Ten units at 800 that cost 500, then ten at 800 that cost 3,500.

    In truth 10 × 300 − 10 × 2,700. The rule wants 500/0.8 = 625 first, and 4,375 when the cost has jumped.
    """
    sales = [PastSale(2 * DAY_MS, 10, 800, 3_500), PastSale(DAY_MS, 10, 800, 500)]
    assert simulate(sales, RULES) == Simulated(
        (Move(DAY_MS, 625, (Why.COST,)), Move(2 * DAY_MS, 4_375, (Why.BELOW_FLOOR, Why.COST))),
        was_margin_minor=-24_000,
        margin_minor=10 * 125 + 10 * 875,
        refused_units=0,
        lost_units=10,
    )


def test_where_no_price_fits_the_rule_nothing_would_have_been_sold() -> None:
    """The cost is above the ceiling: that is said once, and the sales are counted as refused."""
    low = RULES._replace(ceiling_minor=1_000, dead_band_ppm=1_000_000)
    sales = [PastSale(day * DAY_MS, 3, 800, cost) for day, cost in enumerate([500, 3_500, 3_500, 500])]
    simulated = simulate(sales, low)
    assert simulated.moves == (Move(DAY_MS, 0, (Why.FLOOR_ABOVE_CEILING,)),)
    assert (simulated.refused_units, simulated.margin_minor) == (6, 6 * 300)


def test_nothing_was_sold() -> None:
    """No sales, no moves."""
    assert simulate([], RULES) == Simulated((), 0, 0, 0, 0)
