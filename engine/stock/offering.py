"""At what price cards are sold, and the floor: nothing is held below what its own cards cost.

Asked only of a SKU that has prices; any other is sold at its terms' price, whatever that is.
"""

from collections.abc import Sequence

from engine.money import Money
from engine.names import BatchNo, Card, batch_of
from engine.stock.batch import Batch
from engine.stock.outcomes import Reason, Refused
from engine.stock.prices import Prices
from engine.stock.state import State


def channel_price(state: State, channel: str) -> Money | None:
    """The price of a channel, clearances aside; the SKU's where the channel has none of its own."""
    own = None if state.prices is None else state.prices.own.get(channel)
    return own or state.terms.price


def price_of(state: State, cards: Sequence[Card], channel: str) -> Money | None:
    """What one of these cards costs there: the channel's price, or the clearance's if all of them are being cleared."""
    price, prices = channel_price(state, channel), state.prices
    if price is None or prices is None or not prices.clearances or not cards:
        return price
    key = prices.key(channel)
    cleared = [prices.clearing(batch, key) for batch in _batches(cards)]
    asked = [one.price_minor for one in cleared if one is not None]
    return Money(max(asked), price.currency) if len(asked) == len(cleared) else price


def objection(state: State, cards: Sequence[Card], price: Money | None, channel: str) -> Refused | None:
    """Why cards may not be sold at this price: it is below what one of them cost, or below the rule's floor.

    An accepted clearance lets its batch go down to the floor that staff gave it. A cost that nobody knows counts as 0,
    unless the rule does not sell such cards; one in another currency than the price does so only if the rule says it.
    """
    prices = state.prices
    if prices is None or price is None:
        return None
    for number in _batches(cards):
        no = _of_batch(state.batches[number], prices, price, prices.key(channel))
        if no is not None:
            return no
    return None


def landed_minor(batch: Batch, currency: str) -> int | None:
    """What a card of the batch cost; None when nobody knows in this currency."""
    return None if batch.landed is None or batch.landed.currency != currency else batch.landed.minor


def _of_batch(batch: Batch, prices: Prices, price: Money, key: str) -> Refused | None:
    rule = prices.rules.get(key)
    cost = landed_minor(batch, price.currency)
    if cost is None and not (batch.landed is None if rule is None else rule.sells_unknown_cost):
        return Refused(Reason.COST_UNKNOWN, (("batch", str(batch.number)),))
    clearance = prices.clearing(batch.number, key)
    facts = (("minor", str(price.minor)), ("currency", price.currency), ("batch", str(batch.number)))
    if clearance is not None:
        floor = clearance.plan.offer.floor_minor
        return Refused(Reason.PRICE_BELOW_FLOOR, (*facts, ("floor", str(floor)))) if price.minor < floor else None
    if price.minor < (cost or 0):
        return Refused(Reason.PRICE_BELOW_COST, (*facts, ("cost", str(cost))))
    if rule is not None and price.minor < rule.rules.floor_minor:
        return Refused(Reason.PRICE_BELOW_FLOOR, (*facts, ("floor", str(rule.rules.floor_minor))))
    return None


def _batches(cards: Sequence[Card]) -> Sequence[BatchNo]:
    """The batches of some cards, each once, in the order of the cards."""
    if len(cards) == 1:
        return (batch_of(cards[0]),)
    return tuple(dict.fromkeys(map(batch_of, cards)))
