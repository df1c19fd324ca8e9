"""A clearance plan: at which prices cards that will soon be worth nothing still sell in time, and what that saves.

    needed    = cards ÷ days left                                      cards a day
    rate(p)   = actual × (price now ÷ p) ^ elasticity                  cards a day that a price p is expected to sell
    p(i)      = price now − (price now − last) × i ÷ steps             the price of step i = 1 … steps
    sold      = Σ rate(p(i)) × days left ÷ steps, at most cards
    last      = the highest price at which sold = cards; where none does, the floor that staff gave
    gain      = Σ sold in step i × p(i)  −  min(cards, actual × days left) × price now

What is unsold at the end is worth nothing and what it cost is spent either way, so the gain is the loss avoided. It is
negative where buyers care less for the price (elasticity below 1) than the plan costs: then the plan should not be
accepted. Where the actual rate is enough already, a plan has no steps. A batch that sells nothing is taken to sell
one card a week, or no price would ever move it.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from engine.money import Money
from engine.names import BatchNo

MILLI = 1_000
_DAY_MS = 86_400_000

#: One card a week, in thousandths a day: the least that anything is taken to sell.
_SLOWEST_MILLI = MILLI // 7

#: Times that a plan lowers the price: fewer leave money on the table, more cannot be told apart by what they sell.
steps_usual = 3


class Offer(NamedTuple):
    """Cards of one batch in one channel, before there is a plan for them. Rates in thousandths of a card a day.

    `floor_minor` is the least staff would take for one, at least 1. `elasticity_milli` says how buyers answer to
    prices: 2,000 means that a price lower by 1 % sells 2 % more.
    """

    batch: BatchNo
    channel: str
    cards: int
    now_ms: int
    expires_at_ms: int
    price: Money
    floor_minor: int
    landed_minor: int
    actual_milli: int
    elasticity_milli: int


class Step(NamedTuple):
    """From `at_ms` on, a card costs `price_minor`; until the next step `cards` of them should go."""

    at_ms: int
    price_minor: int
    cards: int


class Plan(NamedTuple):
    """What to do with an offer. `unsold_without` and `unsold_with` are the cards expected to be left at the end."""

    offer: Offer
    needed_milli: int
    steps: tuple[Step, ...]
    unsold_without: int
    unsold_with: int
    gain_minor: int


def planned(offer: Offer, steps: int = steps_usual) -> Plan:
    """The plan for an offer that has cards, a price above its floor, and time left."""
    needed_milli = needed(offer.cards, offer.now_ms, offer.expires_at_ms)
    sold_without = min(offer.cards, offer.actual_milli * (offer.expires_at_ms - offer.now_ms) // (MILLI * _DAY_MS))
    unsold_without = offer.cards - sold_without
    if offer.actual_milli >= needed_milli:
        return Plan(offer, needed_milli, (), unsold_without, unsold_without, 0)
    made = _steps(offer, _last_price(offer, steps), steps)
    sold = sum(step.cards for step in made)
    earned = sum(step.cards * step.price_minor for step in made)
    gain_minor = earned - sold_without * offer.price.minor
    return Plan(offer, needed_milli, made, unsold_without, offer.cards - sold, gain_minor)


def needed(cards: int, now_ms: int, expires_at_ms: int) -> int:
    """Thousandths of a card a day that must go so that none is left at the end, rounded up."""
    return -(-cards * MILLI * _DAY_MS // max(1, expires_at_ms - now_ms))


def rate(units: int, over_ms: int) -> int:
    """Thousandths of a card a day, of so many sold over a span of time."""
    return units * MILLI * _DAY_MS // max(1, over_ms)


def _last_price(offer: Offer, steps: int) -> int:
    """The highest price to end with at which all cards go; the floor when there is none."""
    low, high = offer.floor_minor, offer.price.minor
    while low < high:
        middle = (low + high + 1) // 2
        if _sold(offer, middle, steps) >= offer.cards:
            low = middle
        else:
            high = middle - 1
    return low


def _sold(offer: Offer, last: int, steps: int) -> int:
    return sum(step.cards for step in _steps(offer, last, steps))


def _steps(offer: Offer, last: int, steps: int) -> tuple[Step, ...]:
    left_ms = offer.expires_at_ms - offer.now_ms
    prices = [offer.price.minor - (offer.price.minor - last) * at // steps for at in range(1, steps + 1)]
    cards = _each(offer, prices, left_ms / _DAY_MS / steps)
    return tuple(
        Step(offer.now_ms + left_ms * at // steps, price, sold)
        for at, (price, sold) in enumerate(zip(prices, cards, strict=True))
    )


def _each(offer: Offer, prices: Sequence[int], days: float) -> Iterator[int]:
    """Whole cards that go at each price in so many days, all of them together at most what there is."""
    actual = max(offer.actual_milli, _SLOWEST_MILLI) / MILLI
    sold, gone = 0.0, 0
    for price in prices:
        sold = min(offer.cards, sold + actual * (offer.price.minor / price) ** (offer.elasticity_milli / MILLI) * days)
        yield int(sold) - gone
        gone = int(sold)
