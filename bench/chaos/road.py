"""A proxy that runs in a thread of its own, so that a scenario, which waits for other things, can drive it."""

import asyncio
from collections.abc import Callable
from threading import Thread
from typing import Self

from bench.chaos.proxy import Address, Proxy, Trouble

#: How long the thread may take to do as it is told.
_DONE_WITHIN_S = 10.0


class Road:
    """A Proxy that is open inside `with`. Troubles may begin and end from any thread."""

    def __init__(self, listen: Address, target: Address) -> None:
        self._proxy = Proxy(listen, target)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._proxy.open(), self._loop).result(_DONE_WITHIN_S)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._proxy.close(), self._loop).result(_DONE_WITHIN_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_DONE_WITHIN_S)
        self._loop.close()

    def begin(self, trouble: Trouble) -> None:
        """See Proxy; it has begun when this returns."""
        self._do(lambda: self._proxy.begin(trouble))

    def end(self, trouble: Trouble) -> None:
        """See Proxy; it has ended when this returns."""
        self._do(lambda: self._proxy.end(trouble))

    def _do(self, what: Callable[[], None]) -> None:
        async def done() -> None:
            what()

        asyncio.run_coroutine_threadsafe(done(), self._loop).result(_DONE_WITHIN_S)
