"""Masks: enough to tell cards apart on a page, never enough to use one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.secrecy.masks import mask


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("ABCD-EFGH-IJKL-WXYZ", "****WXYZ"),
        ("ABCDEFGHIJKL", "****JKL"),
        ("ABCDEFGH", "****GH"),
        ("ABCD", "****D"),
        ("ABC", "****"),
        ("", "****"),
        ("buyer001----hunter22", "****01----****"),
        ("6222021234567890----1234----note", "****7890----****----****"),
        ("----hunter22", "****----****"),
        ("ABCDEFGHIJKLMNO\n", "****MNO?"),
        ("ABCDEFGHIJKL\x1b[2J", "****?[2J"),
    ],
)
def test_a_mask_shows_the_end_of_the_first_part_and_no_secret(code: str, shown: str) -> None:
    """At most four characters, at most a quarter, and nothing that could drive a terminal."""
    assert mask(code) == shown


@given(st.text(alphabet="abcdefgh-", max_size=80))
def test_a_mask_never_shows_more_than_four_characters_nor_a_quarter_of_the_code(code: str) -> None:
    """Counted over the whole mask, for codes of one part and of many."""
    letters = [character for character in mask(code).replace("----", "") if character != "*"]
    assert len(letters) <= min(4, len(code) // 4)


@given(st.text(max_size=80))
def test_a_mask_always_prints(code: str) -> None:
    """No control character of a code reaches a page or a log."""
    assert mask(code).isprintable()


def test_masks_of_different_lengths_have_the_same_stars() -> None:
    """A mask that told the length of a password would shorten the search for it."""
    assert mask("user----1") == mask("user----123456789012")
