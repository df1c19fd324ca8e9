"""A street with one supplier: its truth, a line that may lose what is said, a shelf, and the desks that deal there.

The supplier is a test double with a ledger of its own, which outlives every desk; the store is the fake that passes the
contract suite, the vault is the real one.
"""

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from actors.adapters.key_ring import KeyRingFile
from actors.adapters.local_vault import LocalVault
from actors.adapters.memory import MemoryStore
from actors.adapters.supplier_book import MemorySupplierBook
from actors.supply.desk import Doors, SupplierDesk
from actors.supply.ledger_archivist import LedgerArchivist
from actors.supply.ports import Origin, Shelved, UnitCost
from engine.errors import InDoubt
from engine.money import Money
from engine.names import PoolName, SupplierName
from engine.ports import Clock, Journal
from engine.supply.attempts import (
    Accepted,
    Attempt,
    AttemptId,
    Delivered,
    Failed,
    Kind,
    NotFound,
    NotSent,
    Refused,
    Reversed,
    Silent,
)
from engine.supply.codec import read_ledger_record
from engine.supply.entry import Entry
from engine.supply.ledger import Caution
from engine.supply.ports import Ability, Good, Order, Product, StatementRow, SupplierAway, Told
from engine.supply.suppliers import Idempotency, Supplier
from tests.sim.loop import VirtualLoop

_T = TypeVar("_T")

ACME = SupplierName("shop", "acme")
POOL = PoolName("shop", "vip-30")
START_MS = 1_793_491_200_000
GRACE_MS = 60_000
ANSWER_MS = 10_000
CAUTION = Caution(GRACE_MS, 1_000, Money(10**7, "CNY"), 86_400_000)
PRICE = 100
ALL = frozenset(Ability)


class LoopClock:
    """The loop's time, as a wall clock."""

    def now_ms(self) -> int:
        """See Clock."""
        return START_MS + int(1_000 * asyncio.get_running_loop().time())


class Sale(NamedTuple):
    """One purchase that the supplier charged for."""

    order_no: str
    attempt: str
    kind: Kind
    codes: tuple[str, ...]
    cost: Money
    at_ms: int
    visible_from_ms: int
    done_at_ms: int


@dataclass
class Manner:
    """How the supplier treats one order, or one question."""

    arrives: bool = True
    is_willing: bool = True
    answers: bool = True
    #: Until an inquiry finds the sale, and until it is done; 0 for at once.
    invisible_ms: int = 0
    pending_ms: int = 0
    takes_ms: int = 20
    fewer_codes: int = 0


@dataclass
class FakeSupplier:
    """The truth. `manner` says how the next order goes, `question` how the next inquiry does."""

    clock: Clock
    idempotency: Idempotency = Idempotency.REPLAY
    manner: Callable[[Order], Manner] = lambda _order: Manner()
    question: Callable[[Order], Manner] = lambda _order: Manner()
    sales: list[Sale] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    reversed: set[str] = field(default_factory=set)
    arrived: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)
    money: Money = field(default_factory=lambda: Money(50_000, "CNY"))
    price: int = PRICE
    stock: int | None = None
    is_away: bool = False
    is_hung_up: bool = False
    credentials: Mapping[str, str] = field(default_factory=dict)
    #: What its codes begin with: no two suppliers sell the same one.
    codes_begin: str = ""

    def of(self, attempt: str) -> list[Sale]:
        """What was charged for an attempt and not taken back."""
        return [sale for sale in self.sales if sale.attempt == attempt and sale.order_no not in self.reversed]

    def line(self, abilities: frozenset[Ability] = ALL) -> "FakeLine":
        """A line to it."""
        return FakeLine(self, abilities)

    def statement(self, from_ms: int, to_ms: int) -> Sequence[StatementRow]:
        """Every sale of a time; what was taken back costs nothing."""
        return [
            StatementRow(
                *(sale.order_no, sale.attempt, max(1, len(sale.codes))),
                sale.cost._replace(minor=0) if sale.order_no in self.reversed else sale.cost,
                sale.at_ms,
            )
            for sale in self.sales
            if from_ms <= sale.at_ms < to_ms
        ]

    def sell(self, order: Order, manner: Manner) -> Sale:
        """Charge."""
        now_ms, number = self.clock.now_ms(), len(self.sales) + 1
        quantity = 0 if order.kind is Kind.RECHARGE else order.quantity
        codes = tuple(f"{self.codes_begin}{number:05}-{at}" for at in range(quantity))
        cost = Money(self.price * order.quantity, "CNY")
        sale = Sale(
            *(f"S-{number}", order.attempt, order.kind, codes[: len(codes) - manner.fewer_codes], cost, now_ms),
            visible_from_ms=now_ms + manner.invisible_ms,
            done_at_ms=now_ms + manner.pending_ms,
        )
        self.sales.append(sale)
        self.money = self.money._replace(minor=self.money.minor - cost.minor)
        return sale


class FakeLine:
    """SupplierLine to a FakeSupplier."""

    def __init__(self, supplier: FakeSupplier, abilities: frozenset[Ability]) -> None:
        self.abilities = abilities
        self._supplier = supplier

    async def order(self, order: Order) -> Told:
        """See SupplierLine."""
        supplier, manner = self._supplier, self._supplier.manner(order)
        await asyncio.sleep(manner.takes_ms / 2_000)
        if not manner.arrives:
            return Told(NotSent("no route"))
        supplier.arrived.append(order.attempt)
        supplier.accounts.append(order.account)
        told = self._dealt(order, manner)
        await asyncio.sleep(manner.takes_ms / 2_000)
        if not manner.answers:
            await asyncio.sleep(ANSWER_MS / 1_000)
            return Told(Silent("time-out"))
        return told

    async def look_up(self, order: Order, order_nos: Sequence[str]) -> Told:
        """See SupplierLine."""
        supplier, manner = self._supplier, self._supplier.question(order)
        supplier.asked.append(order.attempt)
        await asyncio.sleep(manner.takes_ms / 1_000)
        if not manner.answers:
            return Told(Silent("time-out"))
        now_ms = supplier.clock.now_ms()
        for sale in supplier.sales:
            if (sale.attempt == order.attempt or sale.order_no in order_nos) and now_ms >= sale.visible_from_ms:
                return self._told(sale)
        return Told(Failed("out of stock")) if order.attempt in supplier.refused else Told(NotFound())

    async def reverse(self, order: Order, order_nos: Sequence[str]) -> Told:
        """See SupplierLine."""
        await asyncio.sleep(0.01)
        sales = [sale for sale in self._supplier.sales if sale.attempt == order.attempt or sale.order_no in order_nos]
        if not sales:
            return Told(Refused("no such order"))
        self._supplier.reversed.update(sale.order_no for sale in sales)
        return Told(Reversed())

    async def balance(self) -> Money:
        """See SupplierLine."""
        if self._supplier.is_away:
            raise SupplierAway("away")
        return self._supplier.money

    async def products(self) -> Sequence[Product]:
        """See SupplierLine."""
        if self._supplier.is_away:
            raise SupplierAway("away")
        return [Product("P-1", "VIP", Money(self._supplier.price, "CNY"), self._supplier.stock)]

    async def statement(self, from_ms: int, to_ms: int) -> Sequence[StatementRow]:
        """See SupplierLine."""
        if self._supplier.is_away:
            raise SupplierAway("away")
        return self._supplier.statement(from_ms, to_ms)

    async def close(self) -> None:
        """See SupplierLine."""
        self._supplier.is_hung_up = True

    def _dealt(self, order: Order, manner: Manner) -> Told:
        supplier = self._supplier
        first = next((sale for sale in supplier.sales if sale.attempt == order.attempt), None)
        kind = supplier.idempotency
        if first is not None and kind is not Idempotency.NONE:
            return self._again(first)
        buys_anew = kind in {Idempotency.NONE, Idempotency.REPLAY_UNLESS_FAILED}
        if order.attempt in supplier.refused and not buys_anew:
            return Told(Refused("out of stock" if kind is Idempotency.REPLAY else "the id exists"))
        if not manner.is_willing:
            supplier.refused.add(order.attempt)
            return Told(Refused("out of stock"))
        supplier.refused.discard(order.attempt)
        return self._told(supplier.sell(order, manner))

    def _again(self, first: Sale) -> Told:
        match self._supplier.idempotency:
            case Idempotency.REJECT_WITH_ID:
                return Told(Accepted(first.order_no))
            case Idempotency.REJECT_BLIND:
                return Told(Refused("the id exists"))
            case _:
                return self._told(first)

    def _told(self, sale: Sale) -> Told:
        if self._supplier.clock.now_ms() < sale.done_at_ms:
            return Told(Accepted(sale.order_no))
        delivered = Delivered(sale.order_no, max(1, len(sale.codes)), sale.cost)
        return Told(delivered, [Good(code) for code in sale.codes])


class FakeShelf:
    """Shelver: each code is in stock once, by the delivery that brought it first. `ails` befalls the next calls."""

    def __init__(self) -> None:
        self.stock: dict[str, str] = {}
        self.calls: list[str] = []
        self.importers: list[str] = []
        self.unit_costs: list[UnitCost | None] = []
        self.ails: Iterator[Exception | None] = iter(())

    async def shelve(
        self,
        pool: PoolName,
        attempt: AttemptId,
        goods: Sequence[Good],
        unit_cost: UnitCost | None,
        origin: Origin,
    ) -> Shelved:
        """See Shelver."""
        assert (pool, origin.supplier) == (POOL, ACME)
        self.importers.append(origin.importer)
        self.calls.append(attempt)
        await asyncio.sleep(0.001)
        ailment = next(self.ails, None)
        if ailment is not None and not isinstance(ailment, InDoubt):
            raise ailment
        for good in goods:
            self.stock.setdefault(good.code, attempt)
        self.unit_costs.append(unit_cost)
        if ailment is not None:
            raise ailment
        await asyncio.sleep(0.001)
        fresh = sum(self.stock[good.code] == attempt for good in goods)
        return Shelved(fresh, len(goods) - fresh)

    async def missing(self, pool: PoolName, goods: Sequence[Good]) -> int:
        """See Shelver."""
        assert pool == POOL
        return sum(good.code not in self.stock for good in goods)


class Street:
    """Everything that outlives a desk."""

    def __init__(self, folder: Path, idempotency: Idempotency = Idempotency.REPLAY, **profile: object) -> None:
        self.clock = LoopClock()
        self.store = MemoryStore(self.clock)
        self.book = MemorySupplierBook()
        rings = KeyRingFile(folder / "keys")
        rings.create_if_missing(may_create=True, now_ms=START_MS)
        self.vault = LocalVault(rings)
        self.supplier = FakeSupplier(self.clock, idempotency)
        self.shelf = FakeShelf()
        self.abilities = ALL
        self.profile = Supplier(
            *(ACME, "Acme", "fake", "fake:", "CNY", {}, b"", idempotency, 3_600_000),
            **{"caution": CAUTION, "per_s": 0.0, "answer_within_ms": ANSWER_MS, **profile},  # type: ignore[arg-type]
        )

    async def set_profile(self, **changes: object) -> None:
        """What staff do."""
        self.profile = self.profile._replace(**changes)
        await self.book.put_supplier(self.profile)

    def desk(self, journal: Journal | None = None) -> SupplierDesk:
        """A desk that is not open yet."""
        archivist = LedgerArchivist(self.store, self.store)
        return SupplierDesk(
            ACME,
            Doors(
                *(journal or self.store, self.store, self.store, self.book, self.vault, self.clock, self.shelf),
                line_to=self._line_to,
                fold=archivist.fold,
            ),
        )

    async def opened(self, journal: Journal | None = None) -> SupplierDesk:
        """A desk that buys."""
        await self.book.put_supplier(self.profile)
        desk = self.desk(journal)
        await desk.open()
        return desk

    async def events(self) -> list[object]:
        """What the ledger's journal has."""
        records = (await self.store.read(ACME.book)).records
        return [event for record in records for event in read_ledger_record(record).events]

    def _line_to(self, _supplier: Supplier, credentials: Mapping[str, str], _clock: Clock) -> FakeLine:
        self.supplier.credentials = credentials
        return self.supplier.line(self.abilities)


def play(work: Coroutine[Any, Any, _T]) -> _T:
    """Run on virtual time: hours pass in milliseconds."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


def attempt(name: str = "a", quantity: int = 2, kind: Kind = Kind.CODES, cost_max: int = 1_000) -> Attempt:
    """A purchase."""
    return Attempt(AttemptId(name), POOL, kind, quantity, Money(cost_max, "CNY"))


def entry_of(desk: SupplierDesk, name: str = "a") -> Entry:
    """An attempt as the desk's ledger has it."""
    return desk._written.ledger.entries[AttemptId(name)]


def virtual(test: Callable[..., Any]) -> Callable[..., None]:
    """A test whose time is virtual."""

    @wraps(test)
    def run(**fixtures: Any) -> None:
        play(test(**fixtures))

    run.__signature__ = inspect.signature(test)  # type: ignore[attr-defined]
    return run
