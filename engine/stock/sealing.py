"""How sealed codes lie in the store: as packs of up to 32 cards, so that one card is one or two small reads.

A batch's hash `sealed:B` has two kinds of fields. Serials `32n … 32n + 31` that arrive in one chunk are
one *pack*, field `p<n>`, each code behind its length (u16, big-endian). The ragged ends of a chunk,
which share a pack with its neighbours, are one field per card, `<serial>`. So a chunk never rewrites
what another chunk wrote, whatever the sizes of chunks, and a card is in exactly one of two known fields.

Measured on Valkey 9.1 with 64-byte codes: 104 bytes of memory per card in fields of their own, 67.5 in
packs of 32 (69.2 in 16, 66.8 in 64). A print costs 56 bytes; its card is found from it.
In all, an import in chunks of 1,000 took 136 bytes a card.
"""

from collections.abc import Sequence
from struct import Struct

from engine.errors import InvariantBroken
from engine.names import BatchNo, Card, card_at, serial_of
from engine.ports import Attachments

#: Name of the hash that maps a print to the card it arrived as.
PRINTS = "prints"

#: Name of the hash that maps a batch number to its wrapped data key.
KEYS = "keys"

#: Cards of a pack: more save little memory, and each read of one card moves the whole pack.
cards_per_pack = 32

_LENGTH = Struct(">H")


def attachments(
    batch: BatchNo, first_serial: int, codes: Sequence[bytes], prints: Sequence[bytes], data_key: bytes | None
) -> Attachments:
    """What the store keeps of one chunk of a batch, whose cards begin at `first_serial`.

    A data key is given once, with the batch's first record.
    """
    assert len(codes) == len(prints)
    built: dict[str, dict[bytes, bytes]] = {}
    if codes:
        built[sealed_name(batch)] = _pack_chunk(first_serial, codes)
        built[PRINTS] = {print_: b"%d-%d" % (batch, serial) for serial, print_ in enumerate(prints, start=first_serial)}
    if data_key is not None:
        built[KEYS] = {key_field(batch): data_key}
    return built


def sealed_name(batch: BatchNo) -> str:
    """Name of the hash that holds a batch's sealed codes."""
    return f"sealed:{batch}"


def key_field(batch: BatchNo) -> bytes:
    """Field of a batch's data key in `keys`."""
    return b"%d" % batch


def card_fields(card: Card) -> tuple[bytes, bytes]:
    """The two fields a card's sealed code may lie in: its pack, and one of its own."""
    serial = serial_of(card)
    return b"p%d" % (serial // cards_per_pack), b"%d" % serial


def find_code(card: Card, pack: bytes | None, alone: bytes | None) -> bytes:
    """The sealed code, from the values of `card_fields`. Raises InvariantBroken when it is in neither."""
    if alone is not None:
        return alone
    if pack is None:
        raise InvariantBroken(f"the sealed code of card {card} is not in the store")
    start = 0
    for _ in range(serial_of(card) % cards_per_pack):
        start += _LENGTH.size + _LENGTH.unpack_from(pack, start)[0]
    (length,) = _LENGTH.unpack_from(pack, start)
    return pack[start + _LENGTH.size : start + _LENGTH.size + length]


def traced_card(value: bytes | None) -> Card | None:
    """The card a print's value names; None for a print never seen."""
    if value is None:
        return None
    batch, _, serial = value.partition(b"-")
    return card_at(BatchNo(int(batch)), int(serial))


def _pack_chunk(first_serial: int, codes: Sequence[bytes]) -> dict[bytes, bytes]:
    end = first_serial + len(codes)
    whole_from = min(end, -(-first_serial // cards_per_pack) * cards_per_pack)
    whole_to = max(whole_from, end // cards_per_pack * cards_per_pack)
    fields = {
        b"p%d" % (serial // cards_per_pack): b"".join(
            _LENGTH.pack(len(code)) + code
            for code in codes[serial - first_serial : serial - first_serial + cards_per_pack]
        )
        for serial in range(whole_from, whole_to, cards_per_pack)
    }
    for serial in (*range(first_serial, whole_from), *range(whole_to, end)):
        fields[b"%d" % serial] = codes[serial - first_serial]
    return fields
