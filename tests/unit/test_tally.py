"""What is tallied is shown as prometheus_client's own metrics would show it (actors.tally)."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest

from actors.tally import Spread, Tally

BOUNDS = (0.0001, 0.5, 1.0, 20, 10000)

disable_created_metrics()  # type: ignore[no-untyped-call]

labels = st.tuples(st.sampled_from(["Allocate", 'a "quoted"\nname']), st.sampled_from(["OK", "名"]))
values = st.sampled_from(BOUNDS) | st.floats(0, 20_000, allow_nan=False)


@given(st.lists(st.tuples(labels, st.integers(0, 5))))
def test_a_tally_reads_like_a_counter(added: list[tuple[tuple[str, str], int]]) -> None:
    """The whole page is the same: names, texts, labels in their order, numbers."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    names = ["method", "outcome"]
    tally, counter = Tally("calls", "Calls.", names, registry=ours), Counter("calls", "Calls.", names, registry=theirs)
    for label, times in added:
        tally.add(label, times)
        counter.labels(*label).inc(times)
    assert generate_latest(ours) == generate_latest(theirs)


@given(st.lists(st.tuples(labels, values)))
@example([(("Allocate", "OK"), bound) for bound in BOUNDS])
def test_a_spread_reads_like_a_histogram(seen: list[tuple[tuple[str, str], float]]) -> None:
    """A value on a bound belongs below it; one above all is in the count and the sum."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    names = ["method", "outcome"]
    spread = Spread("seconds", "Seconds.", names, bounds=BOUNDS, registry=ours)
    histogram = Histogram("seconds", "Seconds.", names, buckets=BOUNDS, registry=theirs)
    for label, value in seen:
        spread.observe(value, label)
        histogram.labels(*label).observe(value)
    assert generate_latest(ours) == generate_latest(theirs)


def test_what_has_no_labels_is_counted_from_zero() -> None:
    """As there, an alert on an increase sees the first one."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    Tally("checks", "Checks.", registry=ours)
    Counter("checks", "Checks.", registry=theirs)
    Spread("sizes", "Sizes.", bounds=BOUNDS, registry=ours)
    Histogram("sizes", "Sizes.", buckets=BOUNDS, registry=theirs)
    assert generate_latest(ours) == generate_latest(theirs)


def test_a_name_is_used_once() -> None:
    """Two metrics of one name would be one wrong metric."""
    registry = CollectorRegistry()
    Tally("calls", "Calls.", registry=registry)
    with pytest.raises(ValueError, match="Duplicated"):
        Counter("calls", "Calls.", registry=registry)
    with pytest.raises(ValueError, match="Duplicated"):
        Tally("calls", "Calls.", registry=registry)
