"""A sieve: remembers that it has seen a text, in twelve bits each, and errs only on the side of "maybe".

Order and payment references are unique for ever but leave memory; the sieve says which of them are
worth a look in the archive. A Bloom filter that grows by whole layers, each four times the last (Almeida
et al., "Scalable Bloom Filters", 2007). Eight probes and twelve bits per text give 0.3 % false maybes a
layer, and eleven million texts are eight layers.
"""

from hashlib import blake2b
from struct import Struct

_PROBES = 8
_BITS_PER_TEXT = 12
_GROWTH = 4
_FIRST_LAYER_TEXTS = 512

_NUMBERS = Struct(">QQ")


class Sieve:
    """A set of texts that can only be asked "maybe?"."""

    def __init__(self, layers: tuple[tuple[int, bytes], ...] = ()) -> None:
        self._layers = [(texts, bytearray(bits)) for texts, bits in layers]

    def add(self, text: str) -> None:
        """Remember a text."""
        if not self._layers or self._layers[-1][0] >= len(self._layers[-1][1]) * 8 // _BITS_PER_TEXT:
            room = _FIRST_LAYER_TEXTS * _GROWTH ** len(self._layers)
            self._layers.append((0, bytearray(room * _BITS_PER_TEXT // 8)))
        texts, bits = self._layers[-1]
        first, step = _digest(text)
        size = len(bits) << 3
        place, stride = first % size, (step | 1) % size
        for _ in range(_PROBES):
            bits[place >> 3] |= 1 << (place & 7)
            place = (place + stride) % size
        self._layers[-1] = (texts + 1, bits)

    def __contains__(self, text: str) -> bool:
        layers = self._layers
        if not layers:
            return False
        first, step = _digest(text)
        # What is left by the last layer's size leaves the same by each other's, which divide it: small numbers.
        size = len(layers[-1][1]) << 3
        first, step = first % size, (step | 1) % size
        for _, bits in layers:
            size = len(bits) << 3
            place = first % size
            # Most texts are new, and half of the layers say so at each probe.
            if not bits[place >> 3] >> (place & 7) & 1:
                continue
            place = (place + step) % size
            if bits[place >> 3] >> (place & 7) & 1 and _has_the_rest(bits, size, place, step):
                return True
        return False

    def layers(self) -> tuple[tuple[int, bytes], ...]:
        """The sieve as plain data, for a snapshot."""
        return tuple((texts, bytes(bits)) for texts, bits in self._layers)


def _has_the_rest(bits: bytearray, size: int, place: int, step: int) -> bool:
    """Whether all probes after the first two find their bits."""
    for _ in range(_PROBES - 2):
        place = (place + step) % size
        if not bits[place >> 3] >> (place & 7) & 1:
            return False
    return True


def _digest(text: str) -> tuple[int, int]:
    """Where the first probe goes, and how far each other lies from the one before: odd, once `| 1`."""
    first, step = _NUMBERS.unpack(blake2b(text.encode(), digest_size=16).digest())
    return first, step
