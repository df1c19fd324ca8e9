"""Commands, outcomes, events and answers ↔ bytes. The only file that knows msgpack and the numbers of things.

Everything is a named tuple, so packing is msgpack's own work; only reading back needs the types, and
the readers are made once from the annotations. The numbers are for ever: a journal outlives a version.

A journal record is `body length u32 | crc32 u32 | epoch u64 | first seq u64 | events u32 | msgpack`,
big-endian; the checksum covers everything after itself.
"""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints
from zlib import crc32

import msgpack

from engine.errors import InvariantBroken
from engine.stock import commands as ask
from engine.stock import events
from engine.stock import outcomes as said
from engine.stock.hold import HoldRecord
from engine.stock.memory import Answer

COMMANDS: Mapping[int, type] = {
    1: ask.Allocate,
    2: ask.Confirm,
    3: ask.Release,
    4: ask.Extend,
    5: ask.OpenBatch,
    6: ask.Receive,
    7: ask.CloseBatch,
    8: ask.Withdraw,
    9: ask.Replace,
    10: ask.Configure,
    11: ask.Forget,
    15: ask.Wait,
    32: ask.GetHold,
    33: ask.GetShelf,
    34: ask.ListBatches,
    35: ask.ListSold,
    36: ask.Audit,
    37: ask.GetAvailable,
}
OUTCOMES: Mapping[int, type] = {
    0: said.Refused,
    1: said.Held,
    2: said.Confirmed,
    3: said.Released,
    4: said.Extended,
    5: said.ImportReady,
    6: said.Received,
    7: said.ImportWhole,
    8: said.Withdrawn,
    9: said.Replaced,
    10: said.Configured,
    11: said.Forgot,
    32: said.HoldFound,
    33: said.Shelf,
    34: said.Batches,
    35: said.Sold,
    36: said.Audited,
    37: said.Available,
}
EVENTS: Mapping[int, type] = {
    1: events.CardsHeld,
    2: events.HoldConfirmed,
    3: events.HoldReleased,
    4: events.HoldExpired,
    5: events.HoldExtended,
    6: events.HoldRecalled,
    7: events.RefundRaised,
    8: events.BatchOpened,
    9: events.CardsReceived,
    10: events.BatchClosed,
    11: events.CardsWithdrawn,
    12: events.CardReplaced,
    13: events.TermsSet,
    14: events.Answered,
    15: events.Forgotten,
}

_LENGTHS, _PLACE = struct.Struct(">II"), struct.Struct(">QQI")
_HEAD = struct.Struct(">IIQQI")
_CHECKED_FROM = _LENGTHS.size

Reader = Callable[[Any], Any]

_new = tuple.__new__


class Record(NamedTuple):
    """One journal record, read back. `first_seq` is the seq of its first event."""

    epoch: int
    first_seq: int
    events: Sequence[events.Event]


def plain(thing: ask.Command | said.Outcome | events.Event) -> tuple[int, Any]:
    """A command, outcome or event as (number, fields), ready for `pack`."""
    if type(thing) is events.Answered:
        return _NUMBERS[events.Answered], (thing.at_ms, plain(thing.command), plain(thing.outcome))
    return _NUMBERS[type(thing)], thing


def pack(thing: object) -> bytes:
    """Plain data as bytes."""
    packed: bytes = msgpack.packb(thing)
    return packed


def unpack(packed: bytes) -> Any:
    """Bytes as plain data: arrays become tuples. Raises InvariantBroken when they are not msgpack."""
    try:
        return msgpack.unpackb(packed, use_list=False, strict_map_key=False)
    except (ValueError, msgpack.UnpackException) as broken:
        raise InvariantBroken(f"not msgpack: {broken}") from broken


def unpack_each(packed: bytes) -> Iterator[Any]:
    """Things that were packed one after another, as far as they go. Raises InvariantBroken as `unpack` does."""
    unpacker = msgpack.Unpacker(use_list=False, strict_map_key=False, max_buffer_size=0)
    unpacker.feed(packed)
    try:
        yield from unpacker
    except (ValueError, msgpack.UnpackException) as broken:
        raise InvariantBroken(f"not msgpack: {broken}") from broken


def read_command(fields: Any) -> ask.Command:
    """A command from its plain form."""
    command: ask.Command = _read_tagged(_COMMAND_READERS, fields)
    return command


def read_commands(items: Sequence[tuple[int, int, Any]]) -> list[tuple[int, ask.Command]]:
    """Commands with their deadlines, from (deadline_ms, number, fields). An unknown number is a LookupError."""
    readers: Any = _COMMAND_READERS
    return [(deadline_ms, readers[number](fields)) for deadline_ms, number, fields in items]


def read_outcome(fields: Any) -> said.Outcome:
    """An outcome from its plain form."""
    outcome: said.Outcome = _read_tagged(_OUTCOME_READERS, fields)
    return outcome


def read_event(fields: Any) -> events.Event:
    """An event from its plain form."""
    event: events.Event = _read_tagged(_EVENT_READERS, fields)
    return event


def pack_record(epoch: int, first_seq: int, happened: Sequence[events.Event]) -> bytes:
    """A journal record of these events, which get the seqs from `first_seq` on."""
    body = pack([plain(event) for event in happened])
    place = _PLACE.pack(epoch, first_seq, len(happened))
    return _LENGTHS.pack(len(body), crc32(body, crc32(place))) + place + body


def read_record(record: bytes) -> Record:
    """A journal record. Raises InvariantBroken when length or checksum are not what was written."""
    if len(record) < _HEAD.size:
        raise InvariantBroken(f"a journal record of {len(record)} bytes is shorter than its head")
    length, checksum, epoch, first_seq, happened = _HEAD.unpack_from(record)
    if len(record) != _HEAD.size + length or crc32(record[_CHECKED_FROM:]) != checksum:
        raise InvariantBroken(f"the journal record from seq {first_seq} fails its checksum")
    found = [_read_tagged(_EVENT_READERS, fields) for fields in unpack(record[_HEAD.size :])]
    if len(found) != happened:
        raise InvariantBroken(f"the journal record from seq {first_seq} has {len(found)} events, not {happened}")
    return Record(epoch, first_seq, found)


def pack_answer(answer: Answer) -> bytes:
    """An answer for the archive."""
    return pack(plain(answer))


def read_answer(fields: Any) -> Answer:
    """An answer from its plain form."""
    answer: Answer = _read_tagged(_ANSWER_READERS, fields)
    return answer


def read_archived(key: str, value: bytes) -> Any:
    """An archive entry by the kind its key names: an Answer, a HoldRecord, or a hold's number."""
    fields = unpack(value)
    match key.partition("/")[0]:
        case "request":
            return read_answer(fields)
        case "hold":
            return READ_HOLD(fields)
    return fields


def _reader(hint: Any) -> Reader | None:
    """What turns unpacked data into `hint`; None when it already is. Never asked about None or an empty tuple."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _union_reader([part for part in parts if part is not NoneType])
    if origin is tuple:
        return _tuple_reader(parts)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        # A table: calling the enum costs as much as all the rest of a small outcome.
        return {str(member): member for member in hint}.__getitem__
    if hint is said.RefundDue:
        # It was only a payment_ref once.
        now = _named_tuple_reader(said.RefundDue)
        return lambda value: said.RefundDue(value) if isinstance(value, str) else now(value)
    if isinstance(hint, type) and issubclass(hint, tuple):
        return _named_tuple_reader(hint)
    return None


def _union_reader(parts: Sequence[Any]) -> Reader | None:
    if len(parts) == 1:
        return _reader(parts[0])
    family = COMMANDS if parts[0] in COMMANDS.values() else OUTCOMES
    readers = {number: _reader(kind) for number, kind in family.items() if kind in parts}
    return lambda fields: _read_tagged(readers, fields)


def _tuple_reader(parts: Sequence[Any]) -> Reader | None:
    if len(parts) == 2 and parts[1] is Ellipsis:
        each = _reader(parts[0])
        return None if each is None else lambda values: tuple(map(each, values))
    readers = [_reader(part) for part in parts]
    assert not any(readers), "mixed tuples hold plain values only"
    return None


def _named_tuple_reader(kind: Any) -> Reader:
    """Reads the fields that need it, and wraps them all: no more Python than that, for there are millions."""
    readers = [(at, _reader(hint)) for at, hint in enumerate(get_type_hints(kind).values())]
    special = [(at, reader) for at, reader in readers if reader is not None]
    width = len(readers)

    def wrap(fields: Any) -> Any:
        return _new(kind, fields) if len(fields) == width else kind(*fields)

    def read(fields: Any) -> Any:
        if len(fields) != width:
            # A record from before a field was added gets that field's default; one of a later version is refused.
            fields = kind(*fields)
        values = [*fields]
        for at, reader in special:
            if values[at]:
                values[at] = reader(values[at])
        return _new(kind, values)

    return read if special else wrap


def _read_tagged(readers: Mapping[int, Reader | None], fields: Any) -> Any:
    number, inner = fields
    reader = readers.get(number)
    if reader is None:
        raise InvariantBroken(f"number {number} stands for nothing this version knows")
    return reader(inner)


_NUMBERS: Mapping[type, int] = {
    kind: number for family in (COMMANDS, OUTCOMES, EVENTS) for number, kind in family.items()
}
_COMMAND_READERS = {number: _reader(kind) for number, kind in COMMANDS.items()}
_OUTCOME_READERS = {number: _reader(kind) for number, kind in OUTCOMES.items()}
_EVENT_READERS = {number: _reader(kind) for number, kind in EVENTS.items()}
_ANSWER_READERS = {_NUMBERS[kind]: _EVENT_READERS[_NUMBERS[kind]] for kind in get_args(Answer)}
READ_HOLD = _named_tuple_reader(HoldRecord)
