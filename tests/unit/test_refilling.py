"""Water marks: when buying begins, where it ends, and that nothing is bought that is coming already."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.supply.refilling import Marks, to_buy

MARKS = Marks(low=20, high=100, per_purchase_max=50)


@pytest.mark.parametrize(
    ("available", "on_the_way", "bought"),
    [(20, 0, []), (0, 20, []), (19, 0, [50, 31]), (10, 9, [50, 31]), (0, 0, [50, 50]), (500, 0, [])],
)
def test_below_the_low_mark_it_buys_up_to_the_high_one(available: int, on_the_way: int, bought: list[int]) -> None:
    """In purchases of a bounded size."""
    assert to_buy(MARKS, available, on_the_way) == bought


@pytest.mark.parametrize("marks", [Marks(0, 10, 5), Marks(11, 10, 5), Marks(5, 10, 0)])
def test_marks_that_make_no_sense_are_told_apart(marks: Marks) -> None:
    """Never buy, buy for ever, buy nothing."""
    assert not marks.are_sound
    with pytest.raises(AssertionError):
        to_buy(marks, 0, 0)


@given(some.integers(1, 99), some.integers(0, 99), some.integers(1, 40), some.integers(0, 200), some.integers(0, 200))
def test_after_buying_there_is_enough_and_not_too_much(
    low: int, above: int, size: int, available: int, on_the_way: int
) -> None:
    """And what was just bought is not bought again."""
    marks = Marks(low, low + above, size)
    bought = to_buy(marks, available, on_the_way)
    coming = available + on_the_way + sum(bought)
    assert all(0 < each <= size for each in bought)
    assert coming == (marks.high if bought else available + on_the_way)
    assert to_buy(marks, available, on_the_way + sum(bought)) == []
