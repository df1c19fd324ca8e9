"""`cardkeep up`: start a house as a process of its own, follow it until it is ready, say what to do next."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from clients.cli.clusters import of_cluster
from clients.cli.command import command
from clients.cli.failing import CommandFailed
from clients.cli.following import Follower, last_lines
from clients.cli.ports import wait_for_free_ports
from clients.cli.ready import show_ready, with_data
from clients.cli.run_file import HOUSE_MODULE, Run, read_run
from clients.cli.session import Session
from clients.cli.settings_check import require_settings

#: How long a start may take when --timeout says nothing: a store of 10 GB loads for about a minute.
start_timeout_s = 180.0


Foreground = Annotated[bool, typer.Option("--foreground", help="Stay, and stop the house with Ctrl-C.")]
Port = Annotated[int | None, typer.Option("--port", metavar="PORT", min=1, max=65_535, help="Of the gRPC API (7700).")]
MetricsPort = Annotated[
    int | None, typer.Option("--metrics-port", metavar="PORT", min=1, max=65_535, help="Of the metrics (7701).")
]
FrontEnds = Annotated[
    int | None,
    typer.Option(
        "--front-ends",
        metavar="COUNT",
        min=0,
        max=64,
        help="Front-end processes of their own (none: owners are front ends).",
    ),
]
StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--store-url", metavar="URL", help="A Redis or Valkey elsewhere; CARDKEEP_STORE_URL hides it from ps."
    ),
]
Cluster = Annotated[
    Path | None,
    typer.Option(
        "--cluster", metavar="FILE", help="Be one machine of several: the file of `cardkeep cluster new`, on each."
    ),
]
Machine = Annotated[
    str | None,
    typer.Option(
        "--machine",
        metavar="ADDRESS",
        help="This machine's address in the cluster; else the one it reaches the head by.",
    ),
]
Reflection = Annotated[bool | None, typer.Option("--reflection/--no-reflection", help="Let tools list the API.")]


def register(app: typer.Typer) -> None:
    """Put the commands of this file on the command line."""
    command(app, "up")(up)


def up(
    session: Session,
    *,
    foreground: Foreground = False,
    port: Port = None,
    metrics_port: MetricsPort = None,
    front_ends: FrontEnds = None,
    store_url: StoreUrl = None,
    reflection: Reflection = None,
    cluster: Cluster = None,
    machine: Machine = None,
) -> None:
    """Start Cardkeep on this machine.

    Starts store, owners, front ends and metrics, and runs on in the background until `cardkeep down`. What must
    survive is in the data folder. What has no option here is a variable: CARDKEEP_HOST, CARDKEEP_ACTORS_MAX,
    CARDKEEP_DURABILITY, CARDKEEP_LOG_LEVEL.
    """
    data = session.data.absolute()
    run = read_run(data)
    if run is not None and run.is_alive:
        _already_there(session, data, run, foreground=foreground)
        return
    had_crashed = run is not None and run.state not in {"stopped", "failed"}
    if had_crashed:
        session.note("The house before ended without stopping; what it acknowledged is in its journal.")
    given = {
        "PORT": port,
        "METRICS_PORT": metrics_port,
        "FRONT_ENDS": front_ends,
        "STORE_URL": store_url,
        "REFLECTION": reflection,
        **of_cluster(cluster, machine),
    }
    environment = os.environ | {"CARDKEEP_DATA": str(data)}
    environment |= {f"CARDKEEP_{name}": str(value) for name, value in given.items() if value is not None}
    require_settings(environment)
    wait_for_free_ports(session, environment, had_crashed=had_crashed)
    _require_folder(data)
    if foreground:
        _stay(session, data, environment)
    else:
        house = start_house(data, environment)
        show_ready(session, data, _follow(session, data, house))


def _require_folder(data: Path) -> None:
    """Raises CommandFailed when the house could not write where it keeps what must survive."""
    logs = data / "logs"
    try:
        logs.mkdir(parents=True, exist_ok=True)
        with (logs / "house.out").open("ab"):
            pass
    except OSError as error:
        why = "is a file" if data.is_file() else f"cannot be written: {error.strerror}"
        raise CommandFailed(
            what=f"The data folder {data} {why}.",
            do="Choose another with --data FOLDER; `cardkeep doctor` looks at it.",
            reason="DATA_FOLDER_UNUSABLE",
            facts={"data": str(data)},
        ) from None


def start_house(data: Path, environment: "dict[str, str]", *, detached: bool = True) -> "subprocess.Popen[bytes]":
    """The house's process. -P: a folder named `actors` or `engine` where the user stands must not be taken for ours."""
    logs = data / "logs"
    (data / "run.json").unlink(missing_ok=True)
    with (logs / "house.out").open("ab") as written:
        output = written if detached else None
        return subprocess.Popen(  # noqa: S603 - our own program, no shell
            [sys.executable, "-P", "-m", HOUSE_MODULE],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _follow(session: Session, data: Path, house: "subprocess.Popen[bytes]") -> Run:
    """Wait until the house is ready, telling its steps. Raises CommandFailed when it ends or takes too long."""
    until_s = time.monotonic() + (session.timeout_s or start_timeout_s)
    with Follower("Starting Cardkeep", quiet=session.as_json) as follower:
        while True:
            run = read_run(data)
            if run is not None and run.state == "ready":
                return run
            follower.tell(run.step if run is not None else "starting the process")
            if house.poll() is not None:
                raise _not_started(data, run)
            if time.monotonic() > until_s:
                raise CommandFailed(
                    what=f"The house is not ready yet: {run.step if run else 'no word from it'}.",
                    do=f"It goes on starting: look with `cardkeep status`, or end it with {with_data('down', data)}.",
                    reason="NOT_READY",
                    facts={"pid": str(house.pid)},
                )
            follower.wait()


def _not_started(data: Path, run: Run | None) -> CommandFailed:
    why = run.step if run is not None and run.state == "failed" else last_lines(data / "logs" / "house.out")
    return CommandFailed(
        what=f"The house did not start: {why or 'it left no word'}",
        do=f"See `cardkeep doctor`, and the logs in {data / 'logs'}.",
        reason="NOT_STARTED",
    )


def _stay(session: Session, data: Path, environment: "dict[str, str]") -> None:
    house = start_house(data, environment, detached=False)
    with _passing_on_signals(house) as passed_on:
        try:
            show_ready(session, data, _follow(session, data, house))
        except CommandFailed:
            house.terminate()
            if not passed_on:
                raise
            raise CommandFailed(what="Stopped before it was ready.", do="Start it again with `cardkeep up`.") from None
        finally:
            code = house.wait()
    if code:
        raise CommandFailed(what=f"The house ended with code {code}.", do=f"See the logs in {data / 'logs'}.")


@contextlib.contextmanager
def _passing_on_signals(house: "subprocess.Popen[bytes]") -> Iterator[list[int]]:
    """Ctrl-C and SIGTERM are for the house, which stops in good order; we wait for it. Gives what came so far."""
    passed_on: list[int] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        passed_on.append(number)
        house.terminate()

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield passed_on
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _already_there(session: Session, data: Path, run: Run, *, foreground: bool) -> None:
    if run.state == "stopping":
        raise CommandFailed(what="The house is just stopping.", do="Run the command again in a few seconds.")
    if foreground:
        raise CommandFailed(
            what=f"A house runs on {data} already (process {run.pid}).", do=f"Stop it with {with_data('down', data)}."
        )
    if run.state != "ready":
        raise CommandFailed(
            what=f"A house is starting on {data} already: {run.step}.", do="Look in a moment with `cardkeep status`."
        )
    session.note(f"Cardkeep runs already (process {run.pid}).")
    show_ready(session, data, run)
