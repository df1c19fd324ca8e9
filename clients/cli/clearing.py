"""`cardkeep expiring` and `cardkeep clearance …`: cards that will soon be worth nothing, and what is done about it."""

from typing import TYPE_CHECKING, Annotated

import typer

from clients.cli import show, typed
from clients.cli.amounts import money_words
from clients.cli.command import command
from clients.cli.failing import wrong_usage
from clients.cli.pricing import AnySku, Channel, Who, skus_named, who_asks
from clients.cli.selling import OfSku
from clients.cli.session import Session, rows_of
from clients.cli.skus import SkuName

if TYPE_CHECKING:
    from cardkeep_client import AgeingBatch, Clearance, ExpiringLot
    from rich.console import RenderableType

app = typer.Typer(no_args_is_help=True, help="Sell cards before they end: propose a plan, accept it, end it.")

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="Of the clearance.", show_default=False)]


def register(main: typer.Typer) -> None:
    """Put the commands of this file on the command line."""
    command(main, "expiring")(expiring)
    command(main, "ageing")(ageing)
    main.add_typer(app, name="clearance")


def expiring(session: Session, sku: AnySku = None) -> None:
    """Cards on sale that will soon end, of one SKU or of all.

    By the SKU's expiry ladder, with what they cost and whether you were warned.
    """
    with session.connected(sku=sku or "") as client:
        lots = [lot for name in skus_named(client, sku) for lot in client.pricing.expiring(name)]
    found = sorted(lots, key=lambda lot: lot.expire_time)
    session.show(rows_of("lots", found), lambda _: _lots(found))
    if found:
        session.note(
            f'To sell them in time:\n  cardkeep clearance propose {show.short(found[0].batch)} --floor "MONEY"'
        )


def ageing(
    session: Session,
    sku: SkuName,
    *,
    max_age: Annotated[int, typer.Option("--max-age", metavar="DAYS", min=1, help="What is older is slow.")] = 90,
    max_cover: Annotated[
        int, typer.Option("--max-cover", metavar="DAYS", min=1, help="What lasts longer is slow.")
    ] = 60,
) -> None:
    """Batches on sale: how long they have lain, how long they will last, and what they tie up."""
    name = typed.sku_name(sku)
    with session.connected(sku=name) as client:
        found = client.pricing.ageing(name, max_age_days=max_age, max_cover_days=max_cover)
    session.show(rows_of("batches", found), lambda _: _aged(found))


@command(app, "propose", writes=True)
def propose(
    session: Session,
    batch: Annotated[str, typer.Argument(metavar="BATCH", help="Like NETFLIX-30/batches/3.", show_default=False)],
    *,
    floor: Annotated[str, typer.Option("--floor", metavar="MONEY", help="The least to take for a card.")],
    channel: Channel = "",
    elasticity: Annotated[
        float, typer.Option("--elasticity", min=0.001, max=10, help="How many per cent more 1 % off sells.")
    ] = 2.0,
    rate: Annotated[
        float, typer.Option("--rate", metavar="CARDS", min=0, help="Sold a day; 0 is as seen over the last week.")
    ] = 0.0,
    sku: OfSku = None,
    who: Who = None,
) -> None:
    """Make a plan for what ends first of a batch. It does nothing until you accept it, within a day."""
    name = typed.batch_name(batch, sku)
    amount = typed.money(floor)
    if amount is None or not amount.minor:
        raise wrong_usage("The floor is nothing.", 'Say the least you would take: --floor "3.00 CNY".')
    with session.connected(batch=name) as client:
        done = client.pricing.propose(
            name,
            floor_minor=amount.minor,
            who=who_asks(who),
            channel=channel,
            elasticity_milli=round(elasticity * 1_000),
            rate_milli=round(rate * 1_000),
            request_id=session.request_id,
        )
    if done.price and done.price.currency != amount.currency:
        raise wrong_usage(
            f"The floor is in {amount.currency}, the price in {done.price.currency}; this plan must not be accepted.",
            f"Say the floor in {done.price.currency}: another proposal takes its place.",
        )
    session.show(done, _clearance)
    of = show.short(name).partition("/batches/")[0]
    session.note(f"To go by it:\n  cardkeep clearance accept {of} {done.number}")


@command(app, "accept", writes=True)
def accept(session: Session, sku: SkuName, number: Number, *, who: Who = None) -> None:
    """Go by a plan from now on: its steps are the price of the batch's cards, below cost if need be."""
    name = typed.sku_name(sku)
    with session.connected(sku=name) as client:
        done = client.pricing.accept(name, number, who=who_asks(who), request_id=session.request_id)
    session.show(done, _clearance)


@command(app, "end", writes=True)
def end(
    session: Session,
    sku: SkuName,
    number: Number,
    *,
    note: Annotated[str, typer.Option("--note", help="Why, for those who look later.")] = "",
    who: Who = None,
) -> None:
    """Drop a plan: the batch costs what its channel costs again."""
    name = typed.sku_name(sku)
    with session.connected(sku=name) as client:
        done = client.pricing.end(name, number, who=who_asks(who), note=note, request_id=session.request_id)
    session.show(done, _clearance)


def _lots(found: "list[ExpiringLot]") -> "RenderableType":
    rows = [
        (
            show.short(lot.batch),
            show.moment(lot.expire_time),
            lot.cards,
            show.money(lot.value_at_risk) or "unknown",
            f"{lot.step_days} d",
            "warned" if lot.warned else "new",
        )
        for lot in found
    ]
    return show.table(("batch", "ends", "#cards", "#they cost", "#within", "state"), rows)


def _aged(found: "list[AgeingBatch]") -> "RenderableType":
    rows = [
        (
            show.short(line.batch),
            line.cards,
            f"{line.age_days} d",
            "for ever" if line.cover_days is None else f"{line.cover_days} d",
            line.left,
            show.money(line.tied_up) or "unknown",
            "slow" if line.slow else "",
        )
        for line in found
    ]
    return show.table(("batch", "#cards", "#age", "#lasts", "#left at its end", "#they cost", "state"), rows)


def _clearance(done: "Clearance") -> "RenderableType":
    currency = done.price.currency if done.price else ""

    def amount(minor: int) -> str:
        return f"-{money_words(-minor, currency)}" if minor < 0 else money_words(minor, currency)

    rows = [(show.moment(step.time), amount(step.price_minor), step.expected_cards) for step in done.steps]
    return show.lines(
        show.facts(
            [
                ("clearance", f"{done.number} of {show.short(done.batch)}, {done.state.lower()}"),
                ("channel", done.channel),
                ("cards", f"{show.number(done.cards)}, which end {show.moment(done.expire_time)}"),
                ("needed", f"{done.needed_rate_milli / 1_000:.1f} a day"),
                ("sold", f"{done.actual_rate_milli / 1_000:.1f} a day"),
                ("price", f"{show.money(done.price)} before, {show.money(done.clearance_price)} now"),
                ("cost", amount(done.landed_minor) if done.landed_minor else "unknown"),
                (
                    "left at the end",
                    f"{show.number(done.unsold_without)} without it, {show.number(done.unsold_with)} with",
                ),
                ("loss avoided", f"{amount(done.expected_gain_minor)}, if buyers answer as assumed"),
            ]
        ),
        show.table(("from", "#price", "#cards expected"), rows)
        if rows
        else "Cards go fast enough already: it has no steps.",
    )
