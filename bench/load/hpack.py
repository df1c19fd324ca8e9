"""HPACK (RFC 7541), as much of it as a load generator needs: no state on either side.

Out: literals without indexing, so one block serves every request of a method. In: our SETTINGS give the server a
dynamic table of size 0, so each of its blocks can be read alone, and what stands in the static table (`:status`,
`content-type`) has no word of gRPC in it and is stepped over.
"""

from collections.abc import Iterator, Mapping

#: The Huffman code of RFC 7541, appendix B, for the characters a gRPC trailer may have: the code is canonical, so the
#: lengths and the order within a length say all of it. (NUL keeps its place in the order; the longest codes, all for
#: bytes beyond ASCII, are left out.)
_HUFFMAN_BY_BITS = {
    5: "012aceiost",
    6: " %-./3456789=A_bdfghlmnpru",
    7: ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz",
    8: "&*,;XZ",
    10: '!"()?',
    11: "'+|",
    12: "#>",
    13: "\0$@[]~",
    14: "^}",
    15: "<`{",
    19: "\\",
}
_PADDING_BITS_MAX = 7

_INDEXED, _WITH_INDEXING, _TABLE_SIZE = 0x80, 0x40, 0x20
_HUFFMAN = 0x80


class HpackError(Exception):
    """A block that cannot be read: the server used a table it does not have, or a byte that no trailer has."""


def literal(name: bytes, value: bytes) -> bytes:
    """A header field, literal without indexing, name and value plain (RFC 7541, section 6.2.2)."""
    return b"\0" + text(name) + text(value)


def text(plain: bytes) -> bytes:
    """A string, not Huffman-coded (section 5.2); its length fits the seven bits of one byte."""
    assert len(plain) < 0x7F
    return bytes((len(plain),)) + plain


def fields(block: bytes) -> Iterator[tuple[str, str]]:
    """The fields of a header block that the static table does not name, in order. Raises HpackError."""
    at = 0
    while at < len(block):
        first = block[at]
        if first & _INDEXED:
            index, at = _integer(block, at, 7)
            _static(index)
        elif first & _WITH_INDEXING or not first & _TABLE_SIZE:
            index, at = _integer(block, at, 6 if first & _WITH_INDEXING else 4)
            name, at = (None, at) if _static(index) else _text(block, at)
            value, at = _text(block, at)
            if name is not None:
                yield name, value
        else:
            _, at = _integer(block, at, 5)


def _static(index: int) -> bool:
    """Whether this index names an entry of the static table; 0 names none."""
    if index > 61:
        raise HpackError(f"entry {index} of a dynamic table that has none")
    return index > 0


def _integer(block: bytes, at: int, prefix_bits: int) -> tuple[int, int]:
    """An integer whose first bits share a byte (section 5.1), and where it ends."""
    most = (1 << prefix_bits) - 1
    value = block[at] & most
    at += 1
    shift = 0
    while value >= most:
        value += (block[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not block[at - 1] & 0x80:
            break
    return value, at


def _text(block: bytes, at: int) -> tuple[str, int]:
    """A string (section 5.2), and where it ends."""
    coded = block[at] & _HUFFMAN
    size, at = _integer(block, at, 7)
    raw = block[at : at + size]
    return (_unhuffman(raw) if coded else raw.decode("latin-1")), at + size


def _codes() -> Mapping[str, str]:
    """Each code as text of 0 and 1, with its character."""
    codes: dict[str, str] = {}
    code = 0
    bits_before = 0
    for bits, characters in _HUFFMAN_BY_BITS.items():
        code <<= bits - bits_before
        bits_before = bits
        for character in characters:
            codes[f"{code:0{bits}b}"] = character
            code += 1
    return codes


_CODES = _codes()


def _unhuffman(raw: bytes) -> str:
    """Huffman-coded text (section 5.2); what is left at the end is padding of ones."""
    bits = f"{int.from_bytes(raw):0{8 * len(raw)}b}" if raw else ""
    characters = []
    at = 0
    while at < len(bits):
        for size in _HUFFMAN_BY_BITS:
            character = _CODES.get(bits[at : at + size])
            if character is not None:
                characters.append(character)
                at += size
                break
        else:
            if len(bits) - at > _PADDING_BITS_MAX or "0" in bits[at:]:
                raise HpackError("a Huffman code that no trailer has")
            break
    return "".join(characters)
