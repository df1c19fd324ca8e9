"""The ageing report (engine.pricing.ageing)."""

from engine.money import Money
from engine.names import BatchNo
from engine.pricing.ageing import Aged, Bounds, Lying, aged

DAY_MS = 86_400_000
NOW_MS = 1_000 * DAY_MS


def _lying(batch: int, cards: int, *, age: int = 10, days: int | None = None, cost: int | None = 500) -> Lying:
    ends_at_ms = None if days is None else NOW_MS + days * DAY_MS
    landed = None if cost is None else Money(cost, "CNY")
    return Lying(BatchNo(batch), cards, NOW_MS - age * DAY_MS, ends_at_ms, landed)


def test_batches_go_out_one_after_another() -> None:
    """Two a day: the one that ends in ten days first, of whose thirty twenty go; the other waits for it."""
    lines = aged([_lying(1, 20), _lying(2, 30, days=10, cost=None)], NOW_MS, 2_000)
    assert lines == [
        Aged(BatchNo(2), 30, 10, 15, 10, None, is_slow=False),
        Aged(BatchNo(1), 20, 10, 25, 0, Money(10_000, "CNY"), is_slow=False),
    ]


def test_what_is_old_lasts_long_or_never_sells_is_slow() -> None:
    """Each by itself."""
    bounds = Bounds(age_days_max=90, cover_days_max=60)
    assert [line.is_slow for line in aged([_lying(1, 10, age=91)], NOW_MS, 1_000, bounds)] == [True]
    assert [line.is_slow for line in aged([_lying(1, 61)], NOW_MS, 1_000, bounds)] == [True]
    assert [line.is_slow for line in aged([_lying(1, 60)], NOW_MS, 1_000, bounds)] == [False]
    [still] = aged([_lying(1, 1, days=1)], NOW_MS, 0, bounds)
    assert (still.cover_days, still.left, still.is_slow) == (None, 1, True)
