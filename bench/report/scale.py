"""From figures to places on a plot, and where an axis gets its ticks. Pure arithmetic."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

#: Ticks an axis gets at about most.
_TICKS = 5

#: Below this a tail percentile is the end of the axis: one in a million.
_NINES_MAX = 6.0


class Axis(NamedTuple):
    """One direction of a plot: a figure to its place, and the figures to name."""

    place: Callable[[float], float]
    ticks: Sequence[tuple[float, str]]


def linear(low: float, high: float, begin: float, end: float) -> Axis:
    """An axis of round numbers that covers low to high, drawn from begin to end."""
    step = _round_step((high - low) / _TICKS or 1.0)
    first, last = math.floor(low / step) * step, math.ceil(high / step) * step
    last = last if last > first else first + step

    def place(value: float) -> float:
        return begin + (value - first) / (last - first) * (end - begin)

    count = round((last - first) / step)
    return Axis(place, [(first + number * step, short(first + number * step)) for number in range(count + 1)])


def logarithmic(low: float, high: float, begin: float, end: float) -> Axis:
    """An axis of equal factors that covers low to high, both above 0, drawn from begin to end."""
    first = math.log10(low)
    last = max(math.log10(high), first + 0.3)

    def place(value: float) -> float:
        return begin + (math.log10(max(value, low)) - first) / (last - first) * (end - begin)

    steps = (1, 2, 5) if last - first < 3 else (1,)
    values = [step * 10.0**power for power in range(math.floor(first), math.ceil(last) + 1) for step in steps]
    return Axis(place, [(one, short(one)) for one in values if low * 0.999 <= one <= 10**last * 1.001])


def percentiles(highest: float, begin: float, end: float) -> Axis:
    """The axis of a percentile plot: each nine more takes as much room, so that the tail can be seen."""
    nines_max = min(_NINES_MAX, max(2.0, _nines(highest)))

    def place(percentile: float) -> float:
        return begin + min(_nines(percentile), nines_max) / nines_max * (end - begin)

    named = [50.0, 90.0, 99.0, 99.9, 99.99, 99.999, 99.9999]
    return Axis(place, [(one, f"{one:g} %") for one in named if _nines(one) <= nines_max + 0.01])


def short(value: float) -> str:
    """A tick's name: 1.2M, 30k, 250, 0.5."""
    for bound, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= bound:
            return f"{value / bound:.3g}{letter}"
    return f"{value:.3g}"


def _nines(percentile: float) -> float:
    left = 1 - percentile / 100
    return _NINES_MAX if left < 10**-_NINES_MAX else -math.log10(left)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if rough <= step * power * 1.0001)
