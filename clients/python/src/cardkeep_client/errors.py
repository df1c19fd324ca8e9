"""What can go wrong, sorted by the caller's one question, *did it happen?*.

    CardkeepError
    ├── Refused          a definite no; nothing was taken, and asking again gets the same no
    │   ├── InvalidRequest   the request itself is wrong
    │   ├── NotAllowed       the credentials do not reach this far
    │   ├── NotFound         no such SKU, hold, batch or card
    │   ├── AlreadyExists    this SKU, order_ref or payment_ref is taken
    │   ├── OutOfStock       not enough cards (`reason` OUT_OF_STOCK_LATE: refund the buyer)
    │   ├── LimitReached     this buyer holds too many unpaid cards
    │   └── WrongState       expired, released, confirmed, paused, price changed, …
    ├── NotDone          nothing happened; the same request_id may be sent again
    │   ├── Unavailable      overloaded, recovering, moving, draining, store away
    │   ├── DeadlinePassed   it waited past its deadline and was dropped before anything was taken
    │   ├── PoolStopped      the SKU stopped itself; tell the operator
    │   └── NoAnswer         a question (never a write) got no answer
    ├── CardUnreadable   the sale stands, but a code does not open; tell the operator, replace the card
    └── OutcomeUnknown   it may have happened; send the same request_id again, or look

Every word `reason` can be stands in the error map of `types.proto`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

DidItHappen = Literal["no", "refused", "unknown"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about an error besides its text."""

    reason: str
    code: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    request_id: str = ""
    retry_after_s: float | None = None
    may_retry: bool = False


class CardkeepError(Exception):
    """Root of everything the client raises about a call. `str(error)` says what to do next."""

    did_it_happen: ClassVar[DidItHappen] = "unknown"

    def __init__(self, message: str, facts: Facts) -> None:
        super().__init__(message, facts)
        self.message = message
        self.facts = facts

    def __str__(self) -> str:
        return f"{self.facts.reason}: {self.message}"

    @property
    def reason(self) -> str:
        """One word of the error map, such as OUT_OF_STOCK."""
        return self.facts.reason

    @property
    def metadata(self) -> Mapping[str, str]:
        """The facts the error map names for this reason."""
        return self.facts.metadata

    @property
    def code(self) -> str:
        """The canonical gRPC status, such as RESOURCE_EXHAUSTED."""
        return self.facts.code

    @property
    def request_id(self) -> str:
        """The id the call was made with; empty for questions and for batches (their items carry theirs)."""
        return self.facts.request_id

    @property
    def retry_after_s(self) -> float | None:
        """Seconds the server asked to wait before a retry; None when it said nothing."""
        return self.facts.retry_after_s

    @property
    def refund_due(self) -> bool:
        """True when a confirmed payment bought nothing: pay the buyer back."""
        return self.facts.metadata.get("refundDue") == "true"


class Refused(CardkeepError):
    """A definite no. To try again when things have changed, use a new request_id."""

    did_it_happen = "refused"


class InvalidRequest(Refused):
    """The request itself is wrong; the message says how. A bug on the caller's side."""


class NotAllowed(Refused):
    """The credentials are missing or do not reach this far."""


class NotFound(Refused):
    """No such SKU, hold, batch or card."""


class AlreadyExists(Refused):
    """The SKU, order_ref or payment_ref is taken; `metadata` names by what."""


class OutOfStock(Refused):
    """Not enough cards. `reason` OUT_OF_STOCK_LATE means the buyer has paid: refund."""


class LimitReached(Refused):
    """The buyer holds as many unpaid cards as allowed."""


class WrongState(Refused):
    """Not in the state of things: expired, released, confirmed, paused, price changed, amount wrong."""


class NotDone(CardkeepError):
    """Nothing happened. The same request_id may be sent again."""

    did_it_happen = "no"


class Unavailable(NotDone):
    """Overloaded, recovering, moving, draining, or the store is away. Passes by itself."""


class DeadlinePassed(NotDone):
    """The request waited past its deadline and was dropped before anything was taken."""


class PoolStopped(NotDone):
    """The SKU broke one of its own laws and stopped itself. Tell the operator."""


class NoAnswer(NotDone):
    """A question got no answer. It changes nothing, so just ask again."""


class CardUnreadable(CardkeepError):
    """The sale stands, but a code does not open. Tell the operator; `replace` gives a fresh card."""


class OutcomeUnknown(CardkeepError):
    """It may have happened. Send the same request_id again (it never acts twice), or look with `get_hold`."""
