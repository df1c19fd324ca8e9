"""The bench's command lines: what they list, and how they say no."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.__main__ import AUDIT_FAILED, CANNOT_RUN, USAGE, main
from bench.audit import Findings
from bench.house_process import HouseFailed
from bench.run.bench import AuditFailed, CannotRun
from bench.run.catalogue import Scenario, find, names
from clients.cli import bench as bench_command
from clients.cli.main import app


def test_every_scenario_says_what_it_asks_and_what_a_good_answer_is() -> None:
    """A line for the list, and a docstring that a sceptic can hold us to."""
    assert {"sale", "lastcard", "mixed", "batch", "latency", "peers"} <= set(names())
    for name in names():
        scenario = find(name)
        assert scenario.title.endswith("."), name
        assert "Asks " in scenario.about, name
        assert "A good answer: " in scenario.about, name


def test_without_a_scenario_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """For people a line each, for programs one document."""
    assert main([]) == 0
    listed = capsys.readouterr().out
    assert all(f"  {name} " in listed for name in names())
    assert main(["--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["scenarios"]) == set(names())


def test_a_scenario_that_is_not_there_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """And those that are there are named."""
    assert main(["sael"]) == USAGE
    assert "sale" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (CannotRun("no room"), CANNOT_RUN),
        (HouseFailed("machine 1 did not leave"), CANNOT_RUN),
        (AuditFailed(Findings()), AUDIT_FAILED),
    ],
)
def test_a_house_that_fails_the_bench_is_no_failed_audit(
    failure: Exception, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody should look for a sale that was lost where a process did not end."""

    def run(_bench: object) -> None:
        raise failure

    monkeypatch.setattr("bench.__main__.find", lambda name: Scenario(name, "", "", run))
    assert main(["sale", "--build", str(tmp_path)]) == code


def test_a_report_of_nothing_says_how_to_get_something(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty page would look like a failure."""
    assert main(["report", "--build", str(tmp_path)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "index.html")
    assert "make bench" in (tmp_path / "index.html").read_text()


def test_cardkeep_bench_is_the_same() -> None:
    """It hands its words over to a process, since clients know nothing of the bench."""
    called = subprocess.run(
        [Path(sys.executable).with_name("cardkeep"), "bench", "--json"], capture_output=True, text=True, check=True
    )
    assert set(json.loads(called.stdout)["scenarios"]) == set(names())


def test_without_the_suite_cardkeep_bench_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who installed cardkeep alone has no bench package."""
    monkeypatch.setattr(bench_command, "find_spec", lambda _name: None)
    answer = CliRunner().invoke(app, ["bench", "sale"])
    assert answer.exit_code == 1
    assert "make bench" in answer.output
