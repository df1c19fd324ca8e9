"""Every supplier in the book gets a desk, once; and a desk in another process answers as one here does."""

from typing import Any

import pytest

from actors.adapters.supplier_book import MemorySupplierBook
from actors.supply import desk_steward
from actors.supply.desk_actor import RemoteDesks, desk_name
from actors.supply.desk_steward import DeskSteward
from engine.money import Money
from engine.names import PoolName, SupplierName
from engine.supply.refilling import Marks
from engine.supply.suppliers import Idempotency, Sourcing
from tests.unit.supplier_street import ACME, attempt
from tests.unit.test_settling import _supplier

OTHER = SupplierName("shop", "other")


class _Desks:
    def __init__(self) -> None:
        self.started: list[SupplierName] = []
        self.refills = 0

    async def refill(self) -> None:
        """See EnsureRefills."""
        self.refills += 1

    async def ensure(self, name: SupplierName) -> None:
        """See EnsureDesk."""
        self.started.append(name)


async def test_a_new_supplier_gets_a_desk_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else changes in the book; and no more desks than a machine bears."""
    monkeypatch.setattr(desk_steward, "desks_max", 2)
    book, desks = MemorySupplierBook(), _Desks()
    steward = DeskSteward(book, desks.ensure, desks.refill)
    await steward.look()
    profile = _supplier(Idempotency.NONE)
    await book.put_supplier(profile)
    await steward.look()
    await book.put_supplier(profile._replace(is_paused=True))
    await steward.look()
    assert desks.started == [ACME]
    await book.put_supplier(profile._replace(name=OTHER))
    await book.put_supplier(profile._replace(name=SupplierName("shop", "zu viel")))
    await steward.look()
    await steward.look()
    assert desks.started == [ACME, OTHER]


async def test_refills_start_when_something_is_bought() -> None:
    """Not for a supplier of whom nothing is; and once, whatever else is bought then."""
    book, desks = MemorySupplierBook(), _Desks()
    steward = DeskSteward(book, desks.ensure, desks.refill)
    await book.put_supplier(_supplier(Idempotency.NONE))
    await steward.look()
    assert desks.refills == 0
    for sku in ("red", "green"):
        pool = PoolName("shop", sku)
        await book.put_sourcing(Sourcing(pool, (), Marks(1, 2, 1), Money(1, "CNY")))
        await steward.look()
    assert desks.refills == 1


async def test_a_desk_elsewhere_is_asked_by_its_name() -> None:
    """What to call, and with what."""
    asked: list[tuple[Any, ...]] = []

    async def ask(*call: object) -> str:
        asked.append(call)
        return "answer"

    desks = RemoteDesks(ask)
    assert await desks.buy(ACME, attempt(), "P-1") == "answer"
    assert await desks.state(ACME) == "answer"
    assert await desks.ask(ACME, "reverse", "a", "ann") == "answer"
    name = desk_name(ACME)
    assert name == "desk:shop/acme"
    assert asked == [(name, "buy", attempt(), "P-1", ""), (name, "state"), (name, "reverse", "a", "ann")]
