"""ImportCards: chunk by chunk, once, whatever breaks off, and a report that names every line left out."""

import asyncio
import time
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from engine import limits
from engine.names import parse_pool
from engine.stock.codec import read_record
from engine.stock.events import CardsReceived
from protos.cardkeep.v1 import inventory_pb2
from tests.api.failures import failure
from tests.api.small_house import (
    SmallHouse,
    money,
    new_id,
    rows,
)

Row = inventory_pb2.ImportRow


async def test_chunks_are_for_sale_as_soon_as_they_are_acknowledged(house: SmallHouse) -> None:
    """Opened, one received per chunk, report; the second chunk need not have been sent for the first to be sold."""
    sku = await house.sku()
    call: Any = house.inventory.ImportCards()
    await call.write(inventory_pb2.ImportCardsRequest(header=_header(sku, source="acme", importer="ann")))
    opened = (await call.read()).opened
    assert (opened.batch, opened.next_chunk, opened.accepted, opened.complete) == (f"{sku}/batches/1", 0, 0, False)
    await call.write(_chunk(0, rows(["a", "b"])))
    received = (await call.read()).received
    assert (received.chunk_no, received.accepted, list(received.refused_lines)) == (0, 2, [])
    assert (await house.confirm(await house.allocate(sku))).delivered[0].code == "a"
    batch = await house.inventory.GetBatch(inventory_pb2.GetBatchRequest(name=opened.batch))
    assert batch.importing
    await call.write(_chunk(1, rows(["c"], first_line=3)))
    assert (await call.read()).received.accepted == 3
    await call.write(inventory_pb2.ImportCardsRequest(end=inventory_pb2.ImportEnd(chunks=2)))
    report = (await call.read()).report
    assert (report.accepted, report.refused, report.batch.name) == (3, 0, opened.batch)
    assert (report.batch.importing, report.batch.source, report.batch.importer) == (False, "acme", "ann")
    assert report.elapsed.ToMilliseconds() >= 0
    assert await call.read() is grpc.aio.EOF


async def test_every_line_that_cannot_be_taken_is_named_with_its_reason(house: SmallHouse) -> None:
    """One line per reason, in the order of the proto; no message shows a code; the good lines are in stock."""
    sku = await house.sku(face_value=money(1000))
    await house.stock(sku, ["STOCKED-1"])
    lines = [
        Row(line_no=1, code="GOOD-1", face_value=money(1000)),
        Row(line_no=2, code=" \t "),
        Row(line_no=3, code="\ufeff\u200b"),
        Row(line_no=4, code="x" * (limits.code_chars_max + 1)),
        Row(line_no=5, code="bad\x00code"),
        Row(line_no=6, code="money", face_value=money(-1)),
        Row(line_no=7, code="value", face_value=money(1001)),
        Row(line_no=8, code="time", expire_time=Timestamp(seconds=10**15)),
        Row(line_no=9, code="OLD-1", expire_time=Timestamp(seconds=1)),
        Row(line_no=10, code="GOOD-1"),
        Row(line_no=11, code="STOCKED-1"),
        Row(line_no=12, code=" last "),
    ]
    _, received, last = await house.bring(_header(sku), [lines], chunks=1)
    refused = {line.line_no: line.reason for line in received.received.refused_lines}
    assert refused == {
        2: "EMPTY_CODE",
        3: "EMPTY_CODE",
        4: "CODE_TOO_LONG",
        5: "CODE_NOT_TEXT",
        6: "INVALID_MONEY",
        7: "FACE_VALUE_MISMATCH",
        8: "INVALID_TIME",
        9: "ALREADY_EXPIRED",
        10: "DUPLICATE_IN_FILE",
        11: "DUPLICATE_IN_STOCK",
    }
    report = last.report
    assert (report.accepted, report.refused) == (2, 10)
    assert list(report.refused_lines) == list(received.received.refused_lines)
    assert report.refused_by_reason["EMPTY_CODE"] == 2
    assert (report.duplicates_in_file, report.duplicates_in_stock) == (1, 1)
    assert not any(row.code.strip() in line.message for line in report.refused_lines for row in lines[8:11])


async def test_a_duplicate_names_the_line_it_repeats(house: SmallHouse) -> None:
    """In the same chunk and in an earlier one; under its normal form, full-width letters included."""
    sku = await house.sku()
    chunks = [rows(["AB12", "other", "ＡＢ12"]), rows(["third", "AB12 "], first_line=4)]
    answers = await house.bring(_header(sku), chunks, chunks=2)
    messages = [line.message for line in answers[-1].report.refused_lines]
    assert [line.line_no for line in answers[-1].report.refused_lines] == [3, 5]
    assert all("line 1" in message for message in messages)
    assert answers[-1].report.accepted == 3


async def test_each_line_may_end_at_its_own_time(house: SmallHouse) -> None:
    """A line's expiry goes before the header's, and the first to expire is sold first."""
    sku = await house.sku()
    soon, later = _in_hours(house, 1), _in_hours(house, 2)
    lines = [Row(line_no=1, code="later"), Row(line_no=2, code="soon", expire_time=soon)]
    await house.bring(_header(sku, expire_time=later), [lines], chunks=1)
    hold = await house.allocate(sku, 2)
    assert [card.expire_time for card in hold.cards] == [soon, later]
    sold = await house.confirm(hold)
    assert [one.code for one in sold.delivered] == ["soon", "later"]


async def test_the_same_codes_from_two_sides_at_once_come_in_once(house: SmallHouse) -> None:
    """Two imports of the same file run at the same time, while the sale goes on."""
    sku = await house.sku(50)
    codes = [f"code-{number}" for number in range(400)]
    chunks = [rows(codes[start : start + 50], first_line=start + 1) for start in range(0, 400, 50)]
    sale = asyncio.gather(*(house.allocate(sku) for _ in range(20)))
    answers = await asyncio.gather(*(house.bring(_header(sku), chunks, chunks=8) for _ in range(2)))
    await sale
    reports = [answer[-1].report for answer in answers]
    assert sum(report.accepted for report in reports) == 400
    assert sum(report.duplicates_in_stock for report in reports) == 400
    assert (await house.cards(sku)).received == 450


async def test_two_streams_of_one_import_do_not_take_each_other_for_duplicates(house: SmallHouse) -> None:
    """What the other one brought is received, and only what stands in the file twice is said to."""
    sku = await house.sku()
    header = _header(sku)
    chunks = [rows(["one", "two", "one"]), rows(["three", "two"], first_line=4), rows(["four"], first_line=6)]
    slow: Any = house.inventory.ImportCards()
    await slow.write(inventory_pb2.ImportCardsRequest(header=header))
    await slow.read()
    await house.bring(header, chunks[:1])
    refused = []
    for number, chunk in enumerate(chunks):
        await slow.write(_chunk(number, chunk))
        received = (await slow.read()).received
        refused += [(line.line_no, line.reason, line.message[-7:]) for line in received.refused_lines]
        assert received.accepted == number + 2
    assert refused == [(3, "DUPLICATE_IN_FILE", "line 1."), (5, "DUPLICATE_IN_FILE", "line 2.")]
    slow.cancel()
    *_, last = await house.bring(header, [], chunks=3)
    assert (last.report.accepted, last.report.refused) == (4, 0)


async def test_an_import_goes_on_where_it_broke_off(house: SmallHouse) -> None:
    """The caller dies after two of four chunks; another sends the rest: nothing twice, nothing missing."""
    sku = await house.sku()
    header = _header(sku)
    chunks = [rows([f"code-{number}-{n}" for n in range(3)], first_line=3 * number + 1) for number in range(4)]
    call: Any = house.inventory.ImportCards()
    await call.write(inventory_pb2.ImportCardsRequest(header=header))
    await call.read()
    for number in range(2):
        await call.write(_chunk(number, chunks[number]))
        await call.read()
    call.cancel()
    opened, *_, last = await house.bring(header, chunks[2:], first=2, chunks=4)
    assert (opened.opened.next_chunk, opened.opened.accepted, opened.opened.complete) == (2, 6, False)
    assert (last.report.accepted, last.report.refused) == (12, 0)
    sold = await house.confirm(await house.allocate(sku, 12))
    assert [one.code for one in sold.delivered] == [row.code for chunk in chunks for row in chunk]


async def test_chunks_sent_ahead_of_their_answers_find_their_serials(house: SmallHouse) -> None:
    """Each is sealed before it is known how many cards came before it; every code still opens for its buyer."""
    sku = await house.sku()
    await house.stock(sku, ["old-1", "old-2"])
    chunks = [
        rows(["a", "old-1", "b"]),
        rows(["c", "a", "d"], first_line=4),
        rows(["e", "old-2"], first_line=7),
        rows(["f", "d", "f"], first_line=9),
    ]
    call: Any = house.inventory.ImportCards()
    await call.write(inventory_pb2.ImportCardsRequest(header=_header(sku)))
    for number, chunk in enumerate([*chunks[:2], chunks[0], *chunks[2:]]):
        await call.write(_chunk((0, 1, 0, 2, 3)[number], chunk))
    await call.write(inventory_pb2.ImportCardsRequest(end=inventory_pb2.ImportEnd(chunks=4)))
    answers = [await call.read() for _ in range(7)]
    assert [answer.received.accepted for answer in answers[1:6]] == [2, 4, 4, 5, 6]
    refused = [(line.line_no, line.reason, line.message[-7:]) for line in answers[6].report.refused_lines]
    assert [(line_no, reason) for line_no, reason, _ in refused] == [
        (2, "DUPLICATE_IN_STOCK"),
        (5, "DUPLICATE_IN_FILE"),
        (8, "DUPLICATE_IN_STOCK"),
        (10, "DUPLICATE_IN_FILE"),
        (11, "DUPLICATE_IN_FILE"),
    ]
    assert [refused[place][2] for place in (1, 3, 4)] == ["line 1.", "line 6.", "line 9."]
    sold = await house.confirm(await house.allocate(sku, 8))
    assert [one.code for one in sold.delivered] == ["old-1", "old-2", "a", "b", "c", "d", "e", "f"]


async def test_what_came_while_nobody_buys_is_received_in_one_step(house: SmallHouse) -> None:
    """Twenty chunks sent ahead are fewer records in the journal, each chunk with an acknowledgement of its own."""
    sku = await house.sku()
    call: Any = house.inventory.ImportCards()
    await call.write(inventory_pb2.ImportCardsRequest(header=_header(sku)))
    for number in range(20):
        await call.write(_chunk(number, rows([f"{number}-a", f"{number}-b"], first_line=2 * number + 1)))
    await call.write(inventory_pb2.ImportCardsRequest(end=inventory_pb2.ImportEnd(chunks=20)))
    answers = [await call.read() for _ in range(22)]
    assert [answer.received.accepted for answer in answers[1:21]] == list(range(2, 42, 2))
    pool = parse_pool(sku)
    assert pool is not None
    records = (await house.store.read(pool)).records
    received = [record for record in map(read_record, records) if CardsReceived in map(type, record.events)]
    assert 1 <= len(received) < 20
    assert sum(len(record.events) for record in received) == 20


async def test_an_acknowledged_chunk_sent_again_is_acknowledged_again(house: SmallHouse) -> None:
    """Within one stream and after the end; its lines are not reported as duplicates."""
    sku = await house.sku()
    header = _header(sku)
    first = rows(["a", "b"])
    answers = await house.bring(header, [first])
    assert answers[1].received.accepted == 2
    again = await house.bring(header, [first, rows(["c"], first_line=3)], chunks=2)
    assert [answer.received.accepted for answer in again[1:3]] == [2, 3]
    assert (again[-1].report.accepted, again[-1].report.refused) == (3, 0)
    opened, received, report = await house.bring(header, [first], chunks=2)
    assert opened.opened.complete
    assert (received.received.accepted, report.report.accepted) == (3, 3)
    assert (await house.cards(sku)).received == 3


async def test_an_end_that_counts_otherwise_ends_nothing(house: SmallHouse) -> None:
    """A caller that lost a chunk hears which one is next, and the import stays open."""
    sku = await house.sku()
    header = _header(sku)
    refused = await failure(house.bring(header, [rows(["a"])], chunks=2))
    assert (refused.reason, refused.facts["nextChunk"]) == ("IMPORT_OUT_OF_STEP", "1")
    *_, last = await house.bring(header, [rows(["b"], first_line=2)], first=1, chunks=2)
    assert last.report.accepted == 2


async def test_a_chunk_too_early_names_the_one_that_is_missing(house: SmallHouse) -> None:
    """Nothing of it comes in."""
    sku = await house.sku()
    refused = await failure(house.bring(_header(sku), [rows(["a"])], first=3))
    assert (refused.reason, refused.facts["nextChunk"]) == ("IMPORT_OUT_OF_STEP", "0")
    assert (await house.cards(sku)).received == 0


async def test_cards_for_a_quarantined_batch_come_in_off_sale(house: SmallHouse) -> None:
    """They are received, withheld, and for sale after the restore."""
    sku = await house.sku()
    header = _header(sku)
    await house.bring(header, [rows(["a"])])
    name = f"{sku}/batches/1"
    await house.inventory.QuarantineBatch(inventory_pb2.QuarantineBatchRequest(name=name, request_id=new_id()))
    *_, last = await house.bring(header, [rows(["b"], first_line=2)], first=1, chunks=2)
    assert (last.report.batch.cards.received, last.report.batch.cards.withheld) == (2, 2)
    await house.inventory.RestoreBatch(inventory_pb2.RestoreBatchRequest(name=name, request_id=new_id()))
    assert (await house.allocate(sku, 2)).quantity == 2


async def test_a_void_batch_takes_no_more_cards(house: SmallHouse) -> None:
    """Voiding ends the import."""
    sku = await house.sku()
    header = _header(sku)
    await house.bring(header, [rows(["a"])])
    request = inventory_pb2.VoidBatchRequest(name=f"{sku}/batches/1", request_id=new_id())
    await house.inventory.VoidBatch(request)
    assert (await failure(house.bring(header, [rows(["b"])], first=1))).reason == "IMPORT_CLOSED"
    [opened] = await house.bring(header, [])
    assert opened.opened.complete


@pytest.mark.parametrize("count", [0, limits.chunk_cards_max + 1])
async def test_a_chunk_has_its_bounds(house: SmallHouse, count: int) -> None:
    """Neither empty nor longer than 1,000 lines."""
    refused = await failure(house.bring(_header(await house.sku()), [rows(["x"] * count)]))
    assert (refused.reason, refused.facts["field"]) == ("TOO_MANY_ITEMS", "rows")


async def test_a_stream_that_does_not_begin_with_its_header_is_refused(house: SmallHouse) -> None:
    """A chunk first; nothing at all; a second header."""
    sku = await house.sku()
    for steps in (
        [_chunk(0, rows(["x"]))],
        [],
        [inventory_pb2.ImportCardsRequest(header=_header(sku)), inventory_pb2.ImportCardsRequest(header=_header(sku))],
    ):
        refused = await failure(house.send(steps))
        assert refused.reason == "INVALID_FIELD"


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("parent", "tenants/default", "INVALID_NAME"),
        ("parent", "tenants/default/skus/nowhere", "SKU_NOT_FOUND"),
        ("import_id", "", "REQUEST_ID_REQUIRED"),
        ("import_id", "x" * 129, "FIELD_TOO_LONG"),
        ("source", "x" * 257, "FIELD_TOO_LONG"),
        ("importer", "x" * 257, "FIELD_TOO_LONG"),
        ("unit_cost", money(-1), "INVALID_MONEY"),
        ("expire_time", Timestamp(seconds=10**15), "INVALID_FIELD"),
    ],
)
async def test_a_bad_header_opens_no_batch(house: SmallHouse, field: str, value: object, reason: str) -> None:
    """Refused before anything was opened."""
    sku = await house.sku()
    header = inventory_pb2.ImportHeader(**{"parent": sku, "import_id": new_id(), field: value})  # type: ignore[arg-type]
    assert (await failure(house.bring(header, []))).reason == reason
    page = await house.inventory.ListBatches(inventory_pb2.ListBatchesRequest(parent=sku))
    assert list(page.batches) == []


async def test_ten_thousand_cards_are_soon_in(house: SmallHouse) -> None:
    """Ten full chunks; the time is for people to read, the counts are for us."""
    sku = await house.sku()
    codes = [f"FLASH-{number:06d}-ABCDEF" for number in range(10_000)]
    chunks = [rows(codes[start : start + 1_000], first_line=start + 1) for start in range(0, 10_000, 1_000)]
    began_s = time.monotonic()
    *_, last = await house.bring(_header(sku), chunks, chunks=10)
    print(f"10,000 cards imported in {time.monotonic() - began_s:.2f} s")  # noqa: T201 - shown by pytest -s
    assert (last.report.accepted, last.report.refused) == (10_000, 0)
    assert (await house.cards(sku)).available == 10_000


def _header(sku: str, **fields: object) -> inventory_pb2.ImportHeader:
    return inventory_pb2.ImportHeader(parent=sku, import_id=new_id(), **fields)  # type: ignore[arg-type]


def _chunk(number: int, lines: list[Row]) -> inventory_pb2.ImportCardsRequest:
    return inventory_pb2.ImportCardsRequest(chunk=inventory_pb2.ImportChunk(chunk_no=number, rows=lines))


def _in_hours(house: SmallHouse, hours: int) -> Timestamp:
    moment = Timestamp()
    moment.FromMilliseconds(house.clock.now_ms() + hours * 3_600_000)
    return moment
