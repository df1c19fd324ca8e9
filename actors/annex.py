"""An annex: what a further machine of a cluster runs. It keeps the machine's port and its Ray, and decides nothing.

The house's steward sees the machine come, starts owners on it, and gives them pools. An annex that ends takes its
machine's owners with it, and their pools go to other machines; a Ray that ends is started anew here, which is a new
machine to the others.
"""

import asyncio
import logging
import socket
from contextlib import suppress

from pydantic import SecretStr

from actors.adapters.certificates import paths_in
from actors.adapters.redis_registry import RedisRegistry
from actors.adapters.redis_store import RedisStore
from actors.cluster_file import ClusterFile
from actors.doorstep import Doorstep
from actors.front.http2.port import shared_port
from actors.ray_node import RayNode, RayNotStarted
from actors.run_file import RunFile
from actors.settings import Settings
from engine.errors import InDoubt, StoreUnavailable
from engine.ports import MachineOrder

#: Between two looks at whether Ray still runs.
_LOOK_EVERY_S = 0.5

#: Between two tries to join a head that is away.
_TRY_AGAIN_S = 2.0

#: How long whoever takes calls here may take to come, once the machine has joined: a second or two usually.
_TAKES_CALLS_WITHIN_S = 30.0

#: Between two looks whether somebody does.
_KNOCK_EVERY_S = 0.1

#: How long the pools of this machine may take to go elsewhere: ten thousand small ones took 26 s to open.
_EMPTY_WITHIN_S = 90.0

_log = logging.getLogger(__name__)


class Annex:
    """One machine's."""

    def __init__(self, settings: Settings, cluster: ClusterFile) -> None:
        url = settings.store_url.get_secret_value() or cluster.store_url(paths_in(settings.certificates_folder))
        self._settings = settings.model_copy(update={"store_url": SecretStr(url)})
        self._cluster = cluster
        self._store = RedisStore(url)
        self._registry = RedisRegistry(self._store.line)
        self._run = RunFile(settings.data)
        self._port: socket.socket | None = None
        self._doorstep: Doorstep | None = None
        self._node: RayNode | None = None
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take the port, join the head, however long that takes, and wait until calls are taken here.

        Raises OSError when the port is taken.
        """
        settings, cluster = self._settings, self._cluster
        self._run.say(step=f"joining the head at {cluster.head}", machine=settings.machine)
        self._port = shared_port(settings.host, settings.port)
        settings = settings.model_copy(update={"port": self._port.getsockname()[1]})
        # Whether anybody comes for it the head knows, which starts whoever takes calls.
        self._doorstep = Doorstep(self._port, settings.doorstep)
        self._doorstep.open()
        self._node = RayNode(settings, cluster.ray_port, cluster.head)
        await self._stay()
        await self._join(self._node)
        self._keeping = asyncio.get_running_loop().create_task(self._keep(self._node))
        self._run.say(step="waiting for whoever takes calls here")
        await self._takes_calls(settings)
        self._run.say(state="ready", step="", grpc=f"{settings.host}:{settings.port}")
        _log.info("annex_ready machine=%s port=%d", settings.machine, settings.port)

    async def ended(self) -> None:
        """Until staff have had this machine emptied."""
        while True:
            if await self._has_left():
                return
            await asyncio.sleep(_LOOK_EVERY_S)

    async def stop(self) -> None:
        """Have this machine emptied, if the head is there to do it, and leave the cluster."""
        self._run.say(state="stopping", step="giving the SKUs of this machine to others")
        if self._keeping is not None:
            await self._leave()
            self._keeping.cancel()
        self._run.say(step="leaving the cluster")
        if self._doorstep is not None:
            self._doorstep.close()
        if self._node is not None:
            await self._node.stop()
        if self._port is not None:
            self._port.close()
        await self._store.close()
        self._run.say(state="stopped", step="")

    async def _takes_calls(self, settings: Settings) -> None:
        """Until somebody accepts at the port; the head may want nobody here, or be away, so for a while only."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_TAKES_CALLS_WITHIN_S):
                while True:
                    try:
                        _, writer = await asyncio.open_connection(settings.host, settings.port)
                    except OSError:
                        await asyncio.sleep(_KNOCK_EVERY_S)
                    else:
                        writer.close()
                        return
        _log.warning("nobody_takes_calls machine=%s port=%d", settings.machine, settings.port)

    async def _stay(self) -> None:
        """Whoever starts is not about to leave any more: said as soon as the head is there to hear it."""
        while True:
            try:
                order = (await self._registry.orders()).get(self._settings.machine)
                if order is not None and order.is_leaving:
                    await self._registry.order(self._settings.machine, order._replace(is_leaving=False, has_left=False))
            except (StoreUnavailable, InDoubt) as away:
                _log.warning("head_away cause=%s", away)
                await asyncio.sleep(_TRY_AGAIN_S)
            else:
                return

    async def _leave(self) -> None:
        machine = self._settings.machine
        with suppress(StoreUnavailable, InDoubt, TimeoutError):
            async with asyncio.timeout(_EMPTY_WITHIN_S):
                if not await self._has_left():
                    order = (await self._registry.orders()).get(machine, MachineOrder())
                    await self._registry.order(machine, order._replace(is_leaving=True, has_left=False))
                    await self.ended()
                return
        _log.warning("machine_left_in_haste machine=%s", machine)

    async def _has_left(self) -> bool:
        try:
            order = (await self._registry.orders()).get(self._settings.machine)
        except (StoreUnavailable, InDoubt):
            return False
        return order is not None and order.has_left

    async def _join(self, node: RayNode) -> None:
        while True:
            try:
                await node.start()
            except (RayNotStarted, OSError) as away:
                _log.warning("head_away cause=%s", away)
                await asyncio.sleep(_TRY_AGAIN_S)
            else:
                return

    async def _keep(self, node: RayNode) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            if not node.is_up:
                _log.error("ray_ended_and_is_started_again")
                await self._join(node)
