"""Normal forms: what a paste adds is dropped, what tells two codes apart is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import limits
from engine.secrecy.normal import code_fault, normal_code


@pytest.mark.parametrize(
    ("code", "normal"),
    [
        ("  ABCD-1234\r\n", "ABCD-1234"),
        ("\u3000ABCD-1234\u00a0", "ABCD-1234"),
        ("ＡＢＣＤ－１２３４", "ABCD-1234"),
        ("AB\u200bCD-12\u00ad34", "ABCD-1234"),
        ("\ufeffABCD-1234", "ABCD-1234"),
        ("用户\u3000一----口令", "用户 一----口令"),
        ("e\u0301té", "été"),
    ],
)
def test_what_copying_and_typing_add_is_dropped(code: str, normal: str) -> None:
    """Each pair is one card written twice."""
    assert normal_code(code) == normal


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("abcd", "ABCD"),
        ("ABCD-EFGH", "ABCDEFGH"),
        ("AB CD", "ABCD"),
        ("AB  CD", "AB CD"),
        ("O0O0", "0000"),
        ("a----b-c", "a----bc"),
        ("0123", "123"),
    ],
)
def test_codes_that_may_be_two_cards_stay_two(one: str, other: str) -> None:
    """A good card turned away as a duplicate is money lost."""
    assert normal_code(one) != normal_code(other)


@given(st.text())
def test_the_normal_form_of_a_normal_form_is_itself(code: str) -> None:
    """Otherwise the same card would have two prints, depending on how often it was cleaned."""
    assert normal_code(normal_code(code)) == normal_code(code)


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126)))
def test_printable_ascii_without_spaces_is_already_normal(code: str) -> None:
    """The codes of nearly every supplier: nothing about them may be folded."""
    assert normal_code(code) == code


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("ABCD-1234", ""),
        ("account----password\tnote", ""),
        (" \u200b ", "EMPTY_CODE"),
        ("x" * limits.code_chars_max, ""),
        ("x" * (limits.code_chars_max + 1), "CODE_TOO_LONG"),
        ("AB\x00CD", "CODE_NOT_TEXT"),
        ("AB\nCD", "CODE_NOT_TEXT"),
    ],
)
def test_what_can_be_no_code_is_told_by_its_fault(text: str, fault: str) -> None:
    """The words are those an import refuses a line with."""
    assert code_fault(text) == fault
