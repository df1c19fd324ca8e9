"""`cardkeep import`: what is shown before, what is sent, what is refused; and never a code on any screen."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from cardkeep_client.v1 import inventory_pb2, types_pb2
from openpyxl import Workbook

Run = Callable[..., Any]

SKU = "tenants/default/skus/A"
BATCH = inventory_pb2.Batch(name=f"{SKU}/batches/1")
TERMS = inventory_pb2.Sku(name=SKU, unit_price=types_pb2.Money(minor=1500, currency="CNY"))

#: A file as shops have it: Chinese, in GBK, with a duplicate, an empty code, a date with two readings.
LINES = [
    "卡号,卡密,有效期,面值",
    "N1,SECRET-ONE,2027-12-31,30.00",
    "N2,SECRET-TWO,2027-12-31,30.00",
    "N1,SECRET-ONE,2027-12-31,30.00",
    "N4,,2027-12-31,30.00",
    "N5,SECRET-FIVE,01/02/2027,30.00",
    "N6,SECRET-SIX,2020-01-01,30.00",
]


#: Files that could be meant otherwise than they are read, and the consent that lets each in.
DOUBTFUL = [
    ("foo,bar\nAAAA-1111,2222\n", ("--no-header",), 2),
    ("code,ends\nSECRET-1,2027-12-31\n", ("--ignore-column", "ends"), 1),
    ("code,second half\nSECRET-1,9001\n", ("--ignore-column", "second half"), 1),
]


class Shelf:
    """The server's side of imports: takes chunks, and refuses what it is told to."""

    def __init__(self, *, refused: dict[int, str] | None = None, dies_after: int | None = None) -> None:
        self.headers: list[inventory_pb2.ImportHeader] = []
        self.rows: list[inventory_pb2.ImportRow] = []
        self._chunks = 0
        self._whole = False
        self._refused = refused or {}
        self._dies_after = dies_after

    def __call__(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        """One stream."""
        for request in requests:
            match request.WhichOneof("step"):
                case "header":
                    self.headers.append(request.header)
                    opened = inventory_pb2.ImportOpened(
                        batch=BATCH.name, next_chunk=self._chunks, accepted=self._accepted(), complete=self._whole
                    )
                    yield inventory_pb2.ImportCardsResponse(opened=opened)
                case "chunk":
                    if self._chunks == self._dies_after:
                        self._dies_after = None
                        context.abort(grpc.StatusCode.UNKNOWN, "the front end died")
                    yield self._take(request.chunk)
                case "end":
                    self._whole = True
                    report = inventory_pb2.ImportReport(batch=BATCH, accepted=self._accepted())
                    yield inventory_pb2.ImportCardsResponse(report=report)
                    return

    def _take(self, chunk: inventory_pb2.ImportChunk) -> inventory_pb2.ImportCardsResponse:
        assert chunk.chunk_no == self._chunks
        self._chunks += 1
        self.rows += chunk.rows
        refused = [
            inventory_pb2.RefusedLine(line_no=row.line_no, reason=self._refused[row.line_no], message="so it is")
            for row in chunk.rows
            if row.line_no in self._refused
        ]
        received = inventory_pb2.ChunkReceived(
            chunk_no=chunk.chunk_no, accepted=self._accepted(), refused_lines=refused
        )
        return inventory_pb2.ImportCardsResponse(received=received)

    def _accepted(self) -> int:
        return sum(1 for row in self.rows if row.line_no not in self._refused)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file in GBK."""
    path = tmp_path / "cards.csv"
    path.write_text("\n".join(LINES) + "\n", encoding="gbk")
    return path


def test_a_gbk_file_is_understood_shown_masked_and_sent(server: Any, cardkeep: Run, file: Path) -> None:
    """Encoding and columns for people to check; codes, dates in the local zone and values for the server."""
    shelf = Shelf(refused={7: "ALREADY_EXPIRED"})
    server.will("GetSku", TERMS)
    server.will("ImportCards", shelf)
    ended = cardkeep("import", str(file), "--sku", "A", "--unit-cost", "10.00 CNY", "--source", "ACME")
    assert ended.exit_code == 0
    assert "gb18030" in ended.stderr
    assert "卡密 = code" in ended.stderr
    assert [row.code for row in shelf.rows] == ["N1----SECRET-ONE", "N2----SECRET-TWO", "N6----SECRET-SIX"]
    assert [row.line_no for row in shelf.rows] == [2, 3, 7]
    assert shelf.rows[0].expire_time.ToDatetime().isoformat() == "2027-12-31T15:59:59.999000"
    assert shelf.rows[0].face_value == types_pb2.Money(minor=3000, currency="CNY")
    (header,) = shelf.headers
    assert header.unit_cost == types_pb2.Money(minor=1000, currency="CNY")
    assert header.source == "ACME"
    assert "SECRET" not in ended.output


def test_the_report_joins_what_the_file_and_the_server_refuse(server: Any, cardkeep: Run, file: Path) -> None:
    """One list by line number, with reasons of both."""
    server.will("GetSku", TERMS)
    server.will("ImportCards", Shelf(refused={3: "DUPLICATE_IN_STOCK", 7: "ALREADY_EXPIRED"}))
    ended = cardkeep("import", str(file), "--sku", "A", "--json")
    document = json.loads(ended.stdout)
    assert [(line["line_no"], line["reason"]) for line in document["refused_lines"]] == [
        (3, "DUPLICATE_IN_STOCK"),
        (4, "DUPLICATE_IN_FILE"),
        (5, "EMPTY_CODE"),
        (6, "AMBIGUOUS_DATE"),
        (7, "ALREADY_EXPIRED"),
    ]
    assert (document["lines"], document["accepted"], document["refused"]) == (6, 1, 5)
    assert "SECRET" not in ended.output


def test_an_import_that_takes_no_line_is_exit_code_3(server: Any, cardkeep: Run, tmp_path: Path) -> None:
    """A script that brings the same cards under another name must hear of it."""
    path = tmp_path / "one.txt"
    path.write_text("SECRET-ONE\n")
    server.will("GetSku", TERMS)
    server.will("ImportCards", Shelf(refused={1: "DUPLICATE_IN_STOCK"}))
    assert cardkeep("import", str(path), "--sku", "A").exit_code == 3


def test_a_broken_import_goes_on_with_the_line_it_prints(
    server: Any, cardkeep: Run, run_line: Run, tmp_path: Path
) -> None:
    """Exit code 4; the same import id, and every card exactly once."""
    path = tmp_path / "many.txt"
    path.write_text("".join(f"SECRET-{number}\n" for number in range(1_200)))
    shelf = Shelf(dies_after=1)
    server.will("GetSku", TERMS, TERMS)
    server.will("ImportCards", shelf, shelf)
    ended = cardkeep("import", str(path), "--sku", "A")
    assert ended.exit_code == 4
    again = run_line(ended.stderr.splitlines()[-1])
    assert again.exit_code == 0
    assert shelf.headers[0].import_id == shelf.headers[1].import_id
    assert [row.code for row in shelf.rows] == [f"SECRET-{number}" for number in range(1_200)]
    assert "1,200 cards are on the shelf" in again.stdout
    assert "SECRET" not in ended.output + again.output


def test_the_same_file_again_sends_nothing_and_says_so(server: Any, cardkeep: Run, tmp_path: Path) -> None:
    """The import's id is made of the file and the SKU: another SKU, or another file, is another import."""
    path = tmp_path / "one.txt"
    path.write_text("SECRET-ONE\n")
    shelf = Shelf()
    other, third = Shelf(), Shelf()
    server.will("GetSku", TERMS, TERMS, TERMS, TERMS)
    server.will("ImportCards", shelf, shelf, other, third)
    first, second = (cardkeep("import", str(path), "--sku", "A") for _ in range(2))
    assert first.exit_code == second.exit_code == 0
    assert "imported before" in second.stdout
    assert "imported before" not in first.stdout
    assert len(shelf.rows) == 1
    assert "imported before" not in cardkeep("import", str(path), "--sku", "B").stdout
    path.write_text("SECRET-TWO\n")
    cardkeep("import", str(path), "--sku", "A")
    ids = [request.import_id for request in (*shelf.headers, *other.headers, *third.headers)]
    assert [ids.index(each) for each in ids] == [0, 0, 2, 3]


def test_a_dry_run_asks_nobody(server: Any, cardkeep: Run, file: Path) -> None:
    """It says what the file says of itself, what has expired by the clock here included."""
    ended = cardkeep("import", str(file), "--sku", "A", "--dry-run", "--json")
    assert ended.exit_code == 0
    assert server.seen == []
    document = json.loads(ended.stdout)
    assert (document["dry_run"], document["accepted"], document["encoding"]) == (True, 2, "gb18030")
    assert document["refused_by_reason"]["ALREADY_EXPIRED"] == 1
    assert "SECRET" not in ended.output


def test_a_sheet_of_a_workbook_is_chosen_by_name(server: Any, cardkeep: Run, tmp_path: Path) -> None:
    """Two sheets are two imports."""
    book = Workbook()
    book.active.append(["code"])  # type: ignore[union-attr]
    book.active.append(["SECRET-ONE"])  # type: ignore[union-attr]
    book.create_sheet("May").append(["SECRET-MAY"])
    path = tmp_path / "cards.xlsx"
    book.save(path)
    shelf = Shelf()
    server.will("GetSku", TERMS)
    server.will("ImportCards", shelf)
    cardkeep("import", str(path), "--sku", "A", "--sheet", "May")
    assert [row.code for row in shelf.rows] == ["SECRET-MAY"]


def test_a_cost_in_the_file_is_the_batchs_and_two_costs_are_refused(server: Any, cardkeep: Run, tmp_path: Path) -> None:
    """Margins rest on it: it is neither dropped nor averaged."""
    path = tmp_path / "cards.csv"
    path.write_text("code,cost\nSECRET-ONE,9.90\nSECRET-TWO,9.90\n")
    shelf = Shelf()
    server.will("GetSku", TERMS, TERMS)
    server.will("ImportCards", shelf)
    cardkeep("import", str(path), "--sku", "A")
    assert shelf.headers[0].unit_cost == types_pb2.Money(minor=990, currency="CNY")
    path.write_text("code,cost\nSECRET-ONE,9.90\nSECRET-TWO,8.80\n")
    ended = cardkeep("import", str(path), "--sku", "A")
    assert ended.exit_code == 2
    assert "--unit-cost" in ended.stderr
    assert len(server.requests("ImportCards")) == 1


def test_a_file_that_is_no_card_file_is_refused_before_anything_is_sent(
    server: Any, cardkeep: Run, tmp_path: Path
) -> None:
    """What to do is on the second line."""
    path = tmp_path / "cards.csv"
    path.write_bytes(b"\x7fELF\0\0")
    server.will("GetSku", TERMS)
    ended = cardkeep("import", str(path), "--sku", "A")
    assert ended.exit_code == 1
    assert "zero bytes" in ended.stderr
    assert "UTF-8" in ended.stderr.splitlines()[-1]
    assert server.requests("ImportCards") == []


@pytest.mark.parametrize(("content", "consent", "cards"), DOUBTFUL)
def test_a_file_in_doubt_is_imported_only_with_consent(
    *, content: str, consent: tuple[str, ...], cards: int, server: Any, cardkeep: Run, tmp_path: Path
) -> None:
    """Masks hide that a header is sold as a card, or that a PIN is missing: so the import stops, and the dry run."""
    path = tmp_path / "cards.csv"
    path.write_text(content)
    shelf = Shelf()
    server.will("GetSku", TERMS, TERMS)
    server.will("ImportCards", shelf)
    ended = cardkeep("import", str(path), "--sku", "A")
    assert ended.exit_code == 1
    assert consent[0] in ended.stderr.splitlines()[-1]
    dry = cardkeep("import", str(path), "--sku", "A", "--dry-run", "--json")
    assert dry.exit_code == 1
    assert [warning["stops"] for warning in json.loads(dry.stdout)["warnings"]] == [True]
    assert shelf.rows == []
    assert cardkeep("import", str(path), "--sku", "A", *consent).exit_code == 0
    assert len(shelf.rows) == cards


def test_a_file_without_a_header_says_so(server: Any, cardkeep: Run, tmp_path: Path) -> None:
    """In the preview and in the report; two columns deserve a warning, one code a line does not."""
    path = tmp_path / "cards.csv"
    path.write_text("AAAA-1111,2222\nBBBB-1111,3333\n")
    server.will("GetSku", TERMS, TERMS)
    server.will("ImportCards", Shelf(), Shelf())
    ended = cardkeep("import", str(path), "--sku", "A")
    assert "Warning: No header is recognised: line 1 counts as a card." in ended.stderr
    assert "none: line 1 counts as a card" in ended.stdout
    path = path.with_suffix(".txt")
    path.write_text("AAAA-1111\nBBBB-1111\n")
    assert "Warning" not in cardkeep("import", str(path), "--sku", "A").stderr


def test_a_column_that_is_not_there_cannot_be_ignored(server: Any, cardkeep: Run, file: Path) -> None:
    """A typing mistake must not look like consent."""
    ended = cardkeep("import", str(file), "--sku", "A", "--dry-run", "--ignore-column", "卡 号")
    assert ended.exit_code == 2
    assert "卡号" in ended.stderr.splitlines()[-1]
    assert server.seen == []


def test_the_numbers_of_dry_run_import_and_second_run_agree(server: Any, cardkeep: Run, file: Path) -> None:
    """Six lines: two to sell, four refused, however one asks. A second run counts what the first refused."""
    shelf = Shelf(refused={7: "ALREADY_EXPIRED"})
    server.will("GetSku", TERMS, TERMS, TERMS)
    server.will("ImportCards", shelf, shelf, shelf)
    dry = json.loads(cardkeep("import", str(file), "--sku", "A", "--dry-run", "--json").stdout)
    first = cardkeep("import", str(file), "--sku", "A")
    assert "2 of 6 lines" in first.stderr
    again = json.loads(cardkeep("import", str(file), "--sku", "A", "--json").stdout)
    for document in (dry, again):
        assert (document["lines"], document["accepted"], document["refused"]) == (6, 2, 4)
    assert again["refused_by_reason"]["REFUSED_IN_EARLIER_RUN"] == 1


def test_a_dry_run_of_nothing_usable_ends_like_its_import(cardkeep: Run, tmp_path: Path) -> None:
    """Exit code 3, one line in the singular, and the reason in a column of its own."""
    path = tmp_path / "cards.csv"
    path.write_text("code,expires\nSECRET-1,2020-01-01\n")
    ended = cardkeep("import", str(path), "--sku", "A", "--dry-run")
    assert ended.exit_code == 3
    assert "0 of 1 line\n" in ended.stdout.replace(" \n", "\n").replace("  ", "")
    assert "refused for" in ended.stdout


def test_codes_that_the_server_met_twice_speak_of_another_run(server: Any, cardkeep: Run, tmp_path: Path) -> None:
    """The file has none twice: two imports of it at once refuse each other's cards."""
    path = tmp_path / "cards.txt"
    path.write_text("SECRET-1\nSECRET-2\n")
    server.will("GetSku", TERMS)
    server.will("ImportCards", Shelf(refused={2: "DUPLICATE_IN_FILE"}))
    assert "another run seems to import" in cardkeep("import", str(path), "--sku", "A").stdout


def test_a_cost_that_was_forgotten_is_said_to_stay_unknown(server: Any, cardkeep: Run, tmp_path: Path) -> None:
    """A batch's cost is said at its import: nothing sets it later, and a second run says that it did not."""
    path = tmp_path / "cards.txt"
    path.write_text("SECRET-1\n")
    shelf = Shelf()
    server.will("GetSku", TERMS)
    server.will("ImportCards", shelf, shelf)
    assert "stays so" in cardkeep("import", str(path), "--sku", "A").stdout
    assert "changed nothing" in cardkeep("import", str(path), "--sku", "A", "--unit-cost", "1.00 CNY").stderr
