"""What `cardkeep up` says when the house is ready: where it is, what it lacks, what to do next."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clients.cli import show
from clients.cli.command import DEFAULT_DATA
from clients.cli.run_file import Run
from clients.cli.session import Session

if TYPE_CHECKING:
    from rich.console import RenderableType

_NOT_FOR_PRODUCTION = (
    "Not for production as it stands: no TLS and no credentials yet, so it listens on this machine only (loopback)."
)


def show_ready(session: Session, data: Path, run: Run) -> None:
    """The answer of `cardkeep up`."""
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
                ("machine", f"{run.machine}, one of a cluster" if run.machine else None),
                ("metrics", run.metrics or None),
                ("store", f"{run.store}, {run.server}, durability {run.durability}" if run.store else None),
                ("data", data),
                ("key ring", f"{data / 'keys' / 'ring.json'}  (back it up: without it no card opens)"),
            ]
        ),
        f"\n{_NOT_FOR_PRODUCTION}\n\nNext:",
        *(f"  {step}" for step in steps),
        f"\nStop it with {with_data('down', data)}.",
    )


def next_steps(data: Path) -> list[str]:
    """Three commands that make a first sale possible."""
    return [
        with_data('sku create NETFLIX-30 --price "15.00 CNY"', data),
        "printf 'AAAA-0001\\nAAAA-0002\\n' > /tmp/cards.txt && "
        + with_data('import /tmp/cards.txt --sku NETFLIX-30 --unit-cost "10.00 CNY"', data),
        with_data("allocate NETFLIX-30 --order 1042", data),
    ]


def with_data(words: str, data: Path) -> str:
    """A command that reaches this house: it names the data folder when it is not where commands look anyway."""
    usual = Path(os.environ.get("CARDKEEP_DATA", DEFAULT_DATA)).absolute()
    return f"cardkeep {words}" + ("" if data == usual else f" --data {shlex.quote(str(data))}")
