"""The store's doors in memory, for tests and the simulator; they pass the suite the real ones pass.

No randomness, no clock of its own, and no await: what happens in between is `FaultyJournal`'s to say.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from engine.errors import InvariantBroken
from engine.names import BatchNo, Card, PoolName, batch_of
from engine.ports import (
    NOBODY,
    NOTHING,
    Append,
    Clock,
    History,
    Journal,
    Known,
    Load,
    MachineOrder,
    Placement,
    Position,
    SealedCard,
    Seat,
)
from engine.stock.sealing import KEYS, PRINTS, card_fields, find_code, key_field, sealed_name, traced_card
from engine.supply.ports import STASH

_T = TypeVar("_T")


@dataclass
class StoredPool:
    """What the store has of one pool."""

    position: Position = field(default=Position(0, 0))
    snapshot: bytes | None = None
    snapshot_seq: int = 0
    #: With where the journal ended after each.
    records: list[tuple[Position, bytes]] = field(default_factory=list)
    hashes: dict[str, dict[bytes, bytes]] = field(default_factory=dict)
    archive: dict[str, tuple[bytes, int | None]] = field(default_factory=dict)
    archived_seq: int = 0

    def of(self, name: str) -> dict[bytes, bytes]:
        """The hash of that name."""
        return self.hashes.setdefault(name, {})


class MemoryStore:
    """Journal, Archive, SealedCards and Stash. Two owners share it by having the same one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pools: defaultdict[PoolName, StoredPool] = defaultdict(StoredPool)

    async def claim(self, pool: PoolName, known: Known = NOTHING) -> History:
        """See Journal."""
        held = self._pool(pool)
        held.position = held.position._replace(epoch=held.position.epoch + 1)
        return await self.read(pool, known)

    async def append(self, appends: Sequence[Append]) -> Sequence[Position]:
        """See Journal."""
        return [self._append(self._pool(append.pool), append) for append in appends]

    async def position(self, pool: PoolName) -> Position:
        """See Journal."""
        return self._pool(pool).position

    async def read(self, pool: PoolName, known: Known = NOTHING) -> History:
        """See Journal."""
        held = self._pool(pool)
        if held.snapshot_seq == known.snapshot_seq:
            more = [record for end, record in held.records if end > known.end]
            return History(held.position, None, held.snapshot_seq, more)
        return History(held.position, held.snapshot, held.snapshot_seq, [record for _, record in held.records])

    async def fold(self, pool: PoolName, history: History, snapshot: bytes, snapshot_seq: int) -> bool:
        """See Journal."""
        held = self._pool(pool)
        if held.snapshot_seq != history.snapshot_seq:
            return False
        held.snapshot, held.snapshot_seq = snapshot, snapshot_seq
        held.records = [(end, record) for end, record in held.records if end > history.position]
        return True

    async def keep(self, pool: PoolName, entries: Mapping[str, bytes], keep_ms: int | None, *, as_of_seq: int) -> bool:
        """See Archive."""
        held = self._pool(pool)
        if held.archived_seq > as_of_seq:
            return False
        held.archived_seq = as_of_seq
        until_ms = None if keep_ms is None else self._clock.now_ms() + keep_ms
        held.archive.update({key: (value, until_ms) for key, value in entries.items()})
        return True

    async def recall(self, pool: PoolName, keys: Sequence[str]) -> Sequence[bytes | None]:
        """See Archive."""
        archive, now_ms = self._pool(pool).archive, self._clock.now_ms()
        found = [archive.get(key, (None, None)) for key in keys]
        return [value if until_ms is None or now_ms < until_ms else None for value, until_ms in found]

    async def known(self, pool: PoolName, prints: Sequence[bytes]) -> Sequence[bool]:
        """See SealedCards."""
        return [print_ in self._pool(pool).of(PRINTS) for print_ in prints]

    async def trace(self, pool: PoolName, prints: Sequence[bytes]) -> Sequence[Card | None]:
        """See SealedCards."""
        return [traced_card(self._pool(pool).of(PRINTS).get(print_)) for print_ in prints]

    async def data_key(self, pool: PoolName, batch: BatchNo) -> bytes:
        """See SealedCards."""
        return _data_key(self._pool(pool), batch)

    async def sealed(self, pool: PoolName, cards: Sequence[Card]) -> Sequence[SealedCard]:
        """See SealedCards."""
        return [_sealed_card(self._pool(pool), card) for card in cards]

    async def stashed(self, book: PoolName) -> Mapping[bytes, bytes]:
        """See Stash."""
        return dict(self._pool(book).of(STASH))

    async def unstash(self, book: PoolName, fields: Sequence[bytes]) -> None:
        """See Stash."""
        for field_ in fields:
            self._pool(book).of(STASH).pop(field_, None)

    def _pool(self, pool: PoolName) -> StoredPool:
        return self._pools[pool]

    def _append(self, held: StoredPool, append: Append) -> Position:
        if append.events and held.position == Position(append.epoch, append.seq_before):
            held.position = Position(append.epoch, append.seq_before + append.events)
            held.records.append((held.position, append.record))
            for name, fields in append.attachments.items():
                held.of(name).update(fields)
        return held.position


class MemoryRegistry:
    """Registry."""

    def __init__(self) -> None:
        self._version = 0
        self._owner_of: dict[PoolName, str] = {}
        self._changed_in: dict[PoolName, int] = {}
        self._seats: dict[str, Seat] = {}
        self._loads: dict[str, Load] = {}
        self._orders: dict[str, MachineOrder] = {}

    async def add_pool(self, pool: PoolName) -> bool:
        """See Registry."""
        is_new = pool not in self._owner_of
        if is_new:
            self._place(pool, NOBODY)
        return is_new

    async def pools(self) -> Sequence[PoolName]:
        """See Registry."""
        return sorted(self._owner_of)

    async def place(self, owner_of: Mapping[PoolName, str]) -> int:
        """See Registry."""
        for pool, owner_id in owner_of.items():
            if self._owner_of.get(pool) != owner_id:
                self._place(pool, owner_id)
        return self._version

    async def placement(self, since: int = 0) -> Placement:
        """See Registry."""
        if since == self._version:
            return Placement(since, {})
        is_whole = since > self._version
        changed = {
            pool: owner_id for pool, owner_id in self._owner_of.items() if is_whole or self._changed_in[pool] > since
        }
        return Placement(self._version, changed)

    async def placement_version(self) -> int:
        """See Registry."""
        return self._version

    async def announce(self, seat: Seat) -> bool:
        """See Registry."""
        seated = self._seats.get(seat.owner_id)
        if seated is not None and seated.incarnation >= seat.incarnation:
            return seated == seat
        self._seats[seat.owner_id] = seat
        return True

    async def retire(self, seat: Seat) -> bool:
        """See Registry."""
        seated = self._seats.get(seat.owner_id)
        if seated is not None and seated.incarnation != seat.incarnation:
            return False
        self._seats.pop(seat.owner_id, None)
        return True

    async def owners(self) -> Sequence[Seat]:
        """See Registry."""
        return sorted(self._seats.values())

    async def report(self, load: Load) -> None:
        """See Registry."""
        self._loads[load.owner_id] = load

    async def loads(self) -> Sequence[Load]:
        """See Registry."""
        return [self._loads[owner_id] for owner_id in sorted(self._loads)]

    async def order(self, machine: str, order: MachineOrder) -> None:
        """See Registry."""
        self._orders[machine] = order

    async def orders(self) -> Mapping[str, MachineOrder]:
        """See Registry."""
        return dict(self._orders)

    def _place(self, pool: PoolName, owner_id: str) -> None:
        self._version += 1
        self._owner_of[pool] = owner_id
        self._changed_in[pool] = self._version


class Faults(Protocol):
    """What befalls calls to a journal. `call` is the method's name.

    Both may await as long as they like. To lose a call, raise StoreUnavailable before it; to leave it in
    doubt, raise InDoubt: before it, it was never done, and after it, it was.
    """

    async def before(self, call: str) -> None:
        """The call has left its caller and is not yet done."""

    async def after(self, call: str) -> None:
        """The call is done and its answer is not yet there."""


class FaultyJournal:
    """A journal behind a bad road: every call meets `faults` on its way there and back."""

    def __init__(self, journal: Journal, faults: Faults) -> None:
        self._journal = journal
        self._faults = faults

    async def claim(self, pool: PoolName, known: Known = NOTHING) -> History:
        """See Journal."""
        return await self._travel("claim", lambda: self._journal.claim(pool, known))

    async def append(self, appends: Sequence[Append]) -> Sequence[Position]:
        """See Journal."""
        return await self._travel("append", lambda: self._journal.append(appends))

    async def position(self, pool: PoolName) -> Position:
        """See Journal."""
        return await self._travel("position", lambda: self._journal.position(pool))

    async def read(self, pool: PoolName, known: Known = NOTHING) -> History:
        """See Journal."""
        return await self._travel("read", lambda: self._journal.read(pool, known))

    async def fold(self, pool: PoolName, history: History, snapshot: bytes, snapshot_seq: int) -> bool:
        """See Journal."""
        return await self._travel("fold", lambda: self._journal.fold(pool, history, snapshot, snapshot_seq))

    async def _travel(self, call: str, done: Callable[[], Awaitable[_T]]) -> _T:
        await self._faults.before(call)
        answer = await done()
        await self._faults.after(call)
        return answer


def _data_key(held: StoredPool, batch: BatchNo) -> bytes:
    data_key = held.of(KEYS).get(key_field(batch))
    if data_key is None:
        raise InvariantBroken(f"the data key of batch {batch} is not in the store")
    return data_key


def _sealed_card(held: StoredPool, card: Card) -> SealedCard:
    batch = batch_of(card)
    pack, alone = (held.of(sealed_name(batch)).get(name) for name in card_fields(card))
    return SealedCard(card, _data_key(held, batch), find_code(card, pack, alone))
