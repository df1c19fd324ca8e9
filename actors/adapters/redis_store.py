"""The journal, the archive and the sealed codes in a Redis or Valkey server: every key that is a pool's own.

Keys and atomic steps are described in append.lua. What takes many steps (a history, a snapshot) is read
and written about a megabyte at a time, so that a sale next door waits for one step and not for all.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from actors.adapters.redis_appends import RedisAppends, position_question
from actors.adapters.redis_keys import ARCHIVE, SNAPSHOT, pool_key
from actors.adapters.redis_line import TOUCHED, Command, RedisLine
from actors.adapters.redis_settings import Durability, check_settings
from engine.errors import InvariantBroken
from engine.names import BatchNo, Card, PoolName, batch_of
from engine.ports import NOTHING, Append, History, Known, Position, SealedCard
from engine.stock.sealing import KEYS, PRINTS, card_fields, find_code, key_field, sealed_name, traced_card
from engine.supply.ports import STASH

#: Bytes of one piece of a snapshot: storing one holds the server up for a millisecond or two. Folding 15 MB
#: took 0.36 s on two busy cores, and no append beside it waited longer than 31 ms.
piece_bytes_max = 256 * 1024

#: Bytes of a history fetched in one step, roughly: as for pieces, but nothing is synced to disk.
slice_bytes = 1024 * 1024

#: How long unreferenced pieces of a snapshot live; whoever stores them is done, or dead, long before.
pieces_live_ms = 3_600_000

#: Fields asked of a hash by one command, to keep its step well below a millisecond.
fields_per_read_max = 1_000

_CLAIM = "cardkeep_claim"
#: How long the store may take for a round. A disk that syncs for longer is down for all that matters.
answer_within_s_default = 5.0


class RedisStore:
    """Journal, Archive, SealedCards and Stash over two connections: one for appends alone, one for all else.

    `url` is `redis://…`, `rediss://…` or `unix://…`. Nothing connects before it is needed.
    """

    def __init__(self, url: str, *, answer_within_s: float = answer_within_s_default) -> None:
        self.line = RedisLine(url, answer_within_s=answer_within_s)
        self._appends = RedisAppends(RedisLine(url, answer_within_s=answer_within_s))

    async def close(self) -> None:
        """Hang up, after what is under way."""
        await self.line.close()
        await self._appends.close()

    async def open(self, durability: Durability = Durability.ALWAYS) -> str:
        """Check the server's settings and bring our functions; answers what `check_settings` answers.

        Only a start needs this, and an upgrade: a store that comes back empty gets the functions by itself.
        """
        described = await check_settings(self.line, durability)
        await self.line.load_library()
        return described

    async def claim(self, pool: PoolName, known: Known = NOTHING) -> History:
        """See Journal. Raises StoreUnavailable; an epoch taken without an answer binds nobody."""
        return await self._history(pool, _CLAIM, known)

    async def read(self, pool: PoolName, known: Known = NOTHING) -> History:
        """See Journal."""
        return await self._history(pool, "cardkeep_look", known)

    async def append(self, appends: Sequence[Append]) -> Sequence[Position]:
        """See Journal."""
        return await self._appends.append(appends)

    async def position(self, pool: PoolName) -> Position:
        """See Journal."""
        written: Sequence[Command] = [("SET", TOUCHED, "")] if self.line.replicas else ()
        reply, *_ = await self.line.ask([position_question(pool), *written], counts=True)
        return Position(*reply)

    async def fold(self, pool: PoolName, history: History, snapshot: bytes, snapshot_seq: int) -> bool:
        """See Journal."""
        meta, journal = pool_key(pool, "meta"), pool_key(pool, "journal")
        ((stored_seq, stored),) = await self.line.ask([("HMGET", meta, "snapshot_seq", "snapshot")])
        if int(stored_seq or 0) != history.snapshot_seq:
            return False
        key = pool_key(pool, SNAPSHOT) + f"{snapshot_seq}:{secrets.token_hex(8)}"
        pieces = await self._store_pieces(key, snapshot)
        after = f"{history.position.epoch}-{history.position.seq + 1}"
        numbers = (history.snapshot_seq, after, snapshot_seq, pieces)
        keys = (meta, journal, key, stored or pool_key(pool, SNAPSHOT) + "none")
        (folded,) = await self.line.change([("FCALL", "cardkeep_fold", len(keys), *keys, *numbers, stored or b"")])
        if not folded:
            await self.line.ask([("UNLINK", key)])
        return bool(folded)

    async def keep(self, pool: PoolName, entries: Mapping[str, bytes], keep_ms: int | None, *, as_of_seq: int) -> bool:
        """See Archive."""
        beginning = pool_key(pool, ARCHIVE)
        keys = [pool_key(pool, "meta"), *(beginning + key for key in entries)]
        (kept,) = await self.line.ask(
            [("FCALL", "cardkeep_keep", len(keys), *keys, as_of_seq, keep_ms or 0, *entries.values())]
        )
        return bool(kept)

    async def recall(self, pool: PoolName, keys: Sequence[str]) -> Sequence[bytes | None]:
        """See Archive."""
        if not keys:
            return []
        values: Sequence[bytes | None]
        beginning = pool_key(pool, ARCHIVE)
        (values,) = await self.line.ask([("MGET", *(beginning + key for key in keys))])
        return values

    async def known(self, pool: PoolName, prints: Sequence[bytes]) -> Sequence[bool]:
        """See SealedCards."""
        return [value is not None for value in await self._fields(pool, PRINTS, prints)]

    async def trace(self, pool: PoolName, prints: Sequence[bytes]) -> Sequence[Card | None]:
        """See SealedCards."""
        return [traced_card(value) for value in await self._fields(pool, PRINTS, prints)]

    async def data_key(self, pool: PoolName, batch: BatchNo) -> bytes:
        """See SealedCards."""
        (data_key,) = await self._fields(pool, KEYS, [key_field(batch)])
        return _present(data_key, batch)

    async def sealed(self, pool: PoolName, cards: Sequence[Card]) -> Sequence[SealedCard]:
        """See SealedCards. One round, however many cards and batches."""
        if not cards:
            return []
        wanted: dict[BatchNo, dict[bytes, None]] = {}
        for card in cards:
            wanted.setdefault(batch_of(card), {}).update(dict.fromkeys(card_fields(card)))
        asks: list[Command] = [
            ("HMGET", pool_key(pool, sealed_name(batch)), *fields) for batch, fields in wanted.items()
        ]
        asks.append(("HMGET", pool_key(pool, KEYS), *map(key_field, wanted)))
        *values, keys = await self.line.ask(asks)
        found = {batch: dict(zip(wanted[batch], got, strict=True)) for batch, got in zip(wanted, values, strict=True)}
        key_of = dict(zip(wanted, keys, strict=True))
        return [_sealed_card(card, found[batch_of(card)], key_of[batch_of(card)]) for card in cards]

    async def stashed(self, book: PoolName) -> Mapping[bytes, bytes]:
        """See Stash."""
        fields: Mapping[bytes, bytes]
        (fields,) = await self.line.ask([("HGETALL", pool_key(book, STASH))])
        return fields

    async def unstash(self, book: PoolName, fields: Sequence[bytes]) -> None:
        """See Stash."""
        if fields:
            await self.line.ask([("HDEL", pool_key(book, STASH), *fields)])

    async def _fields(self, pool: PoolName, name: str, fields: Sequence[bytes]) -> Sequence[bytes | None]:
        parts = [fields[start : start + fields_per_read_max] for start in range(0, len(fields), fields_per_read_max)]
        replies = await self.line.ask([("HMGET", pool_key(pool, name), *part) for part in parts]) if parts else ()
        return [value for reply in replies for value in reply]

    async def _history(self, pool: PoolName, function: str, known: Known) -> History:
        """As of one moment: what a fold tears away underneath is read again from the start."""
        meta, journal = pool_key(pool, "meta"), pool_key(pool, "journal")
        while True:
            (reply,) = await self.line.ask([("FCALL", function, 2, meta, journal)], counts=function == _CLAIM)
            look = _Look(*reply)
            goes_on = look.snapshot_seq == known.snapshot_seq
            pieces = [] if goes_on else await self._pieces(meta, look)
            after = known.end if goes_on else NOTHING.end
            records = None if pieces is None else await self._records(meta, journal, look, after)
            if pieces is not None and records is not None:
                snapshot = None if goes_on or not look.snapshot else b"".join(pieces)
                return History(Position(look.epoch, look.seq), snapshot, look.snapshot_seq, records)

    async def _pieces(self, meta: str, look: "_Look") -> list[bytes] | None:
        """The snapshot, a slice at a time; None when a fold came in between."""
        found: list[bytes] = []
        step = slice_bytes // piece_bytes_max
        while len(found) < look.pieces:
            last = min(len(found) + step, look.pieces) - 1
            part = await self._part(meta, look, ("LRANGE", look.snapshot, len(found), last))
            if part is None:
                return None
            if not part:
                raise InvariantBroken(f"the store lost pieces of {look.snapshot!r}: {look.pieces} expected")
            found += part
        return found

    async def _records(self, meta: str, journal: str, look: "_Look", after: Position) -> list[bytes] | None:
        """The records after a position and up to where the journal ended, a slice at a time; None as above."""
        found: list[bytes] = []
        start, end, step = b"(%d-%d" % after, f"{look.epoch}-{look.seq}", 4
        while True:
            part = await self._part(meta, look, ("XRANGE", journal, start, end, "COUNT", step))
            if part is None:
                return None
            if not part:
                return found
            records = [fields[1] for _, fields in part]
            found += records
            start = b"(" + part[-1][0]
            step = max(1, min(4096, step * slice_bytes // (sum(map(len, records)) + 1)))

    async def _part(self, meta: str, look: "_Look", question: Command) -> Sequence[Any] | None:
        """What the store answers, unless a fold has come since the look."""
        part: Sequence[Any]
        part, snapshot = await self.line.ask([question, ("HGET", meta, "snapshot")])
        return part if (snapshot or b"") == look.snapshot else None

    async def _store_pieces(self, key: str, snapshot: bytes) -> int:
        pieces = 0
        for start in range(0, len(snapshot), piece_bytes_max):
            push = ("RPUSH", key, snapshot[start : start + piece_bytes_max])
            await self.line.ask([push, ("PEXPIRE", key, pieces_live_ms)])
            pieces += 1
        return pieces


class _Look(NamedTuple):
    """What the functions `claim` and `look` answer."""

    epoch: int
    seq: int
    snapshot_seq: int
    snapshot: bytes
    pieces: int


def _sealed_card(card: Card, values: Mapping[bytes, bytes | None], data_key: bytes | None) -> SealedCard:
    pack, alone = (values[field] for field in card_fields(card))
    return SealedCard(card, _present(data_key, batch_of(card)), find_code(card, pack, alone))


def _present(data_key: bytes | None, batch: BatchNo) -> bytes:
    if data_key is None:
        raise InvariantBroken(f"the data key of batch {batch} is not in the store")
    return data_key
