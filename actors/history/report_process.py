"""The process in which reports are made: a child of a front end that reads journals and files, below every sale.

A report over many SKUs is seconds of work. In the front end it would stand in the way of those who buy; here it runs
on whatever core is free, after everything that buyers wait for.

Standard input is a socket to the front end, with frames as in wire.py. First comes where store and history are; then
`(id, Asked, within_s, now_ms)`, each answered with `(id, (rows, has_more, broken SKUs), "", "")`, or with
`(id, None, failure, text)`. The process ends with its front end.
"""

import asyncio
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from actors.adapters.columnar import ColumnsFailed
from actors.adapters.redis_registry import RedisRegistry
from actors.adapters.redis_store import RedisStore
from actors.giving_way import REPORTING, give_way
from actors.history.questions import UNKNOWN_SKU, Asked, Place
from actors.history.reading import Reading
from actors.history.reports import question
from actors.wire import Frames
from engine.errors import InDoubt, NotDone
from engine.names import PoolName

#: How long the store may take: on a busy machine we get to its answers late.
_ANSWER_WITHIN_S = 20.0


async def serve(line: socket.socket) -> None:
    """Make the reports that are asked for, one after another, until the other end hangs up."""
    messages: asyncio.Queue[Any] = asyncio.Queue()
    frames = Frames(
        lambda _, message: messages.put_nowait(message), lambda _: messages.put_nowait(None), is_caller=True
    )
    await asyncio.get_running_loop().create_connection(lambda: frames, sock=line)
    if (place := await messages.get()) is None:
        return
    office = _Office(Place(*place))
    while (message := await messages.get()) is not None:
        number, asked, within_s, now_ms = message
        frames.send((number, *await office.answer(Asked(*asked), within_s, now_ms)))


class _Office:
    """Where the questions are asked."""

    def __init__(self, place: Place) -> None:
        store = RedisStore(place.store_url, answer_within_s=_ANSWER_WITHIN_S)
        self._registry = RedisRegistry(store.line)
        self._reading = Reading(store, Path(place.history), Path(place.spill))

    async def answer(self, asked: Asked, within_s: float, now_ms: int) -> tuple[Any, str, str]:
        """Rows, or why there are none."""
        try:
            pools = _about(await self._registry.pools(), asked)
            if asked.sku and not pools:
                return None, UNKNOWN_SKU, asked.sku
            wanted = question(asked)
            found = await self._reading.ask(pools, wanted._replace(within_s=min(within_s, wanted.within_s)), now_ms)
        except (ColumnsFailed, NotDone, InDoubt) as failure:
            return None, type(failure).__name__, str(failure)
        except Exception as mistake:  # noqa: BLE001 - the front end must hear of it
            return None, type(mistake).__name__, repr(mistake)
        return (found.rows, found.has_more, [pool.sku for pool in found.broken]), "", ""


def _about(pools: Sequence[PoolName], asked: Asked) -> list[PoolName]:
    return [pool for pool in pools if pool.tenant == asked.tenant and asked.sku in ("", pool.sku)]


if __name__ == "__main__":
    give_way(REPORTING)
    asyncio.run(serve(socket.socket(fileno=0)))
