"""Named actors as other processes of the cluster call them, and Ray's failures as ours."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import ray
from ray.exceptions import RayError

from engine.errors import CardkeepError, InDoubt, InvariantBroken, PoolClosed
from engine.names import PoolName

NAMESPACE = "cardkeep"
ARCHIVIST = "archivist"

_log = logging.getLogger(__name__)


class Reach:
    """Actors that have a method `ask`: found once, and again when a call failed."""

    def __init__(self) -> None:
        self._actors: dict[str, Any] = {}

    async def ask(self, actor: str, what: str, *arguments: object) -> Any:
        """Call `ask(what, …)` of an actor. Raises what it raises, PoolClosed when there is none, else InDoubt."""
        if actor not in self._actors:
            try:
                self._actors[actor] = await asyncio.to_thread(partial(ray.get_actor, actor, namespace=NAMESPACE))
            except (RayError, ValueError) as away:
                raise PoolClosed(f"there is no {actor}: {away}") from away
        try:
            return await self._actors[actor].ask.remote(what, *arguments)
        except CardkeepError as told:
            # Ray's copy of it has the whole traceback of the other process for its text.
            cause = getattr(told, "cause", None)
            raise (cause if isinstance(cause, CardkeepError) else told) from None
        except RayError as gone:
            self._actors.pop(actor, None)
            raise InDoubt(f"{actor} went away: {type(gone).__name__}") from gone


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
