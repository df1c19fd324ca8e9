"""Named tuples ↔ bytes, and the frame of a journal record. The only file of the engine that knows msgpack.

Everything is a named tuple, so packing is msgpack's own work; only reading back needs the types, and the readers are
made once from the annotations. Which number stands for which kind, each codec says.

A journal record is `body length u32 | crc32 u32 | epoch u64 | first seq u64 | events u32 | msgpack`, big-endian; the
checksum covers everything after itself.
"""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints
from zlib import crc32

import msgpack

from engine.errors import InvariantBroken

_LENGTHS, _PLACE = struct.Struct(">II"), struct.Struct(">QQI")
_HEAD = struct.Struct(">IIQQI")
_CHECKED_FROM = _LENGTHS.size

Family = Mapping[int, type]
"""Kinds by their numbers, which are for ever: a journal outlives a version."""

Reader = Callable[[Any], Any]

_new = tuple.__new__

#: Packs journal records, which are made one for each pool of a group; one packer a record takes a third longer.
_PACKER = msgpack.Packer()


class Frame(NamedTuple):
    """One journal record, its events still plain. `first_seq` is the seq of its first event."""

    epoch: int
    first_seq: int
    events: Sequence[Any]


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


def pack_frame(epoch: int, first_seq: int, events: Sequence[Any]) -> bytes:
    """A journal record of these plain events, which get the seqs from `first_seq` on."""
    body: bytes = _PACKER.pack(events)
    place = _PLACE.pack(epoch, first_seq, len(events))
    return _LENGTHS.pack(len(body), crc32(body, crc32(place))) + place + body


def read_frame(record: bytes) -> Frame:
    """A journal record. Raises InvariantBroken when length or checksum are not what was written."""
    if len(record) < _HEAD.size:
        raise InvariantBroken(f"a journal record of {len(record)} bytes is shorter than its head")
    length, checksum, epoch, first_seq, count = _HEAD.unpack_from(record)
    if len(record) != _HEAD.size + length or crc32(record[_CHECKED_FROM:]) != checksum:
        raise InvariantBroken(f"the journal record from seq {first_seq} fails its checksum")
    events = unpack(record[_HEAD.size :])
    if len(events) != count:
        raise InvariantBroken(f"the journal record from seq {first_seq} has {len(events)} events, not {count}")
    return Frame(epoch, first_seq, events)


class Readers:
    """Makes readers from annotations. A union of kinds is read by the numbers of the family that its first is of.

    `changed` has the kinds that once were written otherwise: each makes of the present reader one that reads both.
    """

    def __init__(self, families: Sequence[Family], changed: Mapping[type, Callable[[Reader], Reader]]) -> None:
        self._families = families
        self._changed = changed

    def family(self, family: Family) -> Mapping[int, Reader | None]:
        """The reader of each kind."""
        return {number: self.reader(kind) for number, kind in family.items()}

    def reader(self, hint: Any) -> Reader | None:
        """What turns unpacked data into `hint`; None when it already is. Never asked about None or an empty tuple."""
        origin, parts = get_origin(hint), get_args(hint)
        if origin in (Union, UnionType):
            return self._union_reader([part for part in parts if part is not NoneType])
        if origin is tuple:
            return self._tuple_reader(parts)
        if isinstance(hint, type) and issubclass(hint, StrEnum):
            # A table: calling the enum costs as much as all the rest of a small outcome.
            return {str(member): member for member in hint}.__getitem__
        if hint in self._changed:
            return self._changed[hint](self.named_tuple(hint))
        if isinstance(hint, type) and issubclass(hint, tuple):
            return self.named_tuple(hint)
        return None

    def named_tuple(self, kind: Any) -> Reader:
        """Reads the fields that need it, and wraps them all: no more Python than that, for there are millions."""
        readers = [(at, self.reader(hint)) for at, hint in enumerate(get_type_hints(kind).values())]
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

    def _union_reader(self, parts: Sequence[Any]) -> Reader | None:
        if len(parts) == 1:
            return self.reader(parts[0])
        family = next(family for family in self._families if parts[0] in family.values())
        readers = {number: self.reader(kind) for number, kind in family.items() if kind in parts}
        return lambda fields: read_tagged(readers, fields)

    def _tuple_reader(self, parts: Sequence[Any]) -> Reader | None:
        if len(parts) == 2 and parts[1] is Ellipsis:
            each = self.reader(parts[0])
            return None if each is None else lambda values: tuple(map(each, values))
        readers = [self.reader(part) for part in parts]
        assert not any(readers), "mixed tuples hold plain values only"
        return None


def read_tagged(readers: Mapping[int, Reader | None], fields: Any) -> Any:
    """A thing from its number and its fields. Raises InvariantBroken for a number without a reader."""
    number, inner = fields
    reader = readers.get(number)
    if reader is None:
        raise InvariantBroken(f"number {number} stands for nothing this version knows")
    return reader(inner)
