"""How imports give way: an owner takes one chunk at a time, and rests after each while anybody else asks for something.

A chunk is a large append, and whoever comes while one is written waits for its end. So the share of time in which
chunks are worked on is the share of buyers who meet one. Nobody else there, an import has all the time.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

#: How long after the last command of anyone else an owner still counts as one that sells.
sells_for_s = 0.1

#: Rest after a chunk, in times of what it took: one of so many buyers and one more meets a chunk.
rest_share = 15

#: The longest rest: a store that once took a second must not make an import stand still for many.
rest_max_s = 0.2


class ImportPace:
    """One owner's."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._sold_at_s = 0.0
        self._rests_until_s = 0.0

    def sells(self) -> None:
        """Somebody asks for something else than to import."""
        self._sold_at_s = asyncio.get_running_loop().time()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until it is a chunk's turn; the next one waits for the end of this."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            began_s = loop.time()
            if began_s < min(self._rests_until_s, self._sold_at_s + sells_for_s):
                await asyncio.sleep(self._rests_until_s - began_s)
                began_s = loop.time()
            try:
                yield
            finally:
                ended_s = loop.time()
                self._rests_until_s = ended_s + min(rest_max_s, rest_share * (ended_s - began_s))
