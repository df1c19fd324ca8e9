"""Locked: the thing people write first. An asyncio.Lock, a SQLite file, look, take, commit.

Promises: a card is in one hold; a request id gets its first answer for ever, an order has one hold; what is answered is
fsynced (write-ahead log, `synchronous=FULL`, one commit for each Allocate or batch); the cards of an expired hold are
back within a second or so. One process only: the lock is in it.

What was tried, 64 in flight, on two cores that were very busy (holds/s, medians of 4 rounds behind the fast front, 2
behind the plain one):
- All on the event loop: 810 fast, 660 plain. All in a thread: 580 and 1,170. Deciding on the loop and committing in a
  thread, so that others are read meanwhile: 1,050 and 1,130. So: the last.
- A checkpoint after 10,000 pages instead of 1,000: 480 against 910.
- A batch is one transaction; one for each item would be the unary pace.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from actors.front.refusals import Refusal
from bench.peers.stock import (
    ACTIVE,
    EXPIRE_PER_STEP_MAX,
    EXPIRED,
    RELEASED,
    Held,
    Wish,
    no_such_hold,
    now_ms,
    order_taken,
    out_of_stock,
    same_wish,
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS skus (sku TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shelf (sku TEXT, card INTEGER, PRIMARY KEY (sku, card)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS holds (
    hold INTEGER PRIMARY KEY, sku TEXT, request_id TEXT, order_ref TEXT, quantity INTEGER, cards TEXT,
    created_at_ms INTEGER, expires_at_ms INTEGER, state TEXT, ended_at_ms INTEGER DEFAULT 0
);
CREATE UNIQUE INDEX IF NOT EXISTS by_request ON holds (sku, request_id);
CREATE UNIQUE INDEX IF NOT EXISTS by_order ON holds (sku, order_ref) WHERE state <> 'OUT_OF_STOCK';
CREATE INDEX IF NOT EXISTS due ON holds (expires_at_ms) WHERE state = 'ACTIVE';
"""

_SELECT = "SELECT hold, cards, order_ref, created_at_ms, expires_at_ms, state, ended_at_ms, quantity FROM holds"
_BY_REQUEST = f"{_SELECT} WHERE sku = ? AND request_id = ?"
_BY_ORDER = f"{_SELECT} WHERE sku = ? AND order_ref = ? AND state <> 'OUT_OF_STOCK'"
_BY_NUMBER = f"{_SELECT} WHERE sku = ? AND hold = ? AND state <> 'OUT_OF_STOCK'"
_MAKE = """
INSERT INTO holds (sku, request_id, order_ref, quantity, cards, created_at_ms, expires_at_ms, state)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING hold
"""
_DUE = "SELECT sku, hold FROM holds WHERE state = 'ACTIVE' AND expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ?"
_SOLD_OUT = "OUT_OF_STOCK"

_Row = tuple[Any, ...]
_Decided = TypeVar("_Decided")


class LockedStock:
    """Look, take and commit with the lock in hand."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def open(self, folder: Path, skus: Sequence[str], cards: int) -> None:
        """See Stock."""
        self._database = sqlite3.connect(folder / "peer.sqlite", isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(_SCHEMA)
        self._database.execute("BEGIN")
        for sku in skus:
            if self._database.execute("INSERT OR IGNORE INTO skus VALUES (?)", (sku,)).rowcount:
                self._put_back(sku, range(cards))
        self._database.execute("COMMIT")

    async def close(self) -> None:
        """See Stock."""
        self._database.close()

    async def allocate(self, wish: Wish) -> Held | Refusal:
        """See Stock."""
        return await self._alone(lambda: self._take(wish))

    async def allocate_all(self, wishes: Sequence[Wish]) -> Sequence[Held | Refusal]:
        """See Stock."""
        return await self._alone(lambda: [self._take(wish) for wish in wishes])

    async def release_all(self, holds: Sequence[tuple[str, int]]) -> Sequence[Held | Refusal]:
        """See Stock."""
        moment_ms = now_ms()
        return await self._alone(
            lambda: [self._end(sku, hold, moment_ms) or no_such_hold(sku, hold) for sku, hold in holds]
        )

    async def expire(self, now_ms: int) -> int:
        """See Stock."""

        def end_due() -> int:
            due = self._database.execute(_DUE, (now_ms, EXPIRE_PER_STEP_MAX)).fetchall()
            for sku, hold in due:
                self._end(sku, hold, now_ms)
            return len(due)

        return await self._alone(end_due)

    async def _alone(self, decide: Callable[[], _Decided]) -> _Decided:
        """Decide with the lock in hand, to the end even when the caller is gone."""
        return await asyncio.shield(asyncio.create_task(self._locked(decide)))

    async def _locked(self, decide: Callable[[], _Decided]) -> _Decided:
        """What was decided is on disk when this ends well, and undone when it does not."""
        async with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                decided = decide()
                await asyncio.to_thread(self._database.execute, "COMMIT")  # Others are read while the disk works.
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            return decided

    def _take(self, wish: Wish) -> Held | Refusal:
        known = self._database.execute(_BY_REQUEST, (wish.sku, wish.request_id)).fetchone()
        if known is not None:
            return _replayed(wish, known)
        known = self._database.execute(_BY_ORDER, (wish.sku, wish.order_ref)).fetchone()
        if known is not None:
            return order_taken(wish, _held(wish.sku, known), known[-1])
        pick = "SELECT card FROM shelf WHERE sku = ? ORDER BY card LIMIT ?"
        cards = [card for (card,) in self._database.execute(pick, (wish.sku, wish.quantity))]
        state = ACTIVE if len(cards) == wish.quantity else _SOLD_OUT
        if state == ACTIVE:
            self._database.executemany(
                "DELETE FROM shelf WHERE sku = ? AND card = ?", [(wish.sku, card) for card in cards]
            )
        moment_ms = now_ms()
        expires_at_ms = moment_ms + wish.hold_for_ms
        packed = ",".join(map(str, cards))
        facts = (wish.sku, wish.request_id, wish.order_ref, wish.quantity, packed, moment_ms, expires_at_ms, state)
        (hold,) = self._database.execute(_MAKE, facts).fetchone()
        if state == _SOLD_OUT:
            return out_of_stock(wish.quantity, len(cards))
        return Held(wish.sku, hold, cards, wish.order_ref, moment_ms, expires_at_ms)

    def _end(self, sku: str, hold: int, moment_ms: int) -> Held | None:
        """End a hold that is active, and say how it is now."""
        row = self._database.execute(_BY_NUMBER, (sku, hold)).fetchone()
        if row is None:
            return None
        held = _held(sku, row)
        if held.state != ACTIVE:
            return held
        is_over = held.expires_at_ms <= moment_ms
        ended = held._replace(
            state=EXPIRED if is_over else RELEASED, ended_at_ms=held.expires_at_ms if is_over else moment_ms
        )
        change = "UPDATE holds SET state = ?, ended_at_ms = ? WHERE hold = ?"
        self._database.execute(change, (ended.state, ended.ended_at_ms, hold))
        self._put_back(sku, held.cards)
        return ended

    def _put_back(self, sku: str, cards: Sequence[int]) -> None:
        self._database.executemany("INSERT INTO shelf VALUES (?, ?)", ((sku, card) for card in cards))


def _replayed(wish: Wish, row: _Row) -> Held | Refusal:
    """The first answer again, whatever became of the hold."""
    held = _held(wish.sku, row)
    other = same_wish(wish, held.order_ref, row[-1])
    if other is not None:
        return other
    if held.state == _SOLD_OUT:
        return out_of_stock(wish.quantity, len(held.cards))
    return held._replace(state=ACTIVE, ended_at_ms=0, replayed=True)


def _held(sku: str, row: _Row) -> Held:
    hold, cards, order_ref, created_at_ms, expires_at_ms, state, ended_at_ms, _ = row
    serials = [int(card) for card in cards.split(",")] if cards else []
    return Held(sku, hold, serials, order_ref, created_at_ms, expires_at_ms, state, ended_at_ms)
