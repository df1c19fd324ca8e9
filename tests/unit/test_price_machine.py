"""Prices over random lives: nothing is ever held at a loss that nobody accepted, and nobody is warned twice.

A replica that knows only the journal's bytes, and restarts from a snapshot, are part of every run.
"""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from engine.history.chronicle import Chronicle
from engine.money import Money
from engine.names import BatchNo, batch_of
from engine.stock import events
from engine.stock import outcomes as said
from engine.stock.codec import pack_record, read_record
from engine.stock.pool import Pool
from engine.stock.prices import ACCEPTED
from engine.stock.snapshot import dump, load
from tests.examples import examples
from tests.unit.desk import NAME, Desk
from tests.unit.priced import DAY_MS, accept, cny, decide, end, propose, review, set_prices, set_rule

_CHANNELS = st.sampled_from(["", "shop", "nowhere"])
_MINORS = st.sampled_from([300, 600, 900, 1_200])
_NUMBERS = st.integers(1, 4)


class PriceMachine(RuleBasedStateMachine):
    """One pool with prices, and a replica of it."""

    def __init__(self) -> None:
        super().__init__()
        self.desk, self.replica, self.heard = Desk(), Pool(NAME), 0
        self.warned: set[tuple[int, int, int]] = set()
        self.chronicle = Chronicle()
        set_prices(self.desk, 900)

    @rule(cost=st.none() | _MINORS, days=st.none() | st.integers(1, 40), cards=st.integers(1, 5))
    def receive(self, cost: int | None, days: int | None, cards: int) -> None:
        """A batch, of known cost or not, that ends or not."""
        expires_at_ms = None if days is None else self.desk.now_ms + days * DAY_MS
        self.desk.receive(cards, cost=None if cost is None else cny(cost), expires_at_ms=expires_at_ms)

    @rule(own=_MINORS, shop=st.none() | _MINORS)
    def price(self, own: int, shop: int | None) -> None:
        """Staff set prices, right or wrong."""
        set_prices(self.desk, own, shop=shop)

    @rule(channel=_CHANNELS, floor=_MINORS, automatic=st.booleans(), sells_unknown=st.booleans())
    def bound(self, channel: str, floor: int, automatic: bool, sells_unknown: bool) -> None:
        """Staff set a rule."""
        changes: dict[str, Any] = {"needs_approval": not automatic, "sells_unknown_cost": sells_unknown}
        set_rule(self.desk, channel, floor_minor=floor, ceiling_minor=1_500, **changes)

    @rule(hours=st.integers(1, 200))
    def wait(self, hours: int) -> None:
        """Time passes; then the keeper looks, twice as it happens."""
        self.desk.now_ms += hours * DAY_MS // 24
        review(self.desk)
        before = self.desk.pool.state.seq
        review(self.desk)
        assert self.desk.pool.state.seq == before, "a second look finds nothing"

    @rule(number=_NUMBERS, approve=st.booleans())
    def answer(self, number: int, approve: bool) -> None:
        """Staff decide a suggestion, if it waits."""
        decide(self.desk, number, approve=approve)

    @rule(batch=_NUMBERS, channel=_CHANNELS, floor=st.sampled_from([50, 200, 700]))
    def clear(self, batch: int, channel: str, floor: int) -> None:
        """A plan, if there is anything to clear, which staff accept or end or let lie."""
        propose(self.desk, batch, channel, floor)

    @rule(number=_NUMBERS, accepts=st.booleans())
    def take_up(self, number: int, accepts: bool) -> None:
        """A plan is accepted, or ended."""
        (accept if accepts else end)(self.desk, number)

    @rule(channel=_CHANNELS, cards=st.integers(1, 4), pays=st.booleans())
    def sell(self, channel: str, cards: int, pays: bool) -> None:
        """A hold, which is paid for or given back. It is never at a loss that no plan allows."""
        held = self.desk.allocate(cards, channel=channel)
        if not isinstance(held, said.Held):
            return
        assert held.price is not None
        self._check_floor(held.cards, held.price, channel)
        if pays:
            self.desk.confirm(held.hold, paid=held.price.times(cards))
        else:
            self.desk.release(held.hold)

    def _check_floor(self, cards: tuple[int, ...], price: Money, channel: str) -> None:
        """Written from the rules: each card's cost, unless a plan that was accepted goes lower for its batch."""
        state = self.desk.pool.state
        assert state.prices is not None
        key = channel if channel in state.prices.own else ""
        for number in {batch_of(card) for card in cards}:  # type: ignore[arg-type]
            landed = state.batches[BatchNo(number)].landed
            allowed = [
                one.plan.offer.floor_minor
                for one in state.prices.clearances.values()
                if one.state == ACCEPTED and (one.plan.offer.batch, one.plan.offer.channel) == (number, key)
            ]
            lowest = allowed[0] if allowed else 0 if landed is None else landed.minor
            assert price.minor >= lowest

    @rule()
    def restart(self) -> None:
        """From a snapshot, to the byte."""
        snapshot = dump(self.desk.pool.state)
        self.desk.pool = Pool(NAME, load(NAME, snapshot))
        assert dump(self.desk.pool.state) == snapshot

    @invariant()
    def the_journal_says_it_all(self) -> None:
        """The replica hears bytes and is the same pool; and each step of the ladder is told once."""
        news = self.desk.happened[self.heard :]
        for event in read_record(pack_record(1, self.heard, news)).events:
            self.replica.apply(event)
            self.chronicle.happened(self.replica.state, event)
            if isinstance(event, events.ExpiryWarned):
                step = (event.lapse.batch, event.lapse.expires_at_ms, event.days)
                assert step not in self.warned
                self.warned.add(step)
        self.heard += len(news)
        assert dump(self.replica.state) == dump(self.desk.pool.state)
        self.desk.pool.check()
        self._check_history()

    def _check_history(self) -> None:
        """What the pool keeps for staff to read is what goes into files, and nothing besides."""
        state = self.replica.state
        assert state.prices is not None
        rows: Any = self.chronicle.rows(state)["prices"]
        told = [(row.at_ms, row.channel, row.batch, row.before_minor, row.price_minor, row.who) for row in rows]
        assert told == [
            (each.at_ms, each.channel, each.batch, *(money and money.minor for money in each[4:6]), each.who)
            for each in state.prices.changes
        ]


PriceMachine.TestCase.settings = settings(
    max_examples=examples(40), stateful_step_count=30, suppress_health_check=[HealthCheck.too_slow]
)
TestPriceMachine = PriceMachine.TestCase
