"""One front end in one process: its lines to owners and store, its vault, its gRPC server."""

import asyncio
import socket
from functools import partial

from prometheus_client import CollectorRegistry, generate_latest

from actors.adapters.key_ring import KeyRingFile
from actors.adapters.local_vault import LocalVault
from actors.adapters.redis_registry import RedisRegistry
from actors.adapters.redis_store import RedisStore
from actors.adapters.supplier_book import RedisSupplierBook
from actors.adapters.system_clock import SystemClock
from actors.dispatch import Dispatch
from actors.front.allocation import AllocationServicer
from actors.front.clustering import ClusterServicer
from actors.front.doors import Door
from actors.front.inventory import InventoryServicer
from actors.front.operations import OperationsServicer
from actors.front.pricing import PricingServicer
from actors.front.reception import Reception
from actors.front.reports import ReportsServicer
from actors.front.sealing import Sealing
from actors.front.server import FrontServer, Services
from actors.front.supply import Buyers, SupplyServicer
from actors.history.reporting import Makes, Reporting, place_of
from actors.metrics import FrontMetrics
from actors.owner_host import Home
from actors.roads import roads
from actors.settings import Settings
from actors.store_facts import StoreFacts, is_reachable
from engine.ports import Clock


class FrontHost:
    """One front end. `facts` is what start-up found out about the store; `home` is the owner in this process.

    `buyers` lead to the suppliers' desks and to the refills, wherever they are; `reports` to whoever makes these, where
    history is on another machine.
    """

    def __init__(
        self,
        settings: Settings,
        facts: StoreFacts,
        buyers: Buyers,
        *,
        clock: Clock | None = None,
        home: Home | None = None,
        reports: Makes | None = None,
    ) -> None:
        self._settings = settings
        self._store = RedisStore(settings.store_url.get_secret_value())
        self._registry = RedisRegistry(self._store.line)
        self._metrics = (
            FrontMetrics(CollectorRegistry()) if home is None else FrontMetrics(home.metrics.registry, home.metrics)
        )
        clock = clock or SystemClock()
        line = None if home is None else home.line
        token, connect = settings.token.get_secret_value(), roads(settings).connect
        self._dispatch = Dispatch(self._registry, clock, token, connect=connect, home=line)
        self._sealing = Sealing(settings.keys_folder)
        self._reporting = reports or Reporting(place_of(settings))
        self._reception = Reception(
            self._dispatch,
            registry=self._registry,
            cards=self._store,
            vault=LocalVault(KeyRingFile(settings.keys_folder)),
            sealing=self._sealing,
            clock=clock,
            metrics=self._metrics,
        )
        reception = self._reception
        services = Services(
            AllocationServicer(reception),
            InventoryServicer(reception),
            operations := OperationsServicer(reception, facts, partial(is_reachable, self._registry), settings.doors),
            ClusterServicer(operations, facts.head),
            PricingServicer(reception),
            ReportsServicer(reception, self._reporting),
            SupplyServicer(reception, RedisSupplierBook(self._store.line), buyers),
        )
        self._server = FrontServer(services, door=Door(settings.front_door), with_reflection=settings.reflection)
        self._watching: asyncio.Task[None] | None = None

    async def start(self, listening: socket.socket | None = None) -> int:
        """Serve, on a port of our own or on a socket that somebody listens on already; returns the port."""
        self._watching = asyncio.get_running_loop().create_task(self._dispatch.watch())
        return await self._server.start(self._settings.host, self._settings.port, listening)

    async def drain(self) -> None:
        """Stop gracefully."""
        await self._server.drain()
        if self._watching is not None:
            self._watching.cancel()
        await self._sealing.close()
        await self._reporting.close()
        await self._store.close()

    async def metrics(self) -> bytes:
        """The process's metrics in the Prometheus text form."""
        self._metrics.reached_store(is_reachable=await is_reachable(self._registry))
        self.count_depth()
        return generate_latest(self._metrics.registry)

    def count_depth(self) -> None:
        """Let the metrics know how much is going on."""
        self._metrics.depth(self._reception.calls_under_way, self._dispatch.waiting)
