"""What is begun once for all who want it at the same time: a connection, say."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class OneAtATime(Generic[Key, Value]):
    """`attempt(key)` is begun by whoever asks for a key first, and shared by those who ask before it has ended."""

    def __init__(self, attempt: Callable[[Key], Awaitable[Value]]) -> None:
        self._attempt = attempt
        self._under_way: dict[Key, asyncio.Future[Value]] = {}

    async def of(self, key: Key) -> Value:
        """What the attempt comes to. Raises what it raises. Goes on for the others when one gives up."""
        return await asyncio.shield(self.begin(key))

    def begin(self, key: Key) -> asyncio.Future[Value]:
        """Begin it, if it is not under way, for whoever asks for it later. Its failure may be left alone."""
        attempt = self._under_way.get(key)
        if attempt is None:
            attempt = self._under_way[key] = asyncio.ensure_future(self._attempt(key))
            attempt.add_done_callback(lambda ended: self._end(key, ended))
        return attempt

    async def close(self) -> None:
        """Give up what is under way: whoever waits for it is cancelled."""
        under_way = [*self._under_way.values()]
        for attempt in under_way:
            attempt.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    def _end(self, key: Key, ended: asyncio.Future[Value]) -> None:
        del self._under_way[key]
        if not ended.cancelled():
            ended.exception()  # Those who waited may have gone; then nobody else would look at it.
