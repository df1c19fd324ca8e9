"""Pressure of stock that would not be sold before it ends (engine.pricing.pressure)."""

from engine.pricing.pressure import pressure_ppm

DAY_MS = 86_400_000


def _ending(days: int, cards: int) -> tuple[int, int]:
    return days * DAY_MS, cards


def test_pressure_grows_with_what_would_be_left() -> None:
    """One a day: of ten that end in five days five are left, which is half of the most."""
    assert pressure_ppm([_ending(5, 10)], 0, 1_000, 200_000) == 100_000
    assert pressure_ppm([_ending(10, 10)], 0, 1_000, 200_000) == 0
    assert pressure_ppm([_ending(5, 10)], 0, 0, 200_000) == 200_000


def test_what_ends_first_is_sold_first() -> None:
    """Four of the first take four of the ten days from the second: six of its eight go, 2 of 12 are left."""
    assert pressure_ppm([_ending(4, 4), _ending(10, 8)], 0, 1_000, 120_000) == 20_000


def test_nobody_is_pressed_by_what_is_not_known() -> None:
    """No rate, nothing that ends, no share in the rule."""
    assert pressure_ppm([_ending(5, 10)], 0, None, 200_000) == 0
    assert pressure_ppm([], 0, 1_000, 200_000) == 0
    assert pressure_ppm([_ending(5, 10)], 0, 1_000, 0) == 0
