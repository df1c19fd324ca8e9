"""The steward: every registered pool has an owner that suits its load, and every owner has a living actor.

It asks nobody: it reads the registry, mends what is missing, and looks again. What it remembers (who spoke when,
what moved a moment ago) only makes it patient. So it may be killed and started anywhere, at any time; two at once
would only do the same work twice. Who should go where is decided in `engine/placing.py`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from actors.signpost import Signpost
from engine.errors import InDoubt, StoreUnavailable
from engine.names import PoolName
from engine.placing import Scene, decide
from engine.ports import Load, Registry

#: Between two rounds: a new SKU waits about half of this to be placed.
round_every_s = 0.1

#: Between two looks at the load: owners speak as often.
weigh_every_s = 1.0

#: Looks without a word from an owner after which its pools are given to others. Ray brings a dead process back in less;
#: of a machine that vanished Ray itself says so after 15 seconds.
silent_looks_max = 6

#: How long a pool rests after a move, and counts with what it was asked before: its new owner has to measure it first.
rest_s = 10.0

#: How long an actor may take to start before the others are looked after again; it goes on starting.
start_patience_s = 1.0

_log = logging.getLogger(__name__)

EnsureOwner = Callable[[str], Awaitable[None]]
"""Starts the actor of an owner if it has none; returns at once if it has."""


class Roster(NamedTuple):
    """The owners there could be now: those that may be given pools, in the order of starting them, and all that live.

    Who lives and may have none is about to leave, and goes on with what it has until that is claimed elsewhere.
    """

    placeable: Sequence[str]
    living: frozenset[str]

    @classmethod
    def of(cls, owners: Sequence[str]) -> "Roster":
        """One in which nobody leaves."""
        return cls(owners, frozenset(owners))


class _Move(NamedTuple):
    """A pool's last one: when, what it was asked before in commands per second, and whether it may not move on yet."""

    at_s: float
    per_s: float
    rests: bool


class Steward:
    """Places pools with the owners that `roster` says may have some now."""

    def __init__(self, registry: Registry, ensure_owner: EnsureOwner, roster: Callable[[], Roster]) -> None:
        self._registry = registry
        self._ensure_owner = ensure_owner
        self._signpost = Signpost(registry)
        self._look_up_roster = roster
        self._roster = roster()
        self._ensured: set[str] = set()
        self._starting: dict[str, asyncio.Future[None]] = {}
        self._loads: Mapping[str, Load] = {}
        #: Looks since each owner that has pools, or ever spoke, last did.
        self._silent_for: dict[str, int] = {}
        self._moved: dict[PoolName, _Move] = {}
        self._weigh_at_s = 0.0
        self._is_settled = False

    async def run(self) -> None:
        """Mend, look again, until cancelled."""
        while True:
            try:
                await self.mend()
            except (StoreUnavailable, InDoubt) as away:
                _log.warning("registry_unread cause=%s", away)
            except Exception:  # noqa: BLE001 - a top loop
                # Without the steward no SKU would ever get an owner again: whatever it is, look once more.
                _log.exception("round_failed")
            await asyncio.sleep(round_every_s)

    async def mend(self) -> None:
        """One round."""
        before, self._roster = self._roster, self._look_up_roster()
        now_s = asyncio.get_running_loop().time()
        if await self._read_on(now_s) or before != self._roster:
            self._is_settled = False
        self._ensured.intersection_update(self._roster.living)
        for owner_id in self._silent_for.keys() - self._roster.living:
            del self._silent_for[owner_id]  # Its machine has gone; one that comes back is given its time anew.
        if now_s >= self._weigh_at_s:
            self._weigh_at_s = now_s + weigh_every_s
            await self._listen()
        if not self._is_settled:
            await self._place(now_s)
            self._is_settled = True
        await self._start()

    async def _read_on(self, now_s: float) -> bool:
        """Whether the placement has changed; what moved rests, whoever moved it, unless its owner had died."""
        before = await self._signpost.refresh()
        for pool, owner_id in before.items():
            per_s, rests = self._asked_per_s(pool, owner_id), owner_id in self._roster.living
            if per_s or rests:  # Not for ten thousand that are new.
                self._moved[pool] = _Move(now_s, per_s, rests)
        return bool(before)

    def _asked_per_s(self, pool: PoolName, owner_id: str) -> float:
        """What a pool is asked, as its owner says, or as the one before did until this one has had time to measure."""
        load, moved = self._loads.get(owner_id), self._moved.get(pool)
        return max(0.0 if load is None else load.pools.get(pool, 0.0), 0.0 if moved is None else moved.per_s)

    async def _listen(self) -> None:
        """Hear how busy the owners are, and notice who has not spoken for long."""
        loads = {load.owner_id: load for load in await self._registry.loads()}
        for owner_id in {*loads, *self._signpost.owner_of.values()} & self._roster.living:
            has_spoken = loads.get(owner_id) != self._loads.get(owner_id)
            self._silent_for[owner_id] = 0 if has_spoken else self._silent_for.get(owner_id, 0) + 1
        self._loads = loads
        self._is_settled = False

    async def _place(self, now_s: float) -> None:
        """Give pools that need one another owner."""
        silent = {owner_id for owner_id, looks in self._silent_for.items() if looks >= silent_looks_max}
        self._moved = {pool: move for pool, move in self._moved.items() if now_s < move.at_s + rest_s}
        owner_of = self._signpost.owner_of
        known = {*self._moved, *(pool for load in self._loads.values() for pool in load.pools)} & owner_of.keys()
        moves = decide(
            Scene(
                owner_of,
                [owner_id for owner_id in self._roster.placeable if owner_id not in silent],
                {pool: self._asked_per_s(pool, owner_of[pool]) for pool in known},
                {owner_id: load.per_s - sum(load.pools.values()) for owner_id, load in self._loads.items()},
                {pool for pool, move in self._moved.items() if move.rests},
            )
        )
        if not moves:
            await self._retire(silent)
            return
        await self._registry.place(moves)
        await self._retire(silent)
        for pool, owner_id in list(moves.items())[:20]:
            _log.info("pool_placed pool=%s owner=%s before=%s", pool, owner_id, owner_of[pool] or "nobody")
        if len(moves) > 20:
            _log.info("pools_placed count=%d", len(moves))
        await self._read_on(now_s)

    async def _retire(self, silent: set[str]) -> None:
        """Take them, and those whose machine has gone, off the list, for nobody to wait for. Who lives comes back."""
        for seat in await self._registry.owners():
            if seat.owner_id in silent or seat.owner_id not in self._roster.living:
                _log.error("owner_gone owner=%s", seat.owner_id)
                await self._registry.retire(seat)
                self._ensured.discard(seat.owner_id)

    async def _start(self) -> None:
        """Start the actors of owners that have pools, or fell silent, and may have none."""
        wanted = {*self._signpost.owner_of.values(), *self._silent_for}.intersection(self._roster.placeable)
        for owner_id in sorted(wanted - self._ensured - self._starting.keys()):
            self._starting[owner_id] = asyncio.ensure_future(self._ensure_owner(owner_id))
        if self._starting:
            await asyncio.wait(self._starting.values(), timeout=start_patience_s)
        for owner_id, starting in list(self._starting.items()):
            if starting.done():
                del self._starting[owner_id]
                starting.result()
                self._ensured.add(owner_id)
