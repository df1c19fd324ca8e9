"""Rates of exchange as staff entered them: which one counts at a moment, and which had better be looked at twice.

A rate counts from its moment on, until a later one does; it is good for a week (`limits.rate_age_max_ms`). Nothing is
changed: a correction is one more entry for the same moment, and the last word counts. There is no way back by a rate:
from CNY to USD is a rate of its own.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from engine import limits
from engine.errors import NotDone
from engine.intake.amounts import minor_places
from engine.pricing.landing import Rate

#: At most 18 figures on either side of a fraction: far more than any rate has, and quick to reckon with.
_DECIMAL = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?", re.ASCII)
_FRACTION = re.compile(r"(\d{1,18})/(\d{1,18})", re.ASCII)

NO_RATE = "NO_RATE"
RATE_TOO_OLD = "RATE_TOO_OLD"


class RateUnusable(NotDone):
    """There is no rate that may be used: `why` is NO_RATE or RATE_TOO_OLD. Enter one that counts at that moment."""

    def __init__(self, why: str, text: str) -> None:
        super().__init__(why, text)
        self.why = why

    def __str__(self) -> str:
        return f"{self.why}: {self.args[1]}"


class EnteredRate(NamedTuple):
    """One `source` is `figures` of `target`, both whole units: "7.21", or "721/100" where no decimal is exact.

    It counts from `from_ms` on. `who` entered it at `entered_at_ms`, which tells entries for one moment apart.
    """

    tenant: str
    source: str
    target: str
    figures: str
    from_ms: int
    entered_at_ms: int
    who: str
    note: str = ""

    @property
    def pair(self) -> tuple[str, str, str]:
        """Whose it is, from what, to what."""
        return self.tenant, self.source, self.target

    @property
    def rate(self) -> Rate:
        """In minor units. Raises ValueError where `figures` are no rate."""
        numerator, denominator = parsed(self.figures)
        places = minor_places(self.target) - minor_places(self.source)
        return Rate(
            *(self.source, self.target),
            numerator=numerator * 10 ** max(places, 0),
            denominator=denominator * 10 ** max(-places, 0),
            dated_ms=self.from_ms,
        )

    def says_as(self, other: "EnteredRate") -> bool:
        """Whether the other one of its pair would change nothing."""
        return (self.from_ms, self.figures) == (other.from_ms, other.figures)

    def after(self, before: "EnteredRate") -> "EnteredRate":
        """The same as the last word: entered after the other by the clock, too, whoever's clock that is."""
        return self._replace(entered_at_ms=max(self.entered_at_ms, before.entered_at_ms + 1))


def parsed(figures: str) -> tuple[int, int]:
    """A decimal or a fraction as (numerator, denominator), both above 0. Raises ValueError for anything else."""
    decimal, fraction = _DECIMAL.fullmatch(figures), _FRACTION.fullmatch(figures)
    if decimal is not None:
        places = len(decimal[2] or "")
        numerator, denominator = int(decimal[1] + (decimal[2] or "")), 10**places
    elif fraction is not None:
        numerator, denominator = int(fraction[1]), int(fraction[2])
    else:
        raise ValueError(f"{figures!r} is neither a decimal nor a fraction")
    if not numerator or not denominator:
        raise ValueError(f"{figures!r} is no rate: both sides are above 0")
    return numerator, denominator


class Rates:
    """All that were entered, of every tenant. `entered` may be in any order."""

    def __init__(self, entered: Iterable[EnteredRate] = ()) -> None:
        self._of_pair: dict[tuple[str, str, str], list[EnteredRate]] = {}
        #: The same, worked out.
        self._counting: dict[tuple[str, str, str], list[Rate]] = {}
        for each in sorted(entered, key=lambda each: (each.from_ms, each.entered_at_ms)):
            pair, rate = each.pair, each.rate
            self._of_pair.setdefault(pair, []).append(each)
            self._counting.setdefault(pair, []).append(rate)

    def between(self, tenant: str, source: str, target: str, at_ms: int) -> Rate:
        """The rate to use for what was bought at that moment. Raises RateUnusable."""
        if source == target:
            return Rate(source, target, 1, 1, at_ms)
        counting = self._counting.get((tenant, source, target), ())
        place = bisect_right(counting, at_ms, key=lambda rate: rate.dated_ms)
        if not place:
            raise RateUnusable(NO_RATE, f"no rate from {source} to {target} counts at {at_ms}")
        rate = counting[place - 1]
        if rate.dated_ms + limits.rate_age_max_ms <= at_ms:
            raise RateUnusable(RATE_TOO_OLD, f"the rate from {source} to {target} is of {rate.dated_ms}")
        return rate

    def counts_at(self, tenant: str, source: str, target: str, at_ms: int) -> EnteredRate | None:
        """The entry that counts at a moment, however old; None before the first."""
        before = [each for each in self._of_pair.get((tenant, source, target), ()) if each.from_ms <= at_ms]
        return before[-1] if before else None

    def of(self, tenant: str) -> Sequence[EnteredRate]:
        """All that a tenant entered: by pair, the latest moment first, and for one moment the last word first."""
        pairs = sorted(pair for pair in self._of_pair if pair[0] == tenant)
        return [each for pair in pairs for each in reversed(self._of_pair[pair])]

    def has_room_for(self, rate: EnteredRate) -> bool:
        """Whether its pair is known, or may be."""
        pairs = {pair for pair in self._of_pair if pair[0] == rate.tenant}
        return rate.pair in pairs or len(pairs) < limits.rate_pairs_max

    def surplus(self, tenant: str, source: str, target: str, at_ms: int) -> Sequence[EnteredRate]:
        """Those of a pair that one more entry leaves no room for: entered first, and not counting at this moment."""
        entries = self._of_pair.get((tenant, source, target), [])
        counting = self.counts_at(tenant, source, target, at_ms)
        oldest = sorted((each for each in entries if each is not counting), key=lambda each: each.entered_at_ms)
        return oldest[: max(0, len(entries) + 1 - limits.rates_kept_max)]


def jumps(before: EnteredRate, after: EnteredRate) -> bool:
    """Whether a rate is further from the one before than one becomes in a while: perhaps a slip of the finger."""
    was, now = before.rate, after.rate
    old, new = was.numerator * now.denominator, now.numerator * was.denominator
    return 100 * abs(new - old) > limits.rate_jump_max_percent * old
