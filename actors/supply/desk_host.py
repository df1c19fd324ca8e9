"""One supplier's desk in one process: its store lines, its vault, its line to the supplier.

Starts by itself: opens its ledger as soon as store and book let it, and ends when another copy has taken it over.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from time import time
from typing import NamedTuple

from prometheus_client import ProcessCollector, generate_latest

from actors.adapters.key_ring import KeyRingFile
from actors.adapters.local_vault import LocalVault
from actors.adapters.redis_store import RedisStore
from actors.adapters.supplier_book import RedisSupplierBook
from actors.adapters.system_clock import SystemClock
from actors.settings import Settings
from actors.supply.counter import LineTo
from actors.supply.desk import Doors, SupplierDesk
from actors.supply.desk_metrics import DeskMetrics
from actors.supply.pages import AttemptPage, DeskView, Page, Report, Wanted
from actors.supply.ports import Bought, DeskState, Shelver
from engine.errors import CardkeepError, InvariantBroken, PoolClosed
from engine.names import PoolName, SupplierName
from engine.ports import Clock, Vault
from engine.supply.attempts import Attempt, AttemptId, Finding, Resolved
from engine.supply.differences import Noted
from engine.supply.ports import Good, StatementRow, Told

#: Between two tries to open a desk: the store is away, or staff have not said all that its line needs.
open_again_s = 1.0

_log = logging.getLogger(__name__)


class Outfit(NamedTuple):
    """What a desk's process is made with besides the store: lines, a shelver, and what the shelver needs to run."""

    line_to: LineTo
    shelver: Shelver
    run: Callable[[], Awaitable[None]]
    close: Callable[[], Awaitable[None]]


OutfitFor = Callable[[Settings, RedisStore, Vault, Clock], Outfit]
"""Makes an outfit in the process that needs it."""

Fold = Callable[[PoolName], Awaitable[int | None]]
"""Asks the archivist to fold a ledger; returns the moment before which all that is over is archived."""


class DeskHost:
    """One copy of a desk. `on_replaced` is called when a later one has claimed its ledger, or its journal is broken."""

    def __init__(
        self,
        settings: Settings,
        name: SupplierName,
        outfit_for: OutfitFor,
        *,
        fold: Fold,
        on_replaced: Callable[[], None],
    ) -> None:
        clock, url = SystemClock(), settings.store_url.get_secret_value()
        self._name = name
        self._on_replaced = on_replaced
        self._journal, self._lookups = RedisStore(url), RedisStore(url)
        vault = LocalVault(KeyRingFile(settings.keys_folder))
        self._outfit = outfit_for(settings, self._lookups, vault, clock)
        self._metrics = DeskMetrics(name.supplier)
        ProcessCollector(registry=self._metrics.registry)
        doors = Doors(
            *(self._journal, self._lookups, self._lookups, RedisSupplierBook(self._lookups.line), vault, clock),
            shelver=self._outfit.shelver,
            line_to=self._outfit.line_to,
            fold=fold,
        )
        self._desk = SupplierDesk(name, doors, self._metrics)
        self._is_open = False

    async def run(self) -> None:
        """Open the desk and keep it, until cancelled or replaced."""
        shelving = asyncio.ensure_future(self._outfit.run())
        try:
            await self._open()
            self._is_open = True
            _log.info("desk_open supplier=%s", self._name)
            await self._desk.run()
            self._on_replaced()
        finally:
            shelving.cancel()

    async def stop(self) -> None:
        """Hang up. What is under way stays open in the ledger, and the next copy settles it."""
        if self._is_open:
            self._is_open = False
            await self._desk.close()
        await self._outfit.close()
        await self._journal.close()
        await self._lookups.close()

    async def buy(self, attempt: Attempt, product: str, account: str = "") -> Bought:
        """See SupplierDesk.buy."""
        bought = await self._opened.buy(attempt, product, account)
        return bought._replace(known_at_s=time())

    async def state(self) -> DeskState:
        """See SupplierDesk.state."""
        return self._opened.state()

    async def view(self) -> DeskView:
        """See SupplierDesk.view."""
        return self._opened.view()

    async def attempts(self, wanted: Wanted, page: Page) -> AttemptPage:
        """See SupplierDesk.attempts."""
        return self._opened.attempts(wanted, page)

    async def differences(self) -> Sequence[Noted]:
        """See SupplierDesk.differences."""
        return self._opened.differences()

    async def settle(self, attempt: AttemptId, finding: Finding, who: str, note: str, goods: Sequence[Good]) -> Bought:
        """See SupplierDesk.settle."""
        return await self._opened.settle(attempt, finding, who, note=note, goods=goods)

    async def hear(self, attempt: AttemptId, told: Told) -> Bought:
        """See SupplierDesk.hear."""
        return await self._opened.hear(attempt, told)

    async def reverse(self, attempt: AttemptId, who: str) -> Bought:
        """See SupplierDesk.reverse."""
        return await self._opened.reverse(attempt, who)

    async def resolve(self, resolved: Resolved) -> bool:
        """See SupplierDesk.resolve."""
        return await self._opened.resolve(resolved)

    async def reconcile(self, from_ms: int, to_ms: int, rows: Sequence[StatementRow] | None) -> Report:
        """See SupplierDesk.reconcile."""
        return await self._opened.reconcile(from_ms, to_ms, rows)

    async def metrics(self) -> bytes:
        """The process's metrics in the Prometheus text form."""
        if self._is_open:
            self._desk.count()
        return generate_latest(self._metrics.registry)

    @property
    def _opened(self) -> SupplierDesk:
        if not self._is_open:
            raise PoolClosed(f"the desk of {self._name} is not open yet")
        return self._desk

    async def _open(self) -> None:
        while True:
            try:
                await self._desk.open()
            except InvariantBroken:
                # Its journal is kept for a person to read; to claim it again and again would help nobody.
                _log.exception("desk_cannot_open supplier=%s", self._name)
                await asyncio.Event().wait()
            except CardkeepError as failure:
                _log.warning("desk_not_open supplier=%s cause=%s", self._name, failure)
            else:
                return
            await asyncio.sleep(open_again_s)
