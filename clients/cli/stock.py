"""What staff do with cards in stock: look at batches, take cards off sale, replace bad ones, count."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from clients.cli import show, typed
from clients.cli.command import command
from clients.cli.failing import CommandFailed
from clients.cli.selling import HoldName, OfSku, hold_facts
from clients.cli.session import Session, rows_of
from clients.cli.skus import SkuName

if TYPE_CHECKING:
    from cardkeep_client import Batch, CardCounts, Recalled, Replaced, SkuAudit, Withdrawn
    from rich.console import RenderableType

Targets = Annotated[
    list[str],
    typer.Argument(
        metavar="BATCH|CARD…",
        help="A batch (NETFLIX-30/batches/3), or cards of one batch (NETFLIX-30/cards/3-17 …).",
        show_default=False,
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="Why, for those who look later.")]

COUNTS = ("#received", "#available", "#withheld", "#held", "#sold", "#void")


def register(app: typer.Typer) -> None:
    """Put the commands of this file on the command line."""
    command(app, "batches")(batches)
    for verb, sentence in _WITHDRAWALS.items():
        command(app, verb, writes=True)(_withdrawal(verb, sentence))
    command(app, "recall", writes=True)(recall)
    command(app, "replace", writes=True)(replace)
    command(app, "audit")(audit)


def batches(session: Session, sku: SkuName) -> None:
    """All batches of a SKU.

    Where they came from, what they cost, where their cards are.
    """
    name = typed.sku_name(sku)
    with session.connected(sku=name) as client:
        found = client.batches(name)
    session.show(rows_of("batches", found), lambda _: _batch_table(found))


_WITHDRAWALS = {
    "void": "Withdraw a batch, or single cards, for ever.",
    "quarantine": "Take a batch, or single cards, off sale.",
    "restore": "Put what was quarantined back on sale.",
}


def _withdrawal(verb: str, sentence: str) -> Callable[..., None]:
    def withdraw(session: Session, targets: Targets, reason: Reason, sku: OfSku = None) -> None:
        names = typed.batch_or_cards(targets, sku)
        first = names if isinstance(names, str) else names[0]
        with session.connected(**{"batch" if first is names else "card": first}) as client:
            call = {"void": client.void, "quarantine": client.quarantine, "restore": client.restore}[verb]
            done = call(names, reason=reason, request_id=session.request_id)
        session.show(done, _withdrawn)

    withdraw.__name__ = verb
    withdraw.__doc__ = f"{sentence}\n\nHeld and sold cards stay where they are, and are listed."
    return withdraw


def recall(
    session: Session,
    batch: Annotated[str, typer.Argument(metavar="BATCH", help="Like NETFLIX-30/batches/3.", show_default=False)],
    reason: Reason,
    sku: OfSku = None,
) -> None:
    """Quarantine a batch, and list what was sold of it.

    Each sold card can then be replaced with `cardkeep replace`.
    """
    name = typed.batch_name(batch, sku)
    with session.connected(batch=name) as client:
        done = client.recall(name, reason=reason, request_id=session.request_id)
    session.show(done, _recalled)


def replace(
    session: Session,
    hold: HoldName,
    card: Annotated[str, typer.Argument(metavar="CARD", help="Like NETFLIX-30/cards/3-17.", show_default=False)],
    reason: Reason,
    sku: OfSku = None,
) -> None:
    """Give the buyer a fresh card for a bad one. Prints its code: it is for the buyer."""
    hold_name = typed.hold_name(hold, sku)
    of_sku = sku or hold_name.rpartition("/holds/")[0]
    card_name = typed.card_name(card, of_sku)
    with session.connected(hold=hold_name, card=card_name) as client:
        done = client.replace(hold_name, card_name, reason=reason, request_id=session.request_id)
    session.show(done, _replaced)
    session.note("The code above is for the buyer alone.")


def audit(session: Session, sku: SkuName) -> None:
    """Count every card of a SKU again.

    Counted from the structures themselves. Exit code 1 when a law is broken.
    """
    name = typed.sku_name(sku)
    with session.connected(sku=name) as client:
        counted = client.audit(name)
    session.show(counted, _audited)
    if not counted.ok and not session.as_json:
        raise CommandFailed(
            what=f"{show.short(counted.sku)} breaks its own laws: {'; '.join(counted.violations)}.",
            do=f"Stop selling it (`cardkeep sku set {show.short(name)} --paused`) and tell the operator.",
            reason="LAW_BROKEN",
        )
    if not counted.ok:
        raise typer.Exit(1)


def counts(cards: "CardCounts") -> tuple[int, ...]:
    """The numbers under COUNTS."""
    return (cards.received, cards.available, cards.withheld, cards.held, cards.sold, cards.void)


def _cost_words(batch: "Batch") -> str:
    """`9.00 USD, landed 64.93 CNY`; one amount where both are the same."""
    paid, landed = show.money(batch.unit_cost), show.money(batch.landed_unit_cost)
    return f"{paid}, landed {landed}" if paid and landed and paid != landed else landed or paid or "unknown"


def _batch_table(found: "list[Batch]") -> "RenderableType":
    rows = [
        (
            show.short(batch.name),
            batch.source,
            _cost_words(batch),
            show.moment(batch.create_time),
            show.moment(batch.expire_time, "by line, or never"),
            *counts(batch.cards),
            _batch_state(batch),
        )
        for batch in found
    ]
    return show.table(("batch", "source", "#cost each", "imported", "expires", *COUNTS, "state"), rows)


def _batch_state(batch: "Batch") -> str:
    if batch.quarantined:
        return "quarantined"
    return "importing" if batch.importing else "whole"


def _withdrawn(done: "Withdrawn") -> "RenderableType":
    stayed = [*((show.short(card), "held") for card in done.held), *((show.short(card), "sold") for card in done.sold)]
    return show.lines(
        show.facts([("batch", show.short(done.batch.name)), ("cards moved", show.number(done.moved))]),
        None if done.moved else _why_nothing_moved(show.short(done.batch.name)),
        show.table(("card that stayed", "because it is"), stayed) if stayed else None,
    )


def _why_nothing_moved(batch: str) -> str:
    return (
        "Nothing had to move: what is not listed below is so already, or is void, which is for ever.\n"
        f"`cardkeep batches {batch.partition('/')[0]}` shows where the cards are."
    )


def _recalled(done: "Recalled") -> "RenderableType":
    sold = [(show.short(card.card), show.short(card.hold)) for card in done.sold]
    facts = [("batch", show.short(done.batch.name)), ("off sale", show.number(done.moved))]
    return show.lines(
        show.facts([*facts, ("sold", show.number(len(sold)))]),
        show.table(("sold card", "by hold"), sold) if sold else None,
    )


def _replaced(done: "Replaced") -> None:
    screen = show.out()
    screen.print(hold_facts(done.hold))
    screen.print(show.facts([("bad card", show.short(done.bad)), ("fresh card", show.short(done.fresh.card.name))]))
    screen.print(done.fresh.code, soft_wrap=True)


def _audited(counted: "SkuAudit") -> "RenderableType":
    rows = [("all", *counts(counted.cards))]
    rows += [(show.short(batch), *counts(cards)) for batch, cards in counted.batches.items()]
    return show.lines(
        show.facts(
            [
                ("SKU", show.short(counted.sku)),
                ("verdict", "every card is accounted for" if counted.ok else "a law is broken"),
                ("active holds", show.number(counted.holds_active)),
                ("counted", f"{show.moment(counted.audit_time)}, journal position {counted.sequence}"),
            ]
        ),
        show.table(("batch", *COUNTS), rows),
    )
