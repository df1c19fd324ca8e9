"""`cardkeep backup`, `recover`, `promote`: the store copied while it sells, put back, or replaced by a replica."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from clients.cli import show
from clients.cli.command import command
from clients.cli.failing import CommandFailed
from clients.cli.session import Session

#: The modules that do it.
_BACKUP_MODULE, _PROMOTION_MODULE = "actors.backup", "actors.promotion"

_SOLD_SINCE = (
    "A copy knows nothing of what was sold after it: those cards are on the shelf again. Before anything is sold,\n"
    "pause each SKU (`cardkeep sku set SKU --paused`), and void what your storefront's records say was delivered since."
)


def register(app: typer.Typer) -> None:
    """Put the commands of this file on the command line."""
    command(app, "backup")(backup)
    command(app, "recover")(recover)
    command(app, "promote")(promote)


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
    copied = _run("recover", copy, data)
    steps = [f"cardkeep up --data {data}", "cardkeep audit SKU   for each SKU"]
    session.show(
        {"data": str(data), "copy": str(copy), "bytes": copied, "next_steps": steps},
        lambda _: show.lines(f"{data} is as {copy} was.\n\n{_SOLD_SINCE}\n\nNext:", *(f"  {step}" for step in steps)),
    )


def promote(
    session: Session,
    urls: Annotated[
        list[str], typer.Argument(metavar="URL...", help="All who followed the store that is gone.", show_default=False)
    ],
) -> None:
    """Let a replica take the place of an outside store that is gone; the others follow it. docs/store.md has the drill.

    Whoever has heard most is chosen. Stop every house that sells from the old store before; asked again, it goes on.
    """
    done = _program(_PROMOTION_MODULE, *urls)
    if done.returncode:
        raise CommandFailed(
            what=f"Not promoted: {done.stderr.strip().rstrip('.')}.",
            do="Asking again does no harm.",
            reason="NOT_PROMOTED",
            facts={"servers": str(len(urls))},
        )
    place = done.stdout.strip()
    left = len(urls) - 1
    steps = [
        f"name it in CARDKEEP_STORE_URL, on every machine (redis://{place}/0, user and password as before)",
        f"replicas={left} or less in that url" if left else "no replicas=… in that url until another follows it",
        "cardkeep up",
    ]
    session.show(
        {"promoted": place, "followers": left, "next_steps": steps},
        lambda _: show.lines(f"{place} is the store now; {left} follow it.\n\nNext:", *(f"  {step}" for step in steps)),
    )


def _run(what: str, source: Path, target: Path) -> int:
    done = _program(_BACKUP_MODULE, what, str(source), str(target))
    if done.returncode:
        raise CommandFailed(
            what=f"Not copied: {done.stderr.strip()}.",
            do="Nothing was changed in what was to be copied.",
            reason="NOT_COPIED",
            facts={"source": str(source), "target": str(target)},
        )
    return int(done.stdout)


def _program(module: str, *words: str) -> "subprocess.CompletedProcess[str]":
    program = [sys.executable, "-P", "-m", module, *words]
    return subprocess.run(program, capture_output=True, text=True, check=False)  # noqa: S603 - our own program, no shell
