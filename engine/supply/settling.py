"""How doubt is ended: what to do next about an attempt that is open, and when.

Formula. The supplier is asked how an attempt stands; after 1 s, and after twice as long each time that this brought
nothing, 5 minutes at most. Where it cannot be asked, or the last question brought no answer, the order is sent again
under the same id, if the supplier's class bears that:

    REPLAY, REPLAY_UNLESS_FAILED   while the id is replayed for longer than an answer may take
    REJECT_WITH_ID                 at any time: it refuses, and names the first order
    REJECT_BLIND, NONE             never: what it answers says nothing, or it buys a second time

Nothing is sent again while staff have paused the supplier: it could be bought only now.

"Failed" may be said of an earlier sending while a later one is on its way, and some suppliers make a new order of that.
So once an attempt was sent twice, "failed" counts as "not found" does: after the grace since the last sending. That
grace is the supplier's, and as long as an order may wait here before it leaves and then travel.

Source: the ladders of WPay, haixin and Blackhawk for unknown outcomes.
"""

from enum import StrEnum

from engine.supply.attempts import Failed, Finding, NotFound, NotSent, Refused, Silent
from engine.supply.entry import Entry
from engine.supply.ledger import Caution
from engine.supply.suppliers import Idempotency, Supplier

pause_first_ms = 1_000
pause_last_ms = 300_000

_REPLAYING = frozenset((Idempotency.REPLAY, Idempotency.REPLAY_UNLESS_FAILED))


class Step(StrEnum):
    """What to do about an open attempt."""

    LOOK_UP = "LOOK_UP"
    SEND_AGAIN = "SEND_AGAIN"
    #: Nothing brings news: a statement or a person has to.
    WAIT = "WAIT"


def pause_ms(tries: int) -> int:
    """How long to wait before the next step, after so many that brought nothing."""
    return min(pause_last_ms, pause_first_ms << min(tries, 20))


def next_step(entry: Entry, supplier: Supplier, now_ms: int, *, can_look_up: bool, was_silent: bool) -> Step:
    """What to do now; `was_silent` when the last step was a question without an answer."""
    if can_look_up and not was_silent:
        return Step.LOOK_UP
    if may_send_again(entry, supplier, now_ms):
        return Step.SEND_AGAIN
    return Step.LOOK_UP if can_look_up else Step.WAIT


def may_send_again(entry: Entry, supplier: Supplier, now_ms: int) -> bool:
    """Whether the same id may leave once more, so that at most one purchase comes of it."""
    if supplier.is_paused or not entry.is_open:
        return False
    if supplier.idempotency in _REPLAYING:
        return now_ms + supplier.answer_within_ms < entry.begun_at_ms + supplier.replay_for_ms
    return supplier.idempotency is Idempotency.REJECT_WITH_ID


def stale_after_ms(supplier: Supplier) -> int:
    """How long after it was written down an order may still leave: whoever wanted it has gone by then."""
    return supplier.answer_within_ms


def caution(supplier: Supplier) -> Caution:
    """The supplier's, its grace counted from when we write a sending down: it may leave later, and travels."""
    on_the_way_ms = stale_after_ms(supplier) + supplier.answer_within_ms
    return supplier.caution._replace(grace_ms=supplier.caution.grace_ms + on_the_way_ms)


def answered(entry: Entry, finding: Finding) -> Finding:
    """What an answer to a question says of an attempt. A refusal is one of the question, and says nothing of it."""
    match finding:
        case NotSent(why) | Refused(why):
            return Silent(why)
        case Failed() if entry.sent_times > 1:
            return NotFound()
        case _:
            return finding
