"""Redis-Lua: cards in lists, holds as lines, who asked as keys, and one function that decides atomically."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from redis.asyncio import Redis
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

#: Wishes that one call of the function decides: the server does nothing else meanwhile, for some 30 ms.
_WISHES_PER_CALL_MAX = 1_000

#: Cards pushed in one command while a SKU is loaded.
_LOAD_CHUNK = 10_000


class _Asked(NamedTuple):
    """The wishes of one caller, and where their answers go."""

    wishes: Sequence[Wish]
    answers: asyncio.Future[Sequence[Held | Refusal]]


class RedisLuaStock:
    """Gathers wishes while a round of them is under way; every decision is made in `redis_lua.lua`."""

    def __init__(self) -> None:
        self._waiting: list[_Asked] = []
        self._round: asyncio.Task[None] | None = None

    async def open(self, folder: Path, skus: Sequence[str], cards: int) -> None:
        """See Stock."""
        self._server = EmbeddedStore(folder / "store")
        await self._server.start()
        self._rounds = self._connected()
        self._others = self._connected()
        await self._others.function_load(_LIBRARY.read_text(), replace=True)
        self._skus = skus
        for sku in skus:
            await self._load(f"{{{sku}}}", cards)

    async def close(self) -> None:
        """See Stock."""
        await self._rounds.aclose()
        await self._others.aclose()
        await self._server.stop()

    async def allocate(self, wish: Wish) -> Held | Refusal:
        """See Stock."""
        [answer] = await self.allocate_all((wish,))
        return answer

    def allocate_all(self, wishes: Sequence[Wish]) -> asyncio.Future[Sequence[Held | Refusal]]:
        """See Stock."""
        loop = asyncio.get_running_loop()
        asked = _Asked(wishes, loop.create_future())
        self._waiting.append(asked)
        if self._round is None:
            self._round = loop.create_task(self._go_round())
        return asked.answers

    async def release_all(self, holds: Sequence[tuple[str, int]]) -> Sequence[Held | Refusal]:
        """See Stock."""
        numbers: dict[str, list[int]] = {}
        for sku, hold in holds:
            numbers.setdefault(sku, []).append(hold)
        async with self._others.pipeline(transaction=False) as pipeline:
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
            most = max(most, await self._others.fcall("expire", 2, *keys_and_facts))
        return most

    async def _go_round(self) -> None:
        """Ask for all who wait, until nobody does."""
        while self._waiting:
            asked, self._waiting = self._waiting, []
            try:
                answers = await self._decided([wish for one in asked for wish in one.wishes])
                told = [[next(answers) for _ in one.wishes] for one in asked]
            except Exception as failure:  # noqa: BLE001 - those who wait hear of it, and the next round may succeed
                _tell(asked, failure)
            else:
                for one, its_answers in zip(asked, told, strict=True):
                    if not one.answers.done():  # Its caller may be gone.
                        one.answers.set_result(its_answers)
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
        async with self._rounds.pipeline(transaction=False) as pipeline:
            for call in calls:
                pipeline.execute_command(*_allocate(call))
            replies = await pipeline.execute()
        lines: dict[str, Iterator[bytes]] = {sku: iter(()) for sku in of_sku}
        for call, reply in zip(calls, replies, strict=True):
            lines[call[0].sku] = chain(lines[call[0].sku], reply)
        return (_answer(wish, next(lines[wish.sku])) for wish in wishes)

    def _connected(self) -> Redis:
        """A client with one connection, which repeats nothing by itself."""
        return Redis.from_url(self._server.url, single_connection_client=True, retry=Retry(NoBackoff(), 0), protocol=3)

    async def _load(self, tag: str, cards: int) -> None:
        if await self._others.exists(f"{tag}:loaded"):
            return
        await self._others.delete(f"{tag}:shelf")  # A load that broke off begins anew.
        for first in range(0, cards, _LOAD_CHUNK):
            await self._others.rpush(f"{tag}:shelf", *range(first, min(cards, first + _LOAD_CHUNK)))
        await self._others.set(f"{tag}:loaded", cards)


def _tell(asked: Sequence[_Asked], failure: Exception) -> None:
    for one in asked:
        if not one.answers.done():
            one.answers.set_exception(failure)


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
