"""Suppliers' desks in the test's own process: real ledgers in the real store, real lines, real shelves."""

import asyncio
from collections.abc import Mapping, Sequence

from actors.adapters.key_ring import KeyRingFile
from actors.adapters.local_vault import LocalVault
from actors.adapters.redis_registry import RedisRegistry
from actors.adapters.redis_store import RedisStore
from actors.adapters.supplier_book import RedisSupplierBook
from actors.dispatch import Dispatch
from actors.front.supply import Buyers
from actors.settings import Settings
from actors.suppliers.protocols import line_to
from actors.supply.desk import Doors, SupplierDesk
from actors.supply.ledger_archivist import LedgerArchivist
from actors.supply.market import Market
from actors.supply.pages import AttemptPage, DeskView, Page, Report, Wanted
from actors.supply.ports import Bought, DeskState
from actors.supply.recharger import Recharged, Recharger
from actors.supply.shelving import PoolShelver
from engine.names import PoolName, SupplierName
from engine.ports import Clock
from engine.pricing.rates import Rates
from engine.supply.attempts import Attempt, AttemptId, Finding, Resolved
from engine.supply.coming import Coming
from engine.supply.differences import Noted
from engine.supply.ports import Good, StatementRow, SupplierBook
from engine.supply.recharging import Recharge
from engine.supply.suppliers import Sourcing


class LocalDesks:
    """Desks and StaffDesks. A desk opens when it is first asked for; `close` ends them all."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._store = RedisStore(settings.store_url.get_secret_value())
        self._dispatch = Dispatch(RedisRegistry(self._store.line), clock, settings.token.get_secret_value())
        vault = LocalVault(KeyRingFile(settings.keys_folder))
        self._doors = Doors(
            journal=self._store,
            archive=self._store,
            stash=self._store,
            book=RedisSupplierBook(self._store.line),
            vault=vault,
            clock=clock,
            shelver=PoolShelver(self._dispatch, self._store, vault),
            line_to=line_to,
            fold=LedgerArchivist(self._store, self._store).fold,
        )
        book = self._doors.book
        self.buyers = Buyers(self, LocalRecharges(self, self._store, book, clock))
        self._desks: dict[SupplierName, asyncio.Task[SupplierDesk]] = {}
        self._running: list[asyncio.Task[None]] = []

    async def desk(self, supplier: SupplierName) -> SupplierDesk:
        """The desk itself."""
        if supplier not in self._desks:
            self._desks[supplier] = asyncio.ensure_future(self._opened(supplier))
        return await self._desks[supplier]

    async def close(self) -> None:
        """Stop them."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        for opening in self._desks.values():
            await (await opening).close()
        await self._dispatch.close()
        await self._store.close()

    async def buy(self, supplier: SupplierName, attempt: Attempt, product: str, account: str) -> Bought:
        """See Desks."""
        return await (await self.desk(supplier)).buy(attempt, product, account)

    async def state(self, supplier: SupplierName) -> DeskState:
        """See Desks."""
        return (await self.desk(supplier)).state()

    async def view(self, supplier: SupplierName) -> DeskView:
        """See StaffDesks."""
        return (await self.desk(supplier)).view()

    async def attempts(self, supplier: SupplierName, wanted: Wanted, page: Page) -> AttemptPage:
        """See StaffDesks."""
        return (await self.desk(supplier)).attempts(wanted, page)

    async def differences(self, supplier: SupplierName) -> Sequence[Noted]:
        """See StaffDesks."""
        return (await self.desk(supplier)).differences()

    async def settle(
        self,
        supplier: SupplierName,
        attempt: AttemptId,
        finding: Finding,
        who: str,
        *,
        note: str,
        goods: Sequence[Good],
    ) -> Bought:
        """See StaffDesks."""
        return await (await self.desk(supplier)).settle(attempt, finding, who, note=note, goods=goods)

    async def resolve(self, supplier: SupplierName, resolved: Resolved) -> bool:
        """See StaffDesks."""
        return await (await self.desk(supplier)).resolve(resolved)

    async def reconcile(
        self, supplier: SupplierName, from_ms: int, to_ms: int, rows: Sequence[StatementRow] | None
    ) -> Report:
        """See StaffDesks."""
        return await (await self.desk(supplier)).reconcile(from_ms, to_ms, rows)

    async def _opened(self, supplier: SupplierName) -> SupplierDesk:
        desk = SupplierDesk(supplier, self._doors)
        await desk.open()
        self._running.append(asyncio.ensure_future(desk.run()))
        return desk


class LocalRecharges:
    """Recharges by a recharger that reads the book each time it is asked."""

    def __init__(self, desks: LocalDesks, store: RedisStore, book: SupplierBook, clock: Clock) -> None:
        self._book = book
        self._sourcings: Mapping[PoolName, Sourcing] = {}
        self._market = Market(desks, Coming(), clock, Rates())
        self._recharger = Recharger(desks, store, clock, market=self._market, sourcing_of=self._sourcing_of)

    async def recharge(self, order: Recharge) -> Recharged:
        """See Recharges."""
        await self._read()
        return await self._recharger.recharge(order)

    async def give_up(self, order: Recharge) -> Recharged:
        """See Recharges."""
        await self._read()
        return await self._recharger.give_up(order)

    def _sourcing_of(self, pool: PoolName) -> Sourcing | None:
        return self._sourcings.get(pool)

    async def _read(self) -> None:
        self._sourcings = await self._book.sourcings()
        self._market.set_book(await self._book.suppliers())
