"""Serials: a set of card numbers in order, a bit for each.

A page is a number whose bits say which of 1,024 serials are in the set. So what comes back costs at most about 300
bytes for every 1,024 cards that were ever there, however many come back and in whatever order.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

_PAGE_BITS = 10
_PLACE_MAX = (1 << _PAGE_BITS) - 1

Page = tuple[int, bytes]
"""A page's number, and its bits, little-endian: a set as plain data is a list of these."""


class Serials:
    """A set of serials that is walked through in ascending order. An empty one is false."""

    __slots__ = ("_bits", "_order")

    def __init__(self, pages: Iterable[Page] = ()) -> None:
        #: Only pages that are not empty.
        self._bits = {number: int.from_bytes(bits, "little") for number, bits in pages}
        self._order = sorted(self._bits)

    def add(self, serial: int) -> None:
        """Take a serial in, which must not be here."""
        number, bit = serial >> _PAGE_BITS, 1 << (serial & _PLACE_MAX)
        bits = self._bits.get(number, 0)
        assert not bits & bit, f"serial {serial} is here already"
        if not bits:
            insort(self._order, number)
        self._bits[number] = bits | bit

    def discard(self, serial: int) -> bool:
        """Let a serial go. Answers whether it was here."""
        number, bit = serial >> _PAGE_BITS, 1 << (serial & _PLACE_MAX)
        bits = self._bits.get(number, 0)
        if not bits & bit:
            return False
        if bits != bit:
            self._bits[number] = bits ^ bit
        else:
            del self._bits[number]
            del self._order[bisect_left(self._order, number)]
        return True

    def pages(self) -> list[Page]:
        """The set as plain data."""
        return [(number, bits.to_bytes((bits.bit_length() + 7) // 8, "little")) for number, bits in self._in_order()]

    def __contains__(self, serial: int) -> bool:
        return bool(self._bits.get(serial >> _PAGE_BITS, 0) >> (serial & _PLACE_MAX) & 1)

    def __iter__(self) -> Iterator[int]:
        for number, bits in self._in_order():
            rest = bits
            while rest:
                lowest = rest & -rest
                yield (number << _PAGE_BITS) + lowest.bit_length() - 1
                rest ^= lowest

    def __len__(self) -> int:
        return sum(bits.bit_count() for bits in self._bits.values())

    def __bool__(self) -> bool:
        return bool(self._order)

    def _in_order(self) -> Iterator[tuple[int, int]]:
        return ((number, self._bits[number]) for number in self._order)
