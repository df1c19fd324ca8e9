"""Typed ids and resource names (AIP-122): `tenants/t/skus/s/holds/17`.

The SKU stands in every name below it, so any front end can route a call without a lookup.
"""

import re
from typing import NamedTuple, NewType

HoldNo = NewType("HoldNo", int)
"""Number of a hold inside its pool, from 1, never reused."""

BatchNo = NewType("BatchNo", int)
"""Number of a batch inside its pool, from 1, never reused."""

Card = NewType("Card", int)
"""One card: its batch number in the high half, its serial in the batch (from 0) in the low 32 bits."""

SERIAL_BITS = 32
SERIAL_MAX = (1 << SERIAL_BITS) - 1

DEFAULT_TENANT = "default"

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_CARD = re.compile(r"([1-9][0-9]{0,8})-(0|[1-9][0-9]{0,9})")
_NUMBER = re.compile(r"[1-9][0-9]{0,15}")


class PoolName(NamedTuple):
    """Which pool: one SKU of one tenant. Each part is 1–63 letters, digits, `.`, `_` or `-`."""

    tenant: str
    sku: str

    def __str__(self) -> str:
        return f"tenants/{self.tenant}/skus/{self.sku}"


class SupplierName(NamedTuple):
    """Which supplier of one tenant. Each part is as a pool's."""

    tenant: str
    supplier: str

    def __str__(self) -> str:
        return f"tenants/{self.tenant}/suppliers/{self.supplier}"

    @property
    def book(self) -> PoolName:
        """The name under which the journal keeps its ledger: no SKU can be called so."""
        return PoolName(self.tenant, f"~{self.supplier}")


def card_at(batch: BatchNo, serial: int) -> Card:
    """The card with this serial in this batch."""
    assert 0 <= serial <= SERIAL_MAX
    return Card(batch << SERIAL_BITS | serial)


def batch_of(card: Card) -> BatchNo:
    """The batch a card arrived in."""
    return card >> SERIAL_BITS  # type: ignore[return-value] # BatchNo(…) is a call, and this is asked for every card


def serial_of(card: Card) -> int:
    """A card's place in its batch."""
    return card & SERIAL_MAX


def is_name_part(text: str) -> bool:
    """Whether `text` may stand as a tenant or a SKU in a name."""
    return _PART.fullmatch(text) is not None


def parse_pool(name: str) -> PoolName | None:
    """`tenants/t/skus/s` as a pool, or None when it is no such name."""
    match name.split("/"):
        case ["tenants", tenant, "skus", sku] if is_name_part(tenant) and is_name_part(sku):
            return PoolName(tenant, sku)
    return None


def parse_supplier(name: str) -> SupplierName | None:
    """`tenants/t/suppliers/s` as a supplier, or None when it is no such name."""
    match name.split("/"):
        case ["tenants", tenant, "suppliers", supplier] if is_name_part(tenant) and is_name_part(supplier):
            return SupplierName(tenant, supplier)
    return None


def parse_hold(name: str) -> tuple[PoolName, HoldNo] | None:
    """`tenants/t/skus/s/holds/17`, or None."""
    found = _parse_child(name, "holds")
    return None if found is None else (found[0], HoldNo(found[1]))


def parse_batch(name: str) -> tuple[PoolName, BatchNo] | None:
    """`tenants/t/skus/s/batches/3`, or None."""
    found = _parse_child(name, "batches")
    return None if found is None else (found[0], BatchNo(found[1]))


def parse_card(name: str) -> tuple[PoolName, Card] | None:
    """`tenants/t/skus/s/cards/3-17`, or None."""
    parent, slash, leaf = name.rpartition("/cards/")
    pool = parse_pool(parent)
    match = _CARD.fullmatch(leaf)
    if not slash or pool is None or match is None or int(match[2]) > SERIAL_MAX:
        return None
    return pool, card_at(BatchNo(int(match[1])), int(match[2]))


def hold_name(pool: PoolName, hold: HoldNo) -> str:
    """The name `parse_hold` reads."""
    return f"{pool}/holds/{hold}"


def batch_name(pool: PoolName, batch: BatchNo) -> str:
    """The name `parse_batch` reads."""
    return f"{pool}/batches/{batch}"


def card_name(pool: PoolName, card: Card) -> str:
    """The name `parse_card` reads."""
    return f"{pool}/cards/{batch_of(card)}-{serial_of(card)}"


def _parse_child(name: str, collection: str) -> tuple[PoolName, int] | None:
    parent, _, leaf = name.rpartition(f"/{collection}/")
    pool = parse_pool(parent)
    if pool is None or _NUMBER.fullmatch(leaf) is None:
        return None
    return pool, int(leaf)
