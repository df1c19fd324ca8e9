"""When an owner lets the archivist fold a pool, and what it forgets afterwards.

A fold costs about as much CPU as the commands whose events it folds. It is for the next recovery, which can wait, and
takes from buyers, who cannot: so a busy owner puts it off, up to the length that a recovery can bear.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from actors.asking import Answer, Asked
from actors.hosted import Hosted
from engine.names import PoolName
from engine.stock.commands import Forget

#: A pool is folded when its journal has at least this many events beyond the snapshot …
fold_after_events_min = 50_000

#: … and one for every three holds and answers that it has in memory. So an event costs a fold at most three or four of
#: them, and 100,000 live holds with what comes with them are recovered in about a second.
fold_share = 3

#: Commands a second from which on an owner is busy: a twentieth of what it can do.
busy_per_s = 1_000.0

#: A busy owner's journals may be so many times as long: 100,000 events are replayed in 0.5 to 0.8 s.
busy_times_as_long = 2

#: Pause after a fold that came to nothing, before the next try.
fold_again_s = 10.0

Fold = Callable[[PoolName], Awaitable[int | None]]
"""Asks the archivist to fold a pool; returns the moment before which all is archived."""

Submit = Callable[[PoolName, Sequence[Asked]], Awaitable[Sequence[Answer]]]


class Folding:
    """One owner's. `find` says who serves a pool now."""

    def __init__(
        self, submit: Submit, find: Callable[[PoolName], Hosted | None], fold: Fold, after_events: int
    ) -> None:
        self._submit = submit
        self._find = find
        self._fold = fold
        self._after_events = after_events

    def is_long(self, hosted: Hosted) -> bool:
        """Whether the journal is long for what the snapshot holds, so that folding costs a constant share."""
        return hosted.desk.seq - hosted.snapshot_seq > self._long(hosted)

    def is_due(self, hosted: Hosted, *, is_busy: bool) -> bool:
        """Whether a long journal should be folded now."""
        may_wait = is_busy and hosted.desk.seq - hosted.snapshot_seq <= busy_times_as_long * self._long(hosted)
        is_time = asyncio.get_running_loop().time() >= hosted.fold_not_before_s
        return is_time and not may_wait and not hosted.is_folding

    async def fold(self, hosted: Hosted) -> None:
        """Let the archivist fold; then forget what it archived, a step at a time. Raises InvariantBroken."""
        seq = hosted.desk.seq
        before_ms = await self._fold(hosted.name)
        if before_ms is None:
            hosted.fold_not_before_s = asyncio.get_running_loop().time() + fold_again_s
            return
        hosted.snapshot_seq = seq
        memory = hosted.pool.state.memory
        while memory.forgotten_before_ms < before_ms:
            if self._find(hosted.name) is not hosted:
                return
            await self._submit(hosted.name, [(0, Forget(before_ms))])
        hosted.folded_size = len(hosted.pool.state.holds.active) + len(memory.answers)

    def _long(self, hosted: Hosted) -> int:
        return max(self._after_events, hosted.folded_size // fold_share)
