"""The household as the house's process sees it: begun, begun again whenever it or its Ray has ended, and ended."""

import asyncio
import logging
import os
import pickle
import signal
from asyncio.subprocess import PIPE, Process

from actors.adapters.child import ending_with_us, module_of_ours
from actors.cluster_file import ClusterFile
from actors.household import Orders
from actors.ray_node import RayNode, RayNotStarted, ray_environment
from actors.settings import Settings
from actors.store_facts import StoreFacts

#: Between two looks at whether all runs.
_LOOK_EVERY_S = 0.5

#: Between two tries to begin again.
_TRY_AGAIN_S = 2.0

#: How long the household may take to end before it is killed: front ends drain, owners finish what is decided.
_END_WITHIN_S = 30.0

_log = logging.getLogger(__name__)


class HouseholdProcess:
    """The one of this house. `cluster_file` is there where there are more machines: then Ray runs beside it."""

    def __init__(self, settings: Settings, facts: StoreFacts, cluster_file: ClusterFile | None) -> None:
        self._settings = settings
        self._node = RayNode(settings, cluster_file.ray_port) if cluster_file is not None else None
        self._orders = Orders(settings, facts, None if self._node is None else self._node.address)
        self._process: Process | None = None
        self._keeping: asyncio.Task[None] | None = None

    async def begin(self) -> int:
        """Start everybody; returns the port that calls are taken on. Raises RayNotStarted."""
        port = await self._begin()
        self._keeping = asyncio.get_running_loop().create_task(self._keep())
        return port

    async def end(self) -> None:
        """Let everybody finish what is under way, and end Ray on this machine."""
        if self._keeping is not None:
            self._keeping.cancel()
        await self._end_process()
        if self._node is not None:
            await self._node.stop()

    async def _begin(self) -> int:
        if self._node is not None and not self._node.is_up:
            await self._node.start()
        words = [*ending_with_us(signal.SIGTERM), *module_of_ours("actors.household")]
        environment = os.environ | ray_environment(self._settings)
        self._process = process = await asyncio.create_subprocess_exec(
            *words, stdin=PIPE, stdout=PIPE, env=environment, start_new_session=True
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(pickle.dumps(self._orders))
        process.stdin.close()
        port = (await process.stdout.readline()).strip()
        if not port:
            raise RayNotStarted(f"the household ended: see {self._settings.data / 'logs' / 'household.log'}")
        return int(port)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            has_lost_ray = self._node is not None and not self._node.is_up
            if has_lost_ray or self._process is None or self._process.returncode is not None:
                _log.error("household_begins_again ray=%s", "lost" if has_lost_ray else "up")
                await self._begin_again()

    async def _begin_again(self) -> None:
        try:
            if self._process is not None and self._process.returncode is None:
                self._process.kill()  # Without Ray there is nobody whom it could let finish.
                await self._process.wait()
            await self._begin()
        except Exception:  # noqa: BLE001 - nobody else would ever begin it again
            _log.exception("household_not_begun")
            await asyncio.sleep(_TRY_AGAIN_S)
        else:
            _log.info("household_has_begun_again")

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _END_WITHIN_S)
        except TimeoutError:
            process.kill()
            await process.wait()
