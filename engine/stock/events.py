"""What may happen to a pool: the journal's vocabulary, past tense. What is not here does not survive a crash.

An event carries the command that caused it, so that replay rebuilds the remembered answer too. Every
event has its moment; replay reads no clock.
"""

from typing import NamedTuple

from engine.money import Money
from engine.names import BatchNo, Card, HoldNo
from engine.pricing.clearance import Plan
from engine.pricing.ladder import Lapse
from engine.pricing.repricing import Why
from engine.stock.commands import (
    Allocate,
    Configure,
    Confirm,
    Extend,
    OpenBatch,
    Release,
    Remembered,
    Replace,
    SetPriceRule,
    SetPrices,
    Withdraw,
)
from engine.stock.hold import HoldRecord
from engine.stock.outcomes import Outcome, Reason
from engine.stock.prices import PriceSuggestion


class CardsHeld(NamedTuple):
    """A hold began."""

    at_ms: int
    command: Allocate
    hold: HoldNo
    cards: tuple[Card, ...]
    expires_at_ms: int
    price: Money | None


class HoldConfirmed(NamedTuple):
    """`cards` are sold to the hold; what it held beyond them went back, what it lacked came off the shelf.

    A refund that was due to the payment is due no more. `price` and `channel` are the hold's; what each card cost,
    its batch knows.
    """

    at_ms: int
    command: Confirm
    cards: tuple[Card, ...]
    price: Money | None = None
    channel: str = ""


class HoldReleased(NamedTuple):
    """The hold's cards went back."""

    at_ms: int
    command: Release


class HoldExpired(NamedTuple):
    """The deadline passed; the hold's cards went back. `at_ms` is when it was noticed, not the deadline."""

    at_ms: int
    hold: HoldNo


class HoldExtended(NamedTuple):
    """The hold has a later deadline."""

    at_ms: int
    command: Extend
    expires_at_ms: int


class HoldRecalled(NamedTuple):
    """An ended hold came back from the archive, because a command is about to change it."""

    at_ms: int
    record: HoldRecord


class RefundRaised(NamedTuple):
    """A payment arrived that buys nothing: someone must give it back. For a payment known as such, only why changes."""

    at_ms: int
    hold: HoldNo
    payment_ref: str
    paid: Money | None
    reason: Reason | None = None
    is_final: bool = True


class BatchOpened(NamedTuple):
    """An import began. Its data key is not here but in the store, beside the sealed codes."""

    at_ms: int
    command: OpenBatch
    batch: BatchNo


class CardsReceived(NamedTuple):
    """One chunk came onto the shelf: (count, expires_at_ms) in serial order."""

    at_ms: int
    batch: BatchNo
    chunk: int
    lots: tuple[tuple[int, int | None], ...]


class BatchClosed(NamedTuple):
    """The import is whole."""

    at_ms: int
    batch: BatchNo


class CardsWithdrawn(NamedTuple):
    """Cards (or, when `cards` is empty, the batch) were voided, quarantined or restored."""

    at_ms: int
    command: Withdraw
    cards: tuple[Card, ...]


class CardReplaced(NamedTuple):
    """A fresh card was sold in place of a bad one."""

    at_ms: int
    command: Replace
    fresh: Card


class TermsSet(NamedTuple):
    """The SKU is sold on other terms from now on."""

    at_ms: int
    command: Configure


class PricesSet(NamedTuple):
    """Staff set prices."""

    at_ms: int
    command: SetPrices


class PriceRuleSet(NamedTuple):
    """Staff set a channel's rule, or took it away."""

    at_ms: int
    command: SetPriceRule


class PriceSuggested(NamedTuple):
    """A price is suggested, in place of what was suggested for the channel before."""

    at_ms: int
    suggestion: PriceSuggestion


class SuggestionDropped(NamedTuple):
    """What was suggested for the channel makes no sense any more."""

    at_ms: int
    channel: str


class SuggestionDecided(NamedTuple):
    """Staff approved a suggestion, and its price holds; or turned it down."""

    at_ms: int
    suggestion: PriceSuggestion
    approved: bool
    who: str


class Repriced(NamedTuple):
    """A rule moved a price by itself."""

    at_ms: int
    channel: str
    before: Money
    after: Money
    why: tuple[Why, ...]


class ExpiryWarned(NamedTuple):
    """Staff were told that so many days or less are left to the lot."""

    at_ms: int
    days: int
    lapse: Lapse


class ClearanceProposed(NamedTuple):
    """There is a plan, which does nothing yet."""

    at_ms: int
    number: int
    plan: Plan
    who: str


class ClearanceAccepted(NamedTuple):
    """The plan holds: its first step is the price of the batch's cards in its channel."""

    at_ms: int
    number: int
    who: str


class ClearanceStepped(NamedTuple):
    """A step of a plan was due. The price is the step's, or stays where it was if cards went fast enough.

    `actual_milli` is the rate since the step before, in thousandths of a card a day, `needed_milli` that for the rest.
    """

    at_ms: int
    number: int
    step: int
    price_minor: int
    needed_milli: int
    actual_milli: int


class ClearanceEnded(NamedTuple):
    """A plan holds no more: staff ended it, its cards are gone, their time is over, or another took its place."""

    at_ms: int
    number: int
    who: str
    note: str


class Answered(NamedTuple):
    """Nothing changed but the memory of this answer: a refusal, or a success that was so already."""

    at_ms: int
    command: Remembered
    outcome: Outcome


class Forgotten(NamedTuple):
    """What was last touched before this moment left memory for the archive."""

    at_ms: int
    before_ms: int


Event = (
    CardsHeld
    | HoldConfirmed
    | HoldReleased
    | HoldExpired
    | HoldExtended
    | HoldRecalled
    | RefundRaised
    | BatchOpened
    | CardsReceived
    | BatchClosed
    | CardsWithdrawn
    | CardReplaced
    | TermsSet
    | Answered
    | Forgotten
    | PricesSet
    | PriceRuleSet
    | PriceSuggested
    | SuggestionDropped
    | SuggestionDecided
    | Repriced
    | ExpiryWarned
    | ClearanceProposed
    | ClearanceAccepted
    | ClearanceStepped
    | ClearanceEnded
)
