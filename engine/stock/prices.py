"""What a pool knows of its prices beyond the SKU's own: channels, rules, suggestions, clearances, changes.

A pool has one of these only once somebody has set a price or a rule; a SKU without is sold as its terms say. The
price of channel "" is the terms' own, so there is one price and no second to contradict it.
"""

from collections import deque
from itertools import takewhile
from typing import NamedTuple

from engine import limits
from engine.money import Money
from engine.names import BatchNo
from engine.pricing.clearance import Plan, rate
from engine.pricing.ladder import Lapse
from engine.pricing.repricing import Why
from engine.stock.commands import PriceRule

NO_BATCH = BatchNo(0)
"""Stands for all batches."""

PROPOSED = "PROPOSED"
ACCEPTED = "ACCEPTED"
ENDED = "ENDED"


class PriceSuggestion(NamedTuple):
    """A price that waits for staff, and why. `after` is 0 where no price fits the rule, which a person must change."""

    number: int
    at_ms: int
    channel: str
    before: Money
    after: Money
    why: tuple[Why, ...]


class PriceChange(NamedTuple):
    """A price was another from this moment on. `batch` is 0, or the one batch whose price it is, by clearance.

    `who` is empty where a rule or a clearance moved it by itself. `seq` is the event that did it; 0 for changes
    from before that was noted.
    """

    number: int
    at_ms: int
    channel: str
    batch: BatchNo
    before: Money | None
    after: Money | None
    who: str
    why: tuple[Why, ...]
    note: str
    seq: int = 0


class Clearance(NamedTuple):
    """A plan and how it goes. `step` counts from 1, 0 before it is accepted; `sold` is of the whole batch.

    `price_minor`, `stepped_at_ms` and `sold_at_step` are as of the latest step, `needed_milli` and `actual_milli` the
    rates it went by.
    """

    number: int
    state: str
    plan: Plan
    who: str
    step: int
    price_minor: int
    stepped_at_ms: int
    sold_at_step: int
    needed_milli: int
    actual_milli: int


class ExpiringLot(NamedTuple):
    """Cards that stand on a step of the ladder, in days, and whether staff were told on it already."""

    days: int
    lapse: Lapse
    is_told: bool


class RuleRecord(NamedTuple):
    """A channel and its rule."""

    channel: str
    rule: PriceRule


class PricesRecord(NamedTuple):
    """The same as plain data, in snapshots."""

    since_ms: int
    own: tuple[tuple[str, int, str], ...]
    changed_at_ms: tuple[tuple[str, int], ...]
    rules: tuple[RuleRecord, ...]
    waiting: tuple[PriceSuggestion, ...]
    declined: tuple[tuple[str, int, int], ...]
    suggested: int
    clearances: tuple[Clearance, ...]
    proposed: int
    changes: tuple[PriceChange, ...]
    changed: int
    sold_by_day: tuple[tuple[int, int], ...]


class Prices:
    """One pool's. Times in milliseconds; `since_ms` is when it began, and from when sales are counted."""

    def __init__(self, since_ms: int) -> None:
        self.since_ms = since_ms
        #: Prices of channels that have their own; "" is never here.
        self.own: dict[str, Money] = {}
        self.changed_at_ms: dict[str, int] = {}
        self.rules: dict[str, PriceRule] = {}
        #: What waits for staff, one at most a channel.
        self.waiting: dict[str, PriceSuggestion] = {}
        #: What staff turned down, by channel: the price it was and the one it would have been.
        self.declined: dict[str, tuple[int, int]] = {}
        self.suggested = 0
        self.clearances: dict[int, Clearance] = {}
        self.proposed = 0
        self.changes: deque[PriceChange] = deque(maxlen=limits.price_changes_kept_max)
        self.changed = 0
        #: Days since 1970 → cards sold, the latest last.
        self.sold_by_day: dict[int, int] = {}

    def key(self, channel: str) -> str:
        """The channel whose price, rule and clearances hold: itself, or "" where it has no price of its own."""
        return channel if channel in self.own else ""

    def currency_of(self, channel: str, otherwise: str) -> str:
        """What a price of the channel has to be in: its rule's currency, or `otherwise`."""
        rule = self.rules.get(channel)
        return otherwise if rule is None else rule.currency

    def change(self, change: PriceChange, seq: int) -> None:
        """Note a change; its number is given here. What was suggested or turned down before is so no more.

        `seq` is that of the event that is being applied.
        """
        self.changed += 1
        self.changes.append(change._replace(number=self.changed, seq=seq))
        if not change.batch:
            self.changed_at_ms[change.channel] = change.at_ms
            self.waiting.pop(change.channel, None)
            self.declined.pop(change.channel, None)

    def changed_by(self, seq: int) -> list[PriceChange]:
        """The changes of an event that was just applied."""
        return list(takewhile(lambda change: change.seq == seq, reversed(self.changes)))[::-1]

    def clearing(self, batch: BatchNo, channel: str) -> Clearance | None:
        """The clearance that holds for a batch in a channel (its key)."""
        for one in self.clearances.values():
            offer = one.plan.offer
            if one.state == ACCEPTED and offer.batch == batch and offer.channel == channel:
                return one
        return None

    def sold(self, at_ms: int, cards: int) -> None:
        """Cards were sold."""
        day = at_ms // limits.DAY_MS
        self.sold_by_day[day] = self.sold_by_day.get(day, 0) + cards
        if len(self.sold_by_day) > limits.sales_days_kept:
            del self.sold_by_day[next(iter(self.sold_by_day))]

    def rate_milli(self, now_ms: int) -> int | None:
        """What sells, in thousandths of a card a day, over the last days; None until it was seen for a day."""
        first_day = now_ms // limits.DAY_MS - limits.rate_days + 1
        from_ms = max(self.since_ms, first_day * limits.DAY_MS)
        if now_ms - from_ms < limits.DAY_MS:
            return None
        return rate(sum(cards for day, cards in self.sold_by_day.items() if day >= first_day), now_ms - from_ms)

    def record(self) -> PricesRecord:
        """The whole as plain data."""
        return PricesRecord(
            self.since_ms,
            tuple((channel, price.minor, price.currency) for channel, price in self.own.items()),
            tuple(self.changed_at_ms.items()),
            tuple(RuleRecord(channel, rule) for channel, rule in self.rules.items()),
            tuple(self.waiting.values()),
            tuple((channel, *pair) for channel, pair in self.declined.items()),
            self.suggested,
            tuple(self.clearances.values()),
            self.proposed,
            tuple(self.changes),
            self.changed,
            tuple(self.sold_by_day.items()),
        )


def prices_of(record: PricesRecord) -> Prices:
    """What was recorded."""
    prices = Prices(record.since_ms)
    prices.own = {channel: Money(minor, currency) for channel, minor, currency in record.own}
    prices.changed_at_ms = dict(record.changed_at_ms)
    prices.rules = {each.channel: each.rule for each in record.rules}
    prices.waiting = {each.channel: each for each in record.waiting}
    prices.declined = {channel: (before, after) for channel, before, after in record.declined}
    prices.suggested, prices.proposed = record.suggested, record.proposed
    prices.clearances = {each.number: each for each in record.clearances}
    prices.changes.extend(record.changes)
    prices.changed = record.changed
    prices.sold_by_day = dict(record.sold_by_day)
    return prices
