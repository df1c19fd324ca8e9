"""`cardkeep bench`: the bench suite, as a process: load on a house of its own, audited, with figures."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from clients.cli.command import command
from clients.cli.failing import CommandFailed
from clients.cli.session import Session

#: What the suite needs besides a cardkeep that sells: its own package, and what measures.
_NEEDED = ("bench", "hdrh", "psutil")

#: The exit codes of `python -m bench` that a table or a violation has already been shown for.
_AUDIT_FAILED, _GOALS_MISSED = 1, 99


def register(app: typer.Typer) -> None:
    """Put the commands of this file on the command line."""
    command(app, "bench")(bench)


def bench(
    session: Session,
    scenario: Annotated[str, typer.Argument(help="Which one; without, they are listed. `report` collects them.")] = "",
    *,
    seconds: Annotated[float | None, typer.Option("--seconds", min=0.5, help="Measure each load so long.")] = None,
    rounds: Annotated[int | None, typer.Option("--rounds", min=1, help="Go through all sides so many times.")] = None,
    door: Annotated[str, typer.Option("--door", help="plain or fast, for scenarios that go through either.")] = "",
    seed: Annotated[int, typer.Option("--seed", help="The same seed draws the same SKUs and buyers.")] = 2026,
    build: Annotated[Path, typer.Option("--build", help="Where the documents go.")] = Path("build/bench"),
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 99 when a goal is missed.")] = False,
) -> None:
    """Measure how fast cards are sold, and audit that each is sold once.

    Starts a house of its own; yours is left alone.
    Exit code 0: it ran and the audit is clean. 1: the audit failed, and there is no figure. 3: it could not run.
    """
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        raise CommandFailed(
            what=f"The bench suite is not installed here: there is no {', '.join(missing)}.",
            do="Clone the repository and run `make bench` in it, or `pip install -e '.[bench]'` there.",
        )
    words = [sys.executable, "-P", "-m", "bench", *([scenario] if scenario else [])]
    words += ["--seed", str(seed), "--build", str(build)]
    words += ["--seconds", str(seconds)] if seconds is not None else []
    words += ["--rounds", str(rounds)] if rounds is not None else []
    words += ["--door", door] if door else []
    words += (["--strict"] if strict else []) + (["--json"] if session.as_json else [])
    code = subprocess.run(words, check=False).returncode  # noqa: S603
    if session.as_json and code not in (0, _GOALS_MISSED):
        why = "The audit failed; there is no figure." if code == _AUDIT_FAILED else "The scenario could not run."
        session.fail(CommandFailed(what=why, do="See what it said on stderr."))
    if code:
        raise typer.Exit(code)
