"""Batch calls: each pool is asked at once for all that is its own, and each item is answered on its own."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from actors.asking import Answer
from actors.front import checks
from actors.front.reception import Reception, why
from actors.front.refusals import Refusal, refusal_of
from actors.front.replies import batch_reply
from engine.names import PoolName
from engine.stock.commands import Allocate, Command
from engine.stock.outcomes import Outcome, Refused
from protos.cardkeep.v1 import types_pb2

Read = Callable[[Any], tuple[PoolName, Command]]
"""An item as a command and its pool; raises a Refusal."""

Write = Callable[[PoolName, Answer, Outcome], bytes]
"""A success as the bytes of an item's result."""


async def ask_together(reception: Reception, items: Sequence[Any], read: Read, write: Write, deadline_ms: int) -> bytes:
    """The whole call's answer, written. However an item fails, the others do not."""
    checks.item_count(len(items))
    call = _Call(items)
    by_pool = call.sorted_by_pool(read)
    asked_for = [command.quantity for asked in by_pool.values() for _, command in asked if type(command) is Allocate]
    checks.card_count(sum(asked_for))
    await asyncio.gather(*(call.ask(reception, pool, asked, write, deadline_ms) for pool, asked in by_pool.items()))
    return batch_reply(call.results)


_Asked = Sequence[tuple[int, Command]]
"""Commands with their places in the call."""


class _Call:
    """One batch call: its items, and a result for each."""

    def __init__(self, items: Sequence[Any]) -> None:
        self._items = items
        self.results: list[bytes | types_pb2.Refusal] = [b""] * len(items)

    def sorted_by_pool(self, read: Read) -> dict[PoolName, list[tuple[int, Command]]]:
        """The items that can be read, for each pool in the order of the call."""
        by_pool: dict[PoolName, list[tuple[int, Command]]] = {}
        for at, item in enumerate(self._items):
            try:
                pool, command = read(item)
            except Exception as failure:  # noqa: BLE001 - this item has failed, others may not
                self._refuse(at, failure)
            else:
                by_pool.setdefault(pool, []).append((at, command))
        return by_pool

    async def ask(self, reception: Reception, pool: PoolName, asked: _Asked, write: Write, deadline_ms: int) -> None:
        """Ask one pool for all that is its own."""
        try:
            answers = await reception.hear_all(pool, [command for _, command in asked], deadline_ms)
        except Exception as failure:  # noqa: BLE001 - these items have failed, others may not
            for at, _ in asked:
                self._refuse(at, failure)
            return
        for (at, command), answer in zip(asked, answers, strict=True):
            outcome = answer.outcome
            if outcome is None:
                self._refuse(at, Refusal("DEADLINE_PASSED"))
            elif isinstance(outcome, Refused):
                self._refuse(at, refusal_of(pool, command, outcome))
            else:
                self.results[at] = write(pool, answer, outcome)

    def _refuse(self, at: int, failure: Exception) -> None:
        item = self._items[at]
        self.results[at] = refused(why(failure, item.request_id, type(item).__name__))


def refused(refusal: Refusal) -> types_pb2.Refusal:
    """A refusal as one item's result."""
    item = types_pb2.Refusal(code=refusal.code, reason=refusal.reason, message=refusal.text, metadata=refusal.facts)
    if refusal.meaning.retry_after_ms:
        item.retry_after.FromMilliseconds(refusal.meaning.retry_after_ms)
    return item
