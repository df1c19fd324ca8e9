"""`python -m bench SCENARIO`: run one scenario, audit it, and write what it found. Without a name: list them all.

`python -m bench check-history FILE` judges a history that a run left with --history; see docs/history-format.md.
`python -m bench reliability` writes the figures of docs/reliability.md anew from what was run before.

Exit codes: 0 it ran and the audit is clean (a missed goal is shown, and is 99 with --strict); 1 the audit failed, and
there is no figure; 2 typed wrong; 3 it could not run.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cardkeep_client import CardkeepError
from rich.console import Console

from actors.front.doors import Door
from bench.checker.command import main as check_history
from bench.house_process import HouseFailed
from bench.load.plan import LoadFailed
from bench.report import write_index, write_page
from bench.report.reliability import PAGE, NoFigures, rewrite
from bench.run.bench import AuditFailed, Bench, CannotRun, Options
from bench.run.catalogue import Scenario, find, names
from bench.run.document import document
from bench.run.machine import machine, revision, versions
from bench.run.screen import Screen
from bench.run.table import write_document, write_violations

RAN, AUDIT_FAILED, USAGE, CANNOT_RUN, GOALS_MISSED = 0, 1, 2, 3, 99

_PIPE_WIDTH = 160

#: What `python -m bench report` is called instead of a scenario.
_REPORT = "report"

#: What is called so writes the figures of docs/reliability.md.
_RELIABILITY = "reliability"

#: What goes to the checker of histories, with options of its own.
_CHECK_HISTORY = "check-history"


def main(arguments: Sequence[str] | None = None) -> int:
    """The process."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == [_CHECK_HISTORY]:
        return check_history(given[1:])
    options = _parser().parse_args(given)
    # Into a pipe no table is cut.
    out = Console() if sys.stdout.isatty() else Console(width=_PIPE_WIDTH)
    if not options.scenario:
        _list(out, as_json=options.json)
        return RAN
    if options.scenario == _REPORT:
        index = str(write_index(options.build))
        out.print(json.dumps({"index": index}) if options.json else index, soft_wrap=True, highlight=False)
        return RAN
    if options.scenario == _RELIABILITY:
        return _write_reliability(options.build, out)
    try:
        scenario = find(options.scenario)
    except KeyError:
        Console(stderr=True).print(f"There is no scenario {options.scenario!r}; there are: {', '.join(names())}.")
        return USAGE
    return run(scenario, options, out)


def _list(out: Console, *, as_json: bool) -> None:
    titles = {name: find(name).title for name in names()}
    if as_json:
        sys.stdout.write(json.dumps({"scenarios": titles}) + "\n")
        return
    for name, title in titles.items():
        out.print(f"  {name:<10} {title}", highlight=False, soft_wrap=True)


def _write_reliability(build: Path, out: Console) -> int:
    try:
        rewrite(PAGE, build)
    except NoFigures as lacking:
        Console(stderr=True).print(str(lacking), markup=False, soft_wrap=True)
        return USAGE
    out.print(str(PAGE), soft_wrap=True, highlight=False)
    return RAN


def run(scenario: Scenario, options: argparse.Namespace, out: Console) -> int:
    """One scenario, from start to documents. Returns the exit code."""
    (options.build / f"{scenario.name}.json").unlink(missing_ok=True)
    (options.build / f"{scenario.name}.html").unlink(missing_ok=True)
    screen = Screen()
    history = None if options.history is None else options.history / scenario.name
    asked = Options(
        options.seconds,
        options.rounds,
        options.door,
        options.seed,
        options.build,
        history=history,
        from_revision=options.from_revision,
    )
    bench = Bench(asked, screen)
    around = _around(options)
    began_s = time.monotonic()
    try:
        with screen.moving(), bench.closing():
            scenario.run(bench)
            bench.check_all()
    except AuditFailed as failure:
        write_violations(Console(stderr=True), failure.findings.broken, failure.findings.violations)
        return AUDIT_FAILED
    except (CannotRun, HouseFailed, CardkeepError, LoadFailed) as failure:
        Console(stderr=True).print(f"{scenario.name} could not run: {failure}", markup=False, soft_wrap=True)
        return CANNOT_RUN
    around["took_s"] = round(time.monotonic() - began_s, 1)
    around["load_average_at_end"] = [round(one, 2) for one in os.getloadavg()]
    about = {"scenario": scenario.name, "title": scenario.title, "about": scenario.about}
    result = document(about, bench.figures, bench.findings, around)
    _write(options.build, result)
    if options.json:
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        write_document(out, result)
        out.print(f"{options.build / scenario.name}.json, .html", highlight=False)
    return GOALS_MISSED if options.strict and not result["goals_met"] else RAN


def _around(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "began_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
        "revision": revision(),
        "seed": options.seed,
        "options": {"seconds": options.seconds, "rounds": options.rounds, "door": options.door},
    }


def _write(build: Path, result: dict[str, Any]) -> None:
    path = build / f"{result['scenario']}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    write_page(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "scenario", nargs="?", default="", help="which one; `report` and `reliability` tell of what was run"
    )
    parser.add_argument("--seconds", type=float, help="measure each load so long; else as the scenario says")
    parser.add_argument("--rounds", type=int, help="so many rounds; else as the scenario says")
    parser.add_argument("--door", type=Door, choices=list(Door), help="for scenarios that go through either (soak)")
    parser.add_argument("--seed", type=int, default=2026, help="draws the same SKUs and journeys again")
    parser.add_argument("--build", type=Path, default=Path("build/bench"), help="where documents and data go")
    parser.add_argument("--history", type=Path, help="a folder for what clients were told, to be judged apart")
    parser.add_argument(
        "--from", dest="from_revision", metavar="REVISION", help="the code that an upgrade begins with; else as it says"
    )
    parser.add_argument("--json", action="store_true", help="the document on stdout instead of tables")
    parser.add_argument("--strict", action="store_true", help="exit code 99 when a goal is missed")
    return parser


if __name__ == "__main__":
    sys.exit(main())
