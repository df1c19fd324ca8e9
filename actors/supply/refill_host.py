"""One refill in one process: its line to owners, the book that it follows, its metrics.

Starts by itself and needs nobody to tell it what to watch: its SKUs are those of its group that the book says how to
buy. What it had under way when it ended, desks bring to its end; started anew, it asks them what is open.
"""

import asyncio
import logging
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from actors.adapters.redis_registry import RedisRegistry
from actors.adapters.redis_store import RedisStore
from actors.adapters.supplier_book import RedisSupplierBook
from actors.adapters.system_clock import SystemClock
from actors.dispatch import Dispatch
from actors.roads import roads
from actors.settings import Settings
from actors.supply.ports import Desks
from actors.supply.recharger import Recharged, Recharger
from actors.supply.refill import Refill
from actors.supply.refill_metrics import RefillMetrics
from engine.errors import CardkeepError
from engine.names import PoolName
from engine.placing import refill_group
from engine.ports import Clock
from engine.pricing.rates import Rates
from engine.supply.ports import SupplierBook
from engine.supply.recharging import Recharge
from engine.supply.suppliers import Sourcing

#: Between two questions whether the book has changed: how long staff wait for what they set.
read_book_every_s = 1.0

_log = logging.getLogger(__name__)


class RefillHost:
    """The refill of one group. `desks` lead to the suppliers' desks; `book` is the store's unless another is given."""

    def __init__(
        self,
        settings: Settings,
        group: int,
        desks: Desks,
        *,
        book: SupplierBook | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._groups = settings.refill_actors
        self._group = group
        self._version: int | None = None
        clock = clock or SystemClock()
        self._store = RedisStore(settings.store_url.get_secret_value())
        self._book = book or RedisSupplierBook(self._store.line)
        token = settings.token.get_secret_value()
        self._journal = RedisStore(settings.store_url.get_secret_value())
        self._sourcings: Mapping[PoolName, Sourcing] = {}
        self._dispatch = Dispatch(RedisRegistry(self._store.line), clock, token, connect=roads(settings).connect)
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._metrics = RefillMetrics(registry)
        self.refill = Refill(desks, self._dispatch.ask, clock, metrics=self._metrics, rates=Rates())
        market, sourcing_of = self.refill.market, self._sourcing_of
        self._recharger = Recharger(desks, self._journal, clock, market=market, sourcing_of=sourcing_of)

    async def run(self) -> None:
        """Follow the book and refill, until cancelled."""
        watching = asyncio.get_running_loop().create_task(self._dispatch.watch())
        following = asyncio.get_running_loop().create_task(self._follow_book())
        try:
            await self.refill.run()
        finally:
            watching.cancel()
            following.cancel()
            await asyncio.gather(watching, following, return_exceptions=True)

    async def nudge(self, pool: PoolName) -> bool:
        """Look at a shelf at once. False when it is not watched here."""
        return self.refill.nudge(pool)

    async def recharge(self, order: Recharge) -> Recharged:
        """See Recharger.recharge; any refill can be asked, whatever the order's SKU."""
        return await self._recharger.recharge(order)

    async def give_up(self, order: Recharge) -> Recharged:
        """See Recharger.give_up."""
        return await self._recharger.give_up(order)

    async def stop(self) -> None:
        """Hang up."""
        await self._dispatch.close()
        await self._journal.close()
        await self._store.close()

    async def metrics(self) -> bytes:
        """The process's metrics in the Prometheus text form."""
        return generate_latest(self._metrics.registry)

    def _sourcing_of(self, pool: PoolName) -> Sourcing | None:
        return self._sourcings.get(pool)

    async def _follow_book(self) -> None:
        while True:
            try:
                await self._read_book()
            except CardkeepError as away:
                _log.warning("book_unread cause=%s", away)
            except Exception:  # noqa: BLE001 - a top loop: a refill that stopped reading would buy by an old book
                _log.exception("book_read_failed")
            await asyncio.sleep(read_book_every_s)

    async def _read_book(self) -> None:
        """Follow the book when it changed. The version is read first: what changes meanwhile is read again."""
        version = await self._book.version()
        if version == self._version:
            return
        suppliers, sourcings = await self._book.suppliers(), await self._book.sourcings()
        self.refill.market.rates = Rates(await self._book.rates())
        mine = {
            pool: sourcing for pool, sourcing in sourcings.items() if refill_group(pool, self._groups) == self._group
        }
        self.refill.set_book(suppliers, mine)
        self._sourcings = sourcings
        self._version = version
