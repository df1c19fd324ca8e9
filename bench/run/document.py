"""`build/bench/SCENARIO.json`: all that a run found out and all that it hangs on, for programs and for the report."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from hdrh.histogram import HdrHistogram

from bench.audit import Findings
from bench.load.plan import Latency
from bench.run.figures import Figures, Load, total

#: The histogram of bench.load: 1 µs to 1 hour, three significant digits.
_LOWEST_US, _HIGHEST_US, _DIGITS = 1, 3_600_000_000, 3

#: Where the percentile curve is read: nines, each with steps in between, as far as one load has samples for.
_NINES = 6
_STEPS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85)

_SPREADS = ("items_per_s", "calls_per_s", "p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms")


def document(
    scenario: Mapping[str, str], figures: Figures, findings: Findings, around: Mapping[str, Any]
) -> dict[str, Any]:
    """The whole document. `around` is what the command knows: machine, versions, settings, revision, seed, times."""
    return {
        # A program that wants one figure finds its median by its name.
        **{name: series.spread.median for name, series in figures.measures.items()},
        **figures.facts,
        **scenario,
        **around,
        "goals_met": figures.are_met,
        "ratios": {key: series.as_plain() for key, series in figures.ratios.items()},
        "figures": {name: series.as_plain() for name, series in figures.measures.items()},
        "loads": [_load(load) for load in figures.loads.values()],
        "tables": figures.tables,
        "courses": [asdict(course) for course in figures.courses],
        "audit": {
            "clean": findings.is_clean,
            "calls": findings.calls,
            "holds": findings.holds,
            "sales": findings.sales,
            "cards": findings.cards_given,
            "asked_again": findings.asked_again,
        },
        "settings": figures.settings,
        "notes": figures.notes,
    }


def merged(latencies: Sequence[Latency]) -> HdrHistogram:
    """One histogram of several rounds."""
    whole = HdrHistogram(_LOWEST_US, _HIGHEST_US, _DIGITS)
    for latency in latencies:
        if latency.hdr:
            whole.add(HdrHistogram.decode(latency.hdr))
    return whole


def curve(histogram: HdrHistogram) -> list[tuple[float, float]]:
    """Percentile and milliseconds, denser towards the end, up to where fewer than one sample is left."""
    count = histogram.get_total_count()
    percentiles = [100 * (1 - (1 - step) / 10**nine) for nine in range(_NINES) for step in _STEPS]
    kept = [one for one in percentiles if count * (1 - one / 100) >= 1]
    return [(round(one, 6), histogram.get_value_at_percentile(one) / 1000) for one in [*kept, 100.0]] if count else []


def _load(load: Load) -> dict[str, Any]:
    measured = [one.measured for one in load.rounds]
    # The CPU of a load was read around all of it; so are these.
    items = sum(one.items_in_all for one in measured) or 1
    cpu_s = total(load.rounds, "cpu_s")
    spreads = {of: load.series(of).as_plain() for of in _SPREADS}
    return {
        "work": load.work,
        "side": load.side,
        "door": load.door,
        "plan": asdict(load.plan),
        **spreads,
        "curve": curve(merged([one.latency for one in measured])),
        "refused_curve": curve(merged([one.refused for one in measured])),
        "service_curve": curve(merged([one.service for one in measured])),
        "over_time": [[asdict(second) for second in one.series] for one in measured],
        "reasons": _added([one.reasons for one in measured]),
        "statuses": _added([one.statuses for one in measured]),
        "unanswered": sum(one.unanswered for one in measured),
        "dropped": sum(one.dropped for one in measured),
        "late": sum(one.late for one in measured),
        "reconnects": sum(one.reconnects for one in measured),
        "cpu_s": cpu_s,
        "cpu_us_per_item": {role: seconds * 1e6 / items for role, seconds in cpu_s.items()},
        "memory_bytes": total(load.rounds, "memory_bytes"),
        "client_busiest_share": max(one.client.busiest_share for one in measured),
    }


def _added(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    names = {name for one in counts for name in one}
    return {name: sum(one.get(name, 0) for one in counts) for name in sorted(names)}
