"""What a sealed thing belongs to, as bytes: the additional data that AES-GCM authenticates with it.

A code sealed for one card opens for no other card, SKU or tenant, and a data key of one SKU is of no
use to another. Every part stands behind its length, so no two bindings are the same bytes. The
bytes are stored nowhere, but every seal rests on them: changing the layout takes a new version.
"""

import struct
from collections.abc import Sequence

from engine.names import Card, PoolName, batch_of, serial_of

BINDING_VERSION = 1
"""Stands first in every binding and in every sealed blob."""

_CARD = struct.Struct(">QI")


def code_binding(pool: PoolName, card: Card) -> bytes:
    """Version, tenant, SKU, batch and serial: what the sealed code of one card is bound to."""
    return code_binding_start(pool) + card_binding(card)


def code_binding_start(pool: PoolName) -> bytes:
    """The part of `code_binding` that all cards of a pool share, for whoever seals many."""
    return _parts("code", pool) + _CARD.size.to_bytes(2)


def card_binding(card: Card) -> bytes:
    """The part of `code_binding` that is the card's own: always 12 bytes."""
    return _CARD.pack(batch_of(card), serial_of(card))


def data_key_binding(pool: PoolName) -> bytes:
    """Version, tenant and SKU: what a wrapped data key is bound to."""
    return _parts("data key", pool)


def print_binding(pool: PoolName) -> bytes:
    """Version, tenant and SKU: what a pool's fingerprint key is derived for."""
    return _parts("print", pool)


def secret_binding(context: str) -> bytes:
    """Version and place: what a secret that is no card's is bound to."""
    return _parts("secret", (context,))


def secrets_key_binding() -> bytes:
    """What the key that such secrets are sealed under is derived for."""
    return _parts("secrets key", ())


def _parts(purpose: str, place: Sequence[str]) -> bytes:
    fields = [bytes([BINDING_VERSION])]
    for part in (purpose, *place):
        encoded = part.encode()
        fields += [len(encoded).to_bytes(2), encoded]
    return b"".join(fields)
