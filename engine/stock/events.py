"""What may happen to a pool: the journal's vocabulary, past tense. What is not here does not survive a crash.

An event carries the command that caused it, so that replay rebuilds the remembered answer too. Every
event has its moment; replay reads no clock.
"""

from typing import NamedTuple

from engine.money import Money
from engine.names import BatchNo, Card, HoldNo
from engine.stock.commands import (
    Allocate,
    Configure,
    Confirm,
    Extend,
    OpenBatch,
    Release,
    Remembered,
    Replace,
    Withdraw,
)
from engine.stock.hold import HoldRecord
from engine.stock.outcomes import Outcome, Reason


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

    A refund that was due to the payment is due no more.
    """

    at_ms: int
    command: Confirm
    cards: tuple[Card, ...]


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
)
