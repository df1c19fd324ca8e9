"""`cardkeep up`: start a house as a process of its own, follow it until it is ready, say what to do next."""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clients.cli import show
from clients.cli.command import DEFAULT_DATA, command
from clients.cli.connection import DEFAULT_PORT
from clients.cli.failing import CommandFailed, wrong_usage
from clients.cli.following import Follower, last_lines
from clients.cli.run_file import HOUSE_MODULE, Run, read_run
from clients.cli.session import Session

if TYPE_CHECKING:
    from rich.console import RenderableType

#: How long a start may take when --timeout says nothing: a store of 10 GB loads for about a minute.
start_timeout_s = 180.0

#: The house's own default, for the look at the ports before it starts.
DEFAULT_METRICS_PORT = 7701

_NOT_FOR_PRODUCTION = (
    "Not for production as it stands: no TLS and no credentials yet, so it listens on this machine only (loopback)."
)


def register(app: typer.Typer) -> None:
    """Put the commands of this file on the command line."""
    command(app, "up")(up)


def up(
    session: Session,
    *,
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay, and stop the house with Ctrl-C.")] = False,
    port: Annotated[int | None, typer.Option("--port", min=1, max=65_535, help="Of the gRPC API (7700).")] = None,
    metrics_port: Annotated[
        int | None, typer.Option("--metrics-port", min=1, max=65_535, help="Of the metrics (7701).")
    ] = None,
    front_ends: Annotated[
        int | None, typer.Option("--front-ends", min=1, max=64, help="Front-end processes, all on one port (1).")
    ] = None,
    store_url: Annotated[
        str | None,
        typer.Option(
            "--store-url", metavar="URL", help="A Redis or Valkey elsewhere; CARDKEEP_STORE_URL is not seen by ps."
        ),
    ] = None,
    reflection: Annotated[
        bool | None, typer.Option("--reflection/--no-reflection", help="Let tools list the API.")
    ] = None,
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
    if run is not None and run.state not in {"stopped", "failed"}:
        session.note(f"The house before (process {run.pid}) ended without stopping; its journal is whole.")
    given = {
        "PORT": port,
        "METRICS_PORT": metrics_port,
        "FRONT_ENDS": front_ends,
        "STORE_URL": store_url,
        "REFLECTION": reflection,
    }
    environment = os.environ | {"CARDKEEP_DATA": str(data)}
    environment |= {f"CARDKEEP_{name}": str(value) for name, value in given.items() if value is not None}
    require_free_ports(environment)
    if foreground:
        _stay(session, data, environment)
    else:
        house = start_house(data, environment)
        _show_ready(session, data, _follow(session, data, house))


def require_free_ports(environment: "dict[str, str]") -> None:
    """Front ends share their port, so a second house would silently take half of the first one's calls."""
    host = environment.get("CARDKEEP_HOST", "127.0.0.1")
    for option, variable, default in (
        ("--port", "CARDKEEP_PORT", DEFAULT_PORT),
        ("--metrics-port", "CARDKEEP_METRICS_PORT", DEFAULT_METRICS_PORT),
    ):
        port = environment.get(variable, str(default))
        if not port.isdecimal():
            raise wrong_usage(f"{variable}={port!r} is no port.", "Give a number, such as 7700.")
        if not is_free(host, int(port)):
            raise CommandFailed(
                what=f"Port {port} is taken by another program.",
                do=f"Choose another with {option}; `cardkeep doctor` shows what is free.",
                reason="PORT_TAKEN",
                facts={"port": port},
            )


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def start_house(data: Path, environment: "dict[str, str]", *, detached: bool = True) -> "subprocess.Popen[bytes]":
    """The house's process. -P: a folder named `actors` or `engine` where the user stands must not be taken for ours."""
    logs = data / "logs"
    logs.mkdir(parents=True, exist_ok=True)
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
                    do=f"It goes on starting: look with `cardkeep status`, or end it with {_with_data('down', data)}.",
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
    with _passing_on_signals(house):
        try:
            _show_ready(session, data, _follow(session, data, house))
        except CommandFailed:
            house.terminate()
            raise
        finally:
            code = house.wait()
    if code:
        raise CommandFailed(what=f"The house ended with code {code}.", do=f"See the logs in {data / 'logs'}.")


@contextlib.contextmanager
def _passing_on_signals(house: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Ctrl-C and SIGTERM are for the house, which stops in good order; we wait for it."""

    def pass_on(_number: int, _frame: FrameType | None) -> None:
        house.terminate()

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _already_there(session: Session, data: Path, run: Run, *, foreground: bool) -> None:
    if run.state == "stopping":
        raise CommandFailed(what="The house is just stopping.", do="Run the command again in a few seconds.")
    if foreground:
        raise CommandFailed(
            what=f"A house runs on {data} already (process {run.pid}).", do=f"Stop it with {_with_data('down', data)}."
        )
    if run.state != "ready":
        raise CommandFailed(
            what=f"A house is starting on {data} already: {run.step}.", do="Look in a moment with `cardkeep status`."
        )
    session.note(f"Cardkeep runs already (process {run.pid}).")
    _show_ready(session, data, run)


def _show_ready(session: Session, data: Path, run: Run) -> None:
    steps = next_steps(data)
    document: dict[str, Any] = {
        "state": run.state,
        "pid": run.pid,
        "grpc": run.grpc,
        "metrics": run.metrics,
        "store": run.store,
        "server": run.server,
        "durability": run.durability,
        "data": str(data),
        "production_ready": False,
        "next_steps": steps,
    }
    session.show(document, lambda _: _ready_text(data, run, steps))


def _ready_text(data: Path, run: Run, steps: list[str]) -> "RenderableType":
    return show.lines(
        "Cardkeep is ready.\n",
        show.facts(
            [
                ("gRPC", f"{run.grpc}  (no TLS)"),
                ("metrics", run.metrics),
                ("store", f"{run.store}, {run.server}, durability {run.durability}"),
                ("data", data),
                ("key ring", f"{data / 'keys' / 'ring.json'}  (back it up: without it no card opens)"),
            ]
        ),
        f"\n{_NOT_FOR_PRODUCTION}\n\nNext:",
        *(f"  {step}" for step in steps),
        f"\nStop it with {_with_data('down', data)}.",
    )


def next_steps(data: Path) -> list[str]:
    """Three commands that make a first sale possible."""
    return [
        _with_data('sku create NETFLIX-30 --price "15.00 CNY"', data),
        "printf 'AAAA-0001\\nAAAA-0002\\n' > cards.txt && "
        + _with_data('import cards.txt --sku NETFLIX-30 --unit-cost "10.00 CNY"', data),
        _with_data("allocate NETFLIX-30 --order 1042", data),
    ]


def _with_data(words: str, data: Path) -> str:
    """A command that reaches this house: it names the data folder when it is not where commands look anyway."""
    usual = Path(os.environ.get("CARDKEEP_DATA", DEFAULT_DATA)).absolute()
    return f"cardkeep {words}" + ("" if data == usual else f" --data {shlex.quote(str(data))}")
