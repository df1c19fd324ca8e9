"""Redis-Lua: cards in a list, holds as lines, requests and orders as keys, and a function that decides atomically.

Promises: a card is in one hold; a request id gets its first answer for 7 days, an order has one hold; what is answered
is fsynced (the embedded store's own configuration: `appendfsync always`); the cards of an expired hold are back within
a second or so. Not: cards' own expiry, prices, quotas; a hold that is over but not yet swept still counts as active.

What was tried, on two cores with others at work, all behind the fast front (holds/s; CPU of peer + server a hold):
- Unary, 64 in flight, medians of 3 rounds. A call each from a pool of 64 connections: 5,300. What waits as one
  pipeline: 7,500; the same packed by hiredis on a bare connection: 9,900; written without ever waiting: 9,300; what
  waits as one call of the function: 9,400. The last against the bare connection once more, 5 rounds on a busier
  machine: 121 against 142 µs, 4,300 against 4,200. So: one call for all who wait, each wish decided on its own.
- Two or three such calls under way at a time: no difference beyond the noise. The bare connection for these calls
  instead of redis-py's client: 140 against 145 µs, not worth it.
- Batches of 256, 8 callers, 5 rounds, very busy: one call for each batch 4,700 (75 µs), batches gathered into calls of
  up to 1,000 wishes 3,800 (97 µs), a pipeline of a call for each item 3,100 (93 µs). So: the first.
- The hold as a hash and the whole answer under its request id: 770 bytes of log and 34 µs of the server for one hold;
  as it is, the hold as one line and its number under request and order: 585 bytes, 29 µs.
"""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from actors.adapters.embedded_store import EmbeddedStore
from actors.front.refusals import Refusal
from bench.peers.stock import (
    ACTIVE,
    ANSWERS_KEEP_MS,
    EXPIRE_PER_STEP_MAX,
    Held,
    Wish,
    no_such_hold,
    now_ms,
    order_taken,
    out_of_stock,
    same_wish,
)

_LIBRARY = Path(__file__).with_name("redis_lua.lua")

#: Wishes that one call of the function decides. Longer ones cost the server more for each, and others wait meanwhile.
_WISHES_PER_CALL_MAX = 256

#: Connections: eight batches at a time, the round of unary calls and the sweep. Who finds none waits for one.
_CONNECTIONS_MAX = 10

#: Cards pushed in one command while a SKU is loaded.
_LOAD_CHUNK = 10_000


class _Asked(NamedTuple):
    """A wish, and where its answer goes."""

    wish: Wish
    answer: asyncio.Future[Held | Refusal]


class RedisLuaStock:
    """Unary wishes gather while a round of them is under way, batches go as they are; `redis_lua.lua` decides."""

    def __init__(self) -> None:
        self._waiting: list[_Asked] = []
        self._round: asyncio.Task[None] | None = None

    async def open(self, folder: Path, skus: Sequence[str], cards: int) -> None:
        """See Stock."""
        self._server = EmbeddedStore(folder / "store")
        await self._server.start()
        connections = BlockingConnectionPool.from_url(
            self._server.url, max_connections=_CONNECTIONS_MAX, timeout=None, retry=Retry(NoBackoff(), 0), protocol=3
        )
        self._redis = Redis.from_pool(connections)
        await self._redis.function_load(_LIBRARY.read_text(), replace=True)
        self._skus = skus
        for sku in skus:
            await self._load(f"{{{sku}}}", cards)

    async def close(self) -> None:
        """See Stock."""
        await self._redis.aclose()
        await self._server.stop()

    async def allocate(self, wish: Wish) -> Held | Refusal:
        """See Stock."""
        loop = asyncio.get_running_loop()
        asked = _Asked(wish, loop.create_future())
        self._waiting.append(asked)
        if self._round is None:
            self._round = loop.create_task(self._go_rounds())
        return await asked.answer

    async def allocate_all(self, wishes: Sequence[Wish]) -> Sequence[Held | Refusal]:
        """See Stock."""
        return list(await self._decided(wishes))

    async def release_all(self, holds: Sequence[tuple[str, int]]) -> Sequence[Held | Refusal]:
        """See Stock."""
        numbers: dict[str, list[int]] = {}
        for sku, hold in holds:
            numbers.setdefault(sku, []).append(hold)
        async with self._redis.pipeline(transaction=False) as pipeline:
            for sku, of_sku in numbers.items():
                keys = [f"{{{sku}}}:{name}" for name in ("shelf", "due", *(f"hold:{hold}" for hold in of_sku))]
                pipeline.fcall("release", len(keys), *keys, now_ms())
            lines = dict(zip(numbers, map(iter, await pipeline.execute()), strict=True))
        return [_released(sku, hold, next(lines[sku])) for sku, hold in holds]

    async def expire(self, now_ms: int) -> int:
        """See Stock."""
        most = 0
        for sku in self._skus:
            tag = f"{{{sku}}}"
            keys_and_facts = (f"{tag}:shelf", f"{tag}:due", tag, now_ms, EXPIRE_PER_STEP_MAX)
            most = max(most, await self._redis.fcall("expire", 2, *keys_and_facts))
        return most

    async def _go_rounds(self) -> None:
        """Ask for all who wait, until nobody does."""
        while self._waiting:
            asked, self._waiting = self._waiting, []
            try:
                answers = await self._decided([one.wish for one in asked])
                for one, answer in zip(asked, answers, strict=True):
                    if not one.answer.done():  # Its caller may be gone.
                        one.answer.set_result(answer)
            except Exception as failure:  # noqa: BLE001 - those who wait hear of it, and the next round may succeed
                for one in asked:
                    if not one.answer.done():
                        one.answer.set_exception(failure)
        self._round = None

    async def _decided(self, wishes: Sequence[Wish]) -> Iterator[Held | Refusal]:
        """The answers, in the order of the wishes."""
        of_sku: dict[str, list[Wish]] = {}
        for wish in wishes:
            of_sku.setdefault(wish.sku, []).append(wish)
        calls = [
            group[first : first + _WISHES_PER_CALL_MAX]
            for group in of_sku.values()
            for first in range(0, len(group), _WISHES_PER_CALL_MAX)
        ]
        async with self._redis.pipeline(transaction=False) as pipeline:
            for call in calls:
                pipeline.execute_command(*_allocate(call))
            replies = await pipeline.execute()
        lines: dict[str, Iterator[bytes]] = {sku: iter(()) for sku in of_sku}
        for call, reply in zip(calls, replies, strict=True):
            lines[call[0].sku] = chain(lines[call[0].sku], reply)
        return (_answer(wish, next(lines[wish.sku])) for wish in wishes)

    async def _load(self, tag: str, cards: int) -> None:
        if await self._redis.exists(f"{tag}:loaded"):
            return
        await self._redis.delete(f"{tag}:shelf")  # A load that broke off begins anew.
        for first in range(0, cards, _LOAD_CHUNK):
            await self._redis.rpush(f"{tag}:shelf", *range(first, min(cards, first + _LOAD_CHUNK)))
        await self._redis.set(f"{tag}:loaded", cards)


def _allocate(wishes: Sequence[Wish]) -> tuple[str | int, ...]:
    tag = f"{{{wishes[0].sku}}}"
    moment_ms = now_ms()
    keys: list[str] = [f"{tag}:shelf", f"{tag}:last", f"{tag}:due"]
    facts: list[str | int] = [tag, moment_ms, ANSWERS_KEEP_MS]
    for _, request_id, order_ref, quantity, hold_for_ms in wishes:
        keys += (f"{tag}:request:{request_id}", f"{tag}:order:{order_ref}")
        facts += (quantity, moment_ms + hold_for_ms, order_ref)
    return ("FCALL", "allocate", len(keys), *keys, *facts)


def _answer(wish: Wish, line: bytes) -> Held | Refusal:
    """What a line of `allocate` means to the one who wished."""
    how = line[:1]
    if how == b"~":
        held = _held(wish.sku, line[1:])
        return order_taken(wish, held, len(held.cards))
    is_replayed = how == b"="
    hold, cards, created, expires, quantity, _, _, order_ref = line[is_replayed:].split(b" ", 7)
    if is_replayed:
        other = same_wish(wish, order_ref.decode(), int(quantity))
        if other is not None:
            return other
    if hold == b"0":
        return out_of_stock(wish.quantity, int(cards))
    serials = [int(card) for card in cards.split(b",")]
    return Held(wish.sku, int(hold), serials, wish.order_ref, int(created), int(expires), ACTIVE, 0, is_replayed)


def _released(sku: str, hold: int, line: bytes) -> Held | Refusal:
    return _held(sku, line) if line else no_such_hold(sku, hold)


def _held(sku: str, line: bytes) -> Held:
    """A hold as its line has it."""
    hold, cards, created, expires, _, state, ended, order_ref = line.decode().split(" ", 7)
    serials = [int(card) for card in cards.split(",")]
    return Held(sku, int(hold), serials, order_ref, int(created), int(expires), state, int(ended))
