"""What happened in a ledger, and what staff set, ↔ bytes: the numbers of things. How they are packed, framing.py says.

The numbers are for ever: a journal outlives a version. New fields come last, with a default.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from engine.framing import Family, Readers, pack, pack_frame, read_frame, read_tagged, unpack
from engine.pricing.rates import EnteredRate
from engine.supply import attempts as at
from engine.supply.differences import Noted
from engine.supply.ports import Good
from engine.supply.suppliers import Sourcing, Supplier

FINDINGS: Family = {
    1: at.NotSent,
    2: at.Refused,
    3: at.Accepted,
    4: at.Silent,
    5: at.Delivered,
    6: at.Failed,
    7: at.NotFound,
    8: at.Reversed,
}
EVENTS: Family = {
    1: at.Begun,
    2: at.Sent,
    3: at.Learned,
    4: at.Disputed,
    5: at.Stocked,
    6: at.Vouched,
    7: at.Differed,
    8: at.Resolved,
    9: at.Forgotten,
    10: at.Recalled,
}


class LedgerRecord(NamedTuple):
    """One record of a ledger's journal, read back. `first_seq` is the seq of its first event."""

    epoch: int
    first_seq: int
    events: Sequence[at.Event]


def plain(event: at.Event) -> tuple[int, Any]:
    """An event as (number, fields), ready to be packed."""
    if isinstance(event, at.Learned):
        finding = (_NUMBERS[type(event.finding)], event.finding)
        return _NUMBERS[at.Learned], (event.at_ms, event.attempt, finding, event.standing, event.codes)
    return _NUMBERS[type(event)], event


def pack_ledger_record(epoch: int, first_seq: int, happened: Sequence[at.Event]) -> bytes:
    """A journal record of these events, which get the seqs from `first_seq` on."""
    return pack_frame(epoch, first_seq, [plain(event) for event in happened])


def read_ledger_record(record: bytes) -> LedgerRecord:
    """A journal record. Raises InvariantBroken when length or checksum are not what was written."""
    epoch, first_seq, happened = read_frame(record)
    return LedgerRecord(epoch, first_seq, [read_tagged(_EVENT_READERS, fields) for fields in happened])


def pack_supplier(supplier: Supplier) -> bytes:
    """A profile for the book."""
    return pack(supplier)


def read_supplier(packed: bytes) -> Supplier:
    """A profile from the book."""
    supplier: Supplier = _READ_SUPPLIER(unpack(packed))
    return supplier


def pack_sourcing(sourcing: Sourcing) -> bytes:
    """How a SKU is bought, for the book."""
    return pack(sourcing)


def read_sourcing(packed: bytes) -> Sourcing:
    """How a SKU is bought, from the book."""
    sourcing: Sourcing = _READ_SOURCING(unpack(packed))
    return sourcing


def pack_rate(rate: EnteredRate) -> bytes:
    """A rate of exchange, for the book."""
    return pack(rate)


def read_rate(packed: bytes) -> EnteredRate:
    """A rate of exchange from the book."""
    rate: EnteredRate = _READ_RATE(unpack(packed))
    return rate


def pack_goods(goods: Sequence[Good], who: str = "") -> bytes:
    """Codes as they came, with whoever of the staff told them, to be sealed at once and used for nothing else."""
    return pack([who, *goods] if who else [*goods])


def read_goods(packed: bytes) -> tuple[Sequence[Good], str]:
    """Codes that were sealed, and who told them; empty for the supplier."""
    told = unpack(packed)
    if told and isinstance(told[0], str):
        return [Good(*fields) for fields in told[1:]], told[0]
    return [Good(*fields) for fields in told], ""


_NUMBERS: Mapping[type, int] = {kind: number for family in (FINDINGS, EVENTS) for number, kind in family.items()}
_READERS = Readers((FINDINGS,), {})
_EVENT_READERS = _READERS.family(EVENTS)
_READ_SUPPLIER = _READERS.named_tuple(Supplier)
_READ_SOURCING = _READERS.named_tuple(Sourcing)
_READ_RATE = _READERS.named_tuple(EnteredRate)
READ_ENTRY = _READERS.named_tuple(at.EntryRecord)
READ_NOTED = _READERS.named_tuple(Noted)
