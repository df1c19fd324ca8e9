"""`cardkeep backup` and `cardkeep recover`: a data folder copied while it sells, and put back."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from clients.cli import show
from clients.cli.command import command
from clients.cli.failing import CommandFailed
from clients.cli.session import Session

#: The module that copies.
_BACKUP_MODULE = "actors.backup"

_SOLD_SINCE = (
    "A copy knows nothing of what was sold after it: those cards are on the shelf again. Before anything is sold,\n"
    "pause each SKU (`cardkeep sku set SKU --paused`), and void what your storefront's records say was delivered since."
)


def register(app: typer.Typer) -> None:
    """Put the commands of this file on the command line."""
    command(app, "backup")(backup)
    command(app, "recover")(recover)


def backup(
    session: Session,
    copy: Annotated[Path, typer.Argument(metavar="COPY", help="A new folder for the copy.", show_default=False)],
) -> None:
    """Copy the data folder while it sells: store, history, key ring. Keep the copy as you would the cards."""
    data = session.data.absolute()
    copied = _run("save", data, copy)
    session.show(
        {"data": str(data), "copy": str(copy), "bytes": copied},
        lambda _: show.lines(f"{copy} is a whole copy of {data}: {show.number(copied)} bytes."),
    )


def recover(
    session: Session,
    copy: Annotated[Path, typer.Argument(metavar="COPY", help="A folder that `backup` made.", show_default=False)],
) -> None:
    """Make the data folder of a copy. There must be none: move the old one away, and do not delete it.

    What was sold after the copy was taken is on the shelf again; read what the command says before you sell.
    """
    data = session.data.absolute()
    copied = _run("restore", copy, data)
    steps = [f"cardkeep up --data {data}", "cardkeep audit SKU   for each SKU"]
    session.show(
        {"data": str(data), "copy": str(copy), "bytes": copied, "next_steps": steps},
        lambda _: show.lines(f"{data} is as {copy} was.\n\n{_SOLD_SINCE}\n\nNext:", *(f"  {step}" for step in steps)),
    )


def _run(what: str, source: Path, target: Path) -> int:
    words = [sys.executable, "-P", "-m", _BACKUP_MODULE, what, str(source), str(target)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - our own program, no shell
    if done.returncode:
        raise CommandFailed(
            what=f"Not copied: {done.stderr.strip()}.",
            do="Nothing was changed in what was to be copied.",
            reason="NOT_COPIED",
            facts={"source": str(source), "target": str(target)},
        )
    return int(done.stdout)
