"""What a storefront does, by hand: allocate, confirm, release, extend, look at a hold."""

# ruff: noqa: PLC0415 - help and completion must not wait for gRPC

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from clients.cli import show, typed
from clients.cli.amounts import money_words
from clients.cli.command import command
from clients.cli.failing import wrong_usage
from clients.cli.session import Session
from clients.cli.skus import SkuName

if TYPE_CHECKING:
    from cardkeep_client import Confirmed, Hold, RefundDue
    from rich.console import RenderableType

HoldName = Annotated[
    str, typer.Argument(metavar="HOLD", help="Like NETFLIX-30/holds/17, or 17 with --sku.", show_default=False)
]
OfSku = Annotated[str | None, typer.Option("--sku", metavar="SKU", help="The SKU, when only the number is given.")]
HoldFor = Annotated[str | None, typer.Option("--hold-for", metavar="SPAN", help="How long: 15m, 2h; else the SKU's.")]


class Late(StrEnum):
    """What a payment after the hold's end may do."""

    STRICT = "strict"
    REACQUIRE = "reacquire"


def register(app: typer.Typer) -> None:
    """Put the commands of this file on the command line."""
    command(app, "allocate", writes=True)(allocate)
    command(app, "confirm", writes=True)(confirm)
    command(app, "release", writes=True)(release)
    command(app, "extend", writes=True)(extend)
    command(app, "hold")(hold)


def allocate(
    session: Session,
    sku: SkuName,
    *,
    quantity: Annotated[int, typer.Option("--quantity", "-n", metavar="COUNT", min=1, help="How many cards.")] = 1,
    order: Annotated[str | None, typer.Option("--order", help="Your order number; else one is made.")] = None,
    hold_for: HoldFor = None,
    user: Annotated[str, typer.Option("--user", help="Who buys: quotas count by it.")] = "",
    device: Annotated[str, typer.Option("--device", help="The buyer's device.")] = "",
    ip: Annotated[str, typer.Option("--ip", help="The buyer's address.")] = "",
    payment_instrument: Annotated[str, typer.Option("--instrument", help="What the buyer will pay with.")] = "",
    price: Annotated[
        str | None, typer.Option("--price", metavar="MONEY", help="What the buyer saw for one; another is refused.")
    ] = None,
    min_life: Annotated[
        str | None, typer.Option("--min-life", metavar="SPAN", help="Only cards that last at least this long: 30d.")
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Fewer cards are welcome when there are not enough.")
    ] = False,
    channel: Annotated[str, typer.Option("--channel", help="Where it is sold: at that channel's price.")] = "",
) -> None:
    """Set cards aside for an order: a hold. They come back to the shelf by themselves when nobody confirms."""
    name = typed.sku_name(sku)
    if order == "":
        raise wrong_usage("The order number is empty.", "Say --order NUMBER, or leave --order out: one is made then.")
    length, life, expected = typed.span(hold_for), typed.span(min_life), typed.money(price)
    with session.connected(sku=name, order=order or "") as client:
        from cardkeep_client import Principal

        # Made of the request id, so that asking again with that id asks for the same order.
        order_ref = order or f"by-hand-{session.request_id}"
        principal = Principal(user=user, device=device, ip=ip, payment_instrument=payment_instrument)
        held = client.allocate(
            name,
            quantity,
            order_ref=order_ref,
            hold_for=length,
            principal=principal,
            min_remaining_life=life,
            expected_unit_price=expected,
            allow_partial=partial,
            channel=channel,
            request_id=session.request_id,
        )
    session.show(held, hold_facts)
    paid = f' --paid "{_total(held)}"' if held.unit_price else ""
    session.note(f"When the money has arrived:\n  cardkeep confirm {show.short(held.name)} --payment REF{paid}")


def confirm(
    session: Session,
    hold: HoldName,
    *,
    payment: Annotated[str, typer.Option("--payment", metavar="REF", help="The payment's own number.")],
    sku: OfSku = None,
    paid: Annotated[str | None, typer.Option("--paid", metavar="MONEY", help='What was paid: "15.00 CNY".')] = None,
    quantity: Annotated[
        int, typer.Option("--quantity", "-n", metavar="COUNT", min=0, help="How many to sell; 0 is all of it.")
    ] = 0,
    late: Annotated[Late, typer.Option("--late", help="What a payment after the hold's end may do.")] = Late.STRICT,
    late_window: Annotated[
        str | None, typer.Option("--late-window", metavar="SPAN", help="How late at most; else the SKU's.")
    ] = None,
) -> None:
    """Sell a hold that was paid for. Prints the codes: they are for the buyer."""
    name = typed.hold_name(hold, sku)
    amount, window = typed.money(paid), typed.span(late_window)
    with session.connected(hold=name, payment=payment, paid=paid or "", late=late.value) as client:
        from cardkeep_client import LatePolicy

        sale = client.confirm(
            name,
            payment_ref=payment,
            paid_amount=amount,
            quantity=quantity,
            late_policy=LatePolicy(late.value.upper()),
            late_window=window,
            request_id=session.request_id,
        )
    session.show(sale, _sale)
    session.note("The codes above are for the buyer alone.")


def release(session: Session, hold: HoldName, sku: OfSku = None) -> None:
    """Give a hold back to the shelf. One that has ended before is fine; a sold one is refused."""
    name = typed.hold_name(hold, sku)
    with session.connected(hold=name) as client:
        ended = client.release(name, request_id=session.request_id)
    session.show(ended, hold_facts)


def extend(
    session: Session,
    hold: HoldName,
    *,
    hold_for: Annotated[str, typer.Option("--hold-for", metavar="SPAN", help="At least this long from now: 15m.")],
    sku: OfSku = None,
) -> None:
    """Keep a hold for longer; never shortens it."""
    name = typed.hold_name(hold, sku)
    length = typed.span(hold_for)
    assert length is not None
    with session.connected(hold=name) as client:
        kept = client.extend(name, length, request_id=session.request_id)
    session.show(kept, hold_facts)


def hold(
    session: Session,
    hold: Annotated[
        str | None, typer.Argument(metavar="[HOLD]", help="Like NETFLIX-30/holds/17; or say --sku and --order.")
    ] = None,
    sku: OfSku = None,
    order: Annotated[str | None, typer.Option("--order", help="Find it by its order.")] = None,
) -> None:
    """Look at a hold, by name or by order. Shows masks, never codes."""
    if (hold is None) == (order is None) or (order is not None and sku is None):
        raise wrong_usage("Which hold?", "Type `cardkeep hold HOLD`, or `cardkeep hold --sku SKU --order ORDER`.")
    name = None if hold is None else typed.hold_name(hold, sku)
    of_sku = typed.sku_name(sku) if sku is not None and order is not None else None
    with session.connected(hold=name or "", sku=of_sku or "", order=order or "") as client:
        found = client.get_hold(name, sku=of_sku, order_ref=order)
    session.show(found, hold_facts)


def hold_facts(hold: "Hold") -> "RenderableType":
    """One hold for people."""
    facts = show.facts(
        [
            ("hold", show.short(hold.name)),
            ("state", hold.state.value),
            ("order", hold.order_ref),
            ("cards", hold.quantity),
            ("price", f"{show.money(hold.unit_price)} each, {_total(hold)} in all" if hold.unit_price else ""),
            ("payment", hold.payment_ref),
            ("owed", "; ".join(map(_owed, hold.refunds_due))),
            ("made", show.moment(hold.create_time)),
            ("ends" if hold.end_time is None else "ended", show.moment(hold.end_time or hold.expire_time)),
            ("replayed", "yes: this is the answer to an earlier try" if hold.replayed else ""),
        ]
    )
    rows = [(show.short(card.name), card.mask, show.moment(card.expire_time)) for card in hold.cards]
    replaced = [(show.short(pair.bad), show.short(pair.fresh)) for pair in hold.replacements]
    return show.lines(
        facts,
        show.table(("card", "mask", "expires"), rows) if rows else None,
        show.table(("bad card", "fresh card"), replaced) if replaced else None,
    )


def _sale(sale: "Confirmed") -> None:
    """Codes stand on lines of their own, never folded, so that they can be copied."""
    screen = show.out()
    screen.print(hold_facts(sale.hold))
    screen.print(f"outcome {sale.outcome.value}")
    for delivered in sale.delivered:
        screen.print(delivered.code, soft_wrap=True)


_WHY_OWED = {
    "HOLD_ALREADY_CONFIRMED": "second payment",
    "HOLD_EXPIRED": "late: the hold had expired",
    "HOLD_RELEASED": "late: the hold was given back",
    "OUT_OF_STOCK_LATE": "no card was left",
    "SKU_PAUSED": "late: the sale is paused",
    "BATCH_RECALLED": "its cards were withdrawn",
}


def _owed(due: "RefundDue") -> str:
    """`p2 15.00 CNY (second payment)`."""
    paid = show.money(due.paid_amount) if due.paid_amount else ""
    why = _WHY_OWED.get(due.reason, due.reason)
    return " ".join(filter(None, (due.payment_ref, paid, f"({why})" if why else "")))


def _total(hold: "Hold") -> str:
    if hold.unit_price is None:
        return ""
    return money_words(hold.unit_price.minor * hold.quantity, hold.unit_price.currency)
