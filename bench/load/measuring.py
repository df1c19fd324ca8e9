"""From what the client processes counted to what is reported."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain

from hdrh.histogram import HdrHistogram

from bench.load.client import Done
from bench.load.exchange import OK, STATUS_NAMES
from bench.load.plan import Client, Latency, Measured, Open, Plan, Progress, Second
from bench.load.tally import Tick, Totals, percentile

#: A histogram's reach, 1 µs to an hour, and its digits.
_US_MAX = 3_600_000_000
_DIGITS = 3


class Seconds:
    """Puts the seconds of several processes together; tells of each once every process has told."""

    def __init__(self, plan: Plan, on_progress: Callable[[Progress], None]) -> None:
        self._plan = plan
        self._on_progress = on_progress
        self._open: dict[int, list[Tick]] = {}
        self._series: list[Second] = []

    def add(self, tick: Tick) -> None:
        """A second of one process."""
        ticks = self._open.setdefault(tick.at_s, [])
        ticks.append(tick)
        if len(ticks) < self._plan.processes:
            return
        del self._open[tick.at_s]
        second = _second(ticks)
        self._series.append(second)
        under_way, dropped = sum(one.in_flight for one in ticks), sum(one.dropped for one in ticks)
        self._on_progress(
            Progress(second.at_s + 1, second.answered, second.ok, second.items, second.p99_us, under_way, dropped)
        )

    def series(self) -> tuple[Second, ...]:
        """All whole seconds, in order."""
        return tuple(sorted(self._series, key=lambda second: second.at_s))


def measured(plan: Plan, done: Sequence[Done], series: tuple[Second, ...]) -> Measured:
    """All processes as one."""
    totals = _added([one.totals for one in done])
    answered = totals.ends.total()
    refusals = [(end.reason, count) for (_, end), count in totals.ends.items() if end.status != OK]
    latency = latency_of(totals.took_us)
    service = latency_of(totals.served_us) if isinstance(plan.pace, Open) else latency
    return Measured(
        measured_s=plan.measure_s,
        intended=answered + totals.unanswered + totals.dropped,
        answered=answered,
        ok=sum(count for (_, end), count in totals.ends.items() if end.status == OK),
        unanswered=totals.unanswered,
        dropped=totals.dropped,
        late=totals.late,
        items=totals.items,
        items_asked=totals.items_asked,
        items_in_all=sum(one.items for one in done),
        calls_per_s=round(answered / plan.measure_s, 1),
        items_per_s=round(totals.items / plan.measure_s, 1),
        ok_by_method=_summed((method, count) for (method, end), count in totals.ends.items() if end.status == OK),
        statuses=_summed((_status_name(end.status), count) for (_, end), count in totals.ends.items()),
        reasons=_summed(chain(refusals, totals.refused_items.items())),
        latency=latency,
        service=service,
        refused=latency_of(totals.refused_us),
        series=series,
        in_flight_mean=round(service.count * service.mean_us / 1e6 / plan.measure_s, 2),
        reconnects=sum(one.reconnects for one in done),
        client=_client(done),
        histories=tuple(one.history for one in done if one.history is not None),
    )


def latency_of(counts_us: Mapping[int, int]) -> Latency:
    """A distribution from counts by microseconds. Waits beyond an hour count as an hour, below 1 µs as 1 µs."""
    if not counts_us:
        return Latency()
    histogram = HdrHistogram(1, _US_MAX, _DIGITS)
    for took_us, count in counts_us.items():
        histogram.record_value(min(max(took_us, 1), _US_MAX), count)
    p50_us, p90_us, p99_us, p999_us = (percentile(counts_us, share) for share in (0.5, 0.9, 0.99, 0.999))
    encoded: bytes = histogram.encode()
    return Latency(
        count=sum(counts_us.values()),
        mean_us=round(sum(took_us * count for took_us, count in counts_us.items()) / sum(counts_us.values()), 1),
        p50_us=p50_us,
        p90_us=p90_us,
        p99_us=p99_us,
        p999_us=p999_us,
        max_us=max(counts_us),
        hdr=encoded.decode(),
    )


def _second(ticks: Sequence[Tick]) -> Second:
    took_us: Counter[int] = Counter()
    for tick in ticks:
        took_us.update(tick.took_us)
    answered, ok, items = (sum(column) for column in zip(*((t.answered, t.ok, t.items) for t in ticks), strict=True))
    p50_us, p99_us, max_us = (percentile(took_us, share) for share in (0.5, 0.99, 1.0))
    return Second(ticks[0].at_s, answered, ok, items, p50_us, p99_us, max_us)


def _added(several: Sequence[Totals]) -> Totals:
    whole = Totals()
    for totals in several:
        whole.unanswered += totals.unanswered
        whole.dropped += totals.dropped
        whole.late += totals.late
        whole.items += totals.items
        whole.items_asked += totals.items_asked
        whole.took_us.update(totals.took_us)
        whole.served_us.update(totals.served_us)
        whole.refused_us.update(totals.refused_us)
        whole.ends.update(totals.ends)
        whole.refused_items.update(totals.refused_items)
    return whole


def _client(done: Sequence[Done]) -> Client:
    cpu_s = sum(one.cpu_s for one in done)
    answered = sum(one.answered for one in done)
    return Client(
        processes=len(done),
        cpu_s=round(cpu_s, 3),
        wall_s=round(max(one.wall_s for one in done), 3),
        cpu_us_per_call=round(1e6 * cpu_s / answered, 2) if answered else 0.0,
        busiest_share=round(max(one.cpu_s / one.wall_s for one in done), 3),
    )


def _summed(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for name, count in pairs:
        sums[name] += count
    return dict(sums.most_common())


def _status_name(status: int) -> str:
    return STATUS_NAMES[status] if status < len(STATUS_NAMES) else f"STATUS_{status}"
