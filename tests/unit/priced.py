"""What tests of prices have in common: short ways to set, bound, review and clear at a `Desk`."""

from typing import Any

from engine.money import Money
from engine.names import BatchNo
from engine.pricing.repricing import Rules
from engine.stock import commands as ask
from tests.unit.desk import NOW_MS, Desk

DAY_MS = 86_400_000

#: A fifth of the price is to be earned; nothing keeps the price from moving, but a person has to let it.
RULES = Rules(
    floor_minor=100,
    ceiling_minor=9_000,
    target_margin_ppm=200_000,
    dead_band_ppm=0,
    step_max_ppm=1_000_000,
    rest_ms=0,
)


def cny(minor: int) -> Money:
    """Yuan, in fen."""
    return Money(minor, "CNY")


def set_prices(desk: Desk, own: int | None = 800, **channels: int | None) -> Any:
    """The SKU's own price, and those of channels."""
    prices = [("", own), *channels.items()]
    wanted = tuple(ask.ChannelPrice(channel, None if minor is None else cny(minor)) for channel, minor in prices)
    return desk.ask(ask.SetPrices(desk.request_id(), wanted, "ann", "a note"))


def set_rule(desk: Desk, channel: str = "", *, currency: str = "CNY", **changes: Any) -> Any:
    """RULES but for what is said."""
    of_rule = {name: changes.pop(name) for name in list(changes) if name in ask.PriceRule._fields}
    rule = ask.PriceRule(currency, RULES._replace(**changes), **of_rule)
    return desk.ask(ask.SetPriceRule(desk.request_id(), channel, rule, "ann"))


def review(desk: Desk) -> Any:
    """Look."""
    return desk.ask(ask.Review())


def propose(desk: Desk, batch: int = 1, channel: str = "", floor: int = 100, rate: int = 1_000) -> Any:
    """A plan."""
    command = ask.ProposeClearance(desk.request_id(), BatchNo(batch), channel, floor, 2_000, rate, "ann")
    return desk.ask(command)


def accept(desk: Desk, number: int = 1) -> Any:
    """Go by it."""
    return desk.ask(ask.AcceptClearance(desk.request_id(), number, "bob"))


def end(desk: Desk, number: int = 1) -> Any:
    """Drop it."""
    return desk.ask(ask.EndClearance(desk.request_id(), number, "bob", "enough"))


def decide(desk: Desk, number: int = 1, *, approve: bool = True) -> Any:
    """Approve a suggestion, or turn it down."""
    return desk.ask(ask.DecideSuggestion(desk.request_id(), number, approve, "bob"))


def shop(cards: int = 40, cost: int = 800, price: int = 1_000, days: int | None = 10) -> Desk:
    """Cards of one batch that end in so many days, and a price."""
    desk = Desk(cards, cost=cny(cost), expires_at_ms=None if days is None else NOW_MS + days * DAY_MS)
    set_prices(desk, price)
    return desk
