"""`cardkeep attempts …`: purchases that need a person, and what a person says of them."""

# ruff: noqa: PLC0415 - help and completion must not wait for gRPC

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from clients.cli import described, show, typed
from clients.cli.command import command
from clients.cli.failing import CommandFailed, ExitCode, wrong_usage
from clients.cli.messages import document, money
from clients.cli.session import Session
from clients.cli.suppliers import SERVICE, SupplierName, difference_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cardkeep_client import Client
    from cardkeep_client.v1.supply_pb2 import Attempt, ListAttemptsResponse
    from rich.console import RenderableType

app = typer.Typer(no_args_is_help=True, help="Purchases at a supplier: what is open, in doubt, or needs a person.")

_FILTERS = {"all": 0, "open": 1, "waiting": 2, "person": 3}

#: What a person may say of an attempt; the server knows more words for how one stands.
_WORDS = ("delivered", "failed", "reversed")

AttemptId = Annotated[str, typer.Argument(metavar="ATTEMPT", help="Our name for the purchase.", show_default=False)]
Who = Annotated[str, typer.Option("--who", help="Who says so.")]
Note = Annotated[str, typer.Option("--note", help="Why, for those who look later.")]


@command(app, "list")
def list_some(
    session: Session,
    supplier: SupplierName,
    *,
    which: Annotated[
        str, typer.Option("--which", metavar="all|open|waiting|person", help="Those that need a person by default.")
    ] = "person",
) -> None:
    """Purchase attempts of one supplier, the oldest first, and what its statements said otherwise."""
    if which not in _FILTERS:
        raise wrong_usage(f"{which!r} is no kind of attempts.", f"Choose from {', '.join(_FILTERS)}.")
    with session.connected(supplier=supplier) as client:
        whole, *others = _pages(client, supplier, which)
    for page in others:
        whole.attempts.extend(page.attempts)
    whole.next_page_token = ""
    session.show(document(whole), lambda _: _page(whole))


@command(app, "settle")
def settle(
    session: Session,
    supplier: SupplierName,
    attempt: AttemptId,
    *,
    standing: Annotated[
        str, typer.Option("--as", metavar="delivered|failed|reversed", help="How it stands, as the supplier told you.")
    ],
    who: Who,
    note: Note = "",
    order: Annotated[str, typer.Option("--order", help="The supplier's number.")] = "",
    cost: Annotated[str | None, typer.Option("--cost", metavar="MONEY", help="What it cost in all.")] = None,
    units: Annotated[int, typer.Option("--units", min=0, help="Units that came, when no codes are given.")] = 0,
    codes: Annotated[
        typer.FileText | None, typer.Option("--codes", metavar="FILE", help="The codes, one a line; - for stdin.")
    ] = None,
) -> None:
    """Say how an attempt stands, as the supplier told you; codes go into stock."""
    from cardkeep_client.v1.supply_pb2 import SettleAttemptRequest, ToldCode

    told = [code for line in codes or () if (code := line.strip())]
    _check_word(standing.lower(), cost, units or len(told), is_empty=codes is not None and not told)
    request = SettleAttemptRequest(attempt=attempt, order_number=order, units=units, who=who, note=note)
    request.supplier = typed.supplier_name(supplier)
    described.fill(request, {"standing": standing.upper()} | ({} if cost is None else {"cost": cost}), "an attempt")
    request.codes.extend(ToldCode(code=code) for code in told)
    with session.connected(supplier=supplier) as client:
        settled = client.call(SERVICE, "SettleAttempt", request, timeout_s=session.timeout_s)
        waits = not session.as_json and _waits(client, supplier, attempt)
    session.show(document(settled), lambda _: show.facts([("attempt", attempt), ("stands", _standing(settled))]))
    if waits:
        done = f"cardkeep attempts resolve {supplier} {attempt} --who {shlex.quote(who)}"
        session.note(f"It stays listed as something to look at. When that is done:\n  {done}")


@command(app, "resolve")
def resolve(
    session: Session,
    supplier: SupplierName,
    attempt: Annotated[str, typer.Argument(metavar="ATTEMPT", help='Our name for it; "" where its row names none.')],
    *,
    who: Who,
    note: Note = "",
    order: Annotated[str, typer.Option("--order", help="The supplier's number, where there is no attempt.")] = "",
) -> None:
    """Say that what a dispute or a difference asked for is done."""
    from cardkeep_client.v1.supply_pb2 import ResolveTaskRequest

    request = ResolveTaskRequest(attempt=attempt, order_number=order, who=who, note=note)
    request.supplier = typed.supplier_name(supplier)
    with session.connected(supplier=supplier) as client:
        done = client.call(SERVICE, "ResolveTask", request)
    if not done.resolved:
        raise CommandFailed(
            what="Nobody waits for that: it is done already, or is listed under another name.",
            do=f"`cardkeep attempts list {supplier}` has what waits: give the attempt where its row names one,"
            ' and "" with --order where it names none.',
            exit_code=ExitCode.REFUSED,
            reason="NOTHING_WAITS",
        )
    session.show(document(done), lambda _: show.facts([("done", "yes")]))


def _waits(client: "Client", supplier: str, attempt: str) -> bool:
    """Whether somebody has to look at it still. What was settled is settled, so a question that fails is let be."""
    from cardkeep_client import CardkeepError

    try:
        return any(each.id == attempt for page in _pages(client, supplier, "person") for each in page.attempts)
    except CardkeepError:
        return False


def _check_word(standing: str, cost: str | None, units: int, *, is_empty: bool) -> None:
    """Raise wrong usage for a word that nobody says, or for all that a delivery lacks."""
    if standing not in _WORDS:
        raise wrong_usage(f"{standing!r} is nothing that can be said of it.", f"Choose from {', '.join(_WORDS)}.")
    if is_empty:
        raise wrong_usage("There is no code in what --codes names.", "Give the codes, one a line, or leave it out.")
    if standing != "delivered":
        return
    missing = [] if cost is not None else ["--cost MONEY, what the supplier charged for it in all"]
    if not units:
        missing.append("--codes FILE with the codes that came, or --units N where none are told")
    if missing:
        raise wrong_usage(f"What was delivered needs {'; and '.join(missing)}.", "The supplier's statement says both.")


def _pages(client: "Client", supplier: str, which: str) -> "Iterator[ListAttemptsResponse]":
    """All of them; differences come with the first."""
    from cardkeep_client.v1.supply_pb2 import ListAttemptsRequest

    request = ListAttemptsRequest(parent=typed.supplier_name(supplier), filter=_FILTERS[which], page_size=1_000)  # type: ignore[arg-type]
    while True:
        page: ListAttemptsResponse = client.call(SERVICE, "ListAttempts", request)
        yield page
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def _page(page: "ListAttemptsResponse") -> "RenderableType":
    from rich.console import Group

    attempts, differences = _table(list(page.attempts)), difference_table(list(page.differences))
    if not page.differences:
        return attempts
    return Group(attempts, differences) if page.attempts else differences


def _table(attempts: "list[Attempt]") -> "RenderableType":
    rows = [
        (
            each.id,
            show.short(each.sku),
            show.number(each.quantity),
            money(each, "cost_max"),
            _standing(each),
            ", ".join(each.order_numbers),
            show.number(each.units),
            ", ".join(each.disputes),
            each.reason,
        )
        for each in attempts
    ]
    return show.table(("attempt", "SKU", "#asked", "#at most", "stands", "orders", "#came", "to look at", "why"), rows)


def _standing(message: object) -> str:
    from cardkeep_client.v1.supply_pb2 import AttemptStanding

    name = AttemptStanding.Name(message.standing)  # type: ignore[attr-defined]
    return name.removeprefix("ATTEMPT_STANDING_").lower().replace("_", " ")
