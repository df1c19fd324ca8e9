"""A refill as an actor, and as other processes call it. Knows nothing of Ray: see actors/cluster/."""

import asyncio
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from actors.answers import Answers
from actors.kin import ends_with_its_ray
from actors.logs import begin_logging
from actors.settings import Settings
from actors.supply.desk_actor import Ask, RemoteDesks
from engine.names import PoolName
from engine.placing import refill_group

if TYPE_CHECKING:
    from actors.supply.recharger import Recharged
    from engine.supply.recharging import Recharge


def refill_name(group: int) -> str:
    """What the actor of a group's refill is called."""
    return f"refill-{group}"


class RefillActor:
    """The refill of one group of SKUs. What `ask_by` makes, here, leads to the suppliers' desks."""

    def __init__(self, settings: Settings, group: int, ask_by: Callable[[Settings], Ask]) -> None:
        from actors.supply.refill_host import RefillHost  # noqa: PLC0415 - every process of the cluster reads this file

        settings = settings.on_this_machine()
        begin_logging(settings, refill_name(group))
        self._host = RefillHost(settings, group, RemoteDesks(ask_by(settings)))
        self._answers = Answers(settings, self._host)
        loop = asyncio.get_running_loop()
        self._running = loop.create_task(self._host.run())
        self._orphaned = loop.create_task(ends_with_its_ray())

    async def process_id(self) -> int:
        """Answers when the process is up."""
        return os.getpid()

    async def address(self) -> str:
        """Where it can be asked what RefillHost does: nudge, recharge, give_up. See actors/calls.py."""
        return await self._answers.address()

    async def metrics(self) -> bytes:
        """Prometheus text."""
        return await self._host.metrics()

    async def stop(self) -> None:
        """Buy nothing more."""
        self._running.cancel()
        await asyncio.wait([self._running])
        self._answers.close()
        await self._host.stop()


class RemoteRefills:
    """The refills of so many groups, from another process. Each call raises NotDone or InDoubt when one is away."""

    def __init__(self, ask: Ask, groups: int) -> None:
        self._ask = ask
        self._groups = groups

    async def nudge(self, pool: PoolName) -> bool:
        """See RefillHost.nudge."""
        return bool(await self._of(pool, "nudge", pool))

    async def recharge(self, order: "Recharge") -> "Recharged":
        """See Recharger.recharge."""
        return cast("Recharged", await self._of(order.pool, "recharge", order))

    async def give_up(self, order: "Recharge") -> "Recharged":
        """See Recharger.give_up."""
        return cast("Recharged", await self._of(order.pool, "give_up", order))

    async def _of(self, pool: PoolName, what: str, *arguments: object) -> object:
        answer: object = await self._ask(refill_name(refill_group(pool, self._groups)), what, *arguments)
        return answer
