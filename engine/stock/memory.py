"""What a pool remembers of requests: the answer to each request_id, and whose order and payment each reference is.

The recent part is here; the older part is in the archive, and is looked up only when an id cannot
prove that it is young. A UUIDv7 carries its time (RFC 9562 §5.7); anything else, and every UUIDv7
that was ahead of our clock, goes through the sieve.
"""

from itertools import takewhile

from engine import limits
from engine.names import HoldNo
from engine.stock.events import Answered, CardsHeld
from engine.stock.hold import Hold
from engine.stock.sieve import Sieve

_UUID_CHARS = 36


Answer = Answered | CardsHeld
"""What is kept of an answer: when, to which command, and what. A hold's beginning says all that was answered."""


class Memory:
    """Answers and references of one pool. `forgotten_before_ms`: older answers are only in the archive."""

    def __init__(self) -> None:
        #: By request_id, oldest first.
        self.answers: dict[str, Answer] = {}
        self.orders: dict[str, HoldNo] = {}
        self.payments: dict[str, HoldNo] = {}
        self.forgotten_before_ms = 0
        #: The latest time in a UUIDv7 that went through the sieve.
        self.sieved_until_ms = 0
        self.sieve = Sieve()

    def remember(self, answer: Answer) -> None:
        """Keep an answer for its request_id."""
        self.answers[answer.command.request_id] = answer

    def refer_to(self, hold: Hold) -> None:
        """The hold's order and its payments are its own."""
        if hold.order_ref:
            self.orders[hold.order_ref] = hold.hold
        for payment_ref in hold.payment_refs():
            self.payments[payment_ref] = hold.hold

    def forget_answers(self, before_ms: int) -> None:
        """Drop answers older than this; the archive has them."""
        # One walk from the front: a dict walks over what was deleted from it each time anew.
        for request_id, answer in list(takewhile(lambda entry: entry[1].at_ms < before_ms, self.answers.items())):
            del self.answers[request_id]
            made_at_ms = made_at(request_id)
            if made_at_ms is None or made_at_ms > answer.at_ms + limits.clock_ahead_ms_max:
                self.sieve.add("request/" + request_id)
                self.sieved_until_ms = max(self.sieved_until_ms, made_at_ms or 0)
        self.forgotten_before_ms = max(self.forgotten_before_ms, before_ms)

    def forget_order(self, order_ref: str) -> None:
        """The order's hold left memory."""
        if self.orders.pop(order_ref, None) is not None:
            self.sieve.add("order/" + order_ref)

    def forget_payment(self, payment_ref: str) -> None:
        """The payment's hold left memory."""
        if self.payments.pop(payment_ref, None) is not None:
            self.sieve.add("payment/" + payment_ref)

    def may_be_archived(self, request_id: str) -> bool:
        """Whether an answer that is not here may be in the archive."""
        if not self.forgotten_before_ms:
            return False
        made_at_ms = made_at(request_id)
        if made_at_ms is not None:
            if made_at_ms < self.forgotten_before_ms + limits.clock_ahead_ms_max:
                return True
            if made_at_ms > self.sieved_until_ms:
                return False
        return "request/" + request_id in self.sieve


def made_at(request_id: str) -> int | None:
    """The moment a UUIDv7 says it was made, in milliseconds since 1970; None for any other text."""
    if len(request_id) != _UUID_CHARS or request_id[14] != "7":
        return None
    try:
        return int(request_id[0:8] + request_id[9:13], 16)
    except ValueError:
        return None
