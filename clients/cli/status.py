"""`cardkeep status`: the whole house on one screen."""

# ruff: noqa: PLC0415 - rich is imported when there is something to show

import contextlib
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from clients.cli import show
from clients.cli.command import command
from clients.cli.failing import ExitCode, wrong_usage
from clients.cli.session import Session

if TYPE_CHECKING:
    from cardkeep_client import Client, Owner, Pool, Status
    from rich.console import RenderableType

_WATCH_EVERY_S = 1.0


class Look(NamedTuple):
    """What the screen shows."""

    status: "Status"
    pools: "list[Pool]"
    owners: "list[Owner]"

    def as_document(self) -> dict[str, Any]:
        """The same for programs."""
        return {"status": self.status, "pools": self.pools, "owners": self.owners}


def register(app: typer.Typer) -> None:
    """Put the commands of this file on the command line."""
    command(app, "status")(status)


def status(
    session: Session,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again every second, until Ctrl-C.")] = False,
) -> None:
    """Look at the whole house on one screen.

    Is it ready, the store, where the cards of each SKU are, who owns them. Exit code 1 when it is not ready.
    """
    if watch and session.as_json:
        raise wrong_usage("--watch never ends, and --json is one document.", "Leave one of them out.")
    with session.connected() as client:
        if watch:
            _watch(client)
            return
        look = _look(client)
    session.show(look.as_document(), lambda _: _screen(look))
    if not look.status.ready:
        raise typer.Exit(ExitCode.FAILED)


def _look(client: "Client") -> Look:
    now = client.status()
    if not now.store.reachable:
        return Look(now, [], [])
    return Look(now, client.pools(), client.owners())


def _watch(client: "Client") -> None:
    """A live screen on a terminal; elsewhere one screen after another."""
    from rich.live import Live

    screen = show.out()
    with contextlib.suppress(KeyboardInterrupt):
        if not screen.is_terminal:
            while True:
                screen.print(_screen_now(client))
                time.sleep(_WATCH_EVERY_S)
        with Live(_screen_now(client), console=screen, screen=True, auto_refresh=False) as live:
            while True:
                time.sleep(_WATCH_EVERY_S)
                live.update(_screen_now(client), refresh=True)


def _screen_now(client: "Client") -> "RenderableType":
    """Who watches does so because something is wrong: a house that does not answer is a screen, too."""
    from cardkeep_client import CardkeepError

    try:
        return _screen(_look(client))
    except CardkeepError as error:
        return show.lines(f"{show.moment(datetime.now(UTC))}: no answer. {show.safe(error)}")


def _screen(look: Look) -> "RenderableType":
    now, store = look.status, look.status.store
    state = f"{now.pools_open} open, {now.pools_recovering} recovering, {now.pools_stopped} stopped"
    facts = show.facts(
        [
            ("ready", "yes" if now.ready else "NO"),
            ("version", now.version),
            ("server time", show.moment(now.now)),
            ("store", f"{store.kind}, {store.server}, durability {store.durability}" if store.reachable else "AWAY"),
            ("front ends", now.front_ends),
            ("pools", state),
            ("cards", f"{now.cards.on_shelf:,} on the shelf, {now.cards.held:,} held, {now.cards.sold:,} sold"),
            ("active holds", show.number(now.holds_active)),
        ]
    )
    return show.lines(
        facts,
        _pool_table(look.pools) if look.pools else None,
        _owner_table(look.owners) if look.owners else None,
    )


_COLUMNS = ("SKU", "state", "#shelf", "#for sale", "#held", "#sold", "#void", "#holds", "owner", "stopped because")
_WHOLE = ("SKU", "state")

#: What a narrow screen does without, so that names and numbers stay whole.
_LEFT_OUT_FIRST = ("owner", "#void", "#shelf", "#holds", "state")


def _pool_table(pools: "list[Pool]") -> "RenderableType":
    rows: list[tuple[object, ...]] = [
        (
            show.short(pool.name),
            pool.state.lower(),
            pool.cards.on_shelf,
            pool.cards.available,
            pool.cards.held,
            pool.cards.sold,
            pool.cards.void,
            pool.holds_active,
            pool.owner,
            pool.stopped_because,
        )
        for pool in pools
    ]
    for left_out in range(len(_LEFT_OUT_FIRST) + 1):
        kept = [place for place, name in enumerate(_COLUMNS) if name not in _LEFT_OUT_FIRST[:left_out]]
        made = show.table(
            [_COLUMNS[place] for place in kept], [[row[place] for place in kept] for row in rows], whole=_WHOLE
        )
        if show.fits(made):
            break
    return made


def _owner_table(owners: "list[Owner]") -> "RenderableType":
    rows = [
        (
            owner.name,
            owner.node,
            str(owner.process_id),
            owner.pools,
            show.moment(owner.start_time),
            "yes" if owner.reachable else "NO",
        )
        for owner in owners
    ]
    return show.table(("owner", "node", "#process", "#SKUs", "since", "answers"), rows)
