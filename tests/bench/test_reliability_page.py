"""The figures of docs/reliability.md: each from its document, a missed goal told as missed, nothing without a run."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import USAGE, main
from bench.report.reliability import BEGIN, END, PAGE, NoFigures, rewrite

WHERE = "2026-11-28, revision 0123456789, A CPU, 2 cores, 8 GiB"
BENCHED = ", ".join(f"`make bench SCENARIO={name}`" for name in ("upgrade", "elastic", "restore"))


def series(median: float, goal: dict[str, Any] | None = None, unit: str = "") -> dict[str, Any]:
    """One figure, as documents have it."""
    return {"median": median, "unit": unit, "goal": goal, "about": "what it is"}


def goal(sense: str, bound: float, *, met: bool) -> dict[str, Any]:
    """One goal, as documents have it."""
    return {"sense": sense, "bound": bound, "met": met}


def document(**figures: Any) -> dict[str, Any]:
    """A run of any scenario, with these figures."""
    return {
        "figures": figures,
        "began_at": "2026-11-28T01:15:01+00:00",
        "took_s": 856.1,
        "machine": {"model": "A CPU", "cores": 2, "memory_bytes": 8 * 2**30},
        "revision": {"commit": "0123456789abcdef", "dirty": False},
    }


def chaos(*, violations_met: bool = True) -> dict[str, Any]:
    """A run of real faults."""
    figures = {
        "violations": series(0.0 if violations_met else 3.0, goal("at most", 0, met=violations_met)),
        "acknowledged": series(340_421.0, goal("at least", 200_000, met=True)),
        "rate_bound_95": series(8.81262e-06),
        "owner_failover_p99_ms": series(1_397.0, goal("at most", 3_000, met=True), "ms"),
    }
    kinds = {"owner_killed": {"happened": 11, "alone": 10, "tried": 12, "about": "kill -9 of an owner"}}
    controls = {
        "fencing off": {"is_wrong": True, "caught": {"R9": 55, "R11": 550}, "missed": [], "as_expected": True},
        "retries on": {"is_wrong": False, "caught": {"R1": 1}, "missed": [], "as_expected": False},
    }
    facts = {"faults_by_kind": kinds, "skipped": {"clock_ahead": "it met nobody"}, "negative_controls": controls}
    return {**document(**figures), **facts, "owner_failovers": 10}


def written(folder: Path, **documents: dict[str, Any]) -> str:
    """The page as it is after these documents were told of."""
    for name, one in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(one))
    page = folder / "page.md"
    page.write_text(f"By hand, before.\n\n{BEGIN}\nfigures of old\n{END}\n\nBy hand, after.\n")
    rewrite(page, folder)
    return page.read_text()


@pytest.mark.parametrize(
    "line",
    [
        f"**`make bench SCENARIO=chaos`**, {WHERE}, 856 s. All of 3 goals met.",
        "| `violations` | 0 | ≤ 0 | met | what it is |",
        "| `acknowledged` | 340,421 | ≥ 200,000 | met | what it is |",
        "| `rate_bound_95` | 8.813 of a million |  |  | what it is |",
        "| `owner_failover_p99_ms` | 1,397 ms | ≤ 3,000 | met | what it is |",
        "Failovers alone: 10 of `owner`.",
        "| `owner_killed` | 11 | 10 | kill -9 of an owner |",
        "Never happened: `clock_ahead` (it met nobody).",
        "| fencing off | wrong | 605 | R9, R11 | as it must be |",
        "| retries on | right | 1 | R1 | **not as it must be** |",
        f"Not run for this report: `make sim N=20000`, {BENCHED}.",
    ],
)
def test_each_figure_has_its_line(tmp_path: Path, line: str) -> None:
    """As a document of faults has it, to the letter."""
    assert line in written(tmp_path, chaos=chaos()).splitlines()


def test_a_missed_goal_is_told_as_missed(tmp_path: Path) -> None:
    """In its line, and before all of them."""
    page = written(tmp_path, chaos=chaos(violations_met=False))
    assert "| `violations` | 3 | ≤ 0 | **missed** | what it is |" in page
    assert "**Of 3 goals 1 missed: `violations`.**" in page
    assert "goals met" not in page


def test_what_else_was_run_is_told_with_its_own_run(tmp_path: Path) -> None:
    """A code that nobody has is said to be one; what was not run is named."""
    upgrade = document(purchases=series(29_341.0, goal("at least", 2_000, met=True)))
    upgrade["revision"]["dirty"] = True
    page = written(tmp_path, chaos=chaos(), upgrade=upgrade)
    assert "**`make bench SCENARIO=upgrade`**, 2026-11-28, revision 0123456789 and changes, " in page
    assert "| `purchases` | 29,341 | ≥ 2,000 | met | what it is |" in page
    assert (
        "Not run for this report: `make sim N=20000`, `make bench SCENARIO=elastic`, `make bench SCENARIO=restore`."
        in page
    )


def test_what_is_written_by_hand_stays(tmp_path: Path) -> None:
    """And written again from the same documents, the page is the same."""
    page = written(tmp_path, chaos=chaos())
    assert page.startswith(f"By hand, before.\n\n{BEGIN}\n")
    assert page.endswith(f"{END}\n\nBy hand, after.\n")
    assert "figures of old" not in page
    rewrite(tmp_path / "page.md", tmp_path)
    assert (tmp_path / "page.md").read_text() == page


@pytest.mark.parametrize("lacking", ["violations cannot be read", "{}", '{"figures": {}}', "[]", "3"])
def test_a_run_that_is_lacking_is_asked_for_by_its_command(tmp_path: Path, lacking: str) -> None:
    """And the page is left as it was."""
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}\n{END}\n")
    (tmp_path / "chaos.json").write_text(lacking)
    with pytest.raises(NoFigures, match="make bench SCENARIO=chaos"):
        rewrite(page, tmp_path)
    assert page.read_text() == f"{BEGIN}\n{END}\n"


def test_a_page_without_a_section_is_no_place_for_figures(tmp_path: Path) -> None:
    """Nothing is put where nobody asked for it."""
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}\n")
    with pytest.raises(NoFigures, match="no section"):
        rewrite(page, tmp_path)


def test_without_a_run_the_command_is_typed_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And says what to type first."""
    before = PAGE.read_text()
    assert main(["reliability", "--build", str(tmp_path)]) == USAGE
    assert "make bench SCENARIO=chaos" in capsys.readouterr().err
    assert PAGE.read_text() == before


def test_the_page_has_its_section_once() -> None:
    """So that the command has a place to write to."""
    text = PAGE.read_text()
    assert text.count(BEGIN) == text.count(END) == 1
