"""What the journal says: the whole story from the first event, replayed beside the answers and the living pool.

Rests on the pool's own `apply` for the state, and on counting of its own for what must never happen.
"""

from collections.abc import Callable
from typing import Any

from engine.errors import InvariantBroken
from engine.names import Card, HoldNo, PoolName
from engine.ports import Append
from engine.stock import events
from engine.stock.codec import read_record
from engine.stock.commands import REACQUIRE, Allocate
from engine.stock.outcomes import HoldView, Outcome, Reason, Refused
from engine.stock.pool import Pool


class Ledger:
    """One pool's whole story."""

    def __init__(self, name: PoolName, written: list[Append], mistake: Callable[[str], None]) -> None:
        self.name = name
        self.pool = Pool(name)
        self.events = 0
        #: What each request_id was answered, by the event that says so.
        self.outcomes: dict[str, Outcome] = {}
        #: Each hold as of its last change.
        self.holds: dict[HoldNo, HoldView] = {}
        self.prints: dict[bytes, bytes] = {}
        self._sold: set[Card] = set()
        self._orders: set[str] = set()
        self._paid: dict[str, HoldNo] = {}
        self._tell = mistake
        for append in written:
            self._read(append)
        try:
            self.pool.check()
        except InvariantBroken as broken:
            self._mistake(str(broken))

    def _read(self, append: Append) -> None:
        record = read_record(append.record)
        if record.first_seq != self.pool.state.seq + 1 or len(record.events) != append.events:
            self._mistake(f"a record from seq {record.first_seq} follows seq {self.pool.state.seq}")
        for print_, card in append.attachments.get("prints", {}).items():
            if self.prints.setdefault(print_, card) != card:
                self._mistake(f"a code came in twice, as {self.prints[print_]!r} and {card!r}")
        for event in record.events:
            self._judge_before(event)
            try:
                self.pool.apply(event)
            except (AssertionError, LookupError) as broken:
                self._mistake(f"{type(event).__name__} at seq {self.pool.state.seq + 1} cannot happen: {broken!r}")
            self._judge_after(event)
            self.events += 1

    def _judge_before(self, event: events.Event) -> None:
        match event:
            case events.HoldConfirmed(at_ms, command, _):
                hold = self.pool.state.holds.get(command.hold)
                if hold is not None and hold.expires_at_ms <= at_ms and command.late != REACQUIRE:
                    self._mistake(f"hold {command.hold} was confirmed past its deadline")
            case events.CardsHeld(_, command, _, _, _, _) if command.order_ref:
                if command.order_ref in self._orders:
                    self._mistake(f"order {command.order_ref} has two holds")
                self._orders.add(command.order_ref)

    def _judge_after(self, event: Any) -> None:
        self._note_answer(event)
        self._judge_cards(event)
        for number in _holds_of(event):
            hold = self.pool.state.holds.get(number)
            if hold is not None:
                self.holds[number] = hold.view()

    def _note_answer(self, event: Any) -> None:
        request_id = getattr(getattr(event, "command", None), "request_id", "")
        if request_id:
            if request_id in self.outcomes:
                self._mistake(f"request {request_id} happened twice")
            self.outcomes[request_id] = self.pool.state.outcome_of(self.pool.state.memory.answers[request_id])

    def _judge_cards(self, event: Any) -> None:
        match event:
            case events.CardsHeld(_, _, number, cards, _, _):
                if self._sold.intersection(cards):
                    self._mistake(f"hold {number} has cards that were sold")
            case events.HoldConfirmed(_, command, cards):
                self._sell(cards, command.hold)
                if self._paid.setdefault(command.payment_ref, command.hold) != command.hold:
                    self._mistake(f"payment {command.payment_ref} paid for two holds")
            case events.CardReplaced(_, command, fresh):
                self._sell((fresh,), command.hold)
            case events.Answered(at_ms, Allocate() as command, Refused(Reason.OUT_OF_STOCK)):
                self._judge_refusal(at_ms, command)

    def _judge_refusal(self, at_ms: int, command: Allocate) -> None:
        state = self.pool.state
        available = state.shelf.available(at_ms + command.life_ms_min)
        if available >= (1 if command.partial else command.quantity):
            self._mistake(f"{command} was out of stock with {available} cards on the shelf")
        if any(hold.expires_at_ms <= at_ms for hold in state.holds.active.values()):
            self._mistake(f"{command} was out of stock while a hold past its deadline had cards")

    def _sell(self, cards: tuple[Card, ...], hold: HoldNo) -> None:
        for card in cards:
            if card in self._sold:
                self._mistake(f"card {card} was sold twice, the second time to hold {hold}")
            self._sold.add(card)

    def _mistake(self, text: str) -> None:
        self._tell(f"{self.name.sku}: {text}")


def _holds_of(event: Any) -> tuple[HoldNo, ...]:
    match event:
        case events.CardsHeld() | events.HoldExpired() | events.RefundRaised():
            return (event.hold,)
        case events.HoldRecalled():
            return (event.record.hold,)
        case events.HoldConfirmed() | events.HoldReleased() | events.HoldExtended() | events.CardReplaced():
            return (event.command.hold,)
    return ()
