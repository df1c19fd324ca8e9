"""Encodings: the one in which the whole file can be read, or a clear no."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.intake.encoding import find_encoding
from engine.intake.refusals import CardFileRefused
from engine.limits import card_line_bytes_max

HEADER = "卡号,卡密,有效期\n"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"ABCD-EFGH\n", "utf-8"),
        (HEADER.encode(), "utf-8"),
        (HEADER.encode("utf-8-sig"), "utf-8-sig"),
        (HEADER.encode("gbk"), "gb18030"),
        ("𠀀,卡密\n".encode("gb18030"), "gb18030"),
        (HEADER.encode("utf-16"), "utf-16"),
        (b"\xfe\xff" + HEADER.encode("utf-16-be"), "utf-16"),
    ],
)
def test_each_encoding_shops_use_is_found(content: bytes, encoding: str) -> None:
    """And what is found reads the text back."""
    assert find_encoding([content]) == encoding
    assert content.decode(encoding).lstrip("\ufeff") in {HEADER, "ABCD-EFGH\n", "𠀀,卡密\n"}


@given(st.sampled_from(["utf-8", "gb18030"]), st.integers(1, 9))
def test_a_character_cut_by_a_piece_is_still_one_character(encoding: str, size: int) -> None:
    """Pieces end where the reader's buffer ends, not where characters do."""
    content = (HEADER * 3).encode(encoding)
    start, rest = content[:3], content[3:]
    assert find_encoding([start, *(rest[at : at + size] for at in range(0, len(rest), size))]) == encoding


def test_one_gbk_character_at_the_end_of_a_long_ascii_file_decides() -> None:
    """The whole file counts, not its start."""
    assert find_encoding([b"ABCD\n" * 1_000, "备注".encode("gbk")]) == "gb18030"


@pytest.mark.parametrize(
    "content", [b"caf\xe9\n", b"ABCD\xff\n", "卡密".encode("gbk")[:-1], HEADER.encode("utf-16")[:-1]]
)
def test_bytes_in_no_known_encoding_are_refused(content: bytes) -> None:
    """Latin-1, rubbish and a file cut short: never a replacement character in a code."""
    with pytest.raises(CardFileRefused, match="neither UTF-8 nor GBK"):
        find_encoding([content])


def test_utf_16_without_a_mark_is_refused_as_no_text() -> None:
    """Its zero bytes would otherwise pass for UTF-8 and end up inside the codes."""
    with pytest.raises(CardFileRefused, match="zero bytes"):
        find_encoding(["ABCD\n".encode("utf-16-le")])


def test_a_file_without_line_breaks_is_refused_before_it_is_read_as_one_line() -> None:
    """A disk image named .txt must not be taken into memory."""
    with pytest.raises(CardFileRefused, match="more than 1 MB"):
        find_encoding([b"x" * card_line_bytes_max])
    assert find_encoding([b"x" * (card_line_bytes_max - 1) + b"\r"]) == "utf-8"
    assert find_encoding([b"x" * (card_line_bytes_max - 1) + b"\n"]) == "utf-8"


def test_an_empty_file_is_refused() -> None:
    """There is nothing to import, and somebody should know."""
    with pytest.raises(CardFileRefused, match="empty"):
        find_encoding([])
