"""Knows what must be true from the answers alone, whatever befell the house.

It hears every question, every answer, every "nothing happened" and every silence. What the journal
says of the same story is `ledger.py`'s to compare.
"""

from collections.abc import Callable
from typing import NamedTuple

from actors.asking import Answer
from engine.names import PoolName
from engine.stock.commands import REACQUIRE, Allocate, Command, Confirm, Receive, Remembered
from engine.stock.outcomes import Confirmed, Held, HoldFound, HoldState, Outcome, Reason, Received, Refused

Name = tuple[PoolName, str]
"""What makes two askings the same request."""


class Sent(NamedTuple):
    """One asking: what was known of the pool when it was sent."""

    pool: PoolName
    command: Command
    name: Name | None
    epoch_floor: int
    seq_floor: int
    is_forged: bool


class Auditor:
    """Listens, and writes down every mistake."""

    def __init__(self, mistake: Callable[[str], None]) -> None:
        self._mistake = mistake
        self._reached: dict[PoolName, tuple[int, int]] = {}
        self._by_order: dict[Name, int] = {}
        self._by_payment: dict[Name, int] = {}
        self._sold: dict[tuple[PoolName, int], int] = {}
        #: Payments that are to be given back for good.
        self._owed: set[Name] = set()
        #: The first asking of each request.
        self.asked: dict[Name, Sent] = {}
        self.answers: dict[Name, Outcome] = {}
        self.refused_as_known: list[tuple[PoolName, Receive, Refused]] = []
        self._may_have_happened: dict[Name, Sent] = {}

    def sent(self, pool: PoolName, command: Command, *, is_forged: bool = False) -> Sent:
        """A command goes out; `is_forged` under a request_id that already stands for another."""
        epoch, seq = self._reached.get(pool, (0, 0))
        sent = Sent(pool, command, name_of(pool, command), epoch, seq, is_forged)
        if sent.name is not None and not is_forged:
            self.asked.setdefault(sent.name, sent)
        return sent

    def unknown(self, sent: Sent) -> None:
        """It may have happened."""
        if sent.name is not None and not sent.is_forged:
            self._may_have_happened[sent.name] = sent

    def answered(self, sent: Sent, answer: Answer) -> None:
        """An answer came; without an outcome it says that nothing happened."""
        if answer.outcome is None:
            return
        if answer.epoch < sent.epoch_floor:
            self._wrong(sent, f"was answered by epoch {answer.epoch} after one by epoch {sent.epoch_floor}")
        if answer.seq < sent.seq_floor:
            self._wrong(sent, f"was answered as of seq {answer.seq} after one as of {sent.seq_floor}")
        epoch, seq = self._reached.get(sent.pool, (0, 0))
        self._reached[sent.pool] = max(epoch, answer.epoch), max(seq, answer.seq)
        if isinstance(sent.command, Receive):
            self._received(sent, sent.command, answer.outcome)
        elif sent.name is not None:
            self._remembered(sent, sent.name, answer.outcome)

    def open_requests(self) -> list[Sent]:
        """What may have happened and has no answer yet."""
        return [sent for name, sent in self._may_have_happened.items() if name not in self.answers]

    def surely_undone(self) -> list[Sent]:
        """What was asked, and was each time told that nothing happened."""
        return [
            sent
            for name, sent in self.asked.items()
            if name not in self.answers and name not in self._may_have_happened
        ]

    def _remembered(self, sent: Sent, name: Name, outcome: Outcome) -> None:
        is_reuse = isinstance(outcome, Refused) and outcome.reason is Reason.IDEMPOTENCY_KEY_REUSED
        if sent.is_forged:
            if not is_reuse:
                self._wrong(sent, f"reused a request_id and was answered {outcome}")
            return
        known = self.answers.setdefault(name, outcome)
        if known != outcome:
            self._wrong(sent, f"was answered {known}, and then {outcome}")
        match sent.command, outcome:
            case Allocate() as command, (Held() | HoldFound()) as held:
                self._held(sent, command, held)
            case Confirm() as command, Confirmed() as confirmed:
                self._confirmed(sent, command, confirmed)
            case Confirm(late="REACQUIRE") as command, Refused(_, facts) if ("refundDue", "true") in facts:
                self._owed.add((sent.pool, command.payment_ref))

    def _held(self, sent: Sent, command: Allocate, held: Held | HoldFound) -> None:
        cards = len(set(held.view.cards))
        is_again = held.view.state is not HoldState.ACTIVE
        if cards != command.quantity and not command.partial and not is_again:
            self._wrong(sent, f"got {cards} cards")
        if command.order_ref:
            order = self._by_order.setdefault((sent.pool, command.order_ref), held.view.hold)
            if order != held.view.hold:
                self._wrong(sent, f"got hold {held.view.hold}, but its order has hold {order}")

    def _confirmed(self, sent: Sent, command: Confirm, confirmed: Confirmed) -> None:
        view = confirmed.view
        payer = self._by_payment.setdefault((sent.pool, command.payment_ref), view.hold)
        if payer != view.hold:
            self._wrong(sent, f"paid for hold {view.hold} with what paid for hold {payer}")
        if view.ended_at_ms >= view.expires_at_ms and command.late != REACQUIRE:
            self._wrong(sent, f"sold hold {view.hold} after its deadline")
        is_owed = (sent.pool, view.payment_ref) in self._owed
        if is_owed or any(due.payment_ref == view.payment_ref for due in view.refunds_due):
            self._wrong(sent, f"was sold, and its payment {view.payment_ref} is to be given back too")
        for card in view.cards:
            owner = self._sold.setdefault((sent.pool, card), view.hold)
            if owner != view.hold:
                self._wrong(sent, f"sold card {card}, which hold {owner} had bought")

    def _received(self, sent: Sent, command: Receive, outcome: Outcome) -> None:
        assert sent.name is not None
        if isinstance(outcome, Received):
            self.answers.setdefault(sent.name, outcome)
        elif sent.name in self.answers:
            self._wrong(sent, f"was received, and then {outcome}")
        elif isinstance(outcome, Refused) and outcome.reason is Reason.DUPLICATES_IN_STOCK:
            self.refused_as_known.append((sent.pool, command, outcome))

    def _wrong(self, sent: Sent, what: str) -> None:
        self._mistake(f"{sent.pool.sku}: {sent.command} {what}")


def name_of(pool: PoolName, command: Command) -> Name | None:
    """What makes two askings the same request; None for questions, which may be answered anew."""
    if isinstance(command, Remembered):
        return pool, command.request_id
    if isinstance(command, Receive):
        return pool, f"chunk {command.batch}-{command.chunk} of {len(command.prints)} from {command.prints[:1]!r}"
    return None
