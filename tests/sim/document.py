"""What many seeds came to, as a document in the form of the bench's: `build/sim.json`, for `make reliability`."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.run.figures import Figures
from bench.run.series import at_most
from tests.sim.run import Report

PATH = Path("build/sim.json")


def write_document(path: Path, reports: Sequence[Report], around: dict[str, Any]) -> None:
    """Write it. `around` is when and where it was: began_at, took_s, machine, revision."""
    figures = Figures()
    faults: Counter[str] = sum((report.faults for report in reports), Counter())
    failed = sum(bool(report.mistakes) for report in reports)
    for name, value, unit, about in (
        ("seeds", len(reports), "", "houses that were played"),
        ("requests", sum(report.requests for report in reports), "", "requests that callers made"),
        ("events", sum(report.events for report in reports), "", "events in their journals"),
        ("virtual_hours", sum(report.virtual_s for report in reports) / 3600, "h", "simulated time"),
        ("faults", faults.total(), "", "faults that happened"),
        ("fault_kinds", len(faults), "", "kinds of them"),
        ("seeds_per_s", len(reports) / around["took_s"], "/s", "houses played a second, on all cores"),
    ):
        figures.measure(name, value, unit=unit, about=about, goal=None)
    about = "houses that broke a law, by the auditor or by the checker"
    figures.measure("failed_seeds", failed, unit="", about=about, goal=at_most(0))
    whole = {
        **around,
        "figures": {name: series.as_plain() for name, series in figures.measures.items()},
        "faults_by_kind": dict(faults.most_common()),
        "failed": sorted(report.seed for report in reports if report.mistakes),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(whole, indent=1) + "\n")
