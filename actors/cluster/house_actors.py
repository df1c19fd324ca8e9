"""The hosts as Ray actors.

Owners and front ends start by themselves when their actor starts, so a restart by Ray is all the
recovery they need. Ray restarts an actor of a lost node without waiting for the old one to end; what
keeps two copies apart is the journal's epoch, not Ray.

Each actor imports its host when it starts: every process of the cluster reads this file, and an owner
that comes back in the middle of a sale should not load a gRPC server first.
"""

import asyncio
import logging
import os
import socket
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from actors.answers import Answers
from actors.cluster.reach import ARCHIVIST, Reach, fold_pool
from actors.doorstep import port_from
from actors.garbage import keep_young
from actors.giving_way import FOLDING, give_way
from actors.kin import ends_with_its_ray
from actors.logs import begin_logging
from actors.settings import Settings
from actors.store_facts import StoreFacts
from actors.supply.desk_actor import RemoteDesks
from actors.supply.nudging import Nudges
from actors.supply.refill_actor import RemoteRefills
from engine.names import PoolName

if TYPE_CHECKING:
    from actors.front.supply import Buyers
    from actors.front_host import FrontHost
    from actors.history.reporting import RemoteReporting

#: Between two questions for the port, should the house not answer.
_ASK_DOORSTEP_EVERY_S = 0.5

_log = logging.getLogger(__name__)


class OwnerActor:
    """An owner as a Ray actor; with `facts` it is a front end, too."""

    def __init__(self, settings: Settings, owner_id: str, facts: StoreFacts | None) -> None:
        from actors.owner_host import OwnerHost  # noqa: PLC0415

        settings, head = settings.on_this_machine(), settings.machine
        begin_logging(settings, owner_id)
        loop = asyncio.get_running_loop()
        self._reach = reach = Reach(settings)
        nudge = Nudges(RemoteRefills(reach.ask, settings.refill_actors).nudge)
        self._host = OwnerHost(settings, owner_id, fold=fold_pool, on_replaced=lambda: os._exit(0), nudge=nudge)
        self._running = loop.create_task(self._host.run())
        self._front: FrontHost | None = None
        self._reports = _reports(reach, settings, head)
        self._opening = None if facts is None else loop.create_task(self._open_door(settings, facts))
        self._collecting = loop.create_task(keep_young())

    async def _open_door(self, settings: Settings, facts: StoreFacts) -> int:
        """Pools come first: what a front end is made of is read beside them."""
        hosts = await asyncio.to_thread(import_module, "actors.front_host")
        buyers = _buyers(self._reach, settings)
        self._front = hosts.FrontHost(settings, facts, buyers, home=self._host.home, reports=self._reports)
        return await self._front.start(await _port(settings.doorstep) if settings.has_doorstep else None)

    async def process_id(self) -> int:
        """Answers when the process is up."""
        return os.getpid()

    async def port(self) -> int:
        """Answers when its front end serves."""
        assert self._opening is not None
        return await asyncio.shield(self._opening)

    async def metrics(self) -> bytes:
        """Prometheus text."""
        if self._front is not None:
            self._front.count_depth()
        return await self._host.metrics()

    async def drain(self) -> None:
        """Let nothing new come in here."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        if self._front is not None:
            await self._front.drain()

    async def stop(self) -> None:
        """Finish what is under way."""
        self._running.cancel()
        self._collecting.cancel()
        await self._host.stop()


class FrontActor:
    """A front end as a Ray actor."""

    def __init__(self, settings: Settings, facts: StoreFacts, name: str) -> None:
        from actors.front_host import FrontHost  # noqa: PLC0415

        settings, head = settings.on_this_machine(), settings.machine
        begin_logging(settings, name)
        self._orphaned = asyncio.get_running_loop().create_task(ends_with_its_ray())
        reach = Reach(settings)
        self._host = FrontHost(settings, facts, _buyers(reach, settings), reports=_reports(reach, settings, head))
        self._starting = asyncio.get_running_loop().create_task(self._host.start())

    async def port(self) -> int:
        """Answers when the front end serves."""
        return await asyncio.shield(self._starting)

    async def metrics(self) -> bytes:
        """Prometheus text."""
        return await self._host.metrics()

    async def drain(self) -> None:
        """Let nothing new come in, and finish what is under way."""
        await self._host.drain()


class ArchivistActor:
    """The archivist as a Ray actor."""

    def __init__(self, settings: Settings) -> None:
        from actors.archivist_host import ArchivistHost  # noqa: PLC0415
        from actors.garbage import GivesBack  # noqa: PLC0415
        from actors.history.reporting import Reporting, place_of  # noqa: PLC0415

        settings = settings.on_this_machine()
        give_way(FOLDING)
        begin_logging(settings, ARCHIVIST)
        self._orphaned = asyncio.get_running_loop().create_task(ends_with_its_ray())
        self._host = ArchivistHost(settings)
        self._reporting = Reporting(place_of(settings))
        self._answers = Answers(settings, self._reporting)
        self._memory = GivesBack()
        self._retiring = asyncio.get_running_loop().create_task(self._host.retire_daily())

    async def address(self) -> str:
        """Where front ends of other machines ask it to make reports. See actors/calls.py."""
        return await self._answers.address()

    async def fold(self, pool: PoolName) -> int | None:
        """See Archivist.fold."""
        try:
            return await self._host.archivist.fold(pool)
        finally:
            self._memory.worked()

    async def fold_ledger(self, book: PoolName) -> int | None:
        """See LedgerArchivist.fold."""
        try:
            return await self._host.ledgers.fold(book)
        finally:
            self._memory.worked()

    async def metrics(self) -> bytes:
        """Prometheus text."""
        return await self._host.metrics()


def _reports(reach: Reach, settings: Settings, head: str) -> "RemoteReporting | None":
    """Who makes reports for front ends that are not where history is."""
    if settings.machine == head:
        return None
    from actors.history.reporting import RemoteReporting  # noqa: PLC0415

    return RemoteReporting(partial(reach.ask, ARCHIVIST))


def _buyers(reach: Reach, settings: Settings) -> "Buyers":
    from actors.front.supply import Buyers  # noqa: PLC0415

    return Buyers(RemoteDesks(reach.ask), RemoteRefills(reach.ask, settings.refill_actors))


async def _port(doorstep: Path) -> socket.socket:
    """The house's listening socket, asked for until it is given: an owner without a door would be half an owner."""
    while True:
        try:
            return await asyncio.to_thread(port_from, doorstep)
        except OSError as away:
            _log.warning("doorstep_away cause=%s", away)
            await asyncio.sleep(_ASK_DOORSTEP_EVERY_S)
