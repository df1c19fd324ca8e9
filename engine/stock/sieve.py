"""A sieve: remembers that it has seen a text, in twelve bits each, and errs only on the side of "maybe".

Order and payment references are unique for ever but leave memory; the sieve says which of them are
worth a look in the archive. A Bloom filter that grows by whole layers, each four times the last (Almeida
et al., "Scalable Bloom Filters", 2007). Eight probes and twelve bits per text give 0.3 % false maybes a
layer, and eleven million texts are eight layers.
"""

from collections.abc import Iterator
from hashlib import blake2b

_PROBES = 8
_BITS_PER_TEXT = 12
_GROWTH = 4
_FIRST_LAYER_TEXTS = 512


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
        for place in _places(_digest(text), len(bits) * 8):
            bits[place >> 3] |= 1 << (place & 7)
        self._layers[-1] = (texts + 1, bits)

    def __contains__(self, text: str) -> bool:
        first, step = _digest(text)
        # The places of `_places`, one by one: most texts are new, and two probes tell.
        for _, bits in self._layers:
            size = len(bits) << 3
            place, stride = first % size, step % size
            for _ in range(_PROBES):
                if not bits[place >> 3] >> (place & 7) & 1:
                    break
                place = (place + stride) % size
            else:
                return True
        return False

    def layers(self) -> tuple[tuple[int, bytes], ...]:
        """The sieve as plain data, for a snapshot."""
        return tuple((texts, bytes(bits)) for texts, bits in self._layers)


def _digest(text: str) -> tuple[int, int]:
    digest = blake2b(text.encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big") | 1


def _places(digest: tuple[int, int], bits: int) -> Iterator[int]:
    first, step = digest
    return ((first + probe * step) % bits for probe in range(_PROBES))
