"""`cardkeep sourcing …`: how each SKU is bought."""

# ruff: noqa: PLC0415 - help and completion must not wait for gRPC

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clients.cli import described, show, typed
from clients.cli.command import command
from clients.cli.messages import document, label, money
from clients.cli.session import Session
from clients.cli.skus import SkuName
from clients.cli.suppliers import SERVICE

if TYPE_CHECKING:
    from cardkeep_client.v1.supply_pb2 import Source, Sourcing
    from rich.console import RenderableType

app = typer.Typer(no_args_is_help=True, help="How SKUs are bought: from whom, below how many cards, up to how many.")


@command(app, "put")
def put(
    session: Session,
    sku: SkuName,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="TOML or JSON; docs/supply.md has one to copy.")],
) -> None:
    """Say how a SKU is bought, in place of what was said before. In force within a second."""
    from cardkeep_client.v1.supply_pb2 import PutSourcingRequest

    request = PutSourcingRequest()
    described.fill(request.sourcing, described.read(file), "a sourcing")
    request.sourcing.sku = typed.sku_name(sku)
    for source in request.sourcing.sources:
        source.supplier = typed.supplier_name(source.supplier)
    with session.connected(sku=sku) as client:
        entered = client.call(SERVICE, "PutSourcing", request, timeout_s=session.timeout_s)
    session.show(document(entered), lambda _: _table([entered]))


@command(app, "list")
def list_all(session: Session) -> None:
    """How each SKU is bought."""
    from cardkeep_client.v1.supply_pb2 import ListSourcingsRequest

    found: list[Sourcing] = []
    token = ""
    with session.connected() as client:
        while True:
            request = ListSourcingsRequest(parent=typed.default_tenant(), page_size=1_000, page_token=token)
            page = client.call(SERVICE, "ListSourcings", request)
            found += page.sourcings
            token = page.next_page_token
            if not token:
                break
    session.show({"sourcings": [document(each) for each in found]}, lambda _: _table(found))


def _source(source: "Source") -> str:
    why = {"NO_RATE": ", left out: no rate of exchange", "RATE_TOO_OLD": ", left out: its rate is too old"}
    return f"{label(source.supplier)} ({money(source, 'unit_cost')}{why.get(source.left_out, '')})"


def _table(sourcings: "list[Sourcing]") -> "RenderableType":
    rows = [
        (
            show.short(each.sku),
            show.number(each.low),
            show.number(each.high),
            money(each, "unit_cost_max"),
            ", ".join(map(_source, each.sources)),
            "paused" if each.paused else "bought",
        )
        for each in sourcings
    ]
    return show.table(("SKU", "#below", "#up to", "#at most", "from", "state"), rows)
