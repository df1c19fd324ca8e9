"""Prices of a pool: what staff set, what is suggested to them, what a rule moves by itself, and the record of it."""

from collections.abc import Sequence
from itertools import islice
from operator import attrgetter

from engine import limits
from engine.money import Money
from engine.names import BatchNo
from engine.pricing.ageing import Lying, aged
from engine.pricing.repricing import Why
from engine.stock.batch import Batch
from engine.stock.commands import (
    DecideSuggestion,
    GetAgeing,
    GetPrices,
    ListPriceChanges,
    SetPriceRule,
    SetPrices,
)
from engine.stock.events import (
    PriceRuleSet,
    PricesSet,
    PriceSuggested,
    Repriced,
    SuggestionDecided,
    SuggestionDropped,
)
from engine.stock.offering import channel_price
from engine.stock.outcomes import Ageing, ChannelView, Outcome, PriceChanges, PricesNow, Reason
from engine.stock.prices import NO_BATCH, PriceChange, Prices
from engine.stock.shelf import NEVER_MS, Lot
from engine.stock.state import State, Turn


def set_prices(turn: Turn, command: SetPrices) -> Outcome:
    """Set prices, as far as they are in the currency of their channel's rule."""
    prices = turn.state.prices
    if prices is not None:
        for channel, price in command.prices:
            if price is not None and (expected := prices.currency_of(channel, price.currency)) != price.currency:
                return turn.refuse(command, Reason.PRICE_CURRENCY_MISMATCH, expected=expected)
    channels = {""}.union({} if prices is None else prices.own, (each.channel for each in command.prices))
    if len(channels) > limits.price_channels_max:
        facts = {"field": "prices", "count": len(channels), "max": limits.price_channels_max}
        return turn.refuse(command, Reason.TOO_MANY_ITEMS, **facts)
    turn.emit(PricesSet(turn.now_ms, command))
    return turn.settle(command, now(turn.state, turn.now_ms))


def set_rule(turn: Turn, command: SetPriceRule) -> Outcome:
    """Set a rule, in the currency of the channel's own price. A channel without one goes by the rule of ""."""
    price = channel_price(turn.state, command.channel)
    if command.rule is not None and price is not None and command.rule.currency != price.currency:
        return turn.refuse(command, Reason.PRICE_CURRENCY_MISMATCH, expected=price.currency)
    known = {} if turn.state.prices is None else turn.state.prices.rules
    if command.channel not in known and len(known) >= limits.price_channels_max:
        facts = {"field": "channel", "count": len(known) + 1, "max": limits.price_channels_max}
        return turn.refuse(command, Reason.TOO_MANY_ITEMS, **facts)
    turn.emit(PriceRuleSet(turn.now_ms, command))
    return turn.settle(command, now(turn.state, turn.now_ms))


def decide_suggestion(turn: Turn, command: DecideSuggestion) -> Outcome:
    """Approve or turn down what waits; a suggestion without a price can only be turned down."""
    waiting = () if turn.state.prices is None else turn.state.prices.waiting.values()
    found = next((each for each in waiting if each.number == command.number), None)
    if found is None or (command.approve and not found.after.minor):
        return turn.refuse(command, Reason.SUGGESTION_NOT_FOUND, suggestion=command.number)
    turn.emit(SuggestionDecided(turn.now_ms, found, command.approve, command.who))
    return turn.settle(command, now(turn.state, turn.now_ms))


def get_prices(turn: Turn, _question: GetPrices) -> Outcome:
    """All about prices."""
    return now(turn.state, turn.now_ms)


def get_ageing(turn: Turn, question: GetAgeing) -> Outcome:
    """The ageing report of what is on sale; without prices no rate is known, and nothing seems to sell."""
    state, now_ms = turn.state, turn.now_ms
    rate_milli = (0 if state.prices is None else state.prices.rate_milli(now_ms)) or 0
    lots: dict[BatchNo, list[Lot]] = {}
    for lot in state.shelf.lots(now_ms, NEVER_MS):
        lots.setdefault(lot.batch, []).append(lot)
    lying = [_lying(state.batches[number], of_batch) for number, of_batch in lots.items()]
    return Ageing(tuple(aged(lying, now_ms, rate_milli, question.bounds)[: limits.page_rows_max]), rate_milli)


def list_changes(turn: Turn, question: ListPriceChanges) -> Outcome:
    """One page of changes, the latest first."""
    kept = () if turn.state.prices is None else reversed(turn.state.prices.changes)
    found = (change for change in kept if not question.before or change.number < question.before)
    page = list(islice(found, question.rows + 1))
    return PriceChanges(tuple(page[: question.rows]), len(page) > question.rows)


def now(state: State, now_ms: int) -> PricesNow:
    """All about prices at one moment. The highest cost is that in the currency of the SKU's price, if it has one."""
    prices = state.prices or Prices(now_ms)
    currency = "" if state.terms.price is None else state.terms.price.currency
    channels = sorted({"", *prices.own, *prices.rules})
    views = tuple(
        ChannelView(
            channel,
            prices.own.get(channel) if channel else state.terms.price,
            prices.changed_at_ms.get(channel, 0),
            prices.rules.get(channel),
        )
        for channel in channels
    )
    on_sale = [batch.landed for batch in state.batches.values() if batch.landed and batch.view(now_ms).available]
    costs = [landed for landed in on_sale if landed.currency == (currency or landed.currency)]
    highest = max(costs, key=attrgetter("minor"), default=None)
    clearances = tuple(prices.clearances.values())
    return PricesNow(views, tuple(prices.waiting.values()), clearances, highest, prices.rate_milli(now_ms))


def apply_set(state: State, event: PricesSet) -> None:
    """The prices hold from now on."""
    for channel, price in event.command.prices:
        _move(
            state,
            channel,
            price,
            PriceChange(
                0, event.at_ms, channel, NO_BATCH, None, price, event.command.who, (Why.STAFF,), event.command.note
            ),
        )


def apply_rule(state: State, event: PriceRuleSet) -> None:
    """The rule holds from now on; what the one before it suggested waits no more."""
    prices = priced(state, event.at_ms)
    channel, rule = event.command.channel, event.command.rule
    if rule is None:
        prices.rules.pop(channel, None)
    else:
        prices.rules[channel] = rule
    prices.waiting.pop(channel, None)
    prices.declined.pop(channel, None)


def apply_suggested(state: State, event: PriceSuggested) -> None:
    """It waits for staff."""
    prices = priced(state, event.at_ms)
    prices.suggested = event.suggestion.number
    prices.waiting[event.suggestion.channel] = event.suggestion


def apply_dropped(state: State, event: SuggestionDropped) -> None:
    """It waits no more."""
    priced(state, event.at_ms).waiting.pop(event.channel, None)


def apply_decided(state: State, event: SuggestionDecided) -> None:
    """The suggested price holds; or it waits no more, and is not suggested again while nothing else changes."""
    found = event.suggestion
    if event.approved:
        _move(
            state,
            found.channel,
            found.after,
            PriceChange(0, event.at_ms, found.channel, NO_BATCH, found.before, found.after, event.who, found.why, ""),
        )
    else:
        prices = priced(state, event.at_ms)
        prices.waiting.pop(found.channel, None)
        prices.declined[found.channel] = (found.before.minor, found.after.minor)


def apply_repriced(state: State, event: Repriced) -> None:
    """The price is another, by rule."""
    _move(
        state,
        event.channel,
        event.after,
        PriceChange(0, event.at_ms, event.channel, NO_BATCH, event.before, event.after, "", event.why, ""),
    )


def priced(state: State, at_ms: int) -> Prices:
    """The pool's prices, from now on if not before."""
    if state.prices is None:
        state.prices = Prices(at_ms)
    return state.prices


def _lying(batch: Batch, lots: Sequence[Lot]) -> Lying:
    """A batch on the shelf; the end of what ends first of it is that of all."""
    ends_at_ms = lots[0].expires_at_ms
    cards = sum(lot.size for lot in lots)
    return Lying(batch.number, cards, batch.opened_at_ms, None if ends_at_ms == NEVER_MS else ends_at_ms, batch.landed)


def _move(state: State, channel: str, price: Money | None, change: PriceChange) -> None:
    """Let a channel have this price, and note it with the price that it had before."""
    prices = priced(state, change.at_ms)
    before = prices.own.get(channel) if channel else state.terms.price
    if not channel:
        state.terms = state.terms._replace(price=price)
    elif price is None:
        prices.own.pop(channel, None)
    else:
        prices.own[channel] = price
    prices.change(change._replace(before=before), state.seq + 1)
