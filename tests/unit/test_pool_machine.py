"""A pool against its model, over random lives: every answer is foretold, and nothing is ever lost.

Times, re-sent requests, forgetting with an archive, restarts from a snapshot and a replica fed with the
journal's bytes are part of every run. CARDKEEP_MACHINE_RUNS=2000 searches longer, at random.
"""

import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine import limits
from engine.money import Money
from engine.names import BatchNo, Card, HoldNo, PoolName
from engine.stock import commands as ask
from engine.stock import outcomes as said
from engine.stock.archiving import to_archive
from engine.stock.codec import pack_record, read_archived, read_record
from engine.stock.pool import Pool
from engine.stock.snapshot import dump, load
from engine.stock.terms import HeldQuotas, Terms
from tests.examples import examples
from tests.unit.pool_model import SOLD, UNKNOWN_COST, Line, PoolModel

_NAME = PoolName("default", "DEMO")
_MINUTES = st.sampled_from([1, 2, 5, 10, 30]).map(lambda minutes: minutes * limits.MINUTE_MS)
_PRICES = st.sampled_from([None, None, Money(500, "CNY"), Money(600, "CNY")])
_SMALL = st.integers(0, 7)


class PoolMachine(RuleBasedStateMachine):
    """One pool, its model, its archive and a replica that knows only the journal."""

    def __init__(self) -> None:
        super().__init__()
        self.pool, self.replica, self.model = Pool(_NAME), Pool(_NAME), PoolModel()
        self.now_ms = 1_800_000_000_000
        self.archive: dict[str, bytes] = {}
        self.asked: list[tuple[Any, said.Outcome]] = []
        self.ever_sold: set[Card] = set()

    def request_id(self) -> str:
        """Ids of every kind in turn: plain, of now, and of a clock that is far ahead."""
        count = len(self.asked)
        made_at_ms = self.now_ms + (limits.HOUR_MS if count % 3 == 2 else 0)
        digits = f"{made_at_ms:012x}"
        return f"r{count}" if count % 3 == 0 else f"{digits[:8]}-{digits[8:]}-7000-8000-{count:012x}"

    def tell(self, command: Any, recalled: dict[str, Any] | None = None) -> said.Outcome:
        """Ask the pool as its owner does, and let the replica hear what the journal got."""
        looked: dict[str, Any] = recalled or {}
        while keys := self.pool.missing(command, looked):
            looked |= {key: read_archived(key, self.archive[key]) if key in self.archive else None for key in keys}
        step = self.pool.handle(command, self.now_ms, looked)
        self.journal(step.events)
        return step.outcome

    def journal(self, happened: Any) -> None:
        """Events reach the replica as bytes."""
        for event in read_record(pack_record(1, self.pool.state.seq, happened)).events:
            self.replica.apply(event)

    def compare(self, command: Any) -> None:
        """Ask the pool and its model; they must agree."""
        outcome = self.tell(command)
        self.asked.append((command, outcome))
        assert short(outcome) == self.model.answer(command, self.now_ms)
        if isinstance(outcome, said.Held) and outcome.view.state == "ACTIVE":
            assert self.ever_sold.isdisjoint(outcome.view.cards), "a sold card is on offer again"
            assert all(expiry is None or expiry > self.now_ms for expiry in outcome.cards_expire_at_ms) or (
                outcome.view.created_at_ms < self.now_ms
            ), "an expired card was allocated"
        if isinstance(outcome, said.Confirmed):
            self.ever_sold.update(outcome.view.cards)

    @rule(count=st.integers(1, 4), minutes=st.sampled_from([None, 5, 20, 60]), cost=st.sampled_from([None, 100, 200]))
    def receive(self, count: int, minutes: int | None, cost: int | None) -> None:
        """Cards arrive."""
        expires_at_ms = None if minutes is None else self.now_ms + minutes * limits.MINUTE_MS
        number = BatchNo(len(self.model.withdrawn) + 1)
        unit_cost = None if cost is None else Money(cost, "CNY")
        opened = ask.OpenBatch(self.request_id(), f"import-{number}", "acme", "ann", unit_cost, expires_at_ms, b"key")
        self.asked.append((opened, self.tell(opened)))
        each = (b"x",) * count
        assert self.tell(ask.Receive(number, 0, 0, ((count, expires_at_ms),), each, each)) == (1, count, False)
        self.model.withdrawn[number] = ""
        for serial in range(count):
            self.model.cards[Card(number * 2**32 + serial)] = Line(
                expires_at_ms=expires_at_ms, cost=cost or UNKNOWN_COST
            )

    @rule(
        order=_SMALL,
        quantity=st.integers(1, 3),
        hold_for_ms=_MINUTES,
        user=st.sampled_from(["", "ann", "bob"]),
        life_ms=st.sampled_from([0, 0, 10 * limits.MINUTE_MS]),
        price=_PRICES,
        partial=st.booleans(),
    )
    def allocate(
        self,
        *,
        order: int,
        quantity: int,
        hold_for_ms: int,
        user: str,
        life_ms: int,
        price: Money | None,
        partial: bool,
    ) -> None:
        """A buyer, mostly with a new order."""
        order_ref = f"order-{order}" if order < 2 else f"order-of-{len(self.asked)}"
        who = ask.Principal(user)
        self.compare(ask.Allocate(self.request_id(), order_ref, quantity, hold_for_ms, who, life_ms, price, partial))

    @rule(
        hold=_SMALL,
        payment=_SMALL,
        quantity=st.sampled_from([0, 0, 0, 1, 2]),
        late=st.sampled_from([ask.STRICT, ask.REACQUIRE, ask.REACQUIRE]),
        window_ms=st.sampled_from([0, 0, 5 * limits.MINUTE_MS]),
        pays=st.sampled_from([True, True, True, False]),
    )
    def confirm(self, *, hold: int, payment: int, quantity: int, late: str, window_ms: int, pays: bool) -> None:
        """Money, mostly of the right amount, for one of the latest holds."""
        number = HoldNo(max(1, len(self.model.deals) - hold))
        payment_ref = f"payment-{payment}" if payment < 2 else f"payment-of-{len(self.asked)}"
        deal = self.model.deals.get(number)
        price = deal.price if deal else None
        paid = price.times(quantity or len(deal.cards)) if price and deal and pays else None
        self.compare(ask.Confirm(self.request_id(), number, payment_ref, paid, quantity, late, window_ms))

    @rule(hold=_SMALL)
    def release(self, hold: int) -> None:
        """A buyer gives up."""
        self.compare(ask.Release(self.request_id(), HoldNo(max(1, len(self.model.deals) - hold))))

    @rule(hold=_SMALL, hold_for_ms=_MINUTES)
    def extend(self, hold: int, hold_for_ms: int) -> None:
        """A buyer needs longer."""
        self.compare(ask.Extend(self.request_id(), HoldNo(max(1, len(self.model.deals) - hold)), hold_for_ms))

    @precondition(lambda self: self.model.cards)
    @rule(data=st.data(), action=st.sampled_from([ask.VOID, ask.QUARANTINE, ask.QUARANTINE, ask.RESTORE, ask.RESTORE]))
    def withdraw(self, data: Any, action: str) -> None:
        """Staff withdraw or restore a batch, or some cards of it, some of them named twice."""
        batch = data.draw(st.sampled_from(sorted(self.model.withdrawn)))
        mine = sorted(card for card in self.model.cards if card >> 32 == batch)
        cards = tuple(data.draw(st.lists(st.sampled_from(mine), max_size=3)))
        self.compare(ask.Withdraw(self.request_id(), action, batch, cards, "a reason"))

    @precondition(lambda self: self.ever_sold)
    @rule(data=st.data())
    def replace(self, data: Any) -> None:
        """A sold card turns out bad."""
        card = data.draw(st.sampled_from(sorted(self.ever_sold)))
        hold = next((no for no, deal in self.model.deals.items() if card in (*deal.cards, *deal.replaced)), 1)
        self.compare(ask.Replace(self.request_id(), HoldNo(hold), card, "does not open"))

    @rule(price=_PRICES, user=st.sampled_from([0, 0, 2]), paused=st.sampled_from([False, False, True]))
    def configure(self, price: Money | None, user: int, *, paused: bool) -> None:
        """Staff change the terms."""
        terms = Terms(price=price, quotas=HeldQuotas(user=user), paused=paused, hold_lifetime_ms_max=limits.HOUR_MS)
        self.compare(ask.Configure(self.request_id(), terms._replace(late_window_ms=20 * limits.MINUTE_MS)))

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def ask_again(self, data: Any) -> None:
        """An old request comes again: the same answer, for ever, and nothing happens."""
        command, outcome = data.draw(st.sampled_from(self.asked))
        before = self.pool.state.seq
        assert self.tell(command) == outcome
        assert self.pool.state.seq == before

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def ask_otherwise(self, data: Any) -> None:
        """An old request id with another body is refused by the field's name."""
        command, _ = data.draw(st.sampled_from(self.asked))
        field = "unit_cost" if isinstance(command, ask.OpenBatch) else command._fields[-1]
        others = {"unit_cost": Money(1, "EUR"), "terms": Terms("other"), "partial": not command[-1], "reason": "other"}
        other = command._replace(**{field: others.get(field, 7)})
        assert self.tell(other) == (said.Reason.IDEMPOTENCY_KEY_REUSED, (("field", field),))

    @rule(hold=_SMALL)
    def look(self, hold: int) -> None:
        """Anybody looks at a hold, a shelf, a batch's sold cards."""
        for question in (ask.GetHold(HoldNo(max(1, len(self.model.deals) - hold))), ask.GetShelf(limits.MINUTE_MS)):
            assert short(self.tell(question)) == self.model.answer(question, self.now_ms)
        for batch in self.model.withdrawn:
            sold = ask.ListSold(BatchNo(batch), 0, 1_000)
            assert short(self.tell(sold)) == self.model.answer(sold, self.now_ms)

    @rule(wait_ms=st.sampled_from([1, 30_000, 60_000, 300_000, 600_000, 1_800_000]))
    def wait(self, wait_ms: int) -> None:
        """Time passes, and nobody sweeps."""
        self.now_ms += wait_ms

    @rule(at_most=st.integers(1, 3))
    def sweep(self, at_most: int) -> None:
        """The sweep comes by, a little at a time."""
        self.journal(self.pool.sweep(self.now_ms, at_most))

    @rule(older_ms=st.sampled_from([0, 60_000, 900_000]))
    def forget(self, older_ms: int) -> None:
        """The archive takes what is old, and memory lets it go."""
        for entries in to_archive(self.pool.state, self.now_ms - older_ms):
            self.archive |= entries
        self.tell(ask.Forget(self.now_ms - older_ms))

    @rule()
    def restart(self) -> None:
        """The pool is lost; a snapshot stands in for it."""
        snapshot, before = dump(self.pool.state), self.pool.state.memory
        self.pool = Pool(_NAME, load(_NAME, snapshot))
        assert dump(self.pool.state) == snapshot
        assert self.pool.state.memory.orders == before.orders
        assert self.pool.state.memory.payments == before.payments

    @invariant()
    def every_law_holds(self) -> None:
        """The count is right, and the journal alone rebuilds the pool to the byte."""
        self.pool.check()
        assert dump(self.replica.state) == dump(self.pool.state)
        assert {card for card, line in self.model.cards.items() if line.place == SOLD} >= self.ever_sold


def short(outcome: Any) -> tuple[Any, ...]:  # noqa: C901 (a table)
    """An outcome in the model's words."""
    match outcome:
        case said.Refused(reason, facts):
            counts = {"available", "held", "hold"}
            return (reason, *(int(fact) for name, fact in facts if name in counts))
        case said.Held():
            view = outcome.view
            return "Held", view.hold, view.state, view.cards, view.expires_at_ms
        case said.Confirmed(view, returned, reacquired):
            return "Confirmed", view.cards, returned, reacquired
        case said.Released(view):
            return "Released", view.state
        case said.Extended(view):
            return "Extended", view.expires_at_ms
        case said.Withdrawn(_, moved, held, sold):
            return "Withdrawn", moved, held, sold
        case said.Replaced(_, bad, fresh):
            return "Replaced", bad, fresh
        case said.HoldFound(view):
            return "HoldFound", view.state, view.cards, view.refunds_due, view.payment_ref, view.ended_at_ms
        case said.Shelf():
            return "Shelf", outcome.available, outcome.on_shelf, outcome.held, outcome.sold, outcome.void
        case said.Sold(pairs):
            return ("Sold", *pairs)
    return (type(outcome).__name__,)


_RUNS = int(os.environ.get("CARDKEEP_MACHINE_RUNS", "0"))
TestPoolMachine = PoolMachine.TestCase
TestPoolMachine.settings = settings(
    max_examples=_RUNS or examples(60),
    stateful_step_count=50,
    derandomize=not _RUNS,
    database=None,
    suppress_health_check=list(HealthCheck),
)
