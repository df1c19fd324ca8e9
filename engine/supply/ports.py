"""The doors of supply: what buying asks of the world. Real adapters in `actors/suppliers/` and `actors/adapters/`.

A supplier's line turns a protocol into findings, and judges nothing: what a finding means, the ledger says.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from engine.money import Money
from engine.names import PoolName, SupplierName
from engine.pricing.rates import EnteredRate
from engine.supply.attempts import AttemptId, Finding, Kind
from engine.supply.suppliers import Sourcing, Supplier


class Ability(StrEnum):
    """What a supplier offers beside taking orders."""

    LOOK_UP = "LOOK_UP"
    REVERSE = "REVERSE"
    BALANCE = "BALANCE"
    PRODUCTS = "PRODUCTS"
    STATEMENT = "STATEMENT"


class Order(NamedTuple):
    """What is asked of a supplier. `attempt` is the id it goes under; `account` is whom a recharge tops up.

    `cost_max` is for the whole order, in the supplier's currency.
    """

    attempt: AttemptId
    kind: Kind
    product: str
    quantity: int
    cost_max: Money
    account: str = ""


class Good(NamedTuple):
    """One code as a supplier delivered it; `expires_at_ms` is None when it never expires or nobody said."""

    code: str
    expires_at_ms: int | None = None


class Told(NamedTuple):
    """What a supplier let us know of an order, and the codes if it delivered them (none for a recharge)."""

    finding: Finding
    goods: Sequence[Good] = ()


class Product(NamedTuple):
    """One line of a supplier's price list; `stock` is None when it does not say."""

    product: str
    title: str
    unit_cost: Money
    stock: int | None


class StatementRow(NamedTuple):
    """One purchase in a supplier's statement. `attempt` is our id, or empty where the supplier does not keep it.

    `cost` is what was charged in all, 0 for one that was taken back.
    """

    order_no: str
    attempt: str
    units: int
    cost: Money
    at_ms: int


class SupplierAway(Exception):
    """A question that changes nothing got no usable answer. Ask again later."""


class SupplierLine(Protocol):
    """A supplier as one adapter speaks to it. Orders never raise for what the world does: that is a finding.

    Bounds: one answer has at most 8 MB; an order waits `Supplier.answer_within_ms`.
    """

    abilities: frozenset[Ability]

    async def order(self, order: Order) -> Told:
        """Place an order, or send it again under the same id.

        NotSent only when no byte of it can have left; Refused only for the supplier's documented no; anything that
        is not understood is Silent.
        """

    async def look_up(self, order: Order, order_nos: Sequence[str]) -> Told:
        """Ask how an order stands: by our id, or by the supplier's numbers where it only knows those.

        NotFound only when the supplier says that there is no such order; Silent for everything not understood.
        """

    async def reverse(self, order: Order, order_nos: Sequence[str]) -> Told:
        """Ask that an order be taken back. Reversed only when the supplier confirms it."""

    async def balance(self) -> Money:
        """What is left to buy for. Raises SupplierAway."""

    async def products(self) -> Sequence[Product]:
        """The price list. Raises SupplierAway."""

    async def statement(self, from_ms: int, to_ms: int) -> Sequence[StatementRow]:
        """What was bought from `from_ms` to before `to_ms`, the oldest first. Raises SupplierAway."""

    async def close(self) -> None:
        """Hang up."""


class Stash(Protocol):
    """Codes that were delivered and have not entered stock, as `attachments` of the ledger's journal left them, sealed.

    A ledger's journal is kept under `SupplierName.book`, and so is its stash: the hash STASH.
    """

    async def stashed(self, book: PoolName) -> Mapping[bytes, bytes]:
        """Everything that waits. Raises StoreUnavailable."""

    async def unstash(self, book: PoolName, fields: Sequence[bytes]) -> None:
        """Drop what has entered stock; what is not there is no matter. May be repeated. Raises StoreUnavailable."""


STASH = "stash"
"""The name of that hash among the attachments."""


class SupplierBook(Protocol):
    """Suppliers, sourcing and rates as staff set them. Every call may be repeated when it failed."""

    async def put_supplier(self, supplier: Supplier) -> None:
        """Enter a supplier, or change it."""

    async def put_sourcing(self, sourcing: Sourcing) -> None:
        """Say how a SKU is bought, in place of what was said before."""

    async def suppliers(self) -> Mapping[SupplierName, Supplier]:
        """Every supplier."""

    async def sourcings(self) -> Mapping[PoolName, Sourcing]:
        """How each SKU is bought that is bought at all."""

    async def enter_rate(self, rate: EnteredRate, drop: Sequence[EnteredRate] = ()) -> None:
        """Add a rate of exchange to those there are, and let go of some."""

    async def rates(self) -> Sequence[EnteredRate]:
        """Every rate of exchange, of every tenant, in any order."""

    async def version(self) -> int:
        """Grows with every change: the cheapest question there is."""
