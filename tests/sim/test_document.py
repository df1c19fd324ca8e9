"""What many seeds came to: a document that the page of reliability can tell of."""

import json
from collections import Counter
from pathlib import Path

from bench.report.reliability import BEGIN, END, rewrite
from tests.bench.test_reliability_page import chaos, document
from tests.sim.document import write_document
from tests.sim.run import Report


def report(seed: int, *mistakes: str, **faults: int) -> Report:
    """A house of an hour."""
    return Report(seed, list(mistakes), [], 70, 40, 1_000, 3_600.0, Counter(faults), [])


def written(folder: Path, *reports: Report) -> str:
    """The page after these; they took four seconds."""
    write_document(folder / "sim.json", reports, document() | {"took_s": 4.0})
    build = folder / "bench"
    build.mkdir()
    (build / "chaos.json").write_text(json.dumps(chaos()))
    page = folder / "page.md"
    page.write_text(f"{BEGIN}\n{END}\n")
    rewrite(page, build)
    return page.read_text()


def test_seeds_are_added_up(tmp_path: Path) -> None:
    """Two houses, three faults of two kinds, in four seconds."""
    page = written(tmp_path, report(7, kill=1, stall=1), report(8, kill=1))
    where = "2026-11-28, revision 0123456789, A CPU, 2 cores, 8 GiB, 4 s"
    assert f"**`make sim N=20000`**, {where}. All of 1 goals met." in page
    told = json.loads((tmp_path / "sim.json").read_text())
    assert told["faults_by_kind"] == {"kill": 2, "stall": 1}
    wanted = {"seeds": 2, "requests": 140, "events": 80, "virtual_hours": 2, "faults": 3, "fault_kinds": 2}
    figures = {name: series["median"] for name, series in told["figures"].items()}
    assert figures == wanted | {"seeds_per_s": 0.5, "failed_seeds": 0}


def test_a_house_that_breaks_a_law_is_told_of(tmp_path: Path) -> None:
    """By its seed in the document, and as a goal that was missed on the page."""
    page = written(tmp_path, report(7), report(8, "card doubled"))
    assert "**Of 1 goals 1 missed: `failed_seeds`.**" in page
    assert json.loads((tmp_path / "sim.json").read_text())["failed"] == [8]
