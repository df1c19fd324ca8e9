"""The order in which things happened, as far as the answers prove it.

A fresh ok says its own seq. Anything else happened somewhere between two seqs: after what had been answered before it
was asked, before what was asked after it had been answered. The same answers tell the house's time at some seqs.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

from bench.checker.history import FAIL, INFO, OK, Operation, SkuHistory

#: A seq that nothing comes after.
LAST = float("inf")


class Requests:
    """What is known of each request over all its tries."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self._first_asked_ms: dict[str, float] = {}
        doubtful: dict[str, Operation] = {}
        settled: set[str] = set()
        replayed = {one.request_id for one in operations if one.replayed}
        #: Of requests that were answered again: the seq of the answer that was fresh, if anybody heard that.
        self.first_seq = {one.request_id: one.seq for one in operations if one.is_fresh and one.request_id in replayed}
        for one in operations:
            name = one.request_id
            if one.invoked_at_ms < self._first_asked_ms.get(name, LAST):
                self._first_asked_ms[name] = one.invoked_at_ms
            if one.end == INFO:
                doubtful.setdefault(name, one)
            elif one.end in (OK, FAIL):
                settled.add(name)
        #: One operation of each request that may have happened and never got an answer.
        self.unsettled = [one for name, one in doubtful.items() if not name or name not in settled]

    def first_asked_ms(self, one: Operation) -> float:
        """When this operation's request was sent for the first time: it did not happen before."""
        return self._first_asked_ms[one.request_id] if one.request_id else one.invoked_at_ms


class Witness:
    """Seqs, moments of the clients, and moments of the house, put beside one another."""

    def __init__(self, history: SkuHistory) -> None:
        operations, error_ms = history.operations, history.clock_error_ms
        self.requests = Requests(operations)
        returned = [(one.returned_at_ms, one.seq) for one in operations if one.end == OK and one.seq]
        returned += [(one.returned_at_ms, one.seq) for one in history.imports if one.end == OK and one.seq]
        returned.sort()
        self._returned_ms = [at_ms for at_ms, _ in returned]
        self._reached = list(accumulate((seq for _, seq in returned), max))
        self.fresh = sorted((one for one in operations if one.is_fresh), key=lambda one: one.seq)
        invoked = sorted(((one.invoked_at_ms, one.seq) for one in self.fresh), reverse=True)
        self._invoked_ms = [at_ms for at_ms, _ in reversed(invoked)]
        self._still_to_come = list(accumulate((seq for _, seq in invoked), min))[::-1]
        self._seqs = [one.seq for one in self.fresh]
        #: The house's time never steps back: it was at least this, and at most that, at each seq.
        self._at_least_ms = list(accumulate((one.at_ms or one.invoked_at_ms - error_ms for one in self.fresh), max))
        latest = (one.at_ms or one.returned_at_ms + error_ms for one in reversed(self.fresh))
        self._at_most_ms = list(accumulate(latest, min))[::-1]

    def after(self, asked_ms: float) -> int:
        """The greatest seq that was answered before this moment: what was asked then happened after it."""
        place = bisect_left(self._returned_ms, asked_ms)
        return self._reached[place - 1] if place else 0

    def before(self, answered_ms: float) -> float:
        """The least seq that was asked for after this moment: what was answered then happened before it."""
        place = bisect_right(self._invoked_ms, answered_ms)
        return self._still_to_come[place] if place < len(self._still_to_come) else LAST

    def earliest(self, one: Operation) -> int:
        """The least seq at which an operation can have happened."""
        if one.is_fresh or (one.end == FAIL and one.seq and not one.replayed):
            return one.seq
        known = self.requests.first_seq.get(one.request_id) if one.replayed else None
        return self.after(self.requests.first_asked_ms(one)) + 1 if known is None else known

    def latest(self, one: Operation) -> float:
        """The greatest seq by which an ok or fail had happened."""
        known = self.requests.first_seq.get(one.request_id) if one.replayed else None
        if known is not None:
            return known
        return one.seq or self.before(one.returned_at_ms) - 1

    def time_is_over(self, deadline_ms: float) -> float:
        """The least seq at which the house's time surely had reached this moment."""
        place = bisect_left(self._at_least_ms, deadline_ms)
        return self._seqs[place] if place < len(self._seqs) else LAST

    def time_may_be_over(self, deadline_ms: float) -> float:
        """The least seq at which the house's time can have reached this moment."""
        place = bisect_left(self._at_most_ms, deadline_ms)
        return self._seqs[place - 1] + 1 if place else 0

    def time_at_most_ms(self, seq: float) -> float:
        """The house's time at a seq was at most this."""
        place = bisect_left(self._seqs, seq)
        return self._at_most_ms[place] if place < len(self._seqs) else LAST
