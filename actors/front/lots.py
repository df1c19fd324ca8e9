"""A stream read ahead and taken in lots: what came while the one before was worked on is taken together."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import TypeVar

_Item = TypeVar("_Item")


async def in_lots(
    source: AsyncIterator[_Item], *, ahead_max: int, takes_more: Callable[[Sequence[_Item]], bool]
) -> AsyncGenerator[Sequence[_Item], None]:
    """Lots of at least one item, in order, that grow by what is there already while `takes_more`.

    Up to `ahead_max` items are read ahead. A failure of the source is raised after all that came before it.
    """
    queue: asyncio.Queue[_Item | _End] = asyncio.Queue(ahead_max)
    reading = asyncio.get_running_loop().create_task(_read(source, queue))
    try:
        while True:
            lot: list[_Item] = []
            came = await queue.get()
            while not isinstance(came, _End):
                lot.append(came)
                if queue.empty() or not takes_more(lot):
                    break
                came = queue.get_nowait()
            if lot:
                yield lot
            if isinstance(came, _End):
                if came.failure is not None:
                    raise came.failure
                return
    finally:
        reading.cancel()


class _End:
    """The source has no more, perhaps for a reason."""

    def __init__(self, failure: Exception | None) -> None:
        self.failure = failure


async def _read(source: AsyncIterator[_Item], queue: "asyncio.Queue[_Item | _End]") -> None:
    failure = None
    try:
        async for item in source:
            await queue.put(item)
    except Exception as ended:  # noqa: BLE001 - it is raised where the lots are taken
        failure = ended
    await queue.put(_End(failure))
