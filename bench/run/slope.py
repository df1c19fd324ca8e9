"""Whether a figure grows over time, and how sure one can be: a straight line, and how much it may be off.

Memory moves in steps, and calm and busy seconds come in spells, so single points are no independent witnesses. The
line's uncertainty is found by giving its residuals back in whole blocks (moving-block bootstrap), not one by one.
"""

import random
from collections.abc import Sequence
from typing import NamedTuple

#: Lines drawn through shuffled blocks.
_DRAWS = 1_000

#: Blocks a course is cut into: few, so that a block is longer than a spell; enough, so that their order matters.
_BLOCKS = 10

#: The interval leaves out one of two hundred lines at each end: a run looks at a dozen processes.
_LEFT_OUT = 0.005

_S_AN_HOUR = 3_600.0


class Slope(NamedTuple):
    """How much a figure changes in an hour: the best line, and the 99 % interval around it."""

    an_hour: float
    low: float
    high: float

    def grows(self, negligible: float = 0.0) -> bool:
        """Whether it surely grows, and by more than what nobody would notice."""
        return self.low > 0 and self.an_hour > negligible


def slope(points: Sequence[tuple[float, float]], *, seed: int = 1) -> Slope:
    """The slope of (seconds, value) points, at least three, not all at one moment. Raises ValueError."""
    if len(points) < 3 or points[0][0] == points[-1][0]:
        raise ValueError(f"no slope through {len(points)} points")
    times = [at_s for at_s, _ in points]
    values = [value for _, value in points]
    per_s, at_0 = line(times, values)
    fitted = [at_0 + per_s * at_s for at_s in times]
    residuals = [value - fit for value, fit in zip(values, fitted, strict=True)]
    chance = random.Random(seed)  # noqa: S311 - a seed must give the same interval again
    drawn = sorted(line(times, _disturbed(fitted, residuals, chance))[0] for _ in range(_DRAWS))
    edge = int(_LEFT_OUT * _DRAWS)
    return Slope(per_s * _S_AN_HOUR, drawn[edge] * _S_AN_HOUR, drawn[-1 - edge] * _S_AN_HOUR)


def line(times: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Least squares: slope and value at 0."""
    count = len(times)
    middle_s, middle = sum(times) / count, sum(values) / count
    spread = sum((at_s - middle_s) ** 2 for at_s in times)
    together = sum((at_s - middle_s) * (value - middle) for at_s, value in zip(times, values, strict=True))
    per_s = together / spread
    return per_s, middle - per_s * middle_s


def _disturbed(fitted: Sequence[float], residuals: Sequence[float], chance: random.Random) -> list[float]:
    """The line with residuals from somewhere else, block by block."""
    size = max(1, len(residuals) // _BLOCKS)
    drawn: list[float] = []
    while len(drawn) < len(fitted):
        start = chance.randrange(len(residuals) - size + 1)
        drawn += residuals[start : start + size]
    return [fit + noise for fit, noise in zip(fitted, drawn, strict=False)]
