"""How imports give way: one chunk at a time, and a rest after each while anybody buys.

A chunk is a large append, and whoever comes while one is written waits for its end, at whatever owner: they share
the store. So the share of time in which chunks are worked on is the share of buyers who meet one, and its length how
long they wait: chunks are small. Nobody else there, an import has all the time, and many chunks go in one append.

An owner paces the imports of its own SKUs, for it sees their buyers through every front end. A front end paces its
imports for the sake of the buyers that it sees of other SKUs.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from actors.in_loop import InLoop
from engine.names import PoolName

#: How long after a buyer's last command it still counts.
sells_for_s = 0.1

#: Rest after a chunk, in times of what it took: one of so many buyers and one more meets a chunk.
rest_share = 150

#: The longest rest: a store that once took a second must not make an import stand still for many.
rest_max_s = 0.4

#: The longest that a chunk waits because it and others before it rest: what was bought for many SKUs as a sale began
#: must be on their shelves before these are empty.
line_max_s = 1.0


class ImportPace(InLoop):
    """One owner's, or one front end's."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        #: Whose rest it is: chunks that do not hurry wait for each other here, and in nobody's way who does.
        self._resting = asyncio.Lock()
        #: The pool that was asked last, and when; and when any other one was.
        self._pool: PoolName | None = None
        self._sold_at_s = self._others_sold_at_s = 0.0
        self._rests_until_s = 0.0

    def sells(self, pool: PoolName) -> None:
        """A buyer asks this pool for something."""
        if pool != self._pool:
            self._pool, self._others_sold_at_s = pool, self._sold_at_s
        self._sold_at_s = self._loop.time()

    @property
    def is_selling(self) -> bool:
        """Whether a buyer, of whatever pool, has asked for something just now."""
        return self._loop.time() < self._sold_at_s + sells_for_s

    @asynccontextmanager
    async def turn(self, *, beside: PoolName | None = None, hurries: bool = False) -> AsyncIterator[None]:
        """Wait until it is a chunk's turn; the next one waits for the end of this.

        `beside`: buyers of this pool do not count. One that `hurries` does not rest before, nor wait for one that does.
        """
        loop = self._loop
        async with AsyncExitStack() as line:
            if not hurries:
                with suppress(TimeoutError):
                    async with asyncio.timeout(line_max_s):
                        await line.enter_async_context(self._resting)
                        await self._rest(beside)
            async with self._turn:
                began_s = loop.time()
                try:
                    yield
                finally:
                    ended_s = loop.time()
                    self._rests_until_s = ended_s + min(rest_max_s, rest_share * (ended_s - began_s))

    async def _rest(self, beside: PoolName | None) -> None:
        """Whoever hurries may come in meanwhile, and does not make this one rest again."""
        now_s = self._loop.time()
        sold_at_s = self._others_sold_at_s if beside is not None and beside == self._pool else self._sold_at_s
        if now_s < min(self._rests_until_s, sold_at_s + sells_for_s):
            await asyncio.sleep(self._rests_until_s - now_s)
