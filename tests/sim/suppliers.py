"""Suppliers of a simulated house: who sell and never say so, hear late, refuse, take long; and who know the truth.

What was sent to them is theirs: it arrives, or not, whatever has become of the desk that sent it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from engine.money import Money
from engine.names import SupplierName
from engine.supply.attempts import Silent
from engine.supply.ledger import Caution
from engine.supply.ports import Order, Product, StatementRow, SupplierLine, Told
from engine.supply.suppliers import Idempotency, Supplier
from tests.sim.loop import Process
from tests.unit.supplier_street import ALL, ANSWER_MS, GRACE_MS, FakeSupplier, Manner

if TYPE_CHECKING:
    from tests.sim.world import World

_T = TypeVar("_T")

CURRENCY = "CNY"

#: How long an order may be on its way: within what a desk allows before it believes that it came to nothing.
_HEARD_LATE_S = (0.5, 40.0)


class SimulatedSupplier:
    """One of them: its profile, its books, its process, and how it errs."""

    def __init__(self, world: "World", name: str) -> None:
        chance = world.faults.random
        self.name = SupplierName("default", name)
        self.process = Process(name)
        self._world = world
        self._hurries = asyncio.Event()
        idempotency = chance.choice(list(Idempotency))
        caution = Caution(GRACE_MS, chance.choice((15, 60)), Money(10**6, CURRENCY), 86_400_000)
        self.profile = Supplier(
            *(self.name, name, "fake", "fake:", CURRENCY, {}, b"", idempotency, 3_600_000, caution),
            per_s=chance.choice((0.0, 5.0)),
            answer_within_ms=ANSWER_MS,
        )
        self.truth = FakeSupplier(world.clock, idempotency, self._manner, self._question, codes_begin=f"{name}/")

    def line(self) -> SupplierLine:
        """A new line to it."""
        return _Line(self, self.truth.line(ALL))

    def befalls(self, kind: str, likely: float) -> bool:
        """Whether something goes wrong now."""
        return self._world.faults.happens(kind, likely)

    async def heard_late(self, order: Callable[[], Coroutine[Any, Any, Told]]) -> Told:
        """An order that has lingered on its way."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._world.faults.random.uniform(*_HEARD_LATE_S)):
                await self._hurries.wait()
        return await order()

    async def hear_all(self) -> None:
        """Wait until nothing is on its way here any more."""
        self._hurries.set()
        await asyncio.gather(*self.process.tasks, return_exceptions=True)

    def _manner(self, _order: Order) -> Manner:
        chance = self._world.faults.random
        return Manner(
            arrives=not self.befalls("supplier_unreached", 0.1),
            is_willing=not self.befalls("supplier_refuses", 0.2),
            answers=not self.befalls("supplier_commits_silently", 0.25),
            invisible_ms=chance.choice((5_000, 40_000)) if self.befalls("supplier_hides", 0.2) else 0,
            pending_ms=chance.choice((500, 5_000, 60_000)) if self.befalls("supplier_slow", 0.2) else 0,
            takes_ms=chance.choice((20, 200, 3_000)),
        )

    def _question(self, _order: Order) -> Manner:
        return Manner(answers=not self.befalls("supplier_untold", 0.2))


class _Line:
    """SupplierLine: what leaves by it goes on without whoever sent it."""

    def __init__(self, supplier: SimulatedSupplier, line: SupplierLine) -> None:
        self.abilities = line.abilities
        self._supplier = supplier
        self._line = line

    async def order(self, order: Order) -> Told:
        """See SupplierLine."""
        if self._supplier.befalls("supplier_loses_order", 0.1):
            return await self._silence()
        if self._supplier.befalls("supplier_hears_late", 0.1):
            self._supplier.process.start(self._supplier.heard_late(lambda: self._line.order(order)))
            return await self._silence()
        return await self._travel(self._line.order(order))

    async def look_up(self, order: Order, order_nos: Sequence[str]) -> Told:
        """See SupplierLine."""
        return await self._travel(self._line.look_up(order, order_nos))

    async def reverse(self, order: Order, order_nos: Sequence[str]) -> Told:
        """See SupplierLine."""
        return await self._travel(self._line.reverse(order, order_nos))

    async def balance(self) -> Money:
        """See SupplierLine."""
        return await self._travel(self._line.balance())

    async def products(self) -> Sequence[Product]:
        """See SupplierLine."""
        return await self._travel(self._line.products())

    async def statement(self, from_ms: int, to_ms: int) -> Sequence[StatementRow]:
        """See SupplierLine."""
        return await self._travel(self._line.statement(from_ms, to_ms))

    async def close(self) -> None:
        """See SupplierLine."""

    async def _silence(self) -> Told:
        await asyncio.sleep(ANSWER_MS / 1_000)
        return Told(Silent("time-out"))

    async def _travel(self, work: Coroutine[Any, Any, _T]) -> _T:
        return await asyncio.shield(self._supplier.process.start(work))
