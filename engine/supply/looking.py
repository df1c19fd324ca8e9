"""When to look at a shelf again: often enough that it cannot run dry unseen, and no oftener.

    look after half the time in which, sold as fast as lately, it reaches its low-water mark;
    50 ms at least, 5 s at most; 30 s when it sells less than a card in that time

How fast it sells is measured from look to look: what was there, and what came, less what is there now. Half of the
measure is the last span's, so a rush is believed after one look or two. An owner whose shelf runs dry tells at once,
and nobody waits for a look then.
"""

look_first_ms = 50
look_last_ms = 5_000
look_quiet_ms = 30_000
news_share = 0.5


class Drain:
    """How fast one shelf sells."""

    def __init__(self) -> None:
        #: Cards a second.
        self.per_s = 0.0
        self._seen: tuple[int, int] | None = None

    def note(self, available: int, came: int, now_ms: int) -> None:
        """So many are there now, of which `came` were not when it was looked at last."""
        if self._seen is not None:
            before, at_ms = self._seen
            if now_ms <= at_ms:
                return
            sold_per_s = max(0, before + came - available) * 1_000 / (now_ms - at_ms)
            self.per_s += news_share * (sold_per_s - self.per_s)
        self._seen = available, now_ms


def look_after_ms(available: int, low: int, per_s: float) -> int:
    """How long to leave a shelf alone; see the rule."""
    if available < low:
        return look_first_ms
    if per_s * look_quiet_ms < 1_000:
        return look_quiet_ms
    return int(min(look_last_ms, max(look_first_ms, (available - low) * 500 / per_s)))


def runs_dry_soon(available: int, before: int, over_ms: int) -> bool:
    """Whether a shelf, sold as fast as in the last `over_ms`, is dry before long: in the longest time between looks."""
    return (before - available) * look_last_ms > available * over_ms
