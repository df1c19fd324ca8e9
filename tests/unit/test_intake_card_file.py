"""Whole files: from bytes to rows and report, in every encoding and layout shops use."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.intake import CardFile, CardFileRefused, Kind, Reason, Row, read_cards, stream_cards
from engine.intake.card_file import Preview, PreviewRow
from engine.money import Money
from engine.secrecy.normal import normal_code
from tests.examples import examples

CHINA_MS = 8 * 3_600_000
NOW_MS = 1_790_000_000_000  # 2026-09-21 in China
LAST_OF_2026 = 1_798_732_799_999  # 23:59:59.999 on 31 December 2026 in China

TERMS: dict[str, Any] = {"now_ms": NOW_MS, "utc_offset_ms": CHINA_MS, "currency": "CNY"}


def read(name: str, content: bytes, sheet: str | None = None) -> CardFile:
    """A file read in China on a September day of 2026."""
    return read_cards(name, content, sheet=sheet, **TERMS)


def workbook(rows: Sequence[Sequence[str | float]]) -> bytes:
    """An XLSX file in which every cell is text, but for decimals."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row_no, row in enumerate(rows, 1):
        for column_no, value in enumerate(row, 1):
            cell = sheet.cell(row_no, column_no)
            cell.value = value
            cell.data_type = "n" if isinstance(value, float) else "s"
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def written_csv(rows: Sequence[Sequence[str]], encoding: str = "utf-8") -> bytes:
    """A CSV file as programs write it."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode(encoding)


def test_a_gbk_csv_with_chinese_headers_is_read() -> None:
    """As a Chinese Excel saves it: number and secret in two columns, an expiry, a face value, a note."""
    rows = [
        ["卡号", "卡密", "有效期至", "面值（元）", "备注"],
        ["6222021234567890123", "X7K9", "2026/12/31", "100", "首批"],
        ["6222021234567890124", "Q2M4", "", "1,000.00", ""],
    ]
    file = read("进货.CSV", written_csv(rows, "gbk"))
    assert (file.kind, file.encoding, file.refused) == (Kind.CSV, "gb18030", ())
    assert file.rows == (
        Row(2, "6222021234567890123----X7K9", LAST_OF_2026, Money(10_000, "CNY")),
        Row(3, "6222021234567890124----Q2M4", None, Money(100_000, "CNY")),
    )
    assert dict(file.columns.titles)["备注"] == "not read"


def test_a_txt_with_a_mark_and_four_dashes_is_read() -> None:
    """As Notepad saves it: the mark is no part of the first account."""
    content = "\ufeff用户一----口令1\r\n\r\nuser2----pass-2\r\n".encode()
    file = read("accounts.txt", content)
    assert (file.kind, file.encoding) == (Kind.TXT, "utf-8-sig")
    assert [row.code for row in file.rows] == ["用户一----口令1", "user2----pass-2"]
    assert file.preview == Preview(
        "----",
        (
            PreviewRow(1, "****----****", None, None, None),
            PreviewRow(3, "****2----****", None, None, None),
        ),
    )


def test_a_workbook_is_known_by_its_bytes_and_its_lost_digits_are_refused() -> None:
    """Under a wrong name, with a number of 15 digits and one of 19, and a true date."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["卡密", "到期时间"])
    sheet.append([123456789012345, "2026-12-31"])
    sheet.append([6222021234567890123, None])
    sheet.append(["6222021234567890123", None])
    content = io.BytesIO()
    book.save(content)
    file = read("cards.csv", content.getvalue())
    assert (file.kind, file.encoding) == (Kind.WORKBOOK, "")
    assert [(row.line_no, row.code, row.expires_at_ms) for row in file.rows] == [
        (2, "123456789012345", LAST_OF_2026),
        (4, "6222021234567890123", None),
    ]
    assert [(line.line_no, line.reason) for line in file.refused] == [(3, Reason.DIGITS_LOST)]


def test_a_sheet_is_chosen_by_name() -> None:
    """And refused when it is not there."""
    content = workbook([["A1"]])
    assert [row.code for row in read("x.xlsx", content, sheet="Sheet").rows] == ["A1"]
    with pytest.raises(CardFileRefused, match="no sheet"):
        read("x.xlsx", content, sheet="Tabelle1")


BAD_CELLS = [
    (["", "2026-12-31"], Reason.EMPTY_CODE),
    (["BAD\x07", "2026-12-31"], Reason.CODE_NOT_TEXT),
    (["x" * 513, "2026-12-31"], Reason.CODE_TOO_LONG),
    (["6.22202E+18", "2026-12-31"], Reason.DIGITS_LOST),
    (["BAD", "2026-12-31", "more"], Reason.FIELD_COUNT),
    (["BAD", "2026-02-30"], Reason.INVALID_DATE),
    (["BAD", "01/02/2027"], Reason.AMBIGUOUS_DATE),
    (["BAD", "2026-01-01"], Reason.ALREADY_EXPIRED),
    (["BAD", "", "", ""], None),
    (["BAD2", "", "x"], Reason.FIELD_COUNT),
]


def test_five_bad_lines_and_three_duplicates_in_a_hundred_are_counted_and_placed() -> None:
    """1,000 lines: every 20th is bad in one of ten ways, three of each hundred repeat the line ten before them."""
    codes = [f"CODE-{number:06}" for number in range(1, 1_001)]
    repeated = [number for number in range(1, 1_001) if number % 100 in {33, 66, 99}]
    bad = list(range(20, 1_001, 20))
    rows = [[code, "2026-12-31"] for code in codes]
    for number in repeated:
        rows[number - 1] = rows[number - 11]
    for number in bad:
        rows[number - 1] = BAD_CELLS[number // 20 % 10][0]
    file = read("cards.csv", written_csv([["code", "expires"], *rows]))

    # Of the ten ways one is only unusual (empty cells at the end): five lines of it, the first is taken and the
    # others repeat it. FIELD_COUNT occurs twice among the ten.
    unusual = [number for number in bad if BAD_CELLS[number // 20 % 10][1] is None]
    assert unusual == [160, 360, 560, 760, 960]
    expected = {number + 1: BAD_CELLS[number // 20 % 10][1] for number in bad if number not in unusual}
    expected |= dict.fromkeys((number + 1 for number in [*repeated, *unusual[1:]]), Reason.DUPLICATE_IN_FILE)
    assert {line.line_no: line.reason for line in file.refused} == expected
    assert [line.line_no for line in file.refused] == sorted(expected)
    assert dict(file.report.refused_by_reason) == {
        Reason.EMPTY_CODE: 5,
        Reason.CODE_NOT_TEXT: 5,
        Reason.CODE_TOO_LONG: 5,
        Reason.DIGITS_LOST: 5,
        Reason.FIELD_COUNT: 10,
        Reason.INVALID_DATE: 5,
        Reason.AMBIGUOUS_DATE: 5,
        Reason.ALREADY_EXPIRED: 5,
        Reason.DUPLICATE_IN_FILE: 34,
    }
    assert (file.report.lines, file.report.accepted, file.report.refused) == (1_000, 921, 79)
    firsts = {number + 1: number - 9 for number in repeated} | {number + 1: 161 for number in unusual[1:]}
    assert dict(file.report.duplicates) == firsts
    assert not any("BAD" in line.text or "CODE-" in line.text for line in file.refused)


def test_a_first_line_that_was_refused_does_not_make_its_repetition_a_duplicate() -> None:
    """The expired card was not taken, so the good one with the same code is."""
    file = read("x.csv", b"code,expires\nA1,2020-01-01\nA1,2027-01-01\n")
    assert [row.line_no for row in file.rows] == [3]
    assert [line.reason for line in file.refused] == [Reason.ALREADY_EXPIRED]


def test_a_preview_shows_masks_dates_and_what_will_be_refused() -> None:
    """Three lines, before anything is imported."""
    content = b"code,expires,face value\nABCDEFGH1234,2026-12-31,5\nA,soon,5\nB\nC\n"
    assert read("x.csv", content).preview == Preview(
        ",",
        (
            PreviewRow(2, "****234", LAST_OF_2026, Money(500, "CNY"), None),
            PreviewRow(3, "", None, None, Reason.INVALID_DATE),
            PreviewRow(4, "****", None, None, None),
        ),
    )


@pytest.mark.parametrize("name", ["x.txt", "x.csv", "X.CSV", "x.xls", "noending"])
def test_a_name_decides_only_between_txt_and_csv(name: str) -> None:
    """Many systems export text under a workbook's name."""
    file = read(name, b"code\nA1\n")
    assert file.kind is (Kind.TXT if name in {"x.txt", "noending"} else Kind.CSV)
    assert [row.code for row in file.rows] == ["A1"]


@pytest.mark.parametrize("name", ["x.xls", "x.XLSX"])
def test_what_is_named_a_workbook_and_is_neither_that_nor_text_is_refused(name: str) -> None:
    """Read as GB18030 it would be blamed for its control characters, line by line."""
    with pytest.raises(CardFileRefused, match=r"no workbook .*save it as \.xlsx"):
        read(name, b"\x09\x08\x10\x00\x00\x06\x05\x00A1")
    assert [row.code for row in read(name, "code\nA1\x1a".encode("utf-16")[:-2]).rows] == ["A1"]


def test_a_code_that_the_sheet_keeps_as_a_number_with_decimals_is_refused() -> None:
    """12345.5 is no code; in a column of amounts it is one."""
    file = read("x.xlsx", workbook([["code", "面值"], [12345.5, 99.5], ["A1", 99.5]]))
    assert [(line.line_no, line.reason) for line in file.refused] == [(2, Reason.CODE_IS_A_NUMBER)]
    assert [row.face_value for row in file.rows] == [Money(9950, "CNY")]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"caf\xe9\n", "neither UTF-8 nor GBK"),
        (b"\n\n", "no cards"),
        (b" \r\n<html><table>", "web page"),
        ("会员码\nA1\n".encode(), "reads like a title"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(content: bytes, says: str) -> None:
    """With what to change; nothing of it is imported."""
    with pytest.raises(CardFileRefused, match=says):
        read("x.csv", content)


def test_a_currency_must_look_like_one() -> None:
    """Before the file is opened."""
    with pytest.raises(CardFileRefused, match="'yuan' is no currency code"):
        read_cards("x.csv", b"code\n", now_ms=NOW_MS, utc_offset_ms=0, currency="yuan")


def test_a_header_alone_is_a_file_without_cards() -> None:
    """An export of an empty shelf is no mistake."""
    file = read("x.csv", b"code,expires\n")
    assert (file.rows, file.refused, file.preview.rows) == ((), (), ())


class CountingBytes(io.BytesIO):
    """Bytes that know how far they were read, and when they were closed."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.furthest = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """As BytesIO, and remember."""
        piece = super().read(size)
        self.furthest = max(self.furthest, self.tell())
        return piece

    def read1(self, size: int | None = -1, /) -> bytes:
        """As BytesIO, and remember."""
        piece = super().read1(size)
        self.furthest = max(self.furthest, self.tell())
        return piece


@pytest.mark.parametrize("name", ["x.txt", "x.csv"])
def test_a_stream_is_read_as_it_is_walked_and_left_open(name: str) -> None:
    """20,000 lines: the first rows come when little was read, and the caller keeps the file."""
    content = CountingBytes(b"code\n" + b"".join(b"CODE-%08d\n" % number for number in range(20_000)))
    stream = stream_cards(name, content, **TERMS)
    content.furthest = 0
    walk = iter(stream)
    first = next(walk)
    assert first == Row(2, "CODE-00000000", None, None)
    assert content.furthest < 100_000
    assert sum(1 for _ in walk) == 19_999
    assert stream.report.accepted == 20_000
    assert not content.closed


def test_a_stream_that_is_given_up_leaves_the_file_open() -> None:
    """The caller opened it, the caller closes it."""
    content = io.BytesIO(b"A1\n" * 1_000)
    stream = stream_cards("x.txt", content, **TERMS)
    walk = iter(stream)
    next(walk)
    del walk, stream
    assert not content.closed


def test_a_stream_starts_at_the_start_of_the_file() -> None:
    """Wherever somebody left it."""
    content = io.BytesIO(b"A1\nA2\n")
    content.read()
    assert len(list(stream_cards("x.txt", content, **TERMS))) == 2


def test_a_broken_quotation_mark_far_into_a_stream_is_told_when_it_is_reached() -> None:
    """The rows before it were good; the report so far is true."""
    content = b"code\n" + b"".join(b"A%d\n" % number for number in range(500)) + b'"open\n' + b"B1\n"
    stream = stream_cards("x.csv", io.BytesIO(content), **TERMS)
    with pytest.raises(CardFileRefused, match="line 502"):
        list(stream)
    assert stream.report.accepted == 500


CODE = (
    st.text(alphabet="AZaz09-_,;|\"'#+用户卡密", min_size=1, max_size=20)
    .filter(lambda code: not code.startswith('="'))
    .filter(lambda code: code == code.strip())
)
CARDS = st.lists(CODE, min_size=1, max_size=25, unique_by=normal_code)


@settings(max_examples=examples(60))
@given(CARDS, st.sampled_from(["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"]))
def test_any_cards_written_as_csv_are_read_back(codes: list[str], encoding: str) -> None:
    """The header holds characters that are no valid UTF-8 in GBK, as real ones do."""
    rows = [["卡密", "有效期"], *([code, "2026-12-31"] for code in codes)]
    file = read("x.csv", written_csv(rows, encoding))
    assert file.refused == ()
    assert [(row.line_no, row.code, row.expires_at_ms) for row in file.rows] == [
        (line_no, code, LAST_OF_2026) for line_no, code in enumerate(codes, 2)
    ]


@settings(max_examples=examples(25))
@given(CARDS)
def test_any_cards_written_as_a_workbook_are_read_back(codes: list[str]) -> None:
    """Every cell as text, with the secret in a column of its own."""
    rows = [["密码", "账号"], *([code, "user"] for code in codes)]
    file = read("x.xlsx", workbook(rows))
    assert file.refused == ()
    assert [row.code for row in file.rows] == [f"user----{code}" for code in codes]


@settings(max_examples=examples(60))
@given(
    st.lists(st.text(alphabet="AZaz09_.!用户", min_size=1, max_size=12), min_size=1, max_size=25, unique_by=normal_code)
)
def test_any_accounts_written_as_txt_are_read_back(words: list[str]) -> None:
    """With four dashes, as most card shops keep them."""
    codes = [f"user{place}----{word}" for place, word in enumerate(words)]
    file = read("x.txt", "\r\n".join(codes).encode())
    assert [row.code for row in file.rows] == codes
