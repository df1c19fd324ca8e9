"""TXT and CSV: fields where the file has them, and the line numbers an editor shows."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.intake.records import Record, Table
from engine.intake.refusals import CardFileRefused
from engine.intake.text import read_csv, read_txt
from engine.limits import sample_lines_max


def txt(text: str) -> tuple[str, list[Record]]:
    """Delimiter and records of a TXT file."""
    return whole(read_txt(io.StringIO(text, newline=None)))


def sheet(text: str) -> tuple[str, list[Record]]:
    """Delimiter and records of a CSV file."""
    return whole(read_csv(io.StringIO(text, newline="")))


def whole(table: Table) -> tuple[str, list[Record]]:
    """A table with its records read."""
    return table.delimiter, list(table.records)


def test_lines_without_a_delimiter_are_one_field_each() -> None:
    """Blank lines are skipped and still counted, under every kind of line end."""
    assert txt("AAAA-1\r\n\r\nBBBB-2\r   \nCCCC-3") == ("", [(1, ["AAAA-1"]), (3, ["BBBB-2"]), (5, ["CCCC-3"])])


@pytest.mark.parametrize("delimiter", ["----", "\t", ",", "|", " "])
def test_the_delimiter_of_most_lines_splits_all_of_them(delimiter: str) -> None:
    """A line without it stays whole, for the columns to judge."""
    text = f"user1{delimiter}pw1\nuser2{delimiter}pw2\nbroken\n"
    assert txt(text) == (delimiter, [(1, ["user1", "pw1"]), (2, ["user2", "pw2"]), (3, ["broken"])])


def test_a_delimiter_in_half_of_the_lines_is_part_of_the_codes() -> None:
    """Most means more than half."""
    assert txt("AB|CD\nEFGH\n") == ("", [(1, ["AB|CD"]), (2, ["EFGH"])])


def test_codes_in_groups_are_not_split_at_their_spaces() -> None:
    """Four groups are one code; only two words are account and password."""
    assert txt("1111 2222 3333 4444\n5555 6666 7777 8888\n")[0] == ""


def test_four_dashes_go_before_a_comma_inside_passwords() -> None:
    """In the order of the list when nothing else tells."""
    assert txt("user----p,1\nuser2----p,2\n") == ("----", [(1, ["user", "p,1"]), (2, ["user2", "p,2"])])


@pytest.mark.parametrize("first", ["code,expires", "user0----pw0,2027-12-31"])
def test_a_delimiter_whose_fields_are_known_goes_first(first: str) -> None:
    """A date or a header shows that the comma is what stands between the columns."""
    delimiter, records = txt(f"{first}\nuser1----pw1,2027-12-31\nuser2----pw2,2027-12-31\n")
    assert delimiter == ","
    assert records[1] == (2, ["user1----pw1", "2027-12-31"])


def test_lines_after_the_sample_are_read_like_those_in_it() -> None:
    """The delimiter is decided once."""
    lines = [f"user{number}|pw{number}" for number in range(sample_lines_max + 50)]
    delimiter, records = txt("\n".join(lines))
    assert delimiter == "|"
    assert records == [(place + 1, line.split("|")) for place, line in enumerate(lines)]


def test_an_empty_text_has_no_records() -> None:
    """For whoever asks; the encoding refuses such a file before."""
    assert txt("\n\n") == ("", [])
    assert sheet("") == (",", [])


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_each_delimiter_of_csv_is_found(delimiter: str) -> None:
    """Also when the others stand inside the fields of single lines."""
    rows = [["code", "note"], ["A1", "x;y"], ["A2", "p,q"], ["A3", "r\ts"], ["A4", ""]]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    assert sheet(text.getvalue()) == (delimiter, [(place + 1, row) for place, row in enumerate(rows)])


def test_a_csv_of_one_column_needs_no_delimiter() -> None:
    """The comma is taken, and nothing is split."""
    assert sheet("code\nA1\nA2\n") == (",", [(1, ["code"]), (2, ["A1"]), (3, ["A2"])])


def test_excels_separator_line_decides_and_is_no_record() -> None:
    """It would otherwise be imported as a card named `sep=;`."""
    assert sheet("sep=;\r\ncode;note\r\nA,1;x\r\n") == (";", [(2, ["code", "note"]), (3, ["A,1", "x"])])


def test_a_record_over_several_lines_has_the_number_of_its_first() -> None:
    """Notes may hold line breaks; the lines after them keep their numbers."""
    text = 'code,note\nA1,"two\nlines"\n,\n\nA2,x\n'
    assert sheet(text)[1] == [(1, ["code", "note"]), (2, ["A1", "two\nlines"]), (6, ["A2", "x"])]


@pytest.mark.parametrize("broken", ['A2,"open\nA3,x\nA4,y\n', 'A2,"op"en\n', 'A2,"' + "x" * 140_000 + '"\n'])
def test_quotation_marks_that_do_not_match_stop_the_file_at_their_line(broken: str) -> None:
    """Otherwise one of them would swallow every card up to the next."""
    table = read_csv(io.StringIO("code,note\nA1,x\n" + broken, newline=""))
    read: list[int] = []
    with pytest.raises(CardFileRefused, match="record on line 3 do not match"):
        read.extend(line_no for line_no, _ in table.records)
    assert read == [1, 2], "what stands before the broken record is sound"


FIELD = st.text(alphabet="AZaz09-_,;|\"'#=+ \t\n\r卡密", max_size=12)


@given(st.lists(st.tuples(FIELD, FIELD, FIELD), min_size=1, max_size=30), st.sampled_from([",", ";", "\t"]))
def test_what_csv_writes_is_read_back(rows: list[tuple[str, str, str]], delimiter: str) -> None:
    """Any content, with the separator line naming the delimiter; blank records are left out."""
    text = io.StringIO(newline="")
    text.write(f"sep={delimiter}\r\n")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    read = [tuple(fields) for _, fields in sheet(text.getvalue())[1]]
    assert read == [row for row in rows if any(map(str.strip, row))]
