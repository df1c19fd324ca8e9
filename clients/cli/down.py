"""`cardkeep down`: ask the house to stop, wait until it has, and name what it left behind."""

import contextlib
import os
import shlex
import signal
import time
from pathlib import Path

import typer

from clients.cli import show
from clients.cli.command import command
from clients.cli.failing import CommandFailed
from clients.cli.following import Follower
from clients.cli.neighbours import neighbours
from clients.cli.run_file import Run, command_line, descendants, read_run, start_mark
from clients.cli.session import Session

#: How long a stop may take when --timeout says nothing: calls under way get 10 s, the store 30 s; on a further machine
#: of a cluster SKUs have 90 s to go elsewhere before (actors/annex.py).
stop_timeout_s = 150.0

#: How long the house's own processes may take to end after it.
_LEFTOVERS_WITHIN_S = 5.0


def register(app: typer.Typer) -> None:
    """Put the commands of this file on the command line."""
    command(app, "down")(down)


def down(session: Session) -> None:
    """Stop the house of the data folder in good order. Nothing acknowledged is lost."""
    data = session.data.absolute()
    run = read_run(data)
    if run is None or not run.is_alive:
        _show_stopped(session, data, _why_nothing_runs(data, run), None)
        for each in neighbours(data):
            session.note(
                f"A house runs on {each.data}; stop it with `cardkeep down --data {shlex.quote(str(each.data))}`."
            )
        return
    family, mark = descendants(run.pid), start_mark(run.pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(run.pid, signal.SIGTERM)
    _wait_for_end(session, data, run, mark)
    left = _leftovers(family)
    if left:
        raise CommandFailed(
            what="The house has stopped, but these processes of it still run: "
            + "; ".join(f"{pid} ({' '.join(command_line(pid))[:60]})" for pid in left)
            + ".",
            do=f"End them with: kill {' '.join(map(str, left))}",
            reason="STILL_RUNNING",
            facts={"pids": " ".join(map(str, left))},
        )
    _show_stopped(session, data, "Cardkeep has stopped.", run.pid)


def _wait_for_end(session: Session, data: Path, run: Run, mark: str) -> None:
    until_s = time.monotonic() + (session.timeout_s or stop_timeout_s)
    with Follower("Stopping Cardkeep", quiet=session.as_json) as follower:
        while start_mark(run.pid) == mark != "":
            news = read_run(data)
            follower.tell(news.step if news is not None else "")
            if time.monotonic() > until_s:
                raise CommandFailed(
                    what=f"The house (process {run.pid}) has not stopped yet: {news.step if news else 'no word'}.",
                    do=f"Wait with `cardkeep down`, or end it with: kill -9 {run.pid}\n"
                    "(nothing acknowledged is lost by that)",
                    reason="STILL_RUNNING",
                    facts={"pids": str(run.pid)},
                )
            follower.wait()


def _leftovers(family: dict[int, str]) -> list[int]:
    """Those of the house's processes that outlive it."""
    until_s = time.monotonic() + _LEFTOVERS_WITHIN_S
    while left := [pid for pid, mark in family.items() if start_mark(pid) == mark]:
        if time.monotonic() > until_s:
            break
        time.sleep(0.1)
    return left


def _why_nothing_runs(data: Path, run: Run | None) -> str:
    if run is None:
        return f"Nothing runs on the data folder {data}."
    if run.state in {"stopped", "failed"}:
        return f"Nothing runs on the data folder {data}: the last house has {run.state}."
    return f"Nothing runs on the data folder {data}: the last house (process {run.pid}) ended without stopping."


def _show_stopped(session: Session, data: Path, text: str, pid: int | None) -> None:
    document = {"state": "stopped", "stopped_pid": pid, "data": str(data)}
    session.show(document, lambda _: show.lines(text))
