"""The words of a purchase: what we ask a supplier for, what we may learn of it, and how it stands.

Plain tuples, as the pool's commands and events are: they are what the journal keeps.
"""

from enum import StrEnum
from typing import NamedTuple, NewType

from engine.money import Money
from engine.names import PoolName
from engine.supply.differences import Difference

AttemptId = NewType("AttemptId", str)
"""One purchase at one supplier, by our name. It is the supplier's idempotency key, and never changes."""


class Kind(StrEnum):
    """What is bought. A code that comes late is stock; an account that is topped up twice is a loss."""

    CODES = "CODES"
    RECHARGE = "RECHARGE"


class Standing(StrEnum):
    """What is known of an attempt. The first three may still cost something."""

    #: Written down. Perhaps sent, perhaps not: whoever was about to send it has not said.
    BEGUN = "BEGUN"
    #: The supplier has it and works on it.
    PENDING = "PENDING"
    #: Sent, and no answer that could be understood.
    IN_DOUBT = "IN_DOUBT"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    #: The supplier has taken it back at our request.
    REVERSED = "REVERSED"


OPEN = frozenset((Standing.BEGUN, Standing.PENDING, Standing.IN_DOUBT))
"""Standings that may still turn out to have cost something."""


class Attempt(NamedTuple):
    """A purchase of `quantity` units for a pool, for `cost_max` in all at most. `order_ref` is whose recharge it is."""

    attempt: AttemptId
    pool: PoolName
    kind: Kind
    quantity: int
    cost_max: Money
    order_ref: str = ""


class NotSent(NamedTuple):
    """It did not leave us: no connection could be made."""

    why: str


class Refused(NamedTuple):
    """The supplier's documented no to what was just sent: no stock, no balance, no such product."""

    why: str


class Accepted(NamedTuple):
    """The supplier works on it, under a number of its own if it told one."""

    order_no: str = ""


class Silent(NamedTuple):
    """No answer, or none that could be understood: time-out after sending, reset, 5xx, a page in place of JSON."""

    why: str


class Delivered(NamedTuple):
    """It is done: so many units, at what it cost in all."""

    order_no: str
    units: int
    cost: Money


class Failed(NamedTuple):
    """The supplier, asked how the attempt stands, says that it came to nothing."""

    why: str


class NotFound(NamedTuple):
    """The supplier, asked how the attempt stands, knows of none by this name."""


class Reversed(NamedTuple):
    """The supplier confirms that it took the purchase back."""


Finding = NotSent | Refused | Accepted | Silent | Delivered | Failed | NotFound | Reversed
"""What was learned of an attempt, by sending it, by asking, by a callback or from a statement."""


class Dispute(StrEnum):
    """What only a person can settle, with the supplier."""

    #: It was known to have failed, or taken back, and was delivered after all.
    DELIVERED_AFTER_ALL = "DELIVERED_AFTER_ALL"
    #: Delivered twice under different orders of the supplier's.
    DELIVERED_TWICE = "DELIVERED_TWICE"
    #: Other units than asked for.
    OTHER_QUANTITY = "OTHER_QUANTITY"
    #: It cost more than it might.
    TOO_DEAR = "TOO_DEAR"
    #: In doubt for longer than a supplier may take.
    UNSETTLED = "UNSETTLED"
    #: Fewer codes came than units were charged, or more, or some that can be no code.
    CODES_MISSING = "CODES_MISSING"
    #: Of its codes some had been delivered before for the same SKU, by this supplier or another.
    KNOWN_CODES = "KNOWN_CODES"


class Begun(NamedTuple):
    """An attempt was written down: of what product of the supplier's, for which account (sealed), if it tops one up."""

    at_ms: int
    attempt: Attempt
    product: str = ""
    account: bytes = b""


class Sent(NamedTuple):
    """It is about to leave: once, and again each time that the same key is sent."""

    at_ms: int
    attempt: AttemptId


class Learned(NamedTuple):
    """Something was found out about an attempt, and so it stands now; so many codes came with it and wait for stock."""

    at_ms: int
    attempt: AttemptId
    finding: Finding
    standing: Standing
    codes: int = 0


class Disputed(NamedTuple):
    """A person has to look at an attempt."""

    at_ms: int
    attempt: AttemptId
    dispute: Dispute


class Stocked(NamedTuple):
    """The codes of one delivery, counted from 1, have entered stock: so many are new, so many were known already."""

    at_ms: int
    attempt: AttemptId
    delivery: int
    fresh: int
    known: int


class Vouched(NamedTuple):
    """A person says how an attempt stands; what was learned from it follows."""

    at_ms: int
    attempt: AttemptId
    who: str
    note: str


class Differed(NamedTuple):
    """A statement says something else than the ledger; a person has to look."""

    at_ms: int
    difference: Difference


class Resolved(NamedTuple):
    """A person has dealt with what was to be looked at: of an attempt, or of an order that is no attempt of ours."""

    at_ms: int
    attempt: str
    order_no: str
    who: str
    note: str


class Forgotten(NamedTuple):
    """What is over and has not changed since `before_ms` is archived, and left the ledger's memory."""

    at_ms: int
    before_ms: int


class EntryRecord(NamedTuple):
    """One attempt as it stands, for snapshots and the archive. See Entry for what the fields mean."""

    attempt: Attempt
    product: str
    account: bytes
    begun_at_ms: int
    changed_at_ms: int
    standing: Standing
    sent_at_ms: int
    sent_times: int
    order_nos: tuple[str, ...]
    units: int
    costs: tuple[Money, ...]
    waiting: tuple[int, ...]
    fresh: int
    known: int
    disputes: tuple[Dispute, ...]
    resolved: int
    why: str = ""


class Recalled(NamedTuple):
    """There is news of an attempt that was forgotten: it is back in memory, as the archive had it."""

    at_ms: int
    record: EntryRecord


Event = Begun | Sent | Learned | Disputed | Stocked | Vouched | Differed | Resolved | Forgotten | Recalled
