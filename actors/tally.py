"""Counters and histograms for what happens a hundred thousand times a second: numbers in plain dictionaries.

A scrape turns them into the families that prometheus_client's own would have made. Those lock, look their labels up
and walk the buckets at each observation, which costs ten times as much; these may only be counted up from one thread.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

Labels = tuple[str, ...]
"""Values of the labels, in the order of their names."""


class Tally(Collector):
    """A counter. Without labels it starts at 0; with them each child starts when it is first added to."""

    def __init__(self, name: str, text: str, labels: Sequence[str] = (), *, registry: CollectorRegistry) -> None:
        self._name, self._text, self._labels = name, text, labels
        self._counts: defaultdict[Labels, int] = defaultdict(int)
        if not labels:
            self.add((), 0)
        registry.register(self)

    def add(self, labels: Labels = (), times: int = 1) -> None:
        """It happened so many times; 0 only lets the child be seen."""
        self._counts[labels] += times

    def describe(self) -> Iterable[Metric]:
        """The name, so that no other metric takes it."""
        return [self._family()]

    def collect(self) -> Iterator[Metric]:
        """What was counted."""
        family = self._family()
        for labels, count in self._counts.items():
            family.add_metric(labels, count)
        yield family

    def _family(self) -> CounterMetricFamily:
        return CounterMetricFamily(self._name, self._text, labels=self._labels)


class Spread(Collector):
    """A histogram: how often a value was at most each bound, and the sum of all."""

    def __init__(
        self,
        name: str,
        text: str,
        labels: Sequence[str] = (),
        *,
        bounds: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        self._name, self._text, self._labels, self._bounds = name, text, labels, bounds
        self._les = [floatToGoString(bound) for bound in (*bounds, float("inf"))]  # type: ignore[no-untyped-call]
        #: By labels: the values above the bound before and not above this one, those above all bounds, the sum.
        self._seen: defaultdict[Labels, list[float]] = defaultdict(lambda: [0] * (len(bounds) + 1) + [0.0])
        if not labels:
            self._seen[()]
        registry.register(self)

    def observe(self, value: float, labels: Labels = ()) -> None:
        """Note one value."""
        seen = self._seen[labels]
        seen[bisect_left(self._bounds, value)] += 1
        seen[-1] += value

    def describe(self) -> Iterable[Metric]:
        """The name, so that no other metric takes it."""
        return [self._family()]

    def collect(self) -> Iterator[Metric]:
        """What was observed."""
        family = self._family()
        for labels, (*counts, total) in self._seen.items():
            family.add_metric(labels, list(zip(self._les, accumulate(counts), strict=True)), total)
        yield family

    def _family(self) -> HistogramMetricFamily:
        return HistogramMetricFamily(self._name, self._text, labels=self._labels)
