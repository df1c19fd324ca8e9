"""What the rooms of buying ask of each other: a refill asks desks, a desk asks a shelver."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from engine.money import Money
from engine.names import PoolName, SupplierName
from engine.supply.attempts import Attempt, AttemptId, Standing
from engine.supply.ports import Good


class Shelved(NamedTuple):
    """What became of delivered codes: `fresh` are in stock by this attempt, `known` were in stock by something else.

    A code told twice in one delivery is known the second time. What can be no code (engine/secrecy/normal.py) is
    neither, so the two may be fewer than what was delivered: then a person has to ask for the rest.
    """

    fresh: int
    known: int


class UnitCost(NamedTuple):
    """What one card cost: `paid` at its supplier, with fees, and `landed` in the currency of the SKU's cost."""

    paid: Money
    landed: Money


class Origin(NamedTuple):
    """Where codes came from, as their batch says: whose they are, and who brought them in."""

    supplier: SupplierName
    importer: str = "refill"


class Shelver(Protocol):
    """Puts delivered codes into stock."""

    async def shelve(
        self,
        pool: PoolName,
        attempt: AttemptId,
        goods: Sequence[Good],
        unit_cost: UnitCost | None,
        origin: Origin,
    ) -> Shelved:
        """Put them into stock once, however often this is asked, and answer the same each time.

        `unit_cost` is None where nobody knows it. Asked again with other goods (a supplier
        that delivers twice), it puts those into stock, too. Raises NotDone (nothing happened), InDoubt (some may be
        in stock: ask again) or InvariantBroken (the pool has stopped).
        """

    async def missing(self, pool: PoolName, goods: Sequence[Good]) -> int:
        """How many of these codes have never been in this pool's stock. Raises NotDone."""


class Bought(NamedTuple):
    """How a purchase stands when its supplier has answered, or had the time to.

    `why` says it in words where it failed. `shelved` is None as long as nothing of it is in stock: one that is
    DELIVERED without is still on its way there, and stays open until it has arrived. `known_at_s` is when a desk in
    another process answered so, by the wall clock; 0 from one in this process.
    """

    standing: Standing
    why: str = ""
    shelved: Shelved | None = None
    known_at_s: float = 0.0


class OpenPurchase(NamedTuple):
    """A purchase that may still bring something: begun, pending, in doubt, or delivered and not on the shelf yet."""

    attempt: AttemptId
    pool: PoolName
    units: int
    is_in_doubt: bool


class Ware(NamedTuple):
    """A product in the supplier's price list, as last heard; None is what nobody knows."""

    unit_cost: Money | None
    stock: int | None


class DeskState(NamedTuple):
    """A desk at one moment. `lets_through` is the breaker's word; `room_…` is what the exposure still bears.

    `balance` is None where the supplier has none, or nobody knows. `open` has every purchase that is not settled.
    """

    lets_through: bool
    room_units: int
    room: Money
    balance: Money | None = None
    wares: Mapping[str, Ware] = {}
    open: Sequence[OpenPurchase] = ()


class Desks(Protocol):
    """Every supplier's desk. A call to one desk never waits for another."""

    async def buy(self, supplier: SupplierName, attempt: Attempt, product: str, account: str) -> Bought:
        """Buy, and put what is delivered at once into stock. Answers within the supplier's `answer_within_ms`.

        `account` is whom a recharge tops up, else empty. The same attempt may be asked again, and is bought once.
        Raises NotDone when the supplier was not asked (breaker, exposure, a desk that is away), InDoubt when nobody
        knows whether it was: its ledger will.
        """

    async def state(self, supplier: SupplierName) -> DeskState:
        """How the desk stands. Raises NotDone or InDoubt when it does not answer."""
