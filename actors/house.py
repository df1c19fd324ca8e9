"""The house on one machine: store, key ring, Ray, steward, front ends, metrics, from one process.

`python -m actors.house` runs it in the foreground with the settings of the environment. Everything it
starts ends with it, however it ends; what must survive is in the data folder. What it is doing, and
where it can be reached, stands in `<data>/run.json` for `cardkeep up`, `down` and `doctor`.
"""

import asyncio
import json
import logging
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop
from pydantic import SecretStr

from actors.adapters.embedded_store import EmbeddedStore
from actors.adapters.key_ring import KeyRingFile
from actors.adapters.redis_registry import RedisRegistry
from actors.adapters.redis_settings import Durability
from actors.adapters.redis_store import RedisStore
from actors.adapters.supplier_book import RedisSupplierBook
from actors.adapters.system_clock import SystemClock
from actors.doorstep import Doorstep
from actors.front.http2.port import shared_port
from actors.logs import begin_logging
from actors.scrape import serve_metrics
from actors.settings import Settings
from actors.steward import Steward
from actors.store_facts import StoreFacts
from actors.supply.desk_steward import DeskSteward
from engine.errors import CardkeepError

#: Between two looks at whether the embedded store still runs.
_LOOK_AT_STORE_EVERY_S = 0.5

#: Modules that every process of Ray's reads as it starts, so that one that stands ready can become any actor.
_READ_BEFORE_NEEDED = (
    "actors.cluster.house_actors",
    "actors.owner_host",
    "actors.supply.desk_host",
    "actors.supply.refill_host",
    "actors.suppliers.protocols",
)

_log = logging.getLogger(__name__)


class StartGivenUp(Exception):
    """Somebody wanted us to end before we had started."""


class House:
    """One machine's Cardkeep, from start to stop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store: EmbeddedStore | None = None
        self._cluster: Any = None
        self._registry_store: RedisStore | None = None
        self._stewarding: list[asyncio.Task[None]] = []
        self._keeping: asyncio.Task[None] | None = None
        self._stop_metrics: Callable[[], None] | None = None
        self._port: socket.socket | None = None
        self._doorstep: Doorstep | None = None

    async def start(self, on_ray: Callable[[], None]) -> None:
        """Bring everything up, saying in run.json what is being done.

        `on_ray` is called when Ray has started, because it puts signal handlers of its own in place of ours.
        Raises StartGivenUp when these were told to end.
        """
        settings = self._settings
        self._say(step="starting the store")
        url = await self._start_store()
        settings = settings.model_copy(update={"store_url": SecretStr(url)})
        self._registry_store = RedisStore(url)
        registry = RedisRegistry(self._registry_store.line)
        durability = Durability.ALWAYS if settings.durability == "strict" else Durability.WEAK
        facts = StoreFacts(
            "external" if self._store is None else "embedded",
            await self._server_version(),
            await self._registry_store.open(durability),
        )
        if self._store is not None:
            self._keeping = asyncio.get_running_loop().create_task(self._keep_store())
        self._say(step="reading the key ring")
        KeyRingFile(settings.keys_folder).create_if_missing(
            may_create=not await registry.pools(), now_ms=SystemClock().now_ms()
        )
        settings = self._take_port(settings)
        self._say(step="starting Ray")
        try:
            self._cluster = _cluster(settings, facts)
        except SystemExit as told:
            raise StartGivenUp from told
        on_ray()
        await self._cluster.start_archivist()
        steward = Steward(registry, self._cluster.ensure_owner, settings.actors_max)
        buying = DeskSteward(
            RedisSupplierBook(self._registry_store.line), self._cluster.ensure_supplier, self._cluster.ensure_refills
        )
        self._stewarding = [asyncio.get_running_loop().create_task(each.run()) for each in (steward, buying)]
        self._say(step="opening the front ends")
        port = await self._cluster.open_doors()
        self._stewarding.append(asyncio.get_running_loop().create_task(self._cluster.keep_understudies()))
        self._stop_metrics = serve_metrics(self._cluster.metrics, "127.0.0.1", settings.metrics_port)
        self._say_ready(port, facts)
        _log.info("house_ready port=%d", port)

    async def stop(self) -> None:
        """Take everything down in the order that loses nothing."""
        self._say(state="stopping", step="draining the front ends")
        if self._stop_metrics is not None:
            await asyncio.to_thread(self._stop_metrics)
        for stewarding in self._stewarding:
            stewarding.cancel()
        if self._doorstep is not None:
            self._doorstep.close()
        if self._cluster is not None:
            await self._cluster.stop()
        if self._registry_store is not None:
            await self._registry_store.close()
        if self._keeping is not None:
            self._keeping.cancel()
        if self._port is not None:
            self._port.close()
        self._say(step="stopping the store")
        if self._store is not None:
            await self._store.stop()
        self._say(state="stopped", step="")

    def _say_ready(self, port: int, facts: StoreFacts) -> None:
        self._say(
            state="ready",
            step="",
            grpc=f"{self._settings.host}:{port}",
            metrics=f"http://127.0.0.1:{self._settings.metrics_port}/metrics",
            store=facts.kind,
            server=facts.server,
            durability=facts.durability,
        )

    def fail(self, why: str) -> None:
        """Leave word of why the start did not work."""
        self._say(state="failed", step=why)

    def _take_port(self, settings: Settings) -> Settings:
        """Who takes calls shares the port; an owner that comes back must find the one it had."""
        self._port = shared_port(settings.host, settings.port)
        settings = settings.model_copy(update={"port": self._port.getsockname()[1]})
        if settings.has_doorstep:
            self._doorstep = Doorstep(self._port, settings.doorstep)
            self._doorstep.open()
        return settings

    async def _start_store(self) -> str:
        url = self._settings.store_url.get_secret_value()
        if url:
            return url
        binary = Path(self._settings.store_binary) if self._settings.store_binary else None
        self._store = EmbeddedStore(self._settings.data / "store", binary=binary)
        await self._store.start()
        return self._store.url

    async def _keep_store(self) -> None:
        """Start the embedded store again whenever it has ended: owners wait for it, and find all they were told."""
        while True:
            await asyncio.sleep(_LOOK_AT_STORE_EVERY_S)
            if self._store is not None and self._store.has_ended:
                _log.error("store_ended_and_is_started_again")
                try:
                    await self._store.start()
                except (CardkeepError, OSError):
                    # A full disk, say: once there is room again, the next try will do.
                    _log.exception("store_start_failed")

    async def _server_version(self) -> str:
        assert self._registry_store is not None
        (described,) = await self._registry_store.line.ask([("INFO", "server")])
        text = described if isinstance(described, str) else described.decode()
        fields = dict(row.split(":", 1) for row in text.splitlines() if ":" in row)
        if "valkey_version" in fields:
            return f"valkey {fields['valkey_version']}"
        return f"redis {fields['redis_version']}"

    def _say(self, **news: Any) -> None:
        path = self._settings.data / "run.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        known = json.loads(path.read_text()) if path.exists() and "pid" not in news else {}
        if known.get("pid") != os.getpid():
            known = {"pid": os.getpid(), "state": "starting"}
        part = path.with_suffix(".part")
        part.write_text(json.dumps({**known, **news}, indent=1))
        part.replace(path)


def _cluster(settings: Settings, facts: StoreFacts) -> Any:
    """Ray, started. It reads its environment once, when it is first imported; so that comes first."""
    os.environ.update(
        RAY_AUTH_MODE="token",
        RAY_AUTH_TOKEN=settings.token.get_secret_value(),
        RAY_worker_niceness="0",
        RAY_memory_monitor_refresh_ms="0",
        RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0",
        RAY_USAGE_STATS_ENABLED="0",
        # A call to an actor that died is told so at once: by default Ray waits up to two seconds for the cause.
        RAY_timeout_ms_task_wait_for_death_info="0",
        # What processes that stand ready have read (actors/cluster/understudies.py), and that Ray keeps them: beyond
        # its soft limit of processes it ends idle ones after a second.
        RAY_preload_python_modules=",".join(_READ_BEFORE_NEEDED),
        RAY_num_workers_soft_limit="1000",
    )
    from actors.cluster import Cluster  # noqa: PLC0415 - see above

    shutil.rmtree(settings.ray_folder, ignore_errors=True)
    cluster = Cluster(settings, facts)
    cluster.start(settings.ray_folder)
    return cluster


async def run(settings: Settings) -> int:
    """Start, serve until SIGTERM or SIGINT, stop. Returns the exit code."""
    house = House(settings)
    ended = asyncio.Event()
    _end_on_signals(ended)
    loop = asyncio.get_running_loop()
    starting = loop.create_task(house.start(lambda: _end_on_signals(ended)))
    ending = loop.create_task(ended.wait())
    await asyncio.wait((starting, ending), return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
    try:
        await starting
        await ending
    except (StartGivenUp, asyncio.CancelledError):
        _log.info("house_start_given_up")
    except CardkeepError as failure:
        _log.exception("house_start_failed")
        await house.stop()
        house.fail(str(failure))
        sys.stderr.write(f"cardkeep cannot start: {failure}\n")
        return 1
    await house.stop()
    return 0


def _end_on_signals(ended: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(number)
        loop.add_signal_handler(number, ended.set)


def main() -> int:
    """The process."""
    settings = Settings().completed()
    settings.data.mkdir(parents=True, exist_ok=True)
    begin_logging(settings, "house")
    return uvloop.run(run(settings))


if __name__ == "__main__":
    sys.exit(main())
