"""Named actors as other processes of the cluster call them, and Ray's failures as ours."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import ray
from ray.exceptions import RayError

from actors.calls import CallLine
from actors.one_at_a_time import OneAtATime
from actors.roads import roads
from actors.settings import Settings
from actors.wire import parse_address
from engine.errors import InvariantBroken, PoolClosed
from engine.names import PoolName

NAMESPACE = "cardkeep"
ARCHIVIST = "archivist"

_log = logging.getLogger(__name__)


class Reach:
    """Actors that have an `address` for calls: Ray is asked for it once, and again when the line there is down."""

    def __init__(self, settings: Settings) -> None:
        self._token = settings.token.get_secret_value()
        self._connect = roads(settings).connect
        self._lines: dict[str, CallLine] = {}
        self._opening = OneAtATime(self._open)

    async def ask(self, actor: str, what: str, *arguments: object) -> Any:
        """What an actor answers to `what`. Raises what it raises, PoolClosed when there is none, else InDoubt."""
        line = self._lines.get(actor)
        if line is None or not line.is_open:
            line = await self._opening.of(actor)
        return await line.ask(what, *arguments)

    async def _open(self, actor: str) -> CallLine:
        try:
            handle = await asyncio.to_thread(partial(ray.get_actor, actor, namespace=NAMESPACE))
            address: str = await handle.address.remote()
        except (RayError, ValueError) as away:
            raise PoolClosed(f"there is no {actor}: {type(away).__name__}") from away
        line = CallLine(parse_address(address), self._token, connect=self._connect)
        await line.open()
        self._lines[actor] = line
        return line


def ask_by(settings: Settings) -> Callable[..., Awaitable[Any]]:
    """`Reach.ask`, for whom it has to be made where it is used: a reach between machines cannot be sent to another."""
    return Reach(settings).ask


async def fold_pool(pool: PoolName) -> int | None:
    """Let the archivist fold a pool: see Archivist.fold. None, too, when it is away."""
    return await _folded(pool, lambda archivist: archivist.fold)


async def fold_ledger(book: PoolName) -> int | None:
    """The same for a supplier's ledger."""
    return await _folded(book, lambda archivist: archivist.fold_ledger)


async def _folded(pool: PoolName, fold: Callable[[Any], Any]) -> int | None:
    try:
        before_ms: int | None = await fold(ray.get_actor(ARCHIVIST, namespace=NAMESPACE)).remote(pool)
    except InvariantBroken:
        raise
    except (RayError, ValueError) as away:
        _log.warning("fold_impossible pool=%s cause=%s", pool, away)
        return None
    return before_ms
