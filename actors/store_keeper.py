"""The house's store: embedded, kept running, and with a door to other machines of a cluster; or one elsewhere."""

import asyncio
import logging
import socket
import subprocess
from pathlib import Path

from actors.adapters.embedded_store import EmbeddedStore
from actors.cluster_file import ClusterFile
from actors.settings import Settings
from actors.store_door import open_store_door
from engine.errors import CardkeepError, StoreUnavailable

#: Between two looks at whether the embedded store still runs.
_LOOK_EVERY_S = 0.5

_log = logging.getLogger(__name__)


class StoreKeeper:
    """The one of this house."""

    def __init__(self, settings: Settings, cluster_file: ClusterFile | None) -> None:
        self._settings = settings
        self._cluster_file = cluster_file
        self._store: EmbeddedStore | None = None
        self._door_port: socket.socket | None = None
        self._door: subprocess.Popen[bytes] | None = None
        self._keeping: asyncio.Task[None] | None = None

    @property
    def kind(self) -> str:
        """Whose store it is."""
        return "external" if self._store is None else "embedded"

    async def start(self) -> str:
        """Start the store, if it is ours, and say where it is for this machine. Raises StoreUnavailable."""
        url = self._settings.store_url.get_secret_value()
        if url:
            return url
        if self._cluster_file is not None:
            self._door_port = _listening(self._settings.machine, self._cluster_file.store_port)
        binary = Path(self._settings.store_binary) if self._settings.store_binary else None
        store = self._store = EmbeddedStore(self._settings.data / "store", binary=binary)
        await store.start()
        self._open_door(store)
        self._keeping = asyncio.get_running_loop().create_task(self._keep(store))
        return store.url

    async def stop(self) -> None:
        """Let it close its files."""
        if self._keeping is not None:
            self._keeping.cancel()
        if self._door is not None:
            self._door.terminate()
            await asyncio.to_thread(self._door.wait)
        if self._door_port is not None:
            self._door_port.close()
        if self._store is not None:
            await self._store.stop()

    def _open_door(self, store: EmbeddedStore) -> None:
        if self._door_port is not None:
            self._door = open_store_door(self._door_port, store.socket, self._settings.certificates_folder)

    async def _keep(self, store: EmbeddedStore) -> None:
        """Start it again whenever it has ended: owners wait for it, and find all they were told."""
        is_down = False
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            try:
                if self._door is not None and self._door.poll() is not None:
                    _log.error("store_door_ended_and_is_opened_again")
                    self._open_door(store)
                if store.has_ended or is_down:
                    _log.error("store_ended_and_is_started_again")
                    is_down = True
                    await store.start()
                    is_down = False
            except (CardkeepError, OSError):
                # A full disk, say: once there is room again, the next try will do.
                _log.exception("store_start_failed")


def _listening(machine: str, port: int) -> socket.socket:
    try:
        return socket.create_server((machine, port))
    except OSError as taken:
        raise StoreUnavailable(
            f"port {port} of {machine}, on which other machines reach the store, cannot be had: {taken.strerror}. End"
            " what listens there, or make the cluster file with another: cardkeep cluster new --store-port"
        ) from taken
