"""What one may ask for, as values: the items of the batch calls, the terms of a SKU, the rows of an import.

An item makes its request_id when it is made. Keep the item and send it again after an unknown outcome:
it never acts twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypedDict

from cardkeep_client.request_ids import new_request_id
from cardkeep_client.results import LatePolicy, Money, Principal
from cardkeep_client.stock_results import HeldQuotas


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocate:
    """Set cards aside. `sku` is a SKU's id, or its whole name `tenants/t/skus/s`."""

    sku: str
    order_ref: str
    quantity: int = 1
    hold_for: timedelta | None = None
    principal: Principal | None = None
    min_remaining_life: timedelta | None = None
    expected_unit_price: Money | None = None
    allow_partial: bool = False
    channel: str = ""
    request_id: str = field(default_factory=new_request_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    """Sell a paid hold, by its name. `quantity` 0 is all of it."""

    hold: str
    payment_ref: str
    paid_amount: Money | None = None
    quantity: int = 0
    late_policy: LatePolicy = LatePolicy.STRICT
    late_window: timedelta | None = None
    request_id: str = field(default_factory=new_request_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Give a hold back, by its name."""

    hold: str
    request_id: str = field(default_factory=new_request_id)


class SkuTerms(TypedDict, total=False):
    """The terms of a SKU. What is left out stays as it is, or takes its default in a new SKU; so does None."""

    title: str | None
    """For people, at most 256 characters."""
    unit_price: Money | None
    """Price of one card. None: amounts are not checked at confirm."""
    face_value: Money | None
    """What a card is worth; import rows that state another value are refused."""
    cost_currency: str | None
    """The currency all batches cost. None: that of the first batch."""
    hold_for: timedelta | None
    """How long a hold lasts unless allocate says otherwise. Default 15 min."""
    hold_for_max: timedelta | None
    """The longest hold a caller may ask for, up to 24 h. Default 2 h."""
    hold_lifetime_max: timedelta | None
    """The longest life of a hold in all, extends included, up to 7 days. Default 24 h."""
    cards_per_hold_max: int | None
    """Most cards in one hold, 1 to 1,000. Default 100."""
    late_window: timedelta | None
    """How long after its end a hold may still be paid with REACQUIRE, up to 7 days. Default 12 h."""
    held_quotas: HeldQuotas | None
    """Most unpaid cards one buyer may hold. Default no bound."""
    paused: bool | None
    """True: allocate is refused with SKU_PAUSED."""
    expiry_warning_days: Sequence[int] | None
    """How many days before their end staff are warned of cards. Default 30, 14, 7, 1."""
    wait_max: int | None
    """How many allocates may wait for cards until their deadlines, up to 10,000. Default 0: refused at once."""


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One card to import. `line_no` is its line in the file, from 1; `repr` hides the code."""

    line_no: int
    code: str = field(repr=False)
    expire_time: datetime | None = None
    face_value: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSource:
    """What an import brings. The same `import_id` is the same import: it resumes."""

    sku: str
    import_id: str
    source: str = ""
    unit_cost: Money | None = None
    landed_unit_cost: Money | None = None
    expire_time: datetime | None = None
    importer: str = ""
