"""The circuit breaker of one supplier: when it is left alone, for how long, and who may try whether it is back.

Formula. Of the last 50 purchases, n ended within 10 minutes, and f of them by the supplier's fault or in doubt. The
breaker opens when f ≥ 5 and f / n ≥ 0.4, or when the last 3 failed. It stays open for 5 s, and twice as long each time
that a try fails, 5 minutes at most. After that one purchase at a time may try; two in a row that succeed close it, one
that fails opens it again. Staff may hold it open or closed, whatever it has seen.

A refusal for want of stock or of balance is no fault of this kind: the router sees it by other figures.

Source: Eneba hides an auction when failed ÷ completed in the last hour reaches 0.4 for reservations, 0.2 for
provisions; its formula takes the logarithms of both.
"""

from collections import deque
from enum import StrEnum

purchases_seen_max = 50
seen_for_ms = 600_000
failures_min = 5
failures_share = 0.4
failures_in_a_row = 3
rest_first_ms = 5_000
rest_last_ms = 300_000
successes_to_close = 2


class Override(StrEnum):
    """What staff decided."""

    NONE = "NONE"
    HELD_OPEN = "HELD_OPEN"
    HELD_CLOSED = "HELD_CLOSED"


class Breaker:
    """See above. Times are of any clock that does not step back."""

    def __init__(self) -> None:
        self.override = Override.NONE
        self._ends: deque[tuple[int, bool]] = deque(maxlen=purchases_seen_max)
        self._rest_ms = rest_first_ms
        #: Open until then; 0 when it is closed.
        self._open_until_ms = 0
        self._successes = 0
        self._is_trying = False

    @property
    def is_closed(self) -> bool:
        """Whether all is well: purchases go out freely."""
        return self.override is Override.HELD_CLOSED or (self.override is Override.NONE and not self._open_until_ms)

    def lets_through(self, now_ms: int) -> bool:
        """Whether a purchase may be sent. Where it is to be tried again, one at a time: tell of it with `begins`."""
        if self.override is not Override.NONE:
            return self.override is Override.HELD_CLOSED
        return not self._open_until_ms or (now_ms >= self._open_until_ms and not self._is_trying)

    def begins(self) -> None:
        """A purchase that was let through is sent."""
        self._is_trying = bool(self._open_until_ms)

    def ends(self, now_ms: int, *, is_well: bool) -> None:
        """A purchase ended: well, a refusal for want of stock or balance included, or by the supplier's fault."""
        self._ends.append((now_ms, is_well))
        if not self._open_until_ms:
            if not is_well and self._sees_too_many(now_ms):
                self._open(now_ms)
            return
        if not self._is_trying:  # It began before the breaker opened, and is no try.
            return
        self._is_trying = False
        if not is_well:
            self._rest_ms = min(rest_last_ms, 2 * self._rest_ms)
            self._open(now_ms)
            return
        self._successes += 1
        if self._successes >= successes_to_close:
            self._open_until_ms = 0
            self._rest_ms = rest_first_ms
            self._ends.clear()

    def _sees_too_many(self, now_ms: int) -> bool:
        ends = [is_well for at_ms, is_well in self._ends if at_ms > now_ms - seen_for_ms]
        failures = ends.count(False)
        is_often = failures >= failures_min and failures >= failures_share * len(ends)
        last = ends[-failures_in_a_row:]
        return is_often or (len(last) == failures_in_a_row and not any(last))

    def _open(self, now_ms: int) -> None:
        self._open_until_ms = now_ms + self._rest_ms
        self._successes = 0
