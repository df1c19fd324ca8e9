"""`cardkeep price …`: prices by channel, the rules that bound them, what is suggested, and what changed when."""

# ruff: noqa: PLC0415 - help and completion must not wait for gRPC

import csv
import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clients.cli import show, typed
from clients.cli.amounts import money_words
from clients.cli.command import command
from clients.cli.failing import CommandFailed, wrong_usage
from clients.cli.session import Session, rows_of
from clients.cli.skus import SkuName

if TYPE_CHECKING:
    from cardkeep_client import Client, PastSale, PriceChange, PriceRule, Prices, PriceSuggestion, Simulated
    from rich.console import RenderableType

app = typer.Typer(no_args_is_help=True, help="Set prices, bound them by rules, decide what is suggested.")

AnySku = Annotated[
    str | None, typer.Argument(metavar="SKU", help="Like NETFLIX-30; without it all are asked.", show_default=False)
]
Channel = Annotated[str, typer.Option("--channel", help="The sales channel; without it the SKU's own price.")]
Who = Annotated[str | None, typer.Option("--who", help="Who does it, for the record; else the name you are logged in.")]
Floor = Annotated[
    str | None, typer.Option("--floor", metavar="MONEY", help="Nothing is sold below it, nor below cost (0).")
]
Ceiling = Annotated[str | None, typer.Option("--ceiling", metavar="MONEY", help="Nothing above it is suggested.")]
Margin = Annotated[float, typer.Option("--margin", metavar="PERCENT", min=0, help="The margin wanted, of the price.")]
DeadBand = Annotated[
    float, typer.Option("--dead-band", metavar="PERCENT", min=0, max=100, help="A price this near stays.")
]
MaxStep = Annotated[
    float, typer.Option("--max-step", metavar="PERCENT", min=0, max=100, help="The longest step; 0 is no bound.")
]
Rest = Annotated[str, typer.Option("--rest", metavar="SPAN", help="The shortest time between two changes.")]
Automatic = Annotated[bool, typer.Option("--automatic/--approval", help="Whether it moves without a person.")]
Competitor = Annotated[str | None, typer.Option("--competitor", metavar="MONEY", help="What a competitor asks.")]
Pressure = Annotated[
    float, typer.Option("--pressure", metavar="PERCENT", min=0, help="What unsold stock takes off at most.")
]
UnknownCost = Annotated[
    bool, typer.Option("--refuse-unknown-cost", help="Do not sell cards of which nobody knows the cost.")
]

#: Millionths in a per cent.
_PPM = 10_000


def register(main: typer.Typer) -> None:
    """Put the commands of this file on the command line."""
    main.add_typer(app, name="price")


@command(app, "set", writes=True)
def set_price(
    session: Session,
    sku: SkuName,
    price: Annotated[
        str | None, typer.Argument(metavar="MONEY", help='"15.00 CNY"; - takes a channel\'s price away.')
    ] = None,
    *,
    channel: Channel = "",
    note: Annotated[str, typer.Option("--note", help="Why, for those who look later.")] = "",
    who: Who = None,
) -> None:
    """Set a price from now on. Holds keep the price they were made at; nothing is sold below what it cost."""
    name = typed.sku_name(sku)
    if price is None:
        raise wrong_usage("The price is missing.", f'Say it: cardkeep price set {sku} "15.00 CNY".')
    amount = None if price == "-" else typed.money(price)
    with session.connected(sku=name) as client:
        done = client.pricing.set(name, {channel: amount}, who=who_asks(who), note=note, request_id=session.request_id)
    session.show(done, _prices)


@command(app, "show")
def show_prices(session: Session, sku: SkuName) -> None:
    """Prices by channel with their rules, what waits for you, and what is being cleared."""
    name = typed.sku_name(sku)
    with session.connected(sku=name) as client:
        found = client.pricing.get(name)
    session.show(found, _prices)


@command(app, "rule", writes=True)
def set_rule(
    session: Session,
    sku: SkuName,
    *,
    channel: Channel = "",
    floor: Floor = None,
    ceiling: Ceiling = None,
    margin: Margin = 0.0,
    dead_band: DeadBand = 0.0,
    max_step: MaxStep = 0.0,
    rest: Rest = "1h",
    automatic: Automatic = False,
    competitor: Competitor = None,
    pressure: Pressure = 0.0,
    refuse_unknown_cost: UnknownCost = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take the rule away.")] = False,
    who: Who = None,
) -> None:
    """Bound a channel's price by a rule, in place of the one before."""
    name = typed.sku_name(sku)
    rule = None if remove else _rule(locals())
    with session.connected(sku=name) as client:
        done = client.pricing.set_rule(name, rule, who=who_asks(who), channel=channel, request_id=session.request_id)
    session.show(done, _prices)


@command(app, "suggestions")
def suggestions(session: Session, sku: AnySku = None) -> None:
    """Prices that wait for you, and why; of one SKU, or of all."""
    with session.connected(sku=sku or "") as client:
        found = [(name, each) for name in skus_named(client, sku) for each in client.pricing.suggestions(name)]
    rows = [show.as_plain(each) | {"sku": name} for name, each in found]
    session.show(rows_of("suggestions", rows), lambda _: _suggestions(found))
    if found:
        name, first = found[0]
        session.note(f"To let one hold:\n  cardkeep price approve {show.short(name)} {first.number}")


@command(app, "approve", writes=True)
def approve(
    session: Session,
    sku: SkuName,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Of the suggestion.", show_default=False)],
    *,
    reject: Annotated[bool, typer.Option("--reject", help="Turn it down instead.")] = False,
    who: Who = None,
) -> None:
    """Let a suggested price hold from now on, or turn it down."""
    name = typed.sku_name(sku)
    with session.connected(sku=name) as client:
        done = client.pricing.decide(name, number, approve=not reject, who=who_asks(who), request_id=session.request_id)
    session.show(done, _prices)


@command(app, "simulate")
def simulate(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV: time, units, price, cost.", show_default=False)],
    *,
    currency: Annotated[
        str, typer.Option("--currency", metavar="CODE", help="What the file's amounts are in.")
    ] = "CNY",
    floor: Floor = None,
    ceiling: Ceiling = None,
    margin: Margin = 0.0,
    dead_band: DeadBand = 0.0,
    max_step: MaxStep = 0.0,
    rest: Rest = "1h",
    competitor: Competitor = None,
    pressure: Pressure = 0.0,
) -> None:
    """Try a rule on past sales, before it is set. One line a sale: 2026-11-01T10:00Z,3,8.00,5.00."""
    automatic = refuse_unknown_cost = False
    rule = _rule(locals())
    sales = _sales(file, typed.currency_code(currency))
    with session.connected() as client:
        done = client.pricing.simulate(rule, sales)
    session.show(done, lambda _: _simulated(done, rule.currency))


@command(app, "history")
def history(session: Session, sku: SkuName) -> None:
    """Every change of a price: when, by whom, from what to what, and why; the latest first."""
    name = typed.sku_name(sku)
    with session.connected(sku=name) as client:
        found = client.pricing.history(name)
    session.show(rows_of("changes", found), lambda _: _changes(found))


def skus_named(client: "Client", sku: str | None) -> list[str]:
    """The SKU that was typed, or all there are."""
    return [each.name for each in client.list_skus()] if sku is None else [typed.sku_name(sku)]


def who_asks(who: str | None) -> str:
    """Who is named in the record: who was typed, else who is logged in."""
    return who if who is not None else getpass.getuser()


def words(reasons: tuple[str, ...]) -> str:
    """`BELOW_FLOOR`, `COST` as people say it."""
    return ", ".join(reason.lower().replace("_", " ") for reason in reasons)


def _rule(given: dict[str, Any]) -> "PriceRule":
    from cardkeep_client import PriceRule

    floor, ceiling = typed.money(given["floor"]), typed.money(given["ceiling"])
    competitor, rest = typed.money(given["competitor"]), typed.span(given["rest"])
    if ceiling is None:
        raise wrong_usage("The ceiling is missing.", 'Say the highest price: --ceiling "30.00 CNY".')
    others = {amount.currency for amount in (floor, competitor) if amount is not None}
    if others - {ceiling.currency}:
        raise wrong_usage("The amounts are in different currencies.", f"Say all of them in {ceiling.currency}.")
    return PriceRule(
        currency=ceiling.currency,
        floor_minor=floor.minor if floor else 0,
        ceiling_minor=ceiling.minor,
        target_margin_ppm=round(given["margin"] * _PPM),
        dead_band_ppm=round(given["dead_band"] * _PPM),
        max_step_ppm=round(given["max_step"] * _PPM),
        rest_s=int(rest.total_seconds()) if rest else 0,
        automatic=given["automatic"],
        competitor_minor=competitor.minor if competitor else 0,
        max_pressure_ppm=round(given["pressure"] * _PPM),
        refuse_unknown_cost=given["refuse_unknown_cost"],
    )


def _sales(file: Path, currency: str) -> "list[PastSale]":
    from cardkeep_client import PastSale

    sales = []
    try:
        with file.open(newline="") as lines:
            for line_no, row in enumerate(csv.reader(lines), start=1):
                if not row or (line_no == 1 and not row[0][:1].isdigit()):
                    continue
                time, units, price, cost = (cell.strip() for cell in row)
                moment, costs = typed.moment(time), typed.money(f"{cost} {currency}")
                paid = typed.money(f"{price} {currency}")
                assert moment is not None
                assert paid is not None
                assert costs is not None
                sales.append(PastSale(moment, int(units), paid.minor, costs.minor))
    except OSError as unread:
        what = f"{file} was not read: {unread.strerror}."
        raise CommandFailed(what=what, do="Check the path.", reason="FILE_REFUSED") from None
    except ValueError:
        raise CommandFailed(
            what=f"Line {line_no} of {file.name} does not read as time, units, price, cost.",
            do="Write it like 2026-11-01T10:00Z,3,8.00,5.00.",
            reason="FILE_REFUSED",
        ) from None
    return sales


def _prices(found: "Prices") -> "RenderableType":
    rows = [
        (
            each.channel or "(the SKU's own)",
            show.money(each.price) or "none",
            show.moment(each.change_time, "never changed"),
            "" if each.rule is None else _rule_words(each.rule),
        )
        for each in found.channels
    ]
    cleared = [
        (one.number, show.short(one.batch), one.channel, one.state.lower(), show.money(one.clearance_price))
        for one in found.clearances
    ]
    return show.lines(
        show.facts(
            [
                ("SKU", show.short(found.sku)),
                ("highest cost on sale", show.money(found.landed_unit_cost) or "unknown"),
                ("sells", f"{found.rate_milli / 1_000:.1f} a day"),
            ]
        ),
        show.table(("channel", "#price", "since", "rule"), rows),
        _suggestions([(found.sku, each) for each in found.suggestions]) if found.suggestions else None,
        show.table(("#clearance", "batch", "channel", "state", "#price now"), cleared) if cleared else None,
    )


def _rule_words(rule: "PriceRule") -> str:
    between = f"{money_words(rule.floor_minor, rule.currency)} to {money_words(rule.ceiling_minor, rule.currency)}"
    how = "by itself" if rule.automatic else "by approval"
    return f"{between}, margin {rule.target_margin_ppm / _PPM:g} %, {how}"


def _suggestions(found: "list[tuple[str, PriceSuggestion]]") -> "RenderableType":
    rows = [
        (
            show.short(name),
            each.number,
            each.channel or "(the SKU's own)",
            show.money(each.before),
            show.money(each.after) or "none fits the rule",
            words(each.reasons),
            show.moment(each.create_time),
        )
        for name, each in found
    ]
    return show.table(("SKU", "#suggestion", "channel", "#now", "#suggested", "because of", "since"), rows)


def _changes(found: "list[PriceChange]") -> "RenderableType":
    rows = [
        (
            show.moment(each.time),
            each.channel or "(the SKU's own)",
            show.short(each.batch),
            show.money(each.before) or "none",
            show.money(each.after) or "none",
            each.who or "a rule",
            words(each.reasons),
            each.note,
        )
        for each in found
    ]
    return show.table(("when", "channel", "only of batch", "#from", "#to", "by", "because of", "note"), rows)


def _simulated(done: "Simulated", currency: str) -> "RenderableType":
    def amount(minor: int) -> str:
        return f"-{money_words(-minor, currency)}" if minor < 0 else money_words(minor, currency)

    rows = [
        (show.moment(move.time), amount(move.price_minor) if move.price_minor else "none fits", words(move.reasons))
        for move in done.moves
    ]
    return show.lines(
        show.facts(
            [
                ("margin as it was", amount(done.was_margin_minor)),
                ("margin by the rule", amount(done.margin_minor)),
                ("units sold at a loss", show.number(done.lost_units)),
                ("units the rule refuses", show.number(done.refused_units)),
            ]
        ),
        show.table(("when", "#price", "because of"), rows) if rows else None,
    )
