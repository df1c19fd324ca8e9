"""Reports over files and journals together: figures reckoned by hand, complete up to the last sale, within bounds."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from prometheus_client import CollectorRegistry

from actors.adapters.columnar import Columnar, ColumnsFailed, FileGone, TookTooLong
from actors.archivist import Archivist
from actors.history import reading
from actors.history.historian import Historian
from actors.history.parts import folder_of, parts_in
from actors.history.questions import Asked, Question
from actors.history.reading import Reading
from actors.history.reports import (
    ROWS,
    Ageing,
    Demand,
    Group,
    Margin,
    Price,
    Purchases,
    Sales,
    question,
    read_row,
)
from actors.metrics import HistoryMetrics
from actors.owner import Owner
from engine.history.tables import TABLES
from engine.limits import DAY_MS
from engine.money import Money
from engine.names import BatchNo, HoldNo, card_at
from engine.ports import Append, Position
from engine.stock.commands import (
    Allocate,
    ChannelPrice,
    Configure,
    Confirm,
    OpenBatch,
    Receive,
    Release,
    Replace,
    SetPrices,
)
from engine.stock.outcomes import Held, ImportReady
from engine.stock.terms import Terms
from tests.unit.corridor import NEIGHBOUR, POOL, Corner, ask_one

#: Noon of a day, in UTC.
_NOON_MS = 1_793_448_000_000
_NOBODY = Group("", "", "", "", "")


class Shop:
    """Two SKUs with a life of some days, of which some is folded into files at the will of a test."""

    def __init__(self, folder: Path) -> None:
        self.root, self._spill = folder / "history", folder / "spill"
        self.corner = Corner()
        self.corner.clock.at_ms = _NOON_MS
        self.owner: Owner = self.corner.owner()
        self._asked = 0

    async def tell(self, pool: Any, command: Any) -> Any:
        """Ask with a request_id of its own."""
        self._asked += 1
        return await ask_one(self.owner, command._replace(request_id=f"r{self._asked}"), pool)

    async def stock(self, pool: Any, source: str, cards: int, cost: Money | None) -> None:
        """A batch."""
        ready = await self.tell(pool, OpenBatch("", f"import-{self._asked}", source, "ann", cost, None, b"key"))
        assert isinstance(ready, ImportReady)
        codes = tuple(b"%d/%d/%d" % (self._asked, ready.view.batch, place) for place in range(cards))
        await ask_one(self.owner, Receive(ready.view.batch, 0, 0, ((cards, None),), codes, codes), pool)

    async def sell(self, pool: Any, quantity: int, price: Money) -> None:
        """An order, paid."""
        held = await self.tell(pool, Allocate("", f"o{self._asked}", quantity, 60_000))
        assert isinstance(held, Held)
        await self.tell(pool, Confirm("", held.hold, f"p{self._asked}", price.times(quantity)))

    async def fold(self, *pools: Any) -> None:
        """Leave the journal for files."""
        historian = Historian(self.root, 0, HistoryMetrics(CollectorRegistry()))
        for pool in pools:
            assert await Archivist(self.corner.store, self.corner.store, historian).fold(pool) is not None

    async def report(self, report: str, *by: str, **bounds: int) -> list[Any]:
        """A report over everything, unless bounds say otherwise."""
        usual = {"from_ms": 0, "to_ms": _NOON_MS + 100 * DAY_MS, "utc_offset_ms": 0, "rows_max": 1_000}
        asked = Asked(report, "default", "", by, **{**usual, **bounds})
        here = Reading(self.corner.store, self.root, self._spill)
        found = await here.ask([POOL, NEIGHBOUR], question(asked), self.corner.clock.at_ms)
        assert not found.broken
        return [read_row(report, row) for row in found.rows]


@pytest.fixture(params=["journals", "files", "both"])
async def shop(tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    """DEMO: 3 cards of acme at 10.00 and 5 of zeta at 11.00, sold at 15.00. NEXT-DOOR: 4 of acme at unknown cost."""
    shop = Shop(tmp_path)
    for pool, price in ((POOL, 1500), (NEIGHBOUR, 700)):
        await shop.owner.open(pool)
        await shop.tell(pool, Configure("", Terms(price=Money(price, "CNY"))))
    await shop.stock(POOL, "acme", 3, Money(1000, "CNY"))
    await shop.stock(POOL, "zeta", 5, Money(1100, "CNY"))
    await shop.stock(NEIGHBOUR, "acme", 4, None)
    await shop.sell(POOL, 2, Money(1500, "CNY"))
    if request.param == "both":
        await shop.fold(POOL, NEIGHBOUR)
    shop.corner.clock.at_ms += DAY_MS
    await shop.sell(POOL, 2, Money(1500, "CNY"))
    await shop.sell(NEIGHBOUR, 1, Money(700, "CNY"))
    await shop.tell(POOL, Allocate("", "given-back", 1, 60_000))
    await shop.tell(POOL, Release("", HoldNo(3)))
    await shop.tell(POOL, Allocate("", "too-many", 9, 60_000))
    await shop.tell(POOL, Replace("", HoldNo(1), card_at(BatchNo(1), 0), "does not open"))
    await shop.tell(POOL, Configure("", Terms(price=Money(1600, "CNY")), ("price",)))
    if request.param == "files":
        await shop.fold(POOL, NEIGHBOUR)
    return shop


async def test_margin_is_of_the_cards_that_were_shipped(shop: Shop) -> None:
    """By SKU: four sold and one replaced, three of them at 10.00 and two at 11.00; unknown costs are not made up."""
    assert await shop.report("margin", "sku") == [
        Margin(_NOBODY._replace(sku="DEMO"), "CNY", "CNY", 5, 1, 6000, 5200, 800),
        Margin(_NOBODY._replace(sku="NEXT-DOOR"), "CNY", "", 1, 0, 700, None, None),
    ]


async def test_margin_by_supplier_day_and_channel(shop: Shop) -> None:
    """Each order's revenue belongs to the supplier whose cards it got."""
    assert await shop.report("margin", "supplier") == [
        Margin(_NOBODY._replace(supplier="acme"), "CNY", "", 1, 0, 700, None, None),
        Margin(_NOBODY._replace(supplier="acme"), "CNY", "CNY", 3, 0, 4500, 3000, 1500),
        Margin(_NOBODY._replace(supplier="zeta"), "CNY", "CNY", 2, 1, 1500, 2200, -700),
    ]
    assert [(row.group.day, row.group.sku, row.units) for row in await shop.report("margin", "day", "sku")] == [
        ("2026-10-31", "DEMO", 2),
        ("2026-11-01", "DEMO", 3),
        ("2026-11-01", "NEXT-DOOR", 1),
    ]
    assert sum(row.units for row in await shop.report("margin", "channel")) == 6


async def test_a_day_is_one_of_the_askers_zone(shop: Shop) -> None:
    """Noon in UTC is the next day thirteen hours east; and only what lies within the bounds counts."""
    days = [row.group.day for row in await shop.report("sales", "day", utc_offset_ms=13 * 3_600_000)]
    assert days == ["2026-11-01", "2026-11-02"]
    assert [row.units for row in await shop.report("sales", "month", from_ms=_NOON_MS, to_ms=_NOON_MS + DAY_MS)] == [2]
    assert [row.units for row in await shop.report("sales", from_ms=_NOON_MS + 1)] == [3]
    assert await shop.report("sales", to_ms=_NOON_MS) == []


async def test_prices_of_channels_are_told_from_journals_and_from_files(shop: Shop) -> None:
    """With what they were, who set them and why."""
    wanted = (ChannelPrice("shop", Money(1700, "CNY")),)
    await shop.tell(POOL, SetPrices("", wanted, "ann", "for spring"))
    set_now = Price("DEMO", "shop", 0, _NOON_MS + DAY_MS, None, "", 1700, "CNY", "ann", "STAFF")
    before = await shop.report("prices")
    assert before[2] == set_now
    await shop.fold(POOL)
    assert await shop.report("prices") == before


class _OldPrice(NamedTuple):
    """A row of the table as it was before channels."""

    seq: int
    at_ms: int
    tenant: str
    sku: str
    price_minor: int | None
    price_currency: str


def test_a_file_from_before_channels_tells_the_skus_own_price(tmp_path: Path) -> None:
    """It stays as it is, beside newer ones."""
    asked = question(Asked("prices", "t", "", (), 0, 10, 0, 10))
    with Columnar() as columns:
        columns.write(tmp_path / "old.parquet", _OldPrice, [_OldPrice(1, 1, "t", "s", 5, "CNY")])
        columns.make_table("now", TABLES["prices"])
        columns.make_view("prices", "now", [tmp_path / "old.parquet"])
        rows = columns.ask(asked.sql, asked.values, 10, 5)
    assert [read_row("prices", row) for row in rows] == [Price("s", "", 0, 1, None, "", 5, "CNY", "", "")]


async def test_sales_purchases_demand_and_prices(shop: Shop) -> None:
    """Each reckoned by hand."""
    assert await shop.report("sales") == [Sales(_NOBODY, "CNY", 3, 5, 6700)]
    assert await shop.report("purchases", "supplier") == [
        Purchases(_NOBODY._replace(supplier="acme"), "", 1, 4, None),
        Purchases(_NOBODY._replace(supplier="acme"), "CNY", 1, 3, 3000),
        Purchases(_NOBODY._replace(supplier="zeta"), "CNY", 1, 5, 5500),
    ]
    assert await shop.report("demand", "sku") == [
        Demand(_NOBODY._replace(sku="DEMO"), 3, 5, 2, 1, 0, 1),
        Demand(_NOBODY._replace(sku="NEXT-DOOR"), 1, 1, 1, 0, 0, 0),
    ]
    assert await shop.report("prices") == [
        Price("DEMO", "", 0, _NOON_MS, None, "", 1500, "CNY", "", "STAFF"),
        Price("DEMO", "", 0, _NOON_MS + DAY_MS, None, "", 1600, "CNY", "", "STAFF"),
        Price("NEXT-DOOR", "", 0, _NOON_MS, None, "", 700, "CNY", "", "STAFF"),
    ]


async def test_ageing_says_how_old_stock_is_and_how_long_it_lasts(shop: Shop) -> None:
    """Forty days on, nothing was sold in the last four weeks; twenty days on, four were, and three are left."""
    old = _NOON_MS + 40 * DAY_MS
    demo, next_door = await shop.report("ageing", "sku", to_ms=old)
    assert demo == Ageing(_NOBODY._replace(sku="DEMO"), "CNY", 3, 3, 3300, [0, 3, 0, 0, 0], 40 * DAY_MS, None, 0, None)
    assert next_door[1:5] == ("", 3, 3, None)
    by_sku = {row.group.sku: row for row in await shop.report("ageing", "sku", to_ms=_NOON_MS + 20 * DAY_MS)}
    assert (by_sku["DEMO"].sold, by_sku["DEMO"].days_of_cover) == (5, pytest.approx(3 * 28 / 5))
    assert by_sku["DEMO"].by_age == [3, 0, 0, 0, 0]
    assert by_sku["NEXT-DOOR"].days_of_cover == pytest.approx(3 * 28)
    [zeta] = [row for row in await shop.report("ageing", "supplier", to_ms=old) if row.group.supplier == "zeta"]
    assert zeta.units == 3


async def test_a_report_has_at_most_so_many_rows_and_says_whether_there_are_more(shop: Shop) -> None:
    """The reader is told that it was cut."""
    here = Reading(shop.corner.store, shop.root, shop.root.parent / "spill")
    asked = Asked("margin", "default", "", ("sku",), 0, 2 * _NOON_MS, 0, 1)
    found = await here.ask([POOL, NEIGHBOUR], question(asked), _NOON_MS)
    assert (len(found.rows), found.has_more) == (1, True)
    found = await here.ask([POOL], question(asked), _NOON_MS)
    assert (len(found.rows), found.has_more) == (1, False)


async def test_what_was_written_and_not_cut_is_counted_once(tmp_path: Path) -> None:
    """A fold that broke off between the two: files and journal tell the same."""
    shop = Shop(tmp_path)
    await shop.owner.open(POOL)
    await shop.stock(POOL, "acme", 3, None)
    await shop.sell(POOL, 1, Money(5, "CNY"))
    before = await shop.corner.store.read(POOL)
    await shop.fold(POOL)
    shop.corner.store._pool(POOL).snapshot = None
    shop.corner.store._pool(POOL).snapshot_seq = 0
    cut = [(Position(0, at), record) for at, record in enumerate(before.records, 1)]
    shop.corner.store._pool(POOL).records[:0] = cut
    await shop.sell(POOL, 1, Money(5, "CNY"))
    here = Reading(shop.corner.store, shop.root, tmp_path / "spill")
    asked = Asked("sales", "default", "", (), 0, 2 * _NOON_MS, 0, 10)
    found = await here.ask([POOL], question(asked), _NOON_MS)
    assert [read_row("sales", row) for row in found.rows] == [Sales(_NOBODY, "CNY", 2, 2, 10)]


async def test_of_a_pool_that_cannot_be_rebuilt_the_files_are_told(tmp_path: Path) -> None:
    """And it is named, so that nobody takes the report for whole."""
    shop = Shop(tmp_path)
    await shop.owner.open(POOL)
    await shop.stock(POOL, "acme", 3, None)
    await shop.sell(POOL, 1, Money(5, "CNY"))
    await shop.fold(POOL)
    epoch, seq = await shop.corner.store.position(POOL)
    await shop.corner.store.append([Append(POOL, epoch, seq, 1, b"not a record", {})])
    here = Reading(shop.corner.store, shop.root, tmp_path / "spill")
    found = await here.ask([POOL], question(Asked("sales", "default", "", (), 0, 2 * _NOON_MS, 0, 10)), _NOON_MS)
    assert (len(found.rows), found.broken) == (1, [POOL])


async def test_files_that_are_merged_meanwhile_are_listed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report does not fail for it, unless it never ends."""
    shop = Shop(tmp_path)
    await shop.owner.open(POOL)
    await shop.stock(POOL, "acme", 3, None)
    await shop.sell(POOL, 1, Money(5, "CNY"))
    await shop.fold(POOL)
    listed = reading.parts_in
    stale = 1

    def misled(folder: Path) -> Any:
        nonlocal stale
        stale -= 1
        return [part._replace(path=folder / "gone.parquet") if stale >= 0 else part for part in listed(folder)]

    monkeypatch.setattr(reading, "parts_in", misled)
    assert (await shop.report("sales"))[0].units == 1
    stale = 100
    with pytest.raises(FileGone):
        await shop.report("sales")


async def test_a_report_stops_at_its_time_limit(tmp_path: Path) -> None:
    """While it reads, and while it reckons."""
    shop = Shop(tmp_path)
    here = Reading(shop.corner.store, shop.root, tmp_path / "spill")
    endless = "SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b"
    with pytest.raises(TookTooLong):
        await here.ask([], Question(endless, {}, (), 10, 0.1), 0)
    with pytest.raises(TookTooLong):
        await here.ask([POOL], Question("SELECT 1", {}, (), 10, -1.0), 0)
    with pytest.raises(ColumnsFailed):
        await here.ask([], Question("SELECT nothing", {}, (), 10, 5.0), 0)


def test_every_report_has_its_rows() -> None:
    """None can be asked that cannot be answered."""
    for report in ROWS:
        assert question(Asked(report, "t", "", (), 0, 1, 0, 1)).sql


async def test_the_query_of_the_page_works_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever copies it from docs/reports.md gets the margin by source, also while a merge is half done."""
    shop = Shop(tmp_path / ".cardkeep")
    await shop.owner.open(POOL)
    await shop.tell(POOL, Configure("", Terms(price=Money(1500, "CNY"))))
    await shop.stock(POOL, "acme", 3, Money(1000, "CNY"))
    for _ in range(2):
        await shop.sell(POOL, 1, Money(1500, "CNY"))
        await shop.fold(POOL)
    parts = parts_in(folder_of(shop.root, "sales", POOL))
    assert len(parts) == 2
    with Columnar() as columns:
        columns.merge([part.path for part in parts], parts[0].path.with_name(f"1-{parts[-1].last_seq}.parquet"))
        page = (Path(__file__).parents[2] / "docs" / "reports.md").read_text()
        [query] = re.findall(r"```sql\n(.*?);\n```", page, re.DOTALL)
        monkeypatch.chdir(tmp_path)
        assert columns.ask(query, {}, 10, 5) == [("acme", 1000)]
