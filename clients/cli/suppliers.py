"""`cardkeep supplier …`: from whom cards are bought, and how they do."""

# ruff: noqa: PLC0415 - help and completion must not wait for gRPC

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clients.cli import described, show, statements, typed
from clients.cli.amounts import money_words
from clients.cli.command import command
from clients.cli.failing import wrong_usage
from clients.cli.messages import document, label, money
from clients.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cardkeep_client.v1.supply_pb2 import Difference, ReconcileResponse, Supplier
    from rich.console import RenderableType

app = typer.Typer(no_args_is_help=True, help="Suppliers: enter them, watch them, compare statements with our ledger.")

SERVICE = "SupplyService"

SupplierName = Annotated[str, typer.Argument(metavar="SUPPLIER", help="Like east.", show_default=False)]
From = Annotated[str, typer.Option("--from", metavar="DATE", help="The first day.")]
To = Annotated[str, typer.Option("--to", metavar="DATE", help="The end of the last day.")]

#: What no profile can do without.
_NEEDED = (
    *("protocol", "endpoint", "currency", "idempotency", "exposure_units_max", "exposure_max", "per_second"),
    *("answer_within", "patience"),
)


@command(app, "put")
def put(
    session: Session,
    supplier: SupplierName,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="TOML or JSON; docs/suppliers.md has one to copy.")],
    *,
    credentials: Annotated[
        Path | None, typer.Option("--credentials", metavar="FILE", help="Its secrets; without, those there are stay.")
    ] = None,
) -> None:
    """Enter a supplier, or change it. In force within a second."""
    from cardkeep_client.v1.supply_pb2 import PutSupplierRequest

    request = PutSupplierRequest()
    fields = described.read(file)
    described.fill(request.supplier, fields, "a supplier")
    missing = [name for name in _NEEDED if name not in fields]
    if missing:
        raise wrong_usage(f"{file.name} has no {', '.join(missing)}.", "docs/suppliers.md has a whole profile to copy.")
    request.supplier.name = typed.supplier_name(supplier)
    if credentials is not None:
        secrets = described.read(credentials)
        request.supplier.credentials.update({name: str(secret) for name, secret in secrets.items()})
    with session.connected(supplier=supplier) as client:
        entered = client.call(SERVICE, "PutSupplier", request, timeout_s=session.timeout_s)
    session.show(document(entered), lambda _: _facts(entered))


@command(app, "list")
def list_all(session: Session) -> None:
    """All suppliers, and how they do now."""
    suppliers = _suppliers(session)
    session.show({"suppliers": [document(each) for each in suppliers]}, lambda _: _table(suppliers))


@command(app, "show")
def show_one(session: Session, supplier: SupplierName) -> None:
    """One supplier: its profile, and how it does now."""
    found = _one(session, supplier)
    session.show(document(found), lambda _: _facts(found))


@command(app, "pause")
def pause(session: Session, supplier: SupplierName) -> None:
    """Buy nothing there until it is resumed. What is open goes on being settled."""
    _change(session, supplier, paused=True)


@command(app, "resume")
def resume(session: Session, supplier: SupplierName) -> None:
    """Buy there again."""
    _change(session, supplier, paused=False)


@command(app, "breaker")
def breaker(
    session: Session,
    supplier: SupplierName,
    state: Annotated[str, typer.Argument(metavar="open|closed|auto", help="What holds, whatever it has seen.")],
) -> None:
    """Hold a supplier's breaker open or closed; `auto` lets it decide again."""
    overrides = {"auto": 0, "open": 1, "closed": 2}
    if state not in overrides:
        raise wrong_usage(f"{state!r} is no state of a breaker.", "Type open, closed or auto.")
    _change(session, supplier, breaker_override=overrides[state])


@command(app, "reconcile")
def reconcile(
    session: Session,
    supplier: SupplierName,
    *,
    start: From,
    end: To,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="A statement, CSV or JSON; without, it is asked for."),
    ] = None,
) -> None:
    """Compare a supplier's statement with our ledger: what differs becomes a task, once."""
    from cardkeep_client.v1.supply_pb2 import ReconcileRequest

    request = ReconcileRequest(supplier=typed.supplier_name(supplier), with_rows=file is not None)
    described.fill(
        request, {"start_time": f"{start} 00:00" if len(start) == 10 else start, "end_time": end}, "a period"
    )
    if file is not None:
        described.fill(request, {"rows": statements.read_rows(file)}, "a statement")
    with session.connected(supplier=supplier) as client:
        report = client.call(SERVICE, "Reconcile", request, timeout_s=session.timeout_s)
    session.show(document(report), lambda _: _report(report))


def difference_table(differences: "list[Difference]") -> "RenderableType":
    """What statements say otherwise."""
    rows = [
        (
            each.kind,
            each.attempt,
            each.order_number,
            show.number(each.our_units),
            money(each, "our_cost"),
            show.number(each.their_units),
            money(each, "their_cost"),
        )
        for each in differences
    ]
    return show.table(("what", "attempt", "order", "#our units", "#our cost", "#their units", "#their cost"), rows)


def _suppliers(session: Session) -> "list[Supplier]":
    from cardkeep_client.v1.supply_pb2 import ListSuppliersRequest

    request = ListSuppliersRequest(parent=typed.default_tenant())
    with session.connected() as client:
        found: list[Supplier] = list(client.call(SERVICE, "ListSuppliers", request).suppliers)
    return found


def _one(session: Session, supplier: str) -> "Supplier":
    name = typed.supplier_name(supplier)
    found = next((each for each in _suppliers(session) if each.name == name), None)
    if found is None:
        raise wrong_usage(f"There is no supplier {supplier!r}.", "`cardkeep supplier list` names them all.")
    return found


def _change(session: Session, supplier: str, **fields: Any) -> None:
    from cardkeep_client.v1.supply_pb2 import PutSupplierRequest

    changed = _one(session, supplier)
    for name, value in fields.items():
        setattr(changed, name, value)
    changed.ClearField("state")
    with session.connected(supplier=supplier) as client:
        entered = client.call(SERVICE, "PutSupplier", PutSupplierRequest(supplier=changed))
    session.show(document(entered), lambda _: _facts(entered))


def _table(suppliers: "list[Supplier]") -> "RenderableType":
    rows = [
        (
            label(each.name),
            each.protocol,
            _standing(each),
            money(each.state, "balance"),
            show.number(each.state.attempts_open),
            show.number(each.state.exposure_units),
            show.number(each.state.tasks),
        )
        for each in suppliers
    ]
    return show.table(("supplier", "protocol", "state", "#balance", "#open", "#units at risk", "#tasks"), rows)


def _standing(supplier: "Supplier") -> str:
    if supplier.state.profile_unheeded:  # First: nothing else says that something is wrong.
        return "its last profile cannot be used; `cardkeep supplier show` says why"
    if supplier.paused:
        return "paused"
    if not supplier.HasField("state"):
        return f"its desk does not answer yet; if it never does, {_log(supplier.name)} says why"
    if not supplier.state.breaker_closed:
        return "left alone by its breaker"
    return "buying" if supplier.state.open_for_business else "not buying"


def _facts(supplier: "Supplier") -> "RenderableType":
    return show.facts(
        [
            ("cannot be used", supplier.state.profile_unheeded),
            ("supplier", label(supplier.name)),
            ("title", supplier.title),
            ("protocol", supplier.protocol),
            ("endpoint", supplier.endpoint),
            ("currency", supplier.currency),
            ("state", _standing(supplier)),
            *(_doings(supplier) if supplier.HasField("state") else ()),
            ("at risk at most", f"{supplier.exposure_units_max:,} units, {money(supplier, 'exposure_max')}"),
            *_terms(supplier),
        ]
    )


def _doings(supplier: "Supplier") -> "Iterator[tuple[str, object]]":
    """How it does, as its desk says."""
    state = supplier.state
    yield "balance", money(state, "balance")
    yield "at risk", f"{state.exposure_units:,} units, {money_words(state.exposure_minor, supplier.currency)}"
    yield "open attempts", show.number(state.attempts_open)
    yield "tasks", show.number(state.tasks)


def _terms(supplier: "Supplier") -> "Iterator[tuple[str, object]]":
    """How it is dealt with, as its profile says."""
    from cardkeep_client.v1.supply_pb2 import BreakerOverride, Idempotency

    yield "repeated orders", Idempotency.Name(supplier.idempotency).removeprefix("IDEMPOTENCY_")
    for name in ("replay_for", "grace", "patience", "answer_within"):
        yield (
            name.replace("_", " "),
            show.span(getattr(supplier, name).ToTimedelta()) if supplier.HasField(name) else "",
        )
    yield "per second", f"{supplier.per_second:g}"
    yield "priority", supplier.priority
    yield "weight", f"{supplier.weight or 1:g}"
    if supplier.fee_per_unit_minor or supplier.fee_share_ppm:
        fee = money_words(supplier.fee_per_unit_minor, supplier.currency)
        yield "fees", f"{fee} a unit and {supplier.fee_share_ppm / 10_000:g} % of the cost"
    yield "warned below", money(supplier, "balance_min")
    if supplier.breaker_override:
        yield "breaker", BreakerOverride.Name(supplier.breaker_override).removeprefix("BREAKER_OVERRIDE_").lower()
    for name, value in sorted(supplier.options.items()):
        yield f"option {name}", value


def _log(name: str) -> str:
    """Where a supplier's desk writes what it did, on the machine that it runs on."""
    _, tenant, _, supplier = name.split("/")
    return f"logs/desk-{tenant}-{supplier}.log in the data folder"


def _report(report: "ReconcileResponse") -> "RenderableType":
    if report.differences:
        return difference_table(list(report.differences))
    return show.facts([("agrees", show.counted(report.matched, "row")), ("settled", show.number(report.settled))])
