"""The archivist in a process of its own: its lines to the store, its historian, its metrics."""

import asyncio

from prometheus_client import CollectorRegistry, generate_latest

from actors.adapters.redis_registry import RedisRegistry
from actors.adapters.redis_store import RedisStore
from actors.adapters.system_clock import SystemClock
from actors.archivist import Archivist
from actors.history.historian import Historian
from actors.metrics import HistoryMetrics
from actors.settings import Settings
from actors.store_facts import is_reachable
from actors.supply.ledger_archivist import LedgerArchivist

#: How often history that is too old is looked for: it is kept for days.
_RETIRE_EVERY_S = 24 * 3_600.0


class ArchivistHost:
    """What the archivist's actor holds; `archivist` folds pools, `ledgers` the ledgers of suppliers."""

    def __init__(self, settings: Settings) -> None:
        url = settings.store_url.get_secret_value()
        self._journal = RedisStore(url)
        self._lookups = RedisStore(url)
        self._registry = RedisRegistry(self._lookups.line)
        self._metrics = HistoryMetrics(CollectorRegistry())
        self._historian: Historian | None = None
        if settings.history == "on":
            self._historian = Historian(settings.history_folder, settings.history_keep_days, self._metrics)
        self.archivist = Archivist(self._journal, self._lookups, self._historian)
        self.ledgers = LedgerArchivist(self._journal, self._lookups)

    async def retire_daily(self) -> None:
        """Remove history that is too old, once a day, until cancelled."""
        while self._historian is not None:
            await self._historian.retire(SystemClock().now_ms())
            await asyncio.sleep(_RETIRE_EVERY_S)

    async def metrics(self) -> bytes:
        """The process's metrics in the Prometheus text form."""
        self._metrics.reached_store(is_reachable=await is_reachable(self._registry))
        return generate_latest(self._metrics.registry)

    async def close(self) -> None:
        """Hang up."""
        await self._journal.close()
        await self._lookups.close()
