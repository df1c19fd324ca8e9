"""Serials against a plain set: the same members in the same order, whatever comes and goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.stock.serials import Serials

#: Around the borders of pages, and far away.
_SOME = st.sampled_from([0, 1, 2, 1_022, 1_023, 1_024, 1_025, 2_047, 2_048, 400_000_000])


@given(st.lists(_SOME, max_size=40))
def test_serials_are_what_a_sorted_set_would_be(flips: list[int]) -> None:
    """Each serial goes in when it is not there and out when it is; plain data brings back the same."""
    serials, model = Serials(), set()
    for serial in flips:
        assert (serial in serials) == (serial in model)
        if serial in model:
            assert serials.discard(serial)
        else:
            assert not serials.discard(serial)
            serials.add(serial)
        model ^= {serial}
        assert list(serials) == sorted(model)
        assert (len(serials), bool(serials)) == (len(model), bool(model))
        again = Serials(serials.pages())
        assert list(again) == sorted(model)
        assert again.pages() == serials.pages()


def test_a_card_cannot_come_back_twice() -> None:
    """It would be sold twice: the set breaks instead."""
    serials = Serials()
    serials.add(7)
    with pytest.raises(AssertionError, match="serial 7 is here already"):
        serials.add(7)


def test_a_full_page_is_128_bytes() -> None:
    """A bit for each card, in memory and in a snapshot."""
    serials = Serials()
    for serial in range(1_024):
        serials.add(serial)
    assert serials.pages() == [(0, b"\xff" * 128)]
