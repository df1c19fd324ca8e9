"""A pool with a clock and an archive beside it, so that a test says only what it is about."""

from typing import Any

from engine import limits
from engine.money import Money
from engine.names import BatchNo, Card, HoldNo, PoolName, card_at
from engine.stock import commands as ask
from engine.stock import events
from engine.stock import outcomes as said
from engine.stock.archiving import to_archive
from engine.stock.codec import read_archived
from engine.stock.pool import Pool, Step
from engine.stock.terms import Terms

NAME = PoolName("default", "DEMO")
NOW_MS = 1_800_000_000_000
MINUTE_MS = limits.MINUTE_MS


class Desk:
    """Asks a pool as its owner does. Request ids and order references are made up unless given."""

    def __init__(self, cards: int = 0, **batch: Any) -> None:
        self.pool = Pool(NAME)
        self.now_ms = NOW_MS
        self.archive: dict[str, bytes] = {}
        self.happened: list[events.Event] = []
        self._asked = 0
        if cards:
            self.receive(cards, **batch)

    def step(self, command: ask.Command) -> Step:
        """Look up what is missing, ask, and note what happened."""
        looked: dict[str, Any] = {}
        while keys := self.pool.missing(command, looked):
            looked |= {key: read_archived(key, self.archive[key]) if key in self.archive else None for key in keys}
        step = self.pool.handle(command, self.now_ms, looked)
        self.happened += step.events
        return step

    def ask(self, command: ask.Command) -> Any:
        """The outcome alone."""
        return self.step(command).outcome

    def request_id(self) -> str:
        """A new one."""
        self._asked += 1
        return f"request-{self._asked}"

    def receive(self, cards: int, *, cost: Money | None = None, expires_at_ms: int | None = None) -> BatchNo:
        """A whole batch in one chunk."""
        number = BatchNo(len(self.pool.state.batches) + 1)
        self.ask(ask.OpenBatch(self.request_id(), f"import-{number}", "acme", "ann", cost, expires_at_ms, b"key"))
        self.ask(ask.Receive(number, 0, 0, ((cards, expires_at_ms),), (b"p",) * cards, (b"c",) * cards))
        return number

    def allocate(self, quantity: int = 1, **terms: Any) -> Any:
        """Hold cards for ten minutes."""
        request_id = self.request_id()
        terms = {"order_ref": "order-of-" + request_id, "hold_for_ms": 10 * MINUTE_MS, **terms}
        return self.ask(ask.Allocate(request_id=request_id, quantity=quantity, **terms))

    def confirm(self, hold: int = 1, **payment: Any) -> Any:
        """Pay for a hold."""
        request_id = self.request_id()
        payment = {"payment_ref": "payment-of-" + request_id, **payment}
        return self.ask(ask.Confirm(request_id=request_id, hold=HoldNo(hold), **payment))

    def release(self, hold: int = 1) -> Any:
        """Give a hold back."""
        return self.ask(ask.Release(self.request_id(), HoldNo(hold)))

    def extend(self, hold: int = 1, hold_for_ms: int = 10 * MINUTE_MS) -> Any:
        """Prolong a hold."""
        return self.ask(ask.Extend(self.request_id(), HoldNo(hold), hold_for_ms))

    def withdraw(self, action: str, *serials: int, batch: int = 1) -> Any:
        """Withdraw a batch, or these cards of it."""
        cards = tuple(card(serial, batch) for serial in serials)
        return self.ask(ask.Withdraw(self.request_id(), action, BatchNo(batch), cards, "a reason"))

    def replace(self, serial: int, hold: int = 1) -> Any:
        """Replace a sold card of batch 1."""
        return self.ask(ask.Replace(self.request_id(), HoldNo(hold), card(serial), "does not open"))

    def configure(self, **terms: Any) -> Any:
        """Set terms."""
        return self.ask(ask.Configure(self.request_id(), Terms(**terms)))

    def shelf(self, life_ms_min: int = 0) -> said.Shelf:
        """The counts."""
        counts: said.Shelf = self.ask(ask.GetShelf(life_ms_min))
        return counts

    def forget(self, *, older_ms: int = 0) -> None:
        """Archive what is older than this, then forget it."""
        before_ms = self.now_ms - older_ms
        for entries in to_archive(self.pool.state, before_ms):
            self.archive |= entries
        self.ask(ask.Forget(before_ms))


def card(serial: int, batch: int = 1) -> Card:
    """A card by serial and batch."""
    return card_at(BatchNo(batch), serial)


def reason(outcome: Any) -> str:
    """The word of a refusal, or the kind of another outcome."""
    return str(outcome.reason) if isinstance(outcome, said.Refused) else type(outcome).__name__
