"""What is known of a supplier, and how a SKU is bought: data that staff change while everything runs.

A supplier is a profile plus an adapter, chosen by `protocol`. What only that adapter understands stands in `options`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from engine.money import Money
from engine.names import PoolName, SupplierName
from engine.pricing.landing import Fees
from engine.supply.breaker import Override
from engine.supply.ledger import Caution
from engine.supply.refilling import Marks


class Idempotency(StrEnum):
    """What a supplier does with a second order under the same id of ours."""

    #: Answers with the first order, within the replay window.
    REPLAY = "REPLAY"
    #: Refuses it and names the first order.
    REJECT_WITH_ID = "REJECT_WITH_ID"
    #: Refuses it and says no more: look it up by our id.
    REJECT_BLIND = "REJECT_BLIND"
    #: As REPLAY, but after a failed order the same id makes a new one.
    REPLAY_UNLESS_FAILED = "REPLAY_UNLESS_FAILED"
    #: Buys a second time. The same id must never be sent twice.
    NONE = "NONE"


class Supplier(NamedTuple):
    """A supplier's profile. `endpoint` is a URL, or a folder for file drops.

    `credentials` are sealed (JSON of text fields, by the vault) and empty where none are needed. `per_s` bounds
    requests a second. `answer_within_ms` is how long an order may take before it is in doubt. `replay_for_ms` is how
    long after an order its id may be sent again (REPLAY and REPLAY_UNLESS_FAILED). Lower `priority` is asked first,
    and within one `weight` counts: see routing.py. `balance_min` warns; None where it has no balance.
    """

    name: SupplierName
    title: str
    protocol: str
    endpoint: str
    currency: str
    options: Mapping[str, str]
    credentials: bytes
    idempotency: Idempotency
    replay_for_ms: int
    caution: Caution
    per_s: float
    answer_within_ms: int
    fees: Fees = Fees()
    priority: int = 0
    weight: float = 1.0
    is_paused: bool = False
    override: Override = Override.NONE
    balance_min: Money | None = None


#: What of a profile the line to its supplier is made of.
SPOKEN_BY = ("protocol", "endpoint", "currency", "options", "credentials", "answer_within_ms")


def speaks_otherwise(before: Supplier, after: Supplier) -> bool:
    """Whether another line is needed."""
    return any(getattr(before, field) != getattr(after, field) for field in SPOKEN_BY)


def credentials_place(supplier: SupplierName) -> str:
    """What a supplier's sealed credentials are bound to: the `context` for the vault."""
    return f"{supplier}/credentials"


class Source(NamedTuple):
    """One way to buy a SKU: a supplier's product, at what one costs there as far as is known."""

    supplier: SupplierName
    product: str
    unit_cost: Money


class Sourcing(NamedTuple):
    """How a SKU is bought: from whom, when, and for how much a unit at most (landed, in the currency it is sold in).

    `life_ms_min` is how long what is bought should still live.
    """

    pool: PoolName
    sources: tuple[Source, ...]
    marks: Marks
    unit_cost_max: Money
    is_paused: bool = False
    life_ms_min: int = 0
