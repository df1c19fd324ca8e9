"""The sieve never denies what it has seen, and seldom says "maybe" to what it has not."""

from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from engine.stock.sieve import Sieve

_TEXTS = 12_000


def test_what_was_seen_is_never_denied_and_few_others_are_maybes() -> None:
    """Over four layers: no false no, and fewer than 3 % false maybes."""
    sieve = Sieve()
    for number in range(_TEXTS):
        sieve.add(f"order/{number}")
    assert len(sieve.layers()) == 4, "512, 2,048, 8,192 and a part of 32,768"
    assert all(f"order/{number}" in sieve for number in range(_TEXTS))
    maybes = sum(f"payment/{number}" in sieve for number in range(_TEXTS))
    assert 0 < maybes < _TEXTS * 0.03


@given(st.sets(st.text(max_size=8)))
def test_a_sieve_survives_as_plain_data(texts: set[str]) -> None:
    """What was seen before a snapshot is known after it."""
    sieve = Sieve()
    for text in texts:
        sieve.add(text)
    again = Sieve(sieve.layers())
    assert all(text in again for text in texts)
    again.add("one more")
    assert "one more" in again
    assert "one more" not in sieve or "one more" in texts


def test_an_empty_sieve_knows_nothing() -> None:
    """And costs nothing."""
    assert "order/1" not in Sieve()
    assert Sieve().layers() == ()


def test_where_a_text_stands_never_changes() -> None:
    """Snapshots of former releases have sieves: eight bits from the two halves of a digest, by double hashing."""
    sieve = Sieve()
    sieve.add("order/1")
    ((texts, bits),) = sieve.layers()
    digest = blake2b(b"order/1", digest_size=16).digest()
    first, step = int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big") | 1
    places = {(first + probe * step) % (512 * 12) for probe in range(8)}
    assert (texts, {place for place in range(512 * 12) if bits[place // 8] & 1 << place % 8}) == (1, places)
