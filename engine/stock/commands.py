"""What one may ask of a pool. Imperatives that change it carry a request_id; questions change nothing.

Plain tuples with names, so that the wire form is the tuple itself (see codec.py). Shapes and bounds
are checked at the front end; the pool relies on them.
"""

from typing import NamedTuple, get_args

from engine.money import Money
from engine.names import BatchNo, Card, HoldNo
from engine.pricing.ageing import Bounds
from engine.pricing.repricing import Rules
from engine.stock.terms import Terms

STRICT = "STRICT"
REACQUIRE = "REACQUIRE"

VOID = "VOID"
QUARANTINE = "QUARANTINE"
RESTORE = "RESTORE"


class Principal(NamedTuple):
    """Who asks; an empty part is unknown and counts against no quota."""

    user: str = ""
    device: str = ""
    ip: str = ""
    instrument: str = ""


class Allocate(NamedTuple):
    """Set `quantity` cards with more than `life_ms_min` of life left aside for `hold_for_ms` (0 = the SKU's).

    All or none, unless `partial`. `channel` is where it is sold; one without a price of its own is as "".
    """

    request_id: str
    order_ref: str
    quantity: int
    hold_for_ms: int
    principal: Principal = Principal()
    life_ms_min: int = 0
    price: Money | None = None
    partial: bool = False
    channel: str = ""


class Wait(NamedTuple):
    """The same Allocate, asked by itself after it was answered WAITS: it is decided when there are cards for it.

    Shortly before its caller's deadline it is decided as it stands.
    """

    allocate: Allocate


class Confirm(NamedTuple):
    """The hold is paid: sell `quantity` of its cards (0 = all), give the rest back.

    `late` says what a payment after the hold's end may do: STRICT nothing, REACQUIRE take fresh
    cards within `late_window_ms` (0 = the SKU's).
    """

    request_id: str
    hold: HoldNo
    payment_ref: str
    paid: Money | None = None
    quantity: int = 0
    late: str = STRICT
    late_window_ms: int = 0


class Release(NamedTuple):
    """The buyer gave up: give the cards back. Releasing what has already ended unsold is success."""

    request_id: str
    hold: HoldNo


class Extend(NamedTuple):
    """Keep the hold until at least now + `hold_for_ms`, within the SKU's longest lifetime."""

    request_id: str
    hold: HoldNo
    hold_for_ms: int


class OpenBatch(NamedTuple):
    """Begin an import, or resume it: the same `import_id` answers with the same batch and its next step.

    `landed` is what one card really cost in the currency it is sold in; None where `unit_cost` is all of it.
    """

    request_id: str
    import_id: str
    source: str
    importer: str
    unit_cost: Money | None
    expires_at_ms: int | None
    data_key: bytes
    landed: Money | None = None


class Receive(NamedTuple):
    """One chunk of sealed cards for a batch: `lots` are (count, expires_at_ms) in serial order.

    Carries no request_id: `chunk` is its name, and a chunk already received is answered as such.
    """

    batch: BatchNo
    chunk: int
    first_serial: int
    lots: tuple[tuple[int, int | None], ...]
    prints: tuple[bytes, ...]
    sealed: tuple[bytes, ...]


class CloseBatch(NamedTuple):
    """The import is whole; no more chunks."""

    batch: BatchNo


class Withdraw(NamedTuple):
    """Void, quarantine or restore a whole batch (`cards` empty) or single cards of it."""

    request_id: str
    action: str
    batch: BatchNo
    cards: tuple[Card, ...]
    reason: str


class Replace(NamedTuple):
    """A sold card turned out bad: sell a fresh one in its place, linked to it."""

    request_id: str
    hold: HoldNo
    card: Card
    reason: str


class Configure(NamedTuple):
    """Set the terms of the SKU from now on; holds keep the price they were made at.

    `fields` names those that change, as `terms.changed` reads them; empty means all. `creates` refuses a SKU
    whose terms were set before.
    """

    request_id: str
    terms: Terms
    fields: tuple[str, ...] = ()
    creates: bool = False


class ChannelPrice(NamedTuple):
    """What a card costs in a channel; None: nothing of its own any more. "" is the SKU's own price."""

    channel: str
    price: Money | None


class SetPrices(NamedTuple):
    """Set prices of these channels from now on; holds keep the price they were made at.

    From the first on, nothing is held below what its cards cost. `who` sets them, and `note` says why.
    """

    request_id: str
    prices: tuple[ChannelPrice, ...]
    who: str
    note: str = ""


class PriceRule(NamedTuple):
    """How one channel's price may move. Prices in minor units of `currency`, which is the channel's price's.

    `competitor_minor` is what a competitor asks, 0 when nobody knows; `pressure_max_ppm` is the share that stock
    which would not sell in time takes off at most. `sells_unknown_cost`: what cost nobody knows counts as 0.
    """

    currency: str
    rules: Rules
    competitor_minor: int = 0
    pressure_max_ppm: int = 0
    sells_unknown_cost: bool = True


class SetPriceRule(NamedTuple):
    """Set the rule of one channel, or take it away (None)."""

    request_id: str
    channel: str
    rule: PriceRule | None
    who: str


class Review(NamedTuple):
    """See what time and stock ask for: warnings of cards that end, suggested prices, steps of clearances.

    Asked again it does nothing more, so it carries no request_id.
    """


class DecideSuggestion(NamedTuple):
    """Approve a suggested price, which then holds, or turn it down, which keeps it from being suggested again."""

    request_id: str
    number: int
    approve: bool
    who: str


class ProposeClearance(NamedTuple):
    """Make a plan for a batch's cards that end first, in one channel. It does nothing until it is accepted.

    `rate_milli` is what sells, in thousandths of a card a day; 0 = what the pool has seen. See pricing/clearance.py.
    """

    request_id: str
    batch: BatchNo
    channel: str
    floor_minor: int
    elasticity_milli: int
    rate_milli: int
    who: str


class AcceptClearance(NamedTuple):
    """Go by the plan from now on, in place of another for the same batch and channel."""

    request_id: str
    number: int
    who: str


class EndClearance(NamedTuple):
    """Drop a plan; the batch is sold at the channel's price again."""

    request_id: str
    number: int
    who: str
    note: str = ""


class Forget(NamedTuple):
    """Drop from memory what the archive holds: answers and ended holds last touched before `before_ms`."""

    before_ms: int


class GetHold(NamedTuple):
    """Look at one hold, by number, or by order_ref when `hold` is 0."""

    hold: HoldNo
    order_ref: str = ""


class GetShelf(NamedTuple):
    """How many cards could be allocated now, with more than `life_ms_min` of life left, and at what price there."""

    life_ms_min: int = 0
    channel: str = ""


class GetAvailable(NamedTuple):
    """How many cards could be allocated now, and nothing else: GetShelf looks at every batch, this at a few lots."""


class ListBatches(NamedTuple):
    """Batches after number `after`, at most `rows`."""

    after: int
    rows: int


class ListSold(NamedTuple):
    """Cards of one batch that are sold, with their holds, after card `after` (0 = from the first), at most `rows`."""

    batch: BatchNo
    after: int
    rows: int


class GetPrices(NamedTuple):
    """Prices, rules, what is suggested and what is being cleared."""


class ListExpiring(NamedTuple):
    """Cards on sale that stand on the expiry ladder, those that end first at the beginning, at most `rows`."""

    rows: int


class GetAgeing(NamedTuple):
    """How long batches on sale have lain and will last. See pricing/ageing.py."""

    bounds: Bounds


class ListPriceChanges(NamedTuple):
    """Price changes before number `before` (0 = the latest), the latest first, at most `rows`."""

    before: int
    rows: int


class Audit(NamedTuple):
    """Count every card again, slowly, from the structures themselves."""


Write = (
    Allocate
    | Confirm
    | Release
    | Extend
    | OpenBatch
    | Receive
    | CloseBatch
    | Withdraw
    | Replace
    | Configure
    | Forget
    | SetPrices
    | SetPriceRule
    | Review
    | DecideSuggestion
    | ProposeClearance
    | AcceptClearance
    | EndClearance
)
Question = (
    GetHold
    | GetShelf
    | GetAvailable
    | ListBatches
    | ListSold
    | Audit
    | GetPrices
    | ListExpiring
    | GetAgeing
    | ListPriceChanges
)
Command = Write | Question | Wait
Remembered = (
    Allocate
    | Confirm
    | Release
    | Extend
    | OpenBatch
    | Withdraw
    | Replace
    | Configure
    | SetPrices
    | SetPriceRule
    | DecideSuggestion
    | ProposeClearance
    | AcceptClearance
    | EndClearance
)
REMEMBERED = frozenset(get_args(Remembered))
"""The same as a set, which is quicker to ask than a union."""

OF_BUYERS = frozenset((Allocate, Confirm, Release, Extend))
"""What somebody waits for in a shop; all else is staff's, or looks."""
