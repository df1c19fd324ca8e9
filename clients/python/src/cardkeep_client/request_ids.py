"""Request ids: the caller's name for one wish, made before the first try and kept over all of them."""

import os
import time
import uuid


def new_request_id() -> str:
    """A UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, version, 12 random bits, variant, 62 random bits.

    The time in it lets the server look for an old id only where old ids are kept.
    """
    unix_ms = time.time_ns() // 1_000_000
    noise = int.from_bytes(os.urandom(10), "big")
    rand_a, rand_b = noise >> 68, noise & ((1 << 62) - 1)
    return str(uuid.UUID(int=unix_ms << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b))
