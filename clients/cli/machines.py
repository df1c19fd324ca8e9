"""`cardkeep machines`, `drain`, `scale`, `move`, `rebalance`: where things run, changed while a sale runs."""

# ruff: noqa: PLC0415 - help and completion must not wait for gRPC

import time
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from clients.cli import show, typed
from clients.cli.command import command
from clients.cli.failing import CommandFailed
from clients.cli.following import Follower
from clients.cli.messages import document
from clients.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from cardkeep_client import Client
    from cardkeep_client.v1.cluster_pb2 import Machine
    from rich.console import RenderableType

SERVICE = "ClusterService"

_Found = TypeVar("_Found")

#: Between two looks at how far it is: each has all owners asked for all of their SKUs.
_LOOK_EVERY_S = 0.5

#: Moves asked for at once, so that progress can be told.
_MOVES_AT_ONCE = 32

#: How long a command waits for what it asked for when --timeout says nothing.
_PATIENCE_S = 120.0

Address = Annotated[str, typer.Argument(metavar="MACHINE", help="Its address, as `cardkeep machines` says.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Ask for it, and do not wait until it is so.")]


def register(app: typer.Typer) -> None:
    """Put the commands of this file on the command line."""
    command(app, "machines")(machines)
    command(app, "drain")(drain)
    command(app, "scale")(scale)
    command(app, "move")(move)
    command(app, "rebalance")(rebalance)


def machines(session: Session) -> None:
    """All machines: their owners, SKUs and load, and who is about to leave."""
    with session.connected() as client:
        found = machines_of(client)
    session.show({"machines": [document(each) for each in found]}, lambda _: _table(found))


def drain(session: Session, address: Address, *, no_wait: NoWait = False) -> None:
    """Empty a machine and let it leave, without a failed request: its SKUs go to others, then its doors close.

    Starting Cardkeep there again brings it back. `cardkeep down` on the machine itself does the same.
    """
    from cardkeep_client.v1.cluster_pb2 import MACHINE_STATE_LEFT, DrainMachineRequest

    with session.connected() as client:
        client.call(SERVICE, "DrainMachine", DrainMachineRequest(address=address))
        machine = _followed(
            session,
            client,
            address,
            "left the cluster",
            lambda machine: no_wait or machine.state == MACHINE_STATE_LEFT,
        )
    session.show(document(machine), lambda _: _table([machine]))


def scale(
    session: Session,
    address: Address,
    owners: Annotated[
        int, typer.Argument(metavar="OWNERS", min=0, max=256, help="Owners at most; 0: as its own settings say.")
    ],
    *,
    no_wait: NoWait = False,
) -> None:
    """Give a machine more owners, or fewer. SKUs of those that are too many move first."""
    from cardkeep_client.v1.cluster_pb2 import ScaleMachineRequest

    with session.connected() as client:
        client.call(SERVICE, "ScaleMachine", ScaleMachineRequest(address=address, owners_max=owners))
        machine = _followed(
            session,
            client,
            address,
            f"{owners} owners",
            lambda machine: no_wait or not owners or len(machine.owners) == owners,
        )
    session.show(document(machine), lambda _: _table([machine]))


def move(
    session: Session,
    sku: Annotated[str, typer.Argument(metavar="SKU", help="The SKU.", show_default=False)],
    owner: Annotated[str, typer.Argument(metavar="OWNER", help="As `cardkeep status` says.", show_default=False)],
    *,
    no_wait: NoWait = False,
) -> None:
    """Give a SKU to another owner. Measured load may move it again later, where it is too much there."""
    from cardkeep_client.v1.cluster_pb2 import MoveSkuRequest

    with session.connected(sku=sku) as client:
        asked = MoveSkuRequest(name=typed.sku_name(sku), owner=owner)
        first = _epoch(client, asked.name)
        before = client.call(SERVICE, "MoveSku", asked).from_owner
        epoch = None if no_wait or before == owner else _claimed(session, client, asked.name, first)
    found = {"sku": sku, "from": before, "to": owner, "epoch": epoch}
    session.show(found, lambda _: show.lines(f"{sku}: {before or 'nobody'} -> {owner}"))


def rebalance(session: Session) -> None:
    """Even out how many SKUs each owner has. Load is evened out by itself, where it is worth a move."""
    from cardkeep_client.v1.cluster_pb2 import RebalanceRequest

    moved = 0
    with session.connected() as client, Follower("Moving SKUs", quiet=session.as_json) as follower:
        while more := client.call(SERVICE, "Rebalance", RebalanceRequest(at_most=_MOVES_AT_ONCE)).moved:
            moved += more
            follower.tell(f"{moved} on their way")
            follower.wait()
    session.show({"moved": moved}, lambda _: show.lines(f"{moved} SKUs moved."))


def machines_of(client: "Client") -> "list[Machine]":
    """All machines, as the house tells of them."""
    from cardkeep_client.v1.cluster_pb2 import ListMachinesRequest

    return list(client.call(SERVICE, "ListMachines", ListMachinesRequest()).machines)


def _followed(
    session: Session, client: "Client", address: str, wanted: str, is_so: "Callable[[Machine], bool]"
) -> "Machine":
    """The machine, once it is as wanted. Raises CommandFailed when that takes too long."""
    return _until(
        session,
        f"Until {address} has {wanted}",
        lambda: next(each for each in machines_of(client) if each.address == address),
        is_so,
        lambda machine: f"{len(machine.owners)} owners, {machine.pools} SKUs, {machine.pools_served} served",
    )


def _claimed(session: Session, client: "Client", name: str, first: int) -> int:
    """The epoch under which its new owner serves it. Raises CommandFailed when that takes too long."""
    return _until(
        session,
        f"Until the new owner of {name} has it",
        lambda: _epoch(client, name),
        lambda epoch: epoch != first,
        lambda _: "its owner before serves it",
    )


def _until(
    session: Session,
    title: str,
    look: "Callable[[], _Found]",
    is_so: "Callable[[_Found], bool]",
    told: "Callable[[_Found], str]",
) -> "_Found":
    """What is found, once it is as wanted; `told` says how far it is. Raises CommandFailed when it takes too long."""
    until_s = time.monotonic() + (session.timeout_s or _PATIENCE_S)
    with Follower(title, quiet=session.as_json) as follower:
        while not is_so(found := look()):
            follower.tell(told(found))
            if time.monotonic() > until_s:
                raise CommandFailed(
                    what=f"{title}: not yet, {told(found)}.",
                    do="It goes on by itself: look with `cardkeep machines` and `cardkeep status`.",
                    reason="NOT_YET",
                )
            follower.wait(_LOOK_EVERY_S)
    return found


def _epoch(client: "Client", name: str) -> int:
    return next((pool.epoch for pool in client.pools() if pool.name == name), 0)


_STATES = {1: "serving", 2: "leaving", 3: "left"}


def _table(machines: "list[Machine]") -> "RenderableType":
    rows = [
        (
            each.address,
            _STATES.get(each.state, ""),
            len(each.owners),
            each.owners_max or "",
            each.pools,
            each.pools_served,
            f"{each.commands_per_second:,.0f}",
        )
        for each in machines
    ]
    return show.table(("machine", "state", "#owners", "#at most", "#SKUs", "#served", "#commands/s"), rows)
