"""Ray and whom it keeps alive, with the stewards who decide who that is: a process of its own.

Ray's driver may end with Ray, and then so does this process; the house's own, which keeps port and store, starts it
again (actors/household_process.py). What is lost are processes: what they acknowledged is in the store. Where Ray
runs beside us, and on other machines, the actors there go on, and are found again by name.
"""

import asyncio
import logging
import os
import pickle
import shutil
import signal
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import uvloop

from actors.adapters.redis_registry import RedisRegistry
from actors.adapters.redis_store import RedisStore
from actors.adapters.supplier_book import RedisSupplierBook
from actors.logs import begin_logging
from actors.scrape import serve_metrics
from actors.settings import Settings
from actors.steward import Steward
from actors.store_facts import StoreFacts
from actors.supply.desk_steward import DeskSteward

_log = logging.getLogger(__name__)


class Orders(NamedTuple):
    """What the house tells the process on standard input, pickled. `ray` is where Ray runs; None: start it here."""

    settings: Settings
    facts: StoreFacts
    ray: str | None


class Household:
    """The one of this house."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._store = RedisStore(orders.settings.store_url.get_secret_value())
        self._registry = RedisRegistry(self._store.line)
        self._cluster: Any = None
        self._stewarding: list[asyncio.Task[None]] = []
        self._stop_metrics: Callable[[], None] | None = None

    async def begin(self, on_ray: Callable[[], None]) -> int:
        """Start everybody; returns the port that calls are taken on. `on_ray` is called when Ray has started."""
        self._cluster = cluster = self._started()
        on_ray()
        await cluster.meet()
        await cluster.start_archivist()
        steward = Steward(self._registry, cluster.ensure_owner, cluster.roster)
        book = RedisSupplierBook(self._store.line)
        buying = DeskSteward(book, cluster.ensure_supplier, cluster.ensure_refills)
        self._go_on(steward.run(), buying.run())
        port: int = await cluster.open_doors()
        self._go_on(cluster.keep_understudies(), cluster.keep_doors())
        self._stop_metrics = serve_metrics(cluster.metrics, "127.0.0.1", self._orders.settings.metrics_port)
        return port

    async def ended(self) -> None:
        """Until Ray has ended."""
        await self._cluster.ended()

    async def end(self) -> None:
        """Let everybody finish what is under way."""
        if self._stop_metrics is not None:
            await asyncio.to_thread(self._stop_metrics)
        for stewarding in self._stewarding:
            stewarding.cancel()
        if self._cluster is not None:
            await self._cluster.stop()
        await self._store.close()

    def _started(self) -> Any:
        from actors.cluster import Cluster  # noqa: PLC0415 - it imports Ray, which reads its environment then

        settings, facts, address = self._orders
        cluster = Cluster(settings, facts, self._registry)
        if address is None:
            shutil.rmtree(settings.ray_folder, ignore_errors=True)
            cluster.start(settings.ray_folder)
        else:
            cluster.join(address)
        return cluster

    def _go_on(self, *chores: Any) -> None:
        self._stewarding += [asyncio.get_running_loop().create_task(chore) for chore in chores]


async def run(orders: Orders) -> int:
    """Begin, say so on standard output with the port, and end when told to, or when Ray has ended: exit code 1."""
    ended = asyncio.Event()
    household = Household(orders)
    loop = asyncio.get_running_loop()
    starting = loop.create_task(household.begin(lambda: _end_on_signal(ended)))
    _end_on_signal(ended)
    ending = loop.create_task(ended.wait())
    await asyncio.wait((starting, ending), return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        sys.stdout.write(f"{starting.result()}\n")
        sys.stdout.flush()
        ray_ending = loop.create_task(household.ended())
        await asyncio.wait((ray_ending, ending), return_when=asyncio.FIRST_COMPLETED)
        if ray_ending.done():
            ray_ending.result()
            _log.error("ray_ended")
            return 1
    starting.cancel()
    await household.end()
    return 0


def _end_on_signal(ended: asyncio.Event) -> None:
    """Ray puts handlers of its own in place of these when it starts."""
    loop = asyncio.get_running_loop()
    loop.remove_signal_handler(signal.SIGTERM)
    loop.add_signal_handler(signal.SIGTERM, ended.set)


def main() -> None:
    """The process."""
    orders: Orders = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started us
    begin_logging(orders.settings, "household")
    try:
        code = uvloop.run(run(orders))
    except Exception:  # noqa: BLE001 - whatever it is, the log must have it, since standard error is the house's
        _log.exception("household_failed")
        code = 1
    os._exit(code)  # Ray's own way out would wait for a Ray that has ended.


if __name__ == "__main__":
    main()
