"""What one client process counts while it runs. Counters only: several processes are one by adding up."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.load.exchange import OK, Exchange, Outcome, outcome
from bench.load.plan import LATE_AFTER_MS
from protos.cardkeep.v1 import allocation_pb2 as api

_US_NS = 1_000
_LATE_AFTER_NS = LATE_AFTER_MS * 1_000_000

#: A histogram of three digits tells values below 2,048 apart, and takes 1,024 steps for each doubling above.
_STEP_BITS = 11

#: Stands once in each hold of a reply: counts holds without parsing.
_HOLD_MARK = b"/holds/"


@dataclass(slots=True)
class Tick:
    """One second of one process, by the moment of the answer."""

    #: From the beginning of the measured window.
    at_s: int
    answered: int = 0
    ok: int = 0
    items: int = 0
    #: Microseconds from the intended start, with how many calls took so long.
    took_us: Counter[int] = field(default_factory=Counter)
    #: When it ended: calls under way; and starts dropped since the beginning, warm-up included.
    in_flight: int = 0
    dropped: int = 0


@dataclass(slots=True)
class Totals:
    """Of the calls whose intended start lies in the measured window."""

    unanswered: int = 0
    dropped: int = 0
    late: int = 0
    items: int = 0
    items_asked: int = 0
    #: Microseconds from the intended start; and from sending, of calls of a schedule.
    took_us: Counter[int] = field(default_factory=Counter)
    served_us: Counter[int] = field(default_factory=Counter)
    #: Microseconds from sending, of calls answered with anything but OK.
    refused_us: Counter[int] = field(default_factory=Counter)
    #: Answered calls by method, status and reason.
    ends: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    #: Refused items of batches that were answered OK, by reason.
    refused_items: Counter[str] = field(default_factory=Counter)


class Tally:
    """Counts as calls end; `turn` begins the next second."""

    def __init__(self, measured_from_ns: int, first_s: int) -> None:
        self.totals = Totals()
        #: Of all seconds that are over, whatever window they lie in.
        self.answered_in_all = self.items_in_all = 0
        self._ends = self.totals.ends
        self._measured_from_ns = measured_from_ns
        self._dropped = 0
        self._begin(first_s)

    def answered(self, ended: Sequence[Exchange], now_ns: int) -> None:
        """These calls have their answers, all at this moment. It is the hot place here, and so a long one."""
        took, served, early, ends = self._took_us, self._served_us, self._early_us, self._ends
        refused, measured_from_ns = self._refused_us, self._measured_from_ns
        ok = items_done = items_measured = items_asked = 0
        for one in ended:
            intended_ns = one.intended_ns
            took_us = (now_ns - intended_ns) // _US_NS
            end = outcome(one.trailers)
            items = 0
            if end.status == OK:
                items = 1 if one.items == 1 else one.reply.count(_HOLD_MARK)
                ok += 1
                items_done += items
            if intended_ns < measured_from_ns:
                early[took_us] = early.get(took_us, 0) + 1
                continue
            took[took_us] = took.get(took_us, 0) + 1
            if intended_ns != one.invoked_ns:
                served_us = (now_ns - one.invoked_ns) // _US_NS
                served[served_us] = served.get(served_us, 0) + 1
            items_measured += items
            items_asked += one.items
            if end.status != OK:
                refused_us = (now_ns - one.invoked_ns) // _US_NS
                refused[refused_us] = refused.get(refused_us, 0) + 1
            key = one.kind.method, end
            ends[key] = ends.get(key, 0) + 1
            if items < one.items and end.status == OK:
                self.totals.refused_items.update(_refused(one))
        self._tick.answered += len(ended)
        self._tick.ok += ok
        self._tick.items += items_done
        self.totals.items += items_measured
        self.totals.items_asked += items_asked

    def unanswered(self, ended: Exchange) -> None:
        """A call will have none."""
        if ended.intended_ns >= self._measured_from_ns:
            self.totals.unanswered += 1
            self.totals.items_asked += ended.items

    def dropped(self, intended_ns: int) -> None:
        """A call was not started."""
        self._dropped += 1
        if intended_ns >= self._measured_from_ns:
            self.totals.dropped += 1

    def started(self, intended_ns: int, now_ns: int) -> None:
        """A call of a schedule was started, perhaps late."""
        if now_ns - intended_ns > _LATE_AFTER_NS and intended_ns >= self._measured_from_ns:
            self.totals.late += 1

    def turn(self, in_flight: int) -> Tick:
        """The second is over: what it came to."""
        tick = self._tick
        measured = coarse(self._took_us)
        self.totals.took_us.update(measured)
        self.totals.served_us.update(coarse(self._served_us))
        self.totals.refused_us.update(coarse(self._refused_us))
        tick.took_us = coarse(self._early_us) + measured
        tick.in_flight = in_flight
        tick.dropped = self._dropped
        self.answered_in_all += tick.answered
        self.items_in_all += tick.items
        self._begin(tick.at_s + 1)
        return tick

    def _begin(self, at_s: int) -> None:
        self._tick = Tick(at_s)
        #: Counts by microseconds: of the measured window from the intended start, and from sending where that is
        #: another moment; of refusals from sending; and of the warm-up.
        self._took_us: dict[int, int] = {}
        self._served_us: dict[int, int] = {}
        self._refused_us: dict[int, int] = {}
        self._early_us: dict[int, int] = {}


def coarse(counts: Mapping[int, int]) -> Counter[int]:
    """Counts by value, values rounded down to the steps of a histogram of three digits: some 20,000 at most."""
    stepped: Counter[int] = Counter()
    for value, count in counts.items():
        shift = max(0, value.bit_length() - _STEP_BITS)
        stepped[value >> shift << shift] += count
    return stepped


def percentile(counts: Mapping[int, int], share: float) -> int:
    """The smallest value that at least this share of all values does not exceed; 0 of nothing."""
    wanted = share * sum(counts.values())
    seen = 0
    value = 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= wanted:
            break
    return value


def _refused(ended: Exchange) -> Counter[str]:
    """The reasons of a batch's refused items."""
    reply = ended.reply_message()
    results = (
        api.BatchAllocateResponse.FromString(reply).results
        if ended.kind.method == "BatchAllocate"
        else api.BatchReleaseResponse.FromString(reply).results
    )
    return Counter(result.refusal.reason for result in results if result.HasField("refusal"))
