"""The main house: keeps the store, the key ring and the port, and beside it the household with Ray and everybody.

Alone on its machine, or the head of a cluster of machines, whose others each have an annex (annex.py). Everything it
starts on its machine ends with it, however it ends; what must survive is in the data folder.
"""

import asyncio
import logging
import shutil
import socket

from pydantic import SecretStr

from actors.adapters.key_ring import KeyRingFile
from actors.adapters.redis_registry import RedisRegistry
from actors.adapters.redis_settings import Durability, fields_of
from actors.adapters.redis_store import RedisStore
from actors.adapters.system_clock import SystemClock
from actors.cluster_file import ClusterFile
from actors.doorstep import Doorstep
from actors.front.http2.port import shared_port
from actors.household_process import HouseholdProcess
from actors.run_file import RunFile
from actors.settings import Settings
from actors.store_facts import StoreFacts
from actors.store_keeper import StoreKeeper

_log = logging.getLogger(__name__)


class MainHouse:
    """One, from start to stop. `cluster_file` is there where it is the head of several machines."""

    def __init__(self, settings: Settings, cluster_file: ClusterFile | None = None) -> None:
        self._settings = settings
        self._cluster_file = cluster_file
        self._run = RunFile(settings.data)
        self._store = StoreKeeper(settings, cluster_file)
        self._line: RedisStore | None = None
        self._household: HouseholdProcess | None = None
        self._port: socket.socket | None = None
        self._doorstep: Doorstep | None = None

    async def start(self) -> None:
        """Bring everything up, saying in run.json what is being done.

        Raises CardkeepError, and OSError for a port that is taken.
        """
        say = self._run.say
        say(step="starting the store")
        url = await self._store.start()
        settings = self._settings.model_copy(update={"store_url": SecretStr(url)})
        store = self._line = RedisStore(url)
        facts = await self._facts(store)
        say(step="reading the key ring")
        pools = await RedisRegistry(store.line).pools()
        KeyRingFile(settings.keys_folder).create_if_missing(may_create=not pools, now_ms=SystemClock().now_ms())
        settings = self._take_port(settings)
        say(step="starting Ray and opening the front ends")
        self._household = HouseholdProcess(settings, facts, self._cluster_file)
        port = await self._household.begin()
        self._say_ready(port, facts)
        _log.info("house_ready port=%d", port)

    async def ended(self) -> None:
        """Never by itself."""
        await asyncio.Event().wait()

    async def stop(self) -> None:
        """Take everything down in the order that loses nothing."""
        self._run.say(state="stopping", step="draining the front ends")
        if self._doorstep is not None:
            self._doorstep.close()
        if self._household is not None:
            await self._household.end()
        if self._line is not None:
            await self._line.close()
        if self._port is not None:
            self._port.close()
        self._run.say(step="stopping the store")
        await self._store.stop()
        # Who was killed has left its sockets, which some programs that read whole folders cannot bear.
        shutil.rmtree(self._settings.run_folder, ignore_errors=True)
        self._run.say(state="stopped", step="")

    def _say_ready(self, port: int, facts: StoreFacts) -> None:
        self._run.say(
            state="ready",
            step="",
            machine=self._settings.machine,
            grpc=f"{self._settings.host}:{port}",
            metrics=f"http://127.0.0.1:{self._settings.metrics_port}/metrics",
            store=facts.kind,
            server=facts.server,
            durability=facts.durability,
        )

    def _take_port(self, settings: Settings) -> Settings:
        """Who takes calls shares the port; an owner that comes back must find the one it had."""
        self._port = shared_port(settings.host, settings.port)
        settings = settings.model_copy(update={"port": self._port.getsockname()[1]})
        self._doorstep = Doorstep(self._port, settings.doorstep)
        self._doorstep.open()
        return settings

    async def _facts(self, store: RedisStore) -> StoreFacts:
        """What the store is. Raises WeakStore when it could lose acknowledged work, unless that is accepted."""
        durability = Durability.ALWAYS if self._settings.durability == "strict" else Durability.WEAK
        return StoreFacts(
            self._store.kind, await _server_version(store), await store.open(durability), self._settings.machine
        )


async def _server_version(store: RedisStore) -> str:
    (described,) = await store.line.ask([("INFO", "server")])
    fields = fields_of(described.decode())
    if "valkey_version" in fields:
        return f"valkey {fields['valkey_version']}"
    return f"redis {fields['redis_version']}"
