"""One owner in one process: its store lines, its gate, its seat.

Starts by itself and needs nobody to tell it what to own; see incumbent.py.
"""

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from prometheus_client import CollectorRegistry, generate_latest

from actors.adapters.redis_registry import RedisRegistry
from actors.adapters.redis_store import RedisStore
from actors.adapters.system_clock import SystemClock
from actors.folding import Fold
from actors.home_line import HomeLine
from actors.hosted import PoolState
from actors.incumbent import Incumbent
from actors.metrics import Kept, OwnerMetrics
from actors.owner import Owner
from actors.owner_gate import OwnerGate
from actors.pricing_keeper import PricingKeeper
from actors.roads import roads
from actors.settings import Settings
from actors.store_facts import is_reachable
from engine.names import PoolName
from engine.ports import Clock, Seat
from engine.stock.looking import shelf_view
from engine.stock.outcomes import Shelf
from engine.stock.reviewing import expiring

#: Pools looked at for a scrape before those who buy get a turn: about a millisecond.
_POOLS_PER_TURN = 100


class Home(NamedTuple):
    """An owner as a front end in its own process knows it."""

    line: HomeLine
    metrics: OwnerMetrics


class OwnerHost:
    """One incarnation of an owner. `on_replaced` is called when a later one has taken its seat.

    `nudge` is told of a pool whose shelf is dry, or soon will be, or at which somebody waits for cards.
    """

    def __init__(
        self,
        settings: Settings,
        owner_id: str,
        *,
        fold: Fold,
        on_replaced: Callable[[], None],
        nudge: Callable[[PoolName], None] = lambda _pool: None,
        clock: Clock | None = None,
    ) -> None:
        self._settings = settings
        self._owner_id = owner_id
        self._on_replaced = on_replaced
        clock = clock or SystemClock()
        url = settings.store_url.get_secret_value()
        self._journal = RedisStore(url)
        self._lookups = RedisStore(url)
        self._registry = RedisRegistry(self._lookups.line)
        self._metrics = OwnerMetrics(CollectorRegistry())
        doors = (self._journal, self._lookups, self._lookups, clock)
        self._owner = Owner(*doors, metrics=self._metrics, fold=fold, nudge=nudge)
        self._address = settings.wire_address(owner_id)
        #: What a front end in this process takes.
        self.home = Home(HomeLine(self._owner, self._address), self._metrics)
        self._gate = OwnerGate(self._owner, settings.token.get_secret_value(), listen=roads(settings).listen)
        self._incarnation = clock.now_ms()
        self._clock = clock
        self.keeper = PricingKeeper(self._owner, clock)

    async def run(self) -> None:
        """Listen, announce, and own what the placement says, until cancelled or replaced."""
        seat = await self._sit_down()
        loop = asyncio.get_running_loop()
        chores = [loop.create_task(chore) for chore in (self._owner.run(), self.keeper.run())]
        try:
            await Incumbent(self._owner, self._registry, seat).sit()
            self._on_replaced()
        finally:
            for chore in chores:
                chore.cancel()

    async def stop(self) -> None:
        """Finish what is under way and hang up."""
        await self._gate.close()
        await self._journal.close()
        await self._lookups.close()

    async def metrics(self) -> bytes:
        """The process's metrics in the Prometheus text form."""
        self._metrics.reached_store(is_reachable=await is_reachable(self._registry))
        hosts = self._owner.hosted
        serving: list[tuple[PoolName, Shelf, int]] = []
        kept: list[Kept] = []
        now_ms = self._clock.now_ms()
        for at, hosted in enumerate(hosts):
            if hosted.state is PoolState.SERVING:
                state = hosted.pool.state
                shelf = shelf_view(state, state.last_ms, 0)
                serving.append((hosted.name, shelf, hosted.desk.seq - hosted.snapshot_seq))
                undecided = 0 if state.prices is None else len(state.prices.waiting)
                kept.append(Kept(hosted.name, tuple(expiring(state, now_ms)), undecided))
            if at % _POOLS_PER_TURN == 0 or (kept and len(kept[-1].lots) > _POOLS_PER_TURN):
                await asyncio.sleep(0)
        states = Counter(hosted.state for hosted in hosts)
        waiting = sum(len(hosted.guests or ()) for hosted in hosts)
        self._metrics.hosts({state.value: states[state] for state in PoolState}, serving, waiting)
        self._metrics.keeps(kept)
        return generate_latest(self._metrics.registry)

    async def _sit_down(self) -> Seat:
        self.home.line.address = address = await self._gate.open(self._address)
        node = self._settings.machine or socket.gethostname()
        return Seat(self._owner_id, str(address), self._incarnation, node, os.getpid())
