"""`cardkeep cluster new`: the file that the machines of one cluster have in common."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clients.cli import show
from clients.cli.command import command
from clients.cli.failing import CommandFailed
from clients.cli.session import Session

if TYPE_CHECKING:
    from rich.console import RenderableType

#: The module that makes the file.
_FOUNDING_MODULE = "actors.founding"

app = typer.Typer(no_args_is_help=True, help="Several machines that are one house.")


@command(app, "new")
def new(
    session: Session,
    head: Annotated[
        str,
        typer.Argument(metavar="HEAD", help="The head machine's address, as the others reach it.", show_default=False),
    ],
    *,
    file: Annotated[Path, typer.Option("--file", metavar="FILE", help="Where to write it.")] = Path("cluster.json"),
    ray_port: Annotated[int, typer.Option("--ray-port", metavar="PORT", min=1, max=65_535, help="Of Ray's head.")] = (
        7_710
    ),
    store_port: Annotated[
        int, typer.Option("--store-port", metavar="PORT", min=1, max=65_535, help="Of the store's TLS door.")
    ] = 7_702,
) -> None:
    """Make the cluster file: token, certificates' authority, key ring, and where the head is.

    The same file goes to every machine; whoever has it may do anything there, so copy it as you would a private key,
    and back it up: without its key ring no card opens. A house that sells already becomes the head with the key ring
    that it has: run this on its machine, with its --data. Then run `cardkeep up --cluster FILE` on each machine.
    """
    keys = session.data.absolute() / "keys"
    words = [sys.executable, "-P", "-m", _FOUNDING_MODULE, str(file), head, str(ray_port), str(store_port), str(keys)]
    made = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - our own program, no shell
    if made.returncode:
        raise CommandFailed(
            what=f"The cluster file was not written: {made.stderr.strip()}.",
            do="Choose another with --file; one that is there is never replaced.",
            reason="CLUSTER_FILE_NOT_WRITTEN",
            facts={"file": str(file)},
        )
    steps = [f"cardkeep up --cluster {file}   on {head}, the head", f"cardkeep up --cluster {file}   on each other"]
    session.show({"file": str(file), "head": head, "next_steps": steps}, lambda _: _made(file, steps))


def of_cluster(file: Path | None, machine: str | None) -> dict[str, str]:
    """The settings of one machine of a cluster: where the file is, and the machine's address. Raises CommandFailed."""
    if file is None:
        return {} if machine is None else {"MACHINE": machine}
    try:
        head = str(json.loads(file.read_text())["head"])
    except (OSError, ValueError, KeyError) as error:
        raise CommandFailed(
            what=f"{file} is no cluster file: {error}.",
            do="Make one with `cardkeep cluster new HEAD`, and give every machine a copy.",
            reason="NO_CLUSTER_FILE",
            facts={"file": str(file)},
        ) from None
    return {"CLUSTER": str(file.absolute()), "MACHINE": machine or _address_towards(head)}


def _address_towards(head: str) -> str:
    """The address by which this machine reaches the head: the head's own, where it is the head. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((head, 9))
        return str(probe.getsockname()[0])


def _made(file: Path, steps: list[str]) -> "RenderableType":
    return show.lines(f"{file} is written. It is a secret, and the same for all machines.\n\nNext:", *steps)
