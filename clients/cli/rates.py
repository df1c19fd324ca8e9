"""`cardkeep rate …`: rates of exchange, for suppliers that are paid in another currency than costs are counted in."""

# ruff: noqa: PLC0415 - help and completion must not wait for gRPC

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from clients.cli import show, typed
from clients.cli.command import command
from clients.cli.messages import document
from clients.cli.pricing import Who, who_asks
from clients.cli.session import Session
from clients.cli.suppliers import SERVICE

if TYPE_CHECKING:
    from cardkeep_client.v1.supply_pb2 import ExchangeRate
    from rich.console import RenderableType

app = typer.Typer(no_args_is_help=True, help="Rates of exchange by which costs abroad are counted.")


@command(app, "set")
def set_rate(
    session: Session,
    source: Annotated[str, typer.Argument(metavar="FROM", help="The currency paid in, like USD.", show_default=False)],
    target: Annotated[str, typer.Argument(metavar="TO", help="The one counted in, like CNY.", show_default=False)],
    rate: Annotated[
        str, typer.Argument(metavar="RATE", help="How many TO one FROM is: 7.21, or 721/100.", show_default=False)
    ],
    *,
    since: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="From this day or moment on; else from now on.")
    ] = None,
    accept_jump: Annotated[
        bool, typer.Option("--accept-jump", help="It is right, though over 20 % from the one before.")
    ] = False,
    note: Annotated[str, typer.Option("--note", help="Why, or from where it is, for those who look later.")] = "",
    who: Who = None,
) -> None:
    """Enter a rate. Good for 7 days, or until a later one counts; for the same moment again, the last word counts."""
    from cardkeep_client.v1.supply_pb2 import EnterRateRequest, ExchangeRate

    entered = ExchangeRate(
        source_currency=typed.currency_code(source),
        target_currency=typed.currency_code(target),
        rate=rate,
        who=who_asks(who),
        note=note,
    )
    entered.start_time.FromDatetime(datetime.now(UTC) if since is None else typed.beginning(since))
    request = EnterRateRequest(parent=typed.default_tenant(), rate=entered, accept_jump=accept_jump)
    with session.connected() as client:
        done: ExchangeRate = client.call(SERVICE, "EnterRate", request, timeout_s=session.timeout_s)
    session.show(document(done), lambda _: _table([done]))


@command(app, "list")
def list_all(session: Session) -> None:
    """All rates that are kept: which counts now, who entered it and when."""
    from cardkeep_client.v1.supply_pb2 import ListRatesRequest

    with session.connected() as client:
        found = client.call(SERVICE, "ListRates", ListRatesRequest(parent=typed.default_tenant())).rates
    session.show({"rates": [document(each) for each in found]}, lambda _: _table(list(found)))


def _table(rates: "list[ExchangeRate]") -> "RenderableType":
    rows = [
        (
            each.source_currency,
            each.target_currency,
            each.rate,
            show.moment(each.start_time.ToDatetime(UTC)),
            show.moment(each.end_time.ToDatetime(UTC)),
            "counts now" if each.in_force else "",
            each.who,
            show.moment(each.enter_time.ToDatetime(UTC)),
            each.note,
        )
        for each in rates
    ]
    return show.table(("from", "to", "#rate", "since", "good until", "", "entered by", "at", "note"), rows)
