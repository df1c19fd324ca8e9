"""What a pool answers. Refusals are values too, one word per cause; the front end turns them into statuses."""

from enum import StrEnum
from typing import NamedTuple

from engine.money import Money
from engine.names import BatchNo, Card, HoldNo
from engine.pricing.ageing import Aged
from engine.stock.commands import PriceRule
from engine.stock.prices import Clearance, ExpiringLot, PriceChange, PriceSuggestion
from engine.stock.terms import Terms


class HoldState(StrEnum):
    """The life of a hold. Everything but ACTIVE is final."""

    ACTIVE = "ACTIVE"
    CONFIRMED = "CONFIRMED"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"


ACTIVE, CONFIRMED, RELEASED, EXPIRED = HoldState
"""The same by themselves: naming a member through its class costs as much as a call."""


class Reason(StrEnum):
    """Why a pool refuses. The first group is remembered with the request; see peers' error map."""

    OUT_OF_STOCK = "OUT_OF_STOCK"
    OUT_OF_STOCK_LATE = "OUT_OF_STOCK_LATE"
    HELD_QUOTA_EXCEEDED = "HELD_QUOTA_EXCEEDED"
    INVALID_QUANTITY = "INVALID_QUANTITY"
    INVALID_DURATION = "INVALID_DURATION"
    PRICE_CHANGED = "PRICE_CHANGED"
    AMOUNT_MISMATCH = "AMOUNT_MISMATCH"
    SKU_PAUSED = "SKU_PAUSED"
    ORDER_REF_EXISTS = "ORDER_REF_EXISTS"
    PAYMENT_REF_USED = "PAYMENT_REF_USED"
    HOLD_NOT_FOUND = "HOLD_NOT_FOUND"
    HOLD_EXPIRED = "HOLD_EXPIRED"
    HOLD_RELEASED = "HOLD_RELEASED"
    HOLD_ALREADY_CONFIRMED = "HOLD_ALREADY_CONFIRMED"
    MAX_LIFETIME_REACHED = "MAX_LIFETIME_REACHED"
    BATCH_NOT_FOUND = "BATCH_NOT_FOUND"
    BATCH_RECALLED = "BATCH_RECALLED"
    SKU_EXISTS = "SKU_EXISTS"
    COST_CURRENCY_MISMATCH = "COST_CURRENCY_MISMATCH"
    IMPORT_OUT_OF_STEP = "IMPORT_OUT_OF_STEP"
    IMPORT_CLOSED = "IMPORT_CLOSED"
    DUPLICATES_IN_STOCK = "DUPLICATES_IN_STOCK"
    CARD_NOT_FOUND = "CARD_NOT_FOUND"
    CARD_NOT_SOLD = "CARD_NOT_SOLD"
    CARD_ALREADY_REPLACED = "CARD_ALREADY_REPLACED"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    PRICE_BELOW_COST = "PRICE_BELOW_COST"
    PRICE_BELOW_FLOOR = "PRICE_BELOW_FLOOR"
    COST_UNKNOWN = "COST_UNKNOWN"
    PRICE_CURRENCY_MISMATCH = "PRICE_CURRENCY_MISMATCH"
    TOO_MANY_ITEMS = "TOO_MANY_ITEMS"
    SUGGESTION_NOT_FOUND = "SUGGESTION_NOT_FOUND"
    CLEARANCE_NOT_FOUND = "CLEARANCE_NOT_FOUND"
    NOTHING_TO_CLEAR = "NOTHING_TO_CLEAR"


class RefundDue(NamedTuple):
    """A payment that bought nothing: someone must give it back. `paid` is what the caller said, if it did.

    `reason` is the word of the refusal (None where an old record has none). One that is not final may still
    buy: it came late under STRICT, and its caller may yet confirm it with REACQUIRE.
    """

    payment_ref: str
    reason: Reason | None = None
    paid: Money | None = None
    is_final: bool = True


class HoldView(NamedTuple):
    """A hold as its owner saw it at one moment. `refunds_due` are the payments that bought nothing."""

    hold: HoldNo
    state: HoldState
    cards: tuple[Card, ...]
    order_ref: str
    created_at_ms: int
    expires_at_ms: int
    ended_at_ms: int
    price: Money | None
    payment_ref: str
    refunds_due: tuple[RefundDue, ...]
    channel: str = ""


class Held(NamedTuple):
    """Allocate made this hold. `cards_expire_at_ms` matches `cards`; None lives for ever.

    Flat, and only what the new hold does not share with every other new hold: this is the outcome there are most of.
    """

    hold: HoldNo
    cards: tuple[Card, ...]
    order_ref: str
    created_at_ms: int
    expires_at_ms: int
    price: Money | None
    cards_expire_at_ms: tuple[int | None, ...]
    channel: str = ""

    @property
    def view(self) -> HoldView:
        """The same as the view of a hold in general."""
        return HoldView(
            self.hold,
            HoldState.ACTIVE,
            self.cards,
            self.order_ref,
            self.created_at_ms,
            self.expires_at_ms,
            0,
            self.price,
            "",
            (),
            self.channel,
        )


class Confirmed(NamedTuple):
    """Sold: `view.cards` are the buyer's. `reacquired` says they are not the ones first held."""

    view: HoldView
    returned: int
    reacquired: bool
    cards_expire_at_ms: tuple[int | None, ...] = ()


class Released(NamedTuple):
    """The hold has ended unsold, now or before."""

    view: HoldView


class Extended(NamedTuple):
    """The hold's new deadline is in the view."""

    view: HoldView
    cards_expire_at_ms: tuple[int | None, ...] = ()


class BatchView(NamedTuple):
    """A batch and where its cards are now. `next_chunk` and `next_serial` are the import's next step."""

    batch: BatchNo
    import_id: str
    source: str
    importer: str
    unit_cost: Money | None
    expires_at_ms: int | None
    opened_at_ms: int
    is_open: bool
    is_quarantined: bool
    next_chunk: int
    received: int
    available: int
    on_shelf: int
    held: int
    sold: int
    void: int
    landed: Money | None = None

    @property
    def next_serial(self) -> int:
        """Serials are given without gaps, so the next is the count."""
        return self.received


class ImportReady(NamedTuple):
    """The import may go on with `view.next_chunk`, under the data key stored with the batch."""

    view: BatchView


class Received(NamedTuple):
    """The chunk is in stock, now or since an earlier try (`again`)."""

    next_chunk: int
    next_serial: int
    again: bool


class ImportWhole(NamedTuple):
    """The batch takes no more chunks."""

    view: BatchView


class Withdrawn(NamedTuple):
    """What became of the cards: how many moved, and the sold or held ones that could not."""

    view: BatchView
    moved: int
    held: tuple[Card, ...]
    sold: tuple[Card, ...]


class Replaced(NamedTuple):
    """`fresh` is sold to the hold in place of `bad`."""

    view: HoldView
    bad: Card
    fresh: Card
    cards_expire_at_ms: tuple[int | None, ...] = ()


class Configured(NamedTuple):
    """The terms now in force."""

    terms: Terms


class HoldFound(NamedTuple):
    """The hold, and the replacements made for its cards. Allocate answers it too, for an order that has a hold."""

    view: HoldView
    replaced: tuple[tuple[Card, Card], ...]
    cards_expire_at_ms: tuple[int | None, ...] = ()


class Shelf(NamedTuple):
    """A pool at one moment. received = on_shelf + held + sold + void; `available` is the sellable part.

    `price` is that of the next card in the channel that was asked for.
    """

    terms: Terms
    received: int
    available: int
    on_shelf: int
    held: int
    sold: int
    void: int
    holds_active: int
    batches: int
    price: Money | None = None


class Available(NamedTuple):
    """So many cards could be allocated."""

    cards: int


class Batches(NamedTuple):
    """One page of batches; `more` says another follows."""

    views: tuple[BatchView, ...]
    more: bool


class Sold(NamedTuple):
    """One page of sold cards of a batch with their holds (0 where neither memory nor archive knows the hold)."""

    cards: tuple[tuple[Card, HoldNo], ...]
    more: bool


class Forgot(NamedTuple):
    """What was older than this has left memory; the archive has it."""

    before_ms: int


class Audited(NamedTuple):
    """The count of everything at a moment of the pool's (0: not told), and each law found broken, in words."""

    shelf: Shelf
    violations: tuple[str, ...]
    at_ms: int = 0


class ChannelView(NamedTuple):
    """One channel: its own price (None: none), since when, and its rule."""

    channel: str
    price: Money | None
    changed_at_ms: int
    rule: PriceRule | None


class PricesNow(NamedTuple):
    """All about prices. `landed` is the highest landed cost among the cards on sale; None when none is known.

    `rate_milli` is what sells, in thousandths of a card a day; None until that has been seen for a day.
    """

    channels: tuple[ChannelView, ...]
    suggestions: tuple[PriceSuggestion, ...]
    clearances: tuple[Clearance, ...]
    landed: Money | None
    rate_milli: int | None


class Reviewed(NamedTuple):
    """What a review did: lots it warned of, prices it set by itself, suggestions that wait now."""

    warned: int
    repriced: int
    waiting: int


class ClearanceFound(NamedTuple):
    """A clearance as it is now."""

    clearance: Clearance


class Expiring(NamedTuple):
    """Lots on sale and the step each stands on, in days; `more` says that others follow."""

    lots: tuple[ExpiringLot, ...]
    more: bool


class Ageing(NamedTuple):
    """The first thousand batches on sale in the order in which they go out; `rate_milli` is what it was reckoned by."""

    lines: tuple[Aged, ...]
    rate_milli: int


class PriceChanges(NamedTuple):
    """One page of price changes; `more` says another follows, as far as the pool still has them."""

    changes: tuple[PriceChange, ...]
    more: bool


class Refused(NamedTuple):
    """A definite no. `facts` are pairs for the caller's eyes: names in lowerCamelCase, values as text."""

    reason: Reason
    facts: tuple[tuple[str, str], ...] = ()


WAITS = Refused(Reason.OUT_OF_STOCK, (("waits", "true"),))
"""An Allocate's answer where there are no cards and it may wait for some: nothing was decided, and nothing is
remembered. Whoever asked asks again with Wait."""


Outcome = (
    Held
    | Confirmed
    | Released
    | Extended
    | ImportReady
    | Received
    | ImportWhole
    | Withdrawn
    | Replaced
    | Configured
    | HoldFound
    | Shelf
    | Available
    | Batches
    | Sold
    | Audited
    | Forgot
    | PricesNow
    | Reviewed
    | ClearanceFound
    | Expiring
    | Ageing
    | PriceChanges
    | Refused
)
