"""The tables of history: one named tuple a row, plain values only, so that any columnar file can hold them.

A row is known by its pool and the `seq` of the event it tells of, with what else the table says: the same events
always make the same rows, so writing them twice can be noticed. Amounts are minor units beside their currency; None
(with an empty currency) where nobody said any. No table has a code, a buyer, or a payment's own number.
"""

from typing import NamedTuple

SALE = "sale"
REPLACEMENT = "replacement"


class Sale(NamedTuple):
    """Cards of one batch that became somebody's: a confirmed hold has a row for each batch it got cards of.

    `kind` is SALE, or REPLACEMENT for a fresh card in place of a bad one, which costs and earns nothing more.
    `price_minor` is for one card, `revenue_minor` for all units; without a price it is this batch's share of what the
    caller said was paid. `unit_cost_minor` is what a card of the batch shipped cost, landed. `payment_print` tells
    payments apart without naming one; `channel` is empty where nobody said any.
    """

    seq: int
    at_ms: int
    tenant: str
    sku: str
    kind: str
    hold: int
    order_ref: str
    channel: str
    units: int
    price_minor: int | None
    price_currency: str
    revenue_minor: int | None
    revenue_currency: str
    batch: int
    import_id: str
    source: str
    unit_cost_minor: int | None
    unit_cost_currency: str
    payment_print: str


class Refund(NamedTuple):
    """A payment that bought nothing and is to be given back; a second row with the same print says the last word."""

    seq: int
    at_ms: int
    tenant: str
    sku: str
    hold: int
    order_ref: str
    reason: str
    paid_minor: int | None
    paid_currency: str
    is_final: bool
    payment_print: str


class Receipt(NamedTuple):
    """Cards that arrived in one chunk and expire together (None: never)."""

    seq: int
    at_ms: int
    tenant: str
    sku: str
    batch: int
    import_id: str
    source: str
    importer: str
    units: int
    expires_at_ms: int | None
    unit_cost_minor: int | None
    unit_cost_currency: str


class Withdrawal(NamedTuple):
    """Cards voided, quarantined or restored; `units` are those that moved, `is_whole_batch` says what was named.

    A card that was held then moves when it comes back, and has no row of its own.
    """

    seq: int
    at_ms: int
    tenant: str
    sku: str
    batch: int
    source: str
    action: str
    units: int
    is_whole_batch: bool
    reason: str


class HoldCount(NamedTuple):
    """How holds began and ended in one minute, as far as the events from `first_seq` to `seq` tell: add rows up.

    `out_of_stock` are allocations refused because the shelf was too empty.
    """

    seq: int
    first_seq: int
    at_ms: int
    tenant: str
    sku: str
    held: int
    held_units: int
    confirmed: int
    released: int
    expired: int
    out_of_stock: int


class Price(NamedTuple):
    """What a card costs buyers in a channel from this moment on; None: the channel has no price of its own.

    `channel` is empty for the SKU's own. `batch` is 0, or the one batch whose price it is, by clearance. `before_minor`
    is what it was, None where it was none or nobody noted it: prices are noted from the first price or rule of a
    channel on. `who` is empty where a rule or a clearance moved it, or nobody said; `reasons` are joined by commas.
    """

    seq: int
    at_ms: int
    tenant: str
    sku: str
    price_minor: int | None
    price_currency: str
    channel: str
    batch: int
    before_minor: int | None
    before_currency: str
    who: str
    reasons: str


Row = Sale | Refund | Receipt | Withdrawal | HoldCount | Price

TABLES: dict[str, type[Row]] = {
    "sales": Sale,
    "refunds": Refund,
    "receipts": Receipt,
    "withdrawals": Withdrawal,
    "holds": HoldCount,
    "prices": Price,
}
"""Every table by its name, which is also that of its folder."""
