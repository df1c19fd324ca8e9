"""The doors of the house: what `engine` asks of the world, as Protocols. Nobody in `engine` opens one.

Each door has a real adapter in `actors/adapters/` and a fake in `actors/adapters/memory.py`; both
pass the same suite in `tests/contract/`. Failures follow engine.errors: *before the bytes left* is
NotDone, *after* is InDoubt.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from engine.names import BatchNo, Card, PoolName

Attachments = Mapping[str, Mapping[bytes, bytes]]
"""Hash name → field → value: written in the same atomic step as the record they belong to."""


class Append(NamedTuple):
    """One record for one pool's journal. `seq_before` is the seq of the last event already there."""

    pool: PoolName
    epoch: int
    seq_before: int
    events: int
    record: bytes
    attachments: Attachments


class Position(NamedTuple):
    """Who owns a journal and how far it goes: seq of the last event, 0 when there is none."""

    epoch: int
    seq: int


class History(NamedTuple):
    """Everything a pool is rebuilt from. `snapshot` stands for all events up to `snapshot_seq`."""

    position: Position
    snapshot: bytes | None
    snapshot_seq: int
    records: Sequence[bytes]


class Known(NamedTuple):
    """How much of a history one has: its snapshot, by `snapshot_seq`, and the records up to where it ended then."""

    snapshot_seq: int
    end: Position


#: The history of a pool that nothing has happened to.
NOTHING = Known(0, Position(0, 0))


class Journal(Protocol):
    """Append-only events of every pool, fenced by epoch."""

    async def claim(self, pool: PoolName, known: Known = NOTHING) -> History:
        """Take a new epoch (older ones are fenced from this moment) and read the history under it, as `read` does."""

    async def append(self, appends: Sequence[Append]) -> Sequence[Position]:
        """Make all records durable in one round; each pool's is all or nothing, in the given order.

        Answers each pool's position afterwards. An append counts as done exactly when the answer is
        `Position(its epoch, seq_before + events)`. A refused one leaves the journal as it was and its
        answer says why: another epoch means fenced, another seq means out of step.
        One without events writes nothing: it only asks whether the pool is still ours.
        Raises InDoubt when the bytes left and no answer came: ask `position`, and where the append is not
        there send the same one again, never another in its place: the first may still be on its way.
        Raises StoreUnavailable when they never left.
        """

    async def position(self, pool: PoolName) -> Position:
        """The position now. Raises StoreUnavailable."""

    async def read(self, pool: PoolName, known: Known = NOTHING) -> History:
        """The history without claiming it: for the archivist, for audits, and to prepare a claim.

        Where `known` still is what the journal begins with, the answer has neither the snapshot nor the known
        records: its `snapshot_seq` is the known one, its records go on from there. Otherwise it is the whole.
        """

    async def fold(self, pool: PoolName, history: History, snapshot: bytes, snapshot_seq: int) -> bool:
        """Put `snapshot` (up to `snapshot_seq`) in place of `history`'s snapshot and all its records, atomically.

        Of `history` only `snapshot_seq` and the position count. Records appended after it was read stay.

        Large snapshots travel in pieces first, so that no single step holds up a sale. False when
        another fold came first; then nothing changed. Raises InDoubt when the bytes left and no answer
        came: read again before the next fold.
        """


class Archive(Protocol):
    """What a pool may forget because it can be looked up: old request ids, finished holds."""

    async def keep(self, pool: PoolName, entries: Mapping[str, bytes], keep_ms: int | None, *, as_of_seq: int) -> bool:
        """Keep each value under its key, for `keep_ms` milliseconds or for ever (None).

        `as_of_seq`: the pool's last event when it was like that. False, and nothing is kept, once something of a later
        state has been: an ended hold may be recalled and sold, and a late archivist must not write over that.
        """

    async def recall(self, pool: PoolName, keys: Sequence[str]) -> Sequence[bytes | None]:
        """The values, in order; None for what is not there (or no longer)."""


class SealedCards(Protocol):
    """The sealed codes, as `attachments` of the journal left them: `sealed:B`, `keys`, `prints`."""

    async def known(self, pool: PoolName, prints: Sequence[bytes]) -> Sequence[bool]:
        """For each fingerprint, whether stock of this pool has ever held it."""

    async def data_key(self, pool: PoolName, batch: BatchNo) -> bytes:
        """The wrapped data key of a batch. Raises InvariantBroken for a batch never opened."""

    async def trace(self, pool: PoolName, prints: Sequence[bytes]) -> Sequence[Card | None]:
        """For each fingerprint, the card it arrived as; None where `known` says no."""

    async def sealed(self, pool: PoolName, cards: Sequence[Card]) -> Sequence["SealedCard"]:
        """The sealed codes of these cards, in order. Raises InvariantBroken for a card never received."""


class SealedCard(NamedTuple):
    """One sealed code with what it takes to open it."""

    card: Card
    data_key: bytes
    code: bytes


class Vault(Protocol):
    """Seals and opens codes and other secrets. The only door behind which plain text exists.

    Async, so that it can move into a process of its own.
    """

    async def new_data_key(self, pool: PoolName) -> bytes:
        """A fresh data key for one batch, wrapped by the ring's primary key."""

    async def seal(
        self, pool: PoolName, batch: BatchNo, data_key: bytes, first_serial: int, codes: Sequence[str]
    ) -> Sequence[bytes]:
        """Seal codes as the cards `first_serial`, `first_serial + 1`, … of a batch."""

    async def open(self, pool: PoolName, cards: Sequence[SealedCard]) -> Sequence[str]:
        """The codes, in order. Raises UnreadableCard naming the first that does not open."""

    async def fingerprint(self, pool: PoolName, codes: Sequence[str]) -> Sequence[bytes]:
        """16-byte keyed fingerprints of the normalised codes: equal codes, equal prints, and no way back."""

    async def rewrap(self, pool: PoolName, data_key: bytes) -> bytes:
        """The same data key wrapped by the ring's present primary key; codes need not be touched."""

    async def seal_secret(self, context: str, plain: bytes) -> bytes:
        """Seal a few bytes (credentials, an account, a delivery) for one place, which `context` names."""

    async def open_secret(self, context: str, sealed: bytes) -> bytes:
        """What was sealed for this place. Raises UnreadableSecret: changed, sealed for another, or its key is gone."""


class Clock(Protocol):
    """The wall clock."""

    def now_ms(self) -> int:
        """Milliseconds since 1970. May step; a pool never lets it step back."""


class Seat(NamedTuple):
    """Where an owner can be reached. `incarnation` grows each time the owner starts anew."""

    owner_id: str
    address: str
    incarnation: int
    node: str
    pid: int


NOBODY = ""
"""Owns the pools that have not been placed yet."""


class Placement(NamedTuple):
    """Which owner each pool belongs to, NOBODY for those not placed yet. `version` grows with every change, from 0."""

    version: int
    owner_of: Mapping[PoolName, str]


class Load(NamedTuple):
    """What an owner has to do, in commands per second: in all, and for its busiest pools.

    `beat` differs each time an owner speaks: one that has not changed for long says that its owner is gone. `hosted`
    counts the pools it has, those among them that leave it.
    """

    owner_id: str
    beat: int
    per_s: float
    pools: Mapping[PoolName, float]
    hosted: int = 0


class MachineOrder(NamedTuple):
    """What staff want of a machine. `owners` is how many it shall have at most; 0: as its own settings say.

    One that `is_leaving` gets no pools any more; once it has none, and its doors are closed, it `has_left`.
    """

    owners: int = 0
    is_leaving: bool = False
    has_left: bool = False


class Registry(Protocol):
    """Which pools there are, who should own them, where owners are, and how busy.

    A signpost, not a lock: what keeps two owners apart is the journal's epoch. Every call may be repeated
    when it failed, InDoubt included.
    """

    async def add_pool(self, pool: PoolName) -> bool:
        """Make the pool known, as NOBODY's. False when it was already."""

    async def pools(self) -> Sequence[PoolName]:
        """Every pool, in order of name."""

    async def place(self, owner_of: Mapping[PoolName, str]) -> int:
        """Say who shall own these pools; answers the version of the placement that says so."""

    async def placement(self, since: int = 0) -> Placement:
        """The placement of one moment; of pools, only those that changed after the version `since`.

        A version below `since` is another store's, an older copy say: then it is the whole placement.
        """

    async def placement_version(self) -> int:
        """Its version alone: the cheapest question there is."""

    async def announce(self, seat: Seat) -> bool:
        """Say where an owner is. False when a later incarnation has already spoken; then nothing changed.

        Two that count on from one predecessor take the same number: the first of them stays, the other hears False.
        """

    async def retire(self, seat: Seat) -> bool:
        """Take the owner off the list. False when another incarnation sits there; then nothing changed."""

    async def owners(self) -> Sequence[Seat]:
        """Every announced owner, in order of id. Some may be dead: only a call to them can tell."""

    async def report(self, load: Load) -> None:
        """Say how busy an owner is, in place of what it said before."""

    async def loads(self) -> Sequence[Load]:
        """The latest word of each owner, in order of id."""

    async def order(self, machine: str, order: MachineOrder) -> None:
        """Say what is wanted of a machine, by address, in place of what was wanted before."""

    async def orders(self) -> Mapping[str, MachineOrder]:
        """The machines of which something was ever wanted."""
