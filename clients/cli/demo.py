"""`cardkeep demo`: the bench's demo, as a process: a flash sale with a killed owner, audited."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from clients.cli.command import command
from clients.cli.failing import CommandFailed
from clients.cli.session import Session


def register(app: typer.Typer) -> None:
    """Put the commands of this file on the command line."""
    command(app, "demo")(demo)


def demo(
    session: Session,
    build: Annotated[Path, typer.Option("--build", help="Where demo.json and the run's data go.")] = Path("build"),
    seed: Annotated[int, typer.Option("--seed", help="The same seed makes the same buyers.")] = 2026,
) -> None:
    """Show in under a minute that every card is sold once.

    Starts a house of its own; yours is left alone.
    Exit code 0 only when every promise was kept.
    """
    words = [sys.executable, "-P", "-m", "bench.demo", "--build", str(build), "--seed", str(seed)]
    # Its table would spoil the one JSON document, so it goes with the remarks.
    code = subprocess.run(words, stdout=sys.stderr if session.as_json else None, check=False).returncode  # noqa: S603
    result = build / "demo.json"
    if session.as_json and code == 0:
        sys.stdout.write(result.read_text().strip() + "\n")
    elif session.as_json:
        raise CommandFailed(what="The demo did not end well.", do=f"See what it said, and {result}.")
    if code:
        raise typer.Exit(code)
