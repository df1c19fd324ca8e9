"""What rounds come to: medians and spreads, ratios taken within a round, goals, documents and pages."""

import json
import re
from pathlib import Path

import pytest
from hdrh.histogram import HdrHistogram

from bench.audit import Findings
from bench.load.plan import Allocations, Closed, Latency, Measured, Plan, Second, Skus
from bench.report import write_index, write_page
from bench.run.document import curve, document, merged
from bench.run.figures import Course, Figures, Load, Round
from bench.run.goals import RATIO_GOALS
from bench.run.processes import Usage, cpu_s_by_role
from bench.run.series import Series, Spread, at_least, at_most

PLAN = Plan(Allocations(Skus(("A",))), Closed(4))


def latency(*values_us: int) -> Latency:
    """A distribution of exactly these."""
    histogram = HdrHistogram(1, 3_600_000_000, 3)
    for value in values_us:
        histogram.record_value(value)
    return Latency(len(values_us), p50_us=int(histogram.get_value_at_percentile(50)), hdr=histogram.encode().decode())


def load(side: str, *rates: float, door: str = "fast") -> Load:
    """A load with one round for each rate."""
    rounds = [
        Round(
            Measured(
                items_per_s=rate,
                items=int(rate),
                latency=latency(1_000, 2_000),
                service=latency(1_000),
                series=tuple(Second(at_s, items=int(rate)) for at_s in range(4)),
                items_in_all=5 * int(rate),
            ),
            {"owner": 1.0, "client": 0.5},
            {"owner": 2e6},
        )
        for rate in rates
    ]
    return Load("unary", side, door, PLAN, None, rounds)


def figures(*loads: Load) -> Figures:
    """Figures of these loads."""
    return Figures(loads={(one.work, one.side): one for one in loads})


def test_a_spread_is_the_median_the_range_and_the_middle_half() -> None:
    """Of 1 to 5 and an outlier, the median does not care for the outlier."""
    spread = Spread.of([1, 2, 3, 4, 100])
    assert (spread.median, spread.min, spread.max) == (3, 1, 100)
    assert (spread.quartile_1, spread.quartile_3) == (2, 4)
    assert spread.as_plain()["iqr"] == 2


def test_one_round_is_its_own_spread() -> None:
    """No quartiles are invented."""
    assert set(Spread.of([7.0]).as_plain().values()) == {7.0, 0.0}


@pytest.mark.parametrize("values", [[], [float("nan")], [float("inf"), 1.0]])
def test_no_spread_is_made_of_nothing(values: list[float]) -> None:
    """A figure that is no number must not become one."""
    with pytest.raises(ValueError, match="no spread"):
        Spread.of(values)


def test_ratios_are_taken_within_a_round() -> None:
    """Both slow in one round: the ratios are 2, 2, 5, their median 2; the ratio of the medians would be 2.5."""
    found = figures(over := load("a", 20, 10, 25), under := load("b", 10, 5, 5))
    found.ratio("unary_over_redis_lua", over, under, "items_per_s")
    series = found.ratios["unary_over_redis_lua"]
    assert series.values == [2.0, 2.0, 5.0]
    assert series.spread.median == 2.0
    assert series.goal == at_least(3.0)
    assert not found.are_met


def test_a_ratio_of_sides_with_unequal_rounds_is_refused() -> None:
    """It would divide rounds that have nothing to do with each other."""
    with pytest.raises(ValueError, match="2 rounds over 1"):
        figures().ratio("any", load("a", 1, 2), load("b", 1), "items_per_s")


def test_goals_point_the_right_way() -> None:
    """More is better for a rate, less for a wait; the bound itself is enough."""
    assert at_least(3).is_met(3)
    assert not at_least(3).is_met(2.99)
    assert at_most(1.1).is_met(1.1)
    assert not at_most(1.1).is_met(1.2)
    assert Series("×", None, "", [1.0]).is_met


def test_every_key_of_the_design_has_its_goal() -> None:
    """Programs read these keys."""
    assert {key: str(wanted.goal) for key, wanted in RATIO_GOALS.items()} == {
        "unary_over_grpcaio_echo": "≥ 3.5",
        "unary_over_echo": "≥ 0.6",
        "plain_unary_over_echo": "≥ 0.9",
        "unary_over_redis_lua": "≥ 3",
        "unary_over_postgres": "≥ 12",
        "batch_over_echo": "≥ 0.6",
        "batch_over_redis_lua": "≥ 4",
        "p50_over_redis_lua_p50": "≤ 1.1",
        "skus_over_hot": "≥ 0.8",
    }


def test_a_curve_of_all_rounds_ends_where_the_samples_end() -> None:
    """99 fast calls in one round and a slow one in the other: the slow one is the end of the curve, p50 is fast."""
    whole = curve(merged([latency(*[1_000] * 99), latency(50_000)]))
    assert whole[-1] == (100.0, pytest.approx(50.0, rel=0.01))
    assert all(value == pytest.approx(1.0, rel=0.01) for percentile, value in whole if percentile < 99)
    assert max(percentile for percentile, _ in whole[:-1]) <= 99.0


def test_cpu_is_what_was_spent_in_between() -> None:
    """By role; a process that came in between counts from its start, one that is gone is gone."""
    before = {1: Usage("owner", 5.0, 0), 2: Usage("front", 1.0, 0)}
    after = {1: Usage("owner", 7.0, 0), 3: Usage("owner", 0.5, 0)}
    assert cpu_s_by_role(before, after) == {"owner": 2.5}


def test_a_document_becomes_a_page_that_needs_nothing_else(tmp_path: Path) -> None:
    """Pages open from disk: nothing in them is fetched, and what was typed by others is text."""
    found = figures(load("a", 10, 20), load("<script>", 5, 5, door="plain"))
    found.ratio("unary_over_echo", *found.loads.values(), "items_per_s")
    found.measure("pause_ms", 3.0, unit="ms", about="a pause", goal=at_most(2.0))
    found.tables["Faults"] = [{"kind": "killed & gone", "happened": 1_234}]
    found.notes.append("Postgres is left out & missing")
    found.courses.append(Course("Memory of <processes>", "MiB", {"owner 7": [(0.0, 1.0), (1.0, 2.0)]}))
    around = {
        "began_at": "2026-01-01T00:00:00+00:00",
        "took_s": 1.0,
        "load_average_at_end": [1.5, 1.0, 0.5],
        "machine": {
            "system": "Linux",
            "model": "a processor",
            "cores": 2,
            "memory_bytes": 2**33,
            "load_average_at_start": [0.0, 0.0, 0.0],
            "busy_before_percent": 1.0,
        },
        "versions": {"python": "3.11"},
        "revision": {"commit": "abc", "dirty": False},
        "seed": 1,
        "options": {"seconds": None, "rounds": None, "door": None},
    }
    about = {"scenario": "made", "title": "A title.", "about": "A title.\n\nAsks something."}
    written = document(about, found, Findings(calls=3), around)
    path = tmp_path / "made.json"
    path.write_text(json.dumps(written, allow_nan=False))
    page = write_page(path).read_text()
    assert not re.search(r"(src|href)=[\"']?(https?:)?//|@import|url\(", page)
    assert "<script" not in page
    assert page.count("<svg") > 6
    assert "✗ missed" in page
    assert "left out &amp; missing" in page
    assert "Memory of &lt;processes&gt;" in page
    assert "owner 7" in page
    assert "killed &amp; gone" in page
    assert "1,234" in page
    assert written["ratios"]["unary_over_echo"]["rounds"] == [2.0, 4.0]
    assert written["goals_met"] is False
    assert written["loads"][0]["cpu_us_per_item"]["owner"] == pytest.approx(2.0 * 1e6 / 150)
    assert 'href="made.html"' in write_index(tmp_path).read_text()
