"""What commands need that has left memory: looked up in the archive, and true until more leaves memory.

An answer that is in memory when its request is looked up is not in the archive yet. Whoever waits, for the archive or
for cards, may see it move from the one into the other: then what was found for him is looked up anew.
"""

from collections.abc import Callable, Sequence

from actors.asking import Asked
from actors.hosted import NOTHING_FOUND, Found, Hosted
from engine.names import PoolName
from engine.ports import Archive
from engine.stock.codec import read_archived


class Lookup:
    """One owner's. `ready` raises when a pool decides nothing now."""

    def __init__(self, archive: Archive, ready: Callable[[PoolName], Hosted]) -> None:
        self._archive = archive
        self._ready = ready

    def missing(self, hosted: Hosted, asked: Sequence[Asked], found: Found) -> list[str]:
        """What has left memory, is needed to decide and was not found already; usually nothing."""
        pool = hosted.pool
        forgotten_ms = pool.state.memory.forgotten_before_ms
        if not forgotten_ms:
            return []
        values = found.values if found.forgotten_ms == forgotten_ms else NOTHING_FOUND.values
        return [key for _, command in asked for key in pool.missing(command, values)]  # type: ignore[arg-type]

    async def find(self, name: PoolName, asked: Sequence[Asked]) -> tuple[Hosted, Found]:
        """A pool that is ready, and what these commands need that has left its memory. Raises as `ready` does."""
        found = NOTHING_FOUND
        while missing := self.missing(hosted := self._ready(name), asked, found):
            forgotten_ms = hosted.pool.state.memory.forgotten_before_ms
            before = found.values if found.forgotten_ms == forgotten_ms else NOTHING_FOUND.values
            values = await self._archive.recall(name, missing)
            read = {key: value and read_archived(key, value) for key, value in zip(missing, values, strict=True)}
            found = Found(forgotten_ms, {**before, **read})
        return hosted, found
