"""Postgres: a row for each card and hold, `FOR UPDATE SKIP LOCKED`, one prepared statement for an Allocate or a batch.

Promises: a card is in one hold; a request id has one row, whose answer it gets for ever, an order one hold; what is
answered is fsynced (`synchronous_commit=on`, `fsync=on`, full pages); the cards of an expired hold are back within a
second or so. As ever with SKIP LOCKED, a no may be early: cards that another transaction looks at and then leaves count
as gone. In a batch, who asks for more than is left takes nothing, but those behind it do not get the rest.

What was tried, 64 in flight behind the fast front, on two cores that were very busy (holds/s, medians of 4 rounds):
- 8 / 16 / 32 / 64 connections: 940 / 1,390 / 1,650 / 1,030. So: 32.
- asyncpg's pool resets a connection each time it comes back: 1,190. Without that: 1,650. Connections and prepared
  statements of our own instead of the pool: 1,570, though 20 µs of CPU less.
- commit_delay 0 / 100 / 500 µs: 1,470 / 1,550 / 1,650. It only waits when at least five commit at a time.
- wal_compression=pglz: 1,460, nothing gained. Generic plans are forced and compiling is off: plans are index scans.
- No index on cards.hold: what a hold has stands in the hold, as an array.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]

from actors.front.refusals import Refusal
from bench.peers import postgres_statements as sql
from bench.peers.postgres_server import PostgresServer
from bench.peers.stock import (
    ACTIVE,
    EXPIRE_PER_STEP_MAX,
    Held,
    Wish,
    no_such_hold,
    now_ms,
    order_taken,
    out_of_stock,
    same_wish,
)

#: See the top for what was tried.
_CONNECTIONS = 32

_SETTINGS: Mapping[str, str] = {
    # As durable as the others: an answer leaves when its log record is on disk, and a torn page can be mended.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # Who commits waits half a millisecond for others to share the flush, when at least five are at work.
    "commit_delay": "500",
    "commit_siblings": "5",
    # All in memory, and no checkpoint in the middle of a round.
    "shared_buffers": "1GB",
    "wal_buffers": "64MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    # Statements are prepared once and never planned again; none is long enough to be compiled.
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    # The index of the shelf leaves a dead entry for each card that went.
    "autovacuum_naptime": "5s",
}

_SCHEMA = Path(__file__).with_name("postgres.sql")

_SOLD_OUT = "OUT_OF_STOCK"


class PostgresStock:
    """Every decision is one statement; what is here asks, and reads the rows."""

    async def open(self, folder: Path, skus: Sequence[str], cards: int) -> None:
        """See Stock."""
        self._server = PostgresServer(folder / "postgres", _SETTINGS)
        await self._server.start()
        self._pool = await asyncpg.create_pool(
            host=str(self._server.folder),
            user="postgres",
            database="postgres",
            min_size=_CONNECTIONS,
            max_size=_CONNECTIONS,
            max_inactive_connection_lifetime=0,
            reset=_keep_as_it_is,
        )
        await self._pool.execute(_SCHEMA.read_text())
        self._numbers = {sku: await self._load(sku, cards) for sku in skus}
        await self._pool.execute("VACUUM ANALYZE")

    async def close(self) -> None:
        """See Stock."""
        self._pool.terminate()
        await self._server.stop()

    async def allocate(self, wish: Wish) -> Held | Refusal:
        """See Stock."""
        if wish.quantity != 1:
            return (await self.allocate_all([wish]))[0]
        moment_ms = now_ms()
        number, expires_at_ms = self._numbers[wish.sku], moment_ms + wish.hold_for_ms
        row = await self._pool.fetchrow(sql.ALLOCATE, number, wish.request_id, wish.order_ref, moment_ms, expires_at_ms)
        if row is None:
            return (await self._known(number, [wish]))[0]
        hold, cards, state = row
        if state == _SOLD_OUT:
            return out_of_stock(1, 0)
        return Held(wish.sku, hold, cards, wish.order_ref, moment_ms, expires_at_ms)

    async def allocate_all(self, wishes: Sequence[Wish]) -> Sequence[Held | Refusal]:
        """See Stock."""
        of_sku: dict[str, list[Wish]] = {}
        for wish in wishes:
            of_sku.setdefault(wish.sku, []).append(wish)
        answers = {sku: iter(await self._allocate_of(self._numbers[sku], group)) for sku, group in of_sku.items()}
        return [next(answers[wish.sku]) for wish in wishes]

    async def release_all(self, holds: Sequence[tuple[str, int]]) -> Sequence[Held | Refusal]:
        """See Stock."""
        of_sku: dict[str, list[int]] = {}
        for sku, hold in holds:
            of_sku.setdefault(sku, []).append(hold)
        found: dict[tuple[str, int], Held] = {}
        for sku, group in of_sku.items():
            await self._pool.execute(sql.RELEASE, self._numbers[sku], group, now_ms())
            for row in await self._pool.fetch(sql.HOLDS, self._numbers[sku], group):
                found[sku, row["hold"]] = _held(sku, row)
        return [found.get(named) or no_such_hold(*named) for named in holds]

    async def expire(self, now_ms: int) -> int:
        """See Stock."""
        ended: int = await self._pool.fetchval(sql.EXPIRE, now_ms, EXPIRE_PER_STEP_MAX)
        return ended

    async def _allocate_of(self, number: int, wishes: Sequence[Wish]) -> Sequence[Held | Refusal]:
        """The same for one SKU."""
        moment_ms = now_ms()
        _, request_ids, order_refs, quantities, spans_ms = zip(*wishes, strict=True)
        ends_ms = [moment_ms + span_ms for span_ms in spans_ms]
        rows = await self._pool.fetch(sql.ALLOCATE_ALL, number, request_ids, order_refs, quantities, moment_ms, ends_ms)
        made = {row["request_id"]: row for row in rows}
        answers = [_answer(wish, row) if (row := made.pop(wish.request_id, None)) else None for wish in wishes]
        others = [wish for wish, answer in zip(wishes, answers, strict=True) if answer is None]
        known = iter(await self._known(number, others) if others else ())
        return [answer or next(known) for answer in answers]

    async def _known(self, number: int, wishes: Sequence[Wish]) -> Sequence[Held | Refusal]:
        """What those get who asked before, or whose order has a hold."""
        request_ids = [wish.request_id for wish in wishes]
        rows = await self._pool.fetch(sql.KNOWN, number, request_ids, [wish.order_ref for wish in wishes])
        by_request = {row["request_id"]: row for row in rows}
        by_order = {row["order_ref"]: row for row in rows if row["state"] != _SOLD_OUT}
        return [
            _replayed(wish, by_request[wish.request_id])
            if wish.request_id in by_request
            else order_taken(wish, _held(wish.sku, by_order[wish.order_ref]), by_order[wish.order_ref]["quantity"])
            for wish in wishes
        ]

    async def _load(self, sku: str, cards: int) -> int:
        """The number of a SKU; a new one gets its cards."""
        async with self._pool.acquire() as connection, connection.transaction():
            add = "INSERT INTO skus (name) VALUES ($1) ON CONFLICT DO NOTHING RETURNING sku"
            number: int | None = await connection.fetchval(add, sku)
            if number is not None:
                fill = "INSERT INTO cards (sku, card) SELECT $1, generate_series(0, $2 - 1)"
                await connection.execute(fill, number, cards)
                return number
            known: int = await connection.fetchval("SELECT sku FROM skus WHERE name = $1", sku)
            return known


def _answer(wish: Wish, row: asyncpg.Record) -> Held | Refusal:
    """What a row says that this wish made."""
    if row["state"] == _SOLD_OUT:
        return out_of_stock(wish.quantity, len(row["cards"]))
    return _held(wish.sku, row)


def _replayed(wish: Wish, row: asyncpg.Record) -> Held | Refusal:
    """The first answer again, whatever became of the hold."""
    other = same_wish(wish, row["order_ref"], row["quantity"])
    if other is not None:
        return other
    answer = _answer(wish, row)
    return answer._replace(state=ACTIVE, ended_at_ms=0, replayed=True) if isinstance(answer, Held) else answer


def _held(sku: str, row: asyncpg.Record) -> Held:
    hold, _, _, order_ref, _, cards, created_at_ms, expires_at_ms, state, ended_at_ms = row
    return Held(sku, hold, cards, order_ref, created_at_ms, expires_at_ms, state, ended_at_ms)


async def _keep_as_it_is(connection: asyncpg.pool.PoolConnectionProxy) -> None:
    """What a pool does when a connection comes back: our statements leave nothing to reset."""
