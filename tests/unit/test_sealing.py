"""Sealed codes are packed so that each card is found again, whatever the sizes of the chunks it came in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvariantBroken
from engine.names import BatchNo, card_at
from engine.stock.sealing import attachments, card_fields, find_code, sealed_name, traced_card

BATCH = BatchNo(7)


def stored(sizes: list[int]) -> dict[str, dict[bytes, bytes]]:
    """What a store holds after chunks of these sizes; code and print of a card are told by its serial."""
    held: dict[str, dict[bytes, bytes]] = {}
    first = 0
    for size in sizes:
        serials = range(first, first + size)
        codes, prints = [code_of(serial) for serial in serials], [b"print %010d" % serial for serial in serials]
        for name, fields in attachments(BATCH, first, codes, prints, None).items():
            assert not held.get(name, {}).keys() & fields.keys(), "a chunk rewrote a field of another"
            held.setdefault(name, {}).update(fields)
        first += size
    return held


def code_of(serial: int) -> bytes:
    """A code whose length changes from card to card."""
    return b"%d" % serial * (serial % 3 + 1)


@given(st.lists(st.integers(1, 100), min_size=1, max_size=8))
def test_every_card_is_found_after_chunks_of_any_size(sizes: list[int]) -> None:
    """Reading each card's two fields gives the code that was given for it, and no field is written twice."""
    held = stored(sizes)
    for serial in range(sum(sizes)):
        card = card_at(BATCH, serial)
        pack, alone = (held[sealed_name(BATCH)].get(field) for field in card_fields(card))
        assert (pack is None) != (alone is None)
        assert find_code(card, pack, alone) == code_of(serial)


def test_an_aligned_chunk_is_all_packs() -> None:
    """64 cards from serial 32 are the packs 1 and 2; one card more stands alone."""
    fields = attachments(BATCH, 32, [b"c"] * 65, [b"p%d" % n for n in range(65)], None)[sealed_name(BATCH)]
    assert set(fields) == {b"p1", b"p2", b"96"}


def test_a_print_leads_to_its_card() -> None:
    """The value of a print names batch and serial; no value means never seen."""
    held = stored([3])
    assert traced_card(held["prints"][b"print %010d" % 2]) == card_at(BATCH, 2)
    assert traced_card(None) is None


def test_a_data_key_comes_with_a_batch_that_has_no_cards_yet() -> None:
    """Opening a batch stores its key under its number and nothing else."""
    assert attachments(BATCH, 0, (), (), b"wrapped") == {"keys": {b"7": b"wrapped"}}


def test_a_card_never_received_breaks_the_invariant() -> None:
    """A card in neither field is a broken promise, not an empty code."""
    with pytest.raises(InvariantBroken):
        find_code(card_at(BATCH, 5), None, None)
