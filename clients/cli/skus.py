"""`cardkeep sku …`: what is on sale, and on which terms."""

# ruff: noqa: PLC0415 - help and completion must not wait for gRPC

from typing import TYPE_CHECKING, Annotated, Any

import typer

from clients.cli import show, typed
from clients.cli.command import command
from clients.cli.failing import wrong_usage
from clients.cli.session import Session, rows_of

if TYPE_CHECKING:
    from cardkeep_client import Client, Sku, SkuTerms
    from rich.console import RenderableType

app = typer.Typer(no_args_is_help=True, help="Put SKUs on sale and set their terms.")

SkuName = Annotated[str, typer.Argument(metavar="SKU", help="Like NETFLIX-30.", show_default=False)]

Title = Annotated[str | None, typer.Option("--title", help="For people.")]
Price = Annotated[str | None, typer.Option("--price", metavar="MONEY", help='Of one card: "15.00 CNY".')]
FaceValue = Annotated[
    str | None, typer.Option("--face-value", metavar="MONEY", help="What a card is worth; other values are refused.")
]
CostCurrency = Annotated[
    str | None, typer.Option("--cost-currency", metavar="CODE", help="What all batches cost; else the first's.")
]
HoldFor = Annotated[str | None, typer.Option("--hold-for", metavar="SPAN", help="How long a hold lasts (15m).")]
HoldForMax = Annotated[str | None, typer.Option("--hold-for-max", metavar="SPAN", help="The longest hold (2h).")]
LifetimeMax = Annotated[
    str | None, typer.Option("--hold-lifetime-max", metavar="SPAN", help="The longest life, extends included (24h).")
]
CardsMax = Annotated[
    int | None, typer.Option("--cards-per-hold-max", metavar="COUNT", min=1, help="Most cards in one hold (100).")
]
LateWindow = Annotated[
    str | None, typer.Option("--late-window", metavar="SPAN", help="How late a payment may still take cards (12h).")
]
QuotaUser = Annotated[
    int | None, typer.Option("--quota-user", metavar="COUNT", min=0, help="Most unpaid cards a user may hold.")
]
QuotaDevice = Annotated[
    int | None, typer.Option("--quota-device", metavar="COUNT", min=0, help="The same for a device.")
]
QuotaIp = Annotated[int | None, typer.Option("--quota-ip", metavar="COUNT", min=0, help="The same for an IP address.")]
QuotaPayment = Annotated[
    int | None, typer.Option("--quota-payment", metavar="COUNT", min=0, help="The same for a payment instrument.")
]
WarnDays = Annotated[
    str | None,
    typer.Option("--warn-days", metavar="DAYS", help="How many days before cards end you are warned (30,14,7,1)."),
]
WaitMax = Annotated[
    int | None,
    typer.Option(
        "--wait-max", metavar="COUNT", min=0, help="How many holds may wait for cards until their deadline [nobody]."
    ),
]
Paused = Annotated[bool | None, typer.Option("--paused/--on-sale", help="Whether new holds are refused.")]

#: What `--reset` may name, and the term it sets back.
_RESETS = {
    "title": "title",
    "price": "unit_price",
    "face-value": "face_value",
    "cost-currency": "cost_currency",
    "hold-for": "hold_for",
    "hold-for-max": "hold_for_max",
    "hold-lifetime-max": "hold_lifetime_max",
    "cards-per-hold-max": "cards_per_hold_max",
    "late-window": "late_window",
    "warn-days": "expiry_warning_days",
    "wait-max": "wait_max",
    "quotas": "held_quotas",
}

#: Single quotas that `--reset` may name: without one there is no bound.
_QUOTA_RESETS = {
    "quota-user": "user",
    "quota-device": "device",
    "quota-ip": "ip",
    "quota-payment": "payment_instrument",
}


@command(app, "create", writes=True)
def create(
    session: Session,
    sku: SkuName,
    *,
    title: Title = None,
    price: Price = None,
    face_value: FaceValue = None,
    cost_currency: CostCurrency = None,
    hold_for: HoldFor = None,
    hold_for_max: HoldForMax = None,
    hold_lifetime_max: LifetimeMax = None,
    cards_per_hold_max: CardsMax = None,
    late_window: LateWindow = None,
    quota_user: QuotaUser = None,
    quota_device: QuotaDevice = None,
    quota_ip: QuotaIp = None,
    quota_payment: QuotaPayment = None,
    warn_days: WarnDays = None,
    wait_max: WaitMax = None,
    paused: Paused = None,
) -> None:
    """Put a new SKU on sale. Terms that are left out take the defaults in brackets."""
    name = typed.sku_name(sku)
    terms = _terms(locals())
    quotas = _quotas(locals())
    with session.connected(sku=name) as client:
        if quotas:
            terms["held_quotas"] = _held_quotas(quotas, {})
        made = client.create_sku(name, request_id=session.request_id, **terms)
    session.show(made, sku_facts)


@command(app, "set", writes=True)
def set_terms(
    session: Session,
    sku: SkuName,
    *,
    title: Title = None,
    price: Price = None,
    face_value: FaceValue = None,
    cost_currency: CostCurrency = None,
    hold_for: HoldFor = None,
    hold_for_max: HoldForMax = None,
    hold_lifetime_max: LifetimeMax = None,
    cards_per_hold_max: CardsMax = None,
    late_window: LateWindow = None,
    quota_user: QuotaUser = None,
    quota_device: QuotaDevice = None,
    quota_ip: QuotaIp = None,
    quota_payment: QuotaPayment = None,
    warn_days: WarnDays = None,
    wait_max: WaitMax = None,
    paused: Paused = None,
    reset: Annotated[
        list[str] | None, typer.Option("--reset", metavar="TERM", help="Back to its default; may be repeated.")
    ] = None,
) -> None:
    """Change terms of a SKU from now on; holds keep the price and time they were made with."""
    name = typed.sku_name(sku)
    terms = _terms(locals())
    quotas = _quotas(locals())
    for term in reset or ():
        if term in _QUOTA_RESETS:
            quotas[_QUOTA_RESETS[term]] = 0
        elif term in _RESETS:
            terms[_RESETS[term]] = None  # type: ignore[literal-required]
        else:
            raise wrong_usage(f"--reset {term} is no term.", f"Choose from {', '.join((*_RESETS, *_QUOTA_RESETS))}.")
    if not terms and not quotas:
        raise wrong_usage("Nothing to change.", "Say at least one term; see `cardkeep sku set --help`.")
    with session.connected(sku=name) as client:
        if quotas:
            terms["held_quotas"] = _held_quotas(quotas, _current_quotas(client, name))
        changed = client.update_sku(name, request_id=session.request_id, **terms)
    session.show(changed, sku_facts)


@command(app, "list")
def list_all(session: Session) -> None:
    """All SKUs with their prices and states."""
    with session.connected() as client:
        skus = client.list_skus()
    session.show(rows_of("skus", skus), lambda _: _sku_table(skus))


@command(app, "show")
def show_one(session: Session, sku: SkuName) -> None:
    """The terms of a SKU, and how many cards could be had now."""
    name = typed.sku_name(sku)
    with session.connected(sku=name) as client:
        terms = client.get_sku(name)
        available = client.availability(name).available
    document = show.as_plain(terms) | {"available": available}
    session.show(document, lambda _: sku_facts(terms, ("available now", show.number(available))))


def sku_facts(sku: "Sku", *more: tuple[str, object]) -> "RenderableType":
    """One SKU for people, and what else is known of it."""
    quotas = sku.held_quotas
    bounds = {
        "user": quotas.user,
        "device": quotas.device,
        "IP": quotas.ip,
        "payment instrument": quotas.payment_instrument,
    }
    return show.facts(
        [
            ("SKU", show.short(sku.name)),
            ("title", sku.title),
            ("price", show.money(sku.unit_price) or "none: amounts are not checked"),
            ("face value", show.money(sku.face_value)),
            ("cost currency", sku.cost_currency),
            ("hold for", f"{show.span(sku.hold_for)}, at most {show.span(sku.hold_for_max)}"),
            ("hold lifetime", f"at most {show.span(sku.hold_lifetime_max)}"),
            ("cards per hold", f"at most {sku.cards_per_hold_max}"),
            ("late window", show.span(sku.late_window)),
            ("warned before cards end", ", ".join(f"{days} d" for days in sku.expiry_warning_days)),
            ("unpaid cards", ", ".join(f"{most} per {who}" for who, most in bounds.items() if most)),
            ("waiting for cards", f"at most {sku.wait_max}" if sku.wait_max else "nobody"),
            ("state", "paused" if sku.paused else "on sale"),
            *more,
        ]
    )


def _sku_table(skus: "list[Sku]") -> "RenderableType":
    rows = [
        (
            show.short(sku.name),
            sku.title,
            show.money(sku.unit_price),
            show.span(sku.hold_for),
            "paused" if sku.paused else "on sale",
        )
        for sku in skus
    ]
    return show.table(("SKU", "title", "#price", "#hold for", "state"), rows)


def _terms(given: dict[str, Any]) -> "SkuTerms":
    """The terms that were typed, and no others."""
    terms: dict[str, Any] = {
        "title": given["title"],
        "unit_price": typed.money(given["price"]),
        "face_value": typed.money(given["face_value"]),
        "cost_currency": given["cost_currency"] and typed.currency_code(given["cost_currency"]),
        "hold_for": typed.span(given["hold_for"]),
        "hold_for_max": typed.span(given["hold_for_max"]),
        "hold_lifetime_max": typed.span(given["hold_lifetime_max"]),
        "cards_per_hold_max": given["cards_per_hold_max"],
        "late_window": typed.span(given["late_window"]),
        "wait_max": given["wait_max"],
        "paused": given["paused"],
        "expiry_warning_days": typed.days(given["warn_days"]),
    }
    typed_terms: SkuTerms = {name: term for name, term in terms.items() if term is not None}  # type: ignore[assignment]
    return typed_terms


def _quotas(given: dict[str, Any]) -> dict[str, int]:
    bounds = {
        "user": given["quota_user"],
        "device": given["quota_device"],
        "ip": given["quota_ip"],
        "payment_instrument": given["quota_payment"],
    }
    return {who: most for who, most in bounds.items() if most is not None}


def _held_quotas(given: dict[str, int], before: dict[str, int]) -> Any:
    from cardkeep_client import HeldQuotas

    return HeldQuotas(**{**before, **given})


def _current_quotas(client: "Client", name: str) -> dict[str, int]:
    """The quotas in force: an update takes all four, and those that were not typed must stay."""
    quotas = client.get_sku(name).held_quotas
    return {
        "user": quotas.user,
        "device": quotas.device,
        "ip": quotas.ip,
        "payment_instrument": quotas.payment_instrument,
    }
