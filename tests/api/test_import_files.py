"""Files as suppliers send them, from their bytes to the shelf: read, imported, reported, resumed."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from io import BytesIO

import pytest
from cardkeep_client import AsyncClient, ImportReport, ImportRow, Money
from openpyxl import Workbook

from engine.intake import CardFile, read_cards
from tests.api.small_house import SmallHouse

CHUNK_ROWS = 100


class BrokenOffError(Exception):
    """The machine that imports goes away."""


def read(name: str, content: bytes) -> CardFile:
    """The file as the command line reads it, in the year 2026."""
    now_ms = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp() * 1000)
    return read_cards(name, content, now_ms=now_ms, utc_offset_ms=8 * 3_600_000, currency="CNY")


def rows_of(file: CardFile) -> list[ImportRow]:
    """The file's cards as the client sends them."""
    return [
        ImportRow(
            row.line_no,
            row.code,
            None if row.expires_at_ms is None else datetime.fromtimestamp(row.expires_at_ms / 1000, UTC),
            None if row.face_value is None else Money(row.face_value.minor, row.face_value.currency),
        )
        for row in file.rows
    ]


async def send(client: AsyncClient, sku: str, file: CardFile) -> ImportReport:
    """Import it."""
    return await client.import_cards(sku, rows_of(file), import_id=f"file-of-{sku}", chunk_rows=CHUNK_ROWS)


@pytest.fixture
async def client(house: SmallHouse) -> AsyncIterator[AsyncClient]:
    """A client of the house."""
    client = AsyncClient(house.target)
    yield client
    await client.close()


async def test_a_gbk_file_with_chinese_headers_becomes_cards_with_their_expiry(client: AsyncClient) -> None:
    """卡号, 卡密, 有效期 and 面值 are understood, and the buyer gets number and secret."""
    lines = ["卡号,卡密,有效期,面值"] + [f"VIP{n:05d},秘{n:05d},2031-12-31,30.00" for n in range(1_000)]
    file = read("会员卡.csv", "\r\n".join(lines).encode("gbk"))
    assert file.encoding == "gb18030"
    await client.create_sku("gbk", face_value=Money(3000, "CNY"))
    report = await send(client, "gbk", file)
    assert (report.accepted, report.refused) == (1_000, 0)
    hold = await client.allocate("gbk", order_ref="order")
    # The last second of the day, eight hours east of Greenwich, as the file's reader said.
    assert hold.cards[0].expire_time == datetime(2031, 12, 31, 15, 59, 59, 999_000, UTC)
    sale = await client.confirm(hold, payment_ref="pay")
    assert [card.code for card in sale.delivered] == ["VIP00000----秘00000"]


async def test_a_workbook_becomes_cards(client: AsyncClient) -> None:
    """An XLSX file needs no export to CSV first."""
    workbook = Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.append(["code", "expiry"])
    for number in range(300):
        sheet.append([f"XL-{number:06d}", "2030-06-30"])
    content = BytesIO()
    workbook.save(content)
    await client.create_sku("xlsx")
    report = await send(client, "xlsx", read("cards.xlsx", content.getvalue()))
    assert (report.accepted, report.refused) == (300, 0)
    assert (await client.audit("xlsx")).cards.available == 300


async def test_bad_lines_and_duplicates_are_reported_and_stop_nothing(client: AsyncClient) -> None:
    """Of 1,000 lines, 5 % have no code and 3 % repeat an earlier one: 920 cards, and 80 lines named with reasons."""
    lines = [f"C-{number:05d}" for number in range(1_000)]
    bad = list(range(10, 1_000, 20))
    twice = list(range(101, 1_000, 30))
    for number in bad:
        lines[number] = "D" * 600
    for number in twice:
        lines[number] = f"C-{number - 100:05d}"
    assert (len(bad), len(twice)) == (50, 30)
    assert not set(bad) & {*twice, *(number - 100 for number in twice)}
    file = read("cards.txt", "\n".join(lines).encode())
    await client.create_sku("bad")
    report = await send(client, "bad", file)
    assert report.accepted == 920
    refused = {line.line_no: line.reason for line in file.refused}
    assert refused == {
        **{number + 1: "CODE_TOO_LONG" for number in bad},
        **{number + 1: "DUPLICATE_IN_FILE" for number in twice},
    }
    assert {line.first_line_no for line in file.refused if line.reason == "DUPLICATE_IN_FILE"} == {
        number - 100 + 1 for number in twice
    }


async def test_what_is_in_stock_already_is_refused_by_the_server(client: AsyncClient) -> None:
    """A second file that repeats 30 cards of the first brings only its fresh ones."""
    await client.create_sku("again")
    await client.import_cards("again", [f"A-{number}" for number in range(100)], import_id="first")
    report = await client.import_cards("again", [f"A-{number}" for number in range(70, 200)], import_id="second")
    assert (report.accepted, report.refused) == (100, 30)
    assert report.refused_by_reason == {"DUPLICATE_IN_STOCK": 30}
    assert [line.line_no for line in report.refused_lines] == list(range(1, 31))


async def test_an_import_that_broke_off_in_the_middle_resumes_without_doubling_a_card(client: AsyncClient) -> None:
    """The same file under the same import_id goes on where it was; nothing is lost, nothing comes twice."""
    codes = [f"R-{number:05d}" for number in range(1_000)]

    def until_the_cable_is_pulled() -> Iterator[str]:
        yield from codes[:550]
        raise BrokenOffError

    await client.create_sku("resumed")
    with pytest.raises(BrokenOffError):
        await client.import_cards("resumed", until_the_cable_is_pulled(), import_id="file", chunk_rows=CHUNK_ROWS)
    [batch] = await client.batches("resumed")
    assert batch.importing
    assert batch.cards.received % CHUNK_ROWS == 0
    assert batch.cards.received <= 500
    report = await client.import_cards("resumed", codes, import_id="file", chunk_rows=CHUNK_ROWS)
    assert not report.batch.importing
    assert report.batch.cards.received == 1_000
    hold = await client.allocate("resumed", 100, order_ref="all")
    sale = await client.confirm(hold, payment_ref="pay")
    assert [card.code for card in sale.delivered] == codes[:100]
    assert (await client.audit("resumed")).ok
