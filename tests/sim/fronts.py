"""Front ends of a simulated house: whom people ask. They die, and what was asked through them is in doubt then."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from actors.asking import Answer
from actors.dispatch import Dispatch
from engine.errors import InDoubt, StoreUnavailable
from engine.names import PoolName
from engine.stock.commands import Command
from tests.sim.loop import Process

if TYPE_CHECKING:
    from tests.sim.world import World


class FrontProcess:
    """One incarnation of a front end."""

    def __init__(self, world: "World", number: int) -> None:
        self.process = Process(f"front-{number}")
        connect = partial(world.network.connect, self.process)
        self._dispatch = Dispatch(world.road(), world.clock, world.token, connect=connect)
        self._callers: dict[asyncio.Future[Answer], None] = {}
        self.process.at_end(self._leave_callers)
        self.process.start(self._dispatch.watch())

    async def ask(self, pool: PoolName, command: Command, deadline_ms: int) -> Answer:
        """See Dispatch. Raises InDoubt when this process dies over it."""
        if not self.process.is_alive:
            raise StoreUnavailable("nobody listens: the front end is dead")
        heard: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._callers[heard] = None
        asking = self.process.start(self._dispatch.ask(pool, command, deadline_ms))
        asking.add_done_callback(partial(_pass_on, heard))
        try:
            return await heard
        finally:
            del self._callers[heard]
            asking.cancel()

    def _leave_callers(self) -> None:
        for heard in self._callers:
            if not heard.done():
                heard.set_exception(InDoubt("the front end died"))


def _pass_on(heard: "asyncio.Future[Any]", asking: "asyncio.Task[Any]") -> None:
    failure = None if asking.cancelled() else asking.exception()
    if heard.done() or asking.cancelled():
        return
    if failure is not None:
        heard.set_exception(failure)
    else:
        heard.set_result(asking.result())
