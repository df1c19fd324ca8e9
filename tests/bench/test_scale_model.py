"""The model of several machines is that of the page, and what is measured is compared with it and nothing else."""

import re
from pathlib import Path

import pytest

from bench.load.plan import Latency, Measured
from bench.run.scale_model import call_us
from bench.scenarios.machines import MACHINES_MAX, SIZES, SKUS, Size, has_room

_PAGE = Path(__file__).parents[2] / "docs" / "scale.md"


def told(of: str) -> float:
    """The microseconds that a row of the page's table says of an Allocate alone."""
    row = next(line for line in _PAGE.read_text().splitlines() if line.startswith(f"| {of}"))
    return float(re.findall(r"\d+", row.split("|")[2])[-1])


def test_the_model_is_that_of_the_page() -> None:
    """Who changes the one changes the other."""
    assert call_us(0.0) == told("decided where it was read")
    assert call_us(1.0) == told("read by another process") + told("TLS between machines")
    assert call_us(0.5) == pytest.approx((call_us(0.0) + call_us(1.0)) / 2)


def test_a_machine_joins_only_where_there_is_room() -> None:
    """Half a GiB for it, and two for everybody else."""
    assert has_room(5 * 2**29)
    assert not has_room(5 * 2**29 - 1)


def test_skus_can_be_even_wherever_it_is_measured() -> None:
    """Else the busiest machine would be what is measured."""
    assert SIZES[0] == 1
    assert SIZES[-1] == MACHINES_MAX
    assert [SKUS % size for size in SIZES] == [0] * len(SIZES)


def test_a_size_is_told_with_what_the_model_says_of_it() -> None:
    """Every call that was to be answered and was not has failed, of all loads; of the busy ones the middle counts."""
    calm = Measured(intended=100, answered=100, ok=99, latency=Latency(p50_us=1_500, p99_us=20_250))
    busy = Measured(intended=1_000, answered=998, ok=998, calls_per_s=499.6)
    idle = Measured(intended=10, answered=10, ok=9, calls_per_s=1.0)
    size = Size(2, 0.5, calm, [busy, idle, busy], call_us=138.0, idle_cores=0.123)
    assert size.failed == 6
    assert size.over_model == 2.0
    assert size.row() == {
        "machines": 2,
        "sent on": "50%",
        "calm p50 ms": 1.5,
        "calm p99 ms": 20.25,
        "failed": 6,
        "busy calls/s": 500,
        "µs a call": 138.0,
        "model µs": 69.0,
        "measured ÷ model": 2.0,
        "idle cores": 0.12,
    }
