"""Everything a pool knows, and one turn of changing it. Only functions reached through `apply` write here."""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from engine.names import SERIAL_BITS, BatchNo, Card, HoldNo, PoolName, batch_of
from engine.ports import Attachments
from engine.pricing.ladder import Ladder
from engine.stock.batch import Batch
from engine.stock.commands import Remembered
from engine.stock.events import Answered, CardsHeld, Event, HoldExpired, HoldRecalled
from engine.stock.hold import Hold, HoldRecord, Holds
from engine.stock.memory import Answer, Memory
from engine.stock.outcomes import ACTIVE, Held, Outcome, Reason, Refused
from engine.stock.prices import Prices
from engine.stock.shelf import NEVER_MS, Shelf
from engine.stock.terms import Terms

Recalled = Mapping[str, Answer | HoldNo | HoldRecord | None]
"""What the owner looked up in the archive, by key; None for what is not there."""


_LIVES_FOR_EVER = (None,)
_new = tuple.__new__


class State:
    """One SKU: its terms, batches, shelf, holds and memory."""

    def __init__(self, name: PoolName) -> None:
        self.name = name
        self.terms = Terms()
        #: None until somebody sets a price or a rule; then nothing is sold at a loss.
        self.prices: Prices | None = None
        self.ladder = Ladder(self.terms.warn_days)
        self.batches: dict[BatchNo, Batch] = {}
        self.imports: dict[str, BatchNo] = {}
        self.shelf = Shelf()
        self.holds = Holds()
        self.memory = Memory()
        self.last_ms = 0
        self.seq = 0

    def batch(self, card: Card) -> Batch:
        """The batch a card belongs to."""
        return self.batches[batch_of(card)]

    def expiries_ms(self, cards: Sequence[Card]) -> tuple[int | None, ...]:
        """When each card itself expires; None for never."""
        batches = self.batches
        if len(cards) == 1:
            (card,) = cards
            expires_at_ms = batches[card >> SERIAL_BITS].lot_of(card).expires_at_ms  # type: ignore[index]
            return _LIVES_FOR_EVER if expires_at_ms == NEVER_MS else (expires_at_ms,)
        expiries = [batches[batch_of(card)].lot_of(card).expires_at_ms for card in cards]
        return tuple([None if expires_at_ms == NEVER_MS else expires_at_ms for expires_at_ms in expiries])

    def outcome_of(self, answer: Answer) -> Outcome:
        """What was answered."""
        if type(answer) is CardsHeld:
            at_ms, command, hold, cards, expires_at_ms, price = answer
            ends_at_ms = self.expiries_ms(cards)
            deal = (hold, cards, command.order_ref, at_ms, expires_at_ms, price, ends_at_ms, command.channel)
            return _new(Held, deal)
        assert type(answer) is Answered
        return answer.outcome


class Turn:
    """The turn of one command, or of many asked at once: what was decided so far, each event already applied."""

    __slots__ = ("_apply", "attachments", "events", "may_wait", "now_ms", "recalled", "state")

    def __init__(self, state: State, now_ms: int, recalled: Recalled, apply: Callable[[State, Event], None]) -> None:
        self.state = state
        #: Time never steps back inside a pool.
        self.now_ms = max(state.last_ms, now_ms)
        self.recalled = recalled
        self.events: list[Event] = []
        self.attachments: dict[str, dict[bytes, bytes]] = {}
        self._apply = apply
        #: Whether an Allocate for which there are no cards is answered WAITS instead of being refused.
        self.may_wait = False

    def emit(self, event: Event) -> None:
        """Let it happen."""
        self._apply(self.state, event)
        self.events.append(event)

    def attach(self, attachments: Attachments) -> None:
        """Let the store keep this beside the events."""
        for table, fields in attachments.items():
            self.attachments.setdefault(table, {}).update(fields)

    def known(self, command: Remembered) -> Answer | None:
        """What was answered under the command's request_id before, as far as memory and archive know."""
        known = self.state.memory.answers.get(command.request_id)
        if known is None and self.recalled:
            found = self.recalled.get("request/" + command.request_id)
            return found if isinstance(found, Answer) else None
        return known

    def answer(self, command: Remembered) -> Outcome:
        """The answer that the event just emitted left under the command's request_id."""
        return self.state.outcome_of(self.state.memory.answers[command.request_id])

    def settle(self, command: Remembered, outcome: Outcome) -> Outcome:
        """Nothing changes but the memory of this answer."""
        self.emit(Answered(self.now_ms, command, outcome))
        return outcome

    def refuse(self, command: Remembered, reason: Reason, **facts: object) -> Outcome:
        """A definite no, remembered."""
        return self.settle(command, Refused(reason, tuple((name, str(fact)) for name, fact in facts.items())))

    def hold(self, number: HoldNo) -> Hold | None:
        """The hold as it is at this moment: past its deadline it has expired, swept or not."""
        hold = self.state.holds.get(number)
        if hold is None:
            record = self.recalled.get(f"hold/{number}")
            return Hold(*record) if isinstance(record, HoldRecord) else None
        if hold.state is ACTIVE and hold.expires_at_ms <= self.now_ms:
            self.emit(HoldExpired(self.now_ms, number))
        return hold

    def holder(self, key: str) -> HoldNo | None:
        """Whose an `order/…` or `payment/…` reference is, as far as that had to be looked up."""
        found = self.recalled.get(key) if self.recalled else None
        return HoldNo(found) if isinstance(found, int) else None

    def bring_back(self, hold: Hold) -> None:
        """Make sure a hold that is about to change is in journaled memory."""
        if self.state.holds.get(hold.hold) is None:
            self.emit(HoldRecalled(self.now_ms, hold.record()))

    def end_due(self, at_most: int) -> int:
        """End up to `at_most` holds whose deadline has come, earliest first. Answers how many."""
        if not self.state.holds.may_be_due(self.now_ms):
            return 0
        ended = 0
        for hold in islice(self.state.holds.due(self.now_ms), at_most):
            self.emit(HoldExpired(self.now_ms, hold.hold))
            ended += 1
        return ended
