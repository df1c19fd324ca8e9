"""A ledger ↔ bytes: what stands in for all its events up to one seq, and its entries for the archive.

A head, then parts of so many things each, so that a ledger can be read a little at a time.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from engine.errors import InvariantBroken
from engine.framing import pack, unpack, unpack_each
from engine.supply.attempts import AttemptId, EntryRecord
from engine.supply.codec import READ_ENTRY, READ_NOTED
from engine.supply.entry import Entry
from engine.supply.ledger import Ledger

#: Written into every snapshot; a version that knows only other shapes refuses by this number.
SHAPE = 1

#: Things in one part: read in two or three milliseconds.
_PART_MAX = 500

_ENTRIES, _NOTED = range(2)


def dump(ledger: Ledger) -> bytes:
    """The whole ledger as bytes."""
    parts = [
        *_parts(_ENTRIES, (entry.record() for entry in ledger.entries.values())),
        *_parts(_NOTED, ledger.differences.values()),
    ]
    return b"".join((pack((SHAPE, len(parts), ledger.seq, ledger.last_ms, ledger.forgotten_before_ms)), *parts))


def fill(ledger: Ledger, snapshot: bytes) -> Iterator[None]:
    """Put into a new ledger what was dumped, a few milliseconds' work between two yields.

    Raises InvariantBroken when the bytes are no such snapshot.
    """
    things = unpack_each(snapshot)
    head = next(things, None)
    if not isinstance(head, tuple) or head[0] != SHAPE:
        raise InvariantBroken("the ledger's snapshot has a shape this version does not read")
    _, parts, ledger.seq, ledger.last_ms, ledger.forgotten_before_ms = head
    for _ in range(parts):
        part = next(things, None)
        if part is None:
            raise InvariantBroken("the ledger's snapshot was cut")
        section, items = part
        if section == _ENTRIES:
            for item in items:
                ledger.put(Entry.of(READ_ENTRY(item)))
        else:
            for item in items:
                ledger.note(READ_NOTED(item))
        yield


def to_archive(entries: Iterable[Entry]) -> Mapping[str, bytes]:
    """Archive entries of what will be forgotten: by the attempt, and by each number that the supplier gave it."""
    archived: dict[str, bytes] = {}
    for entry in entries:
        archived[attempt_key(entry.name)] = pack(entry.record())
        archived.update({order_key(order_no): pack(entry.name) for order_no in entry.order_nos})
    return archived


def read_archived_entry(packed: bytes) -> EntryRecord:
    """The value under an attempt's key."""
    record: EntryRecord = READ_ENTRY(unpack(packed))
    return record


def read_archived_name(packed: bytes) -> AttemptId:
    """The value under an order's key: whose order it is."""
    return AttemptId(unpack(packed))


def attempt_key(attempt: str) -> str:
    """Where an attempt is archived."""
    return f"attempt/{attempt}"


def order_key(order_no: str) -> str:
    """Where the attempt of a supplier's order is archived."""
    return f"order/{order_no}"


def _parts(section: int, things: Iterable[Any]) -> Iterator[bytes]:
    rest = iter(things)
    while part := list(islice(rest, _PART_MAX)):
        yield pack((section, part))
