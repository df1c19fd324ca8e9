"""What a storefront gets: frozen, typed, free of protobuf. Moments are aware datetimes in UTC."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (cents, fen) of an ISO 4217 currency: `Money(1999, "CNY")` is 19.99 yuan."""

    minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is buying: what held quotas count by. Empty parts count against none."""

    user: str = ""
    device: str = ""
    ip: str = ""
    payment_instrument: str = ""


class HoldState(StrEnum):
    """The life of a hold. Everything but ACTIVE is final."""

    ACTIVE = "ACTIVE"
    CONFIRMED = "CONFIRMED"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"


class ConfirmOutcome(StrEnum):
    """How a hold was sold: all of it, a part, or (paid late) with fresh cards."""

    POSTED = "POSTED"
    PARTIALLY_POSTED = "PARTIALLY_POSTED"
    REACQUIRED = "REACQUIRED"


class LatePolicy(StrEnum):
    """What a payment after the hold's end may do: nothing, or take fresh cards if there are any."""

    STRICT = "STRICT"
    REACQUIRE = "REACQUIRE"


@dataclass(frozen=True, slots=True)
class Card:
    """One card without its code. `mask` is set by get_hold and confirm only."""

    name: str
    batch: str
    expire_time: datetime | None
    mask: str


@dataclass(frozen=True, slots=True)
class DeliveredCard:
    """A card with its code in the clear. `repr` hides the code, so that logs do not show it."""

    card: Card
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Replacement:
    """Names of a bad sold card and of the fresh one given for it."""

    bad: str
    fresh: str


@dataclass(frozen=True, slots=True)
class RefundDue:
    """A payment that bought nothing: pay it back. `reason` is a word of the error map; empty when not noted."""

    payment_ref: str
    reason: str
    paid_amount: Money | None


@dataclass(frozen=True, slots=True)
class Hold:
    """Cards set aside for one order. `name` is what confirm, release and extend want."""

    name: str
    state: HoldState
    cards: tuple[Card, ...]
    order_ref: str
    create_time: datetime
    expire_time: datetime
    end_time: datetime | None
    unit_price: Money | None
    quantity: int
    payment_ref: str
    refunds_due: tuple[RefundDue, ...]
    epoch: int
    sequence: int
    replayed: bool
    replacements: tuple[Replacement, ...]
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The cards are the buyer's: `delivered` has their codes."""

    hold: Hold
    outcome: ConfirmOutcome
    delivered: tuple[DeliveredCard, ...]


@dataclass(frozen=True, slots=True)
class Replaced:
    """The buyer's fresh card for the card named `bad`."""

    hold: Hold
    bad: str
    fresh: DeliveredCard


@dataclass(frozen=True, slots=True)
class Availability:
    """What could be had at one moment. A look, not a promise."""

    sku: str
    available: int
    unit_price: Money | None
    paused: bool
