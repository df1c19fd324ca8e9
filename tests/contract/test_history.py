"""History on real files: every row once, whatever broke off, came twice, was full, or was merged."""

import fcntl
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from actors.adapters.columnar import Columnar, ColumnsFailed, FileGone, TookTooLong, columns_of
from actors.adapters.memory import FaultyJournal
from actors.archivist import Archivist
from actors.history import historian as writing
from actors.history.historian import Historian, HistoryUnwritten
from actors.history.parts import covered_to, folder_of, parts_in, write_part
from actors.metrics import HistoryMetrics
from actors.owner import Owner
from actors.rebuilding import rebuild
from engine.errors import InDoubt
from engine.history.chronicle import Chronicle
from engine.history.tables import SALE, TABLES, HoldCount, Price, Sale
from engine.limits import DAY_MS
from engine.names import HoldNo
from engine.stock.commands import Confirm, Release
from tests.unit.corridor import POOL, Corner, allocate, ask_one


class Bench:
    """A store, an owner with stock, and an archivist that writes history under a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.corner = Corner()
        self.owner: Owner
        self._sold = 0

    async def open(self) -> None:
        """Stock it."""
        self.owner = await self.corner.stocked(100)

    def historian(self, keep_days: int = 0) -> Historian:
        """One more historian of the same folder."""
        return Historian(self.root, keep_days, HistoryMetrics(CollectorRegistry()))

    def archivist(self, journal: Any = None) -> Archivist:
        """An archivist with a historian of its own, as if it had just been started."""
        return Archivist(journal or self.corner.store, self.corner.store, self.historian())

    async def sell(self, count: int = 1) -> None:
        """Cards, one a hold."""
        for _ in range(count):
            self._sold += 1
            held: Any = await ask_one(self.owner, allocate(f"o{self._sold}"))
            await ask_one(self.owner, Confirm(f"c{self._sold}", held.hold, f"pay-{self._sold}"))

    def folder(self, table: str = "sales") -> Path:
        """Where a table is."""
        return folder_of(self.root, table, POOL)

    def read(self, table: str = "sales") -> list[tuple[Any, ...]]:
        """All rows of a table that a report would read."""
        return read(self.folder(table), TABLES[table])

    def orders(self) -> list[str]:
        """Orders sold, by the files."""
        return [row[6] for row in self.read()]

    def all_orders(self) -> list[str]:
        """Orders sold, in truth."""
        return [f"order-o{number}" for number in range(1, self._sold + 1)]


def read(folder: Path, kind: Any) -> list[tuple[Any, ...]]:
    """The rows of a folder's parts."""
    with Columnar() as columns:
        columns.make_table("none", kind)
        columns.make_view("rows_here", "none", [part.path for part in parts_in(folder)])
        return columns.ask("SELECT * FROM rows_here ORDER BY seq", {}, 1_000_000, 20)


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    """A fresh one."""
    bench = Bench(tmp_path / "history")
    await bench.open()
    return bench


async def test_a_fold_writes_what_it_cuts_off(bench: Bench) -> None:
    """Every table, row by row as the events tell; a second fold goes on after it."""
    await bench.sell(2)
    await ask_one(bench.owner, allocate("given-back"))
    await ask_one(bench.owner, Release("r", HoldNo(3)))
    chronicle = Chronicle()
    pool = await rebuild(POOL, await bench.corner.store.read(POOL), chronicle.happened)
    expected = chronicle.rows(pool.state)
    assert await bench.archivist().fold(POOL) is not None
    for table in TABLES:
        assert bench.read(table) == [tuple(row) for row in expected[table]]
    assert [part.path.name for part in parts_in(bench.folder())] == [f"1-{pool.state.seq}.parquet"]
    assert (await bench.corner.store.read(POOL)).records == []
    await bench.sell()
    assert await bench.archivist().fold(POOL) is not None
    assert bench.orders() == bench.all_orders()


async def test_a_fold_that_is_repeated_writes_nothing_twice(bench: Bench) -> None:
    """The rows were written, the journal was not cut; meanwhile more was sold."""

    class _Lost:
        async def before(self, call: str) -> None:
            if call == "fold":
                raise InDoubt("lost on the way")

        async def after(self, call: str) -> None:
            pass

    await bench.sell(2)
    for _ in range(2):
        assert await bench.archivist(FaultyJournal(bench.corner.store, _Lost())).fold(POOL) is None
    await bench.sell(1)
    assert await bench.archivist().fold(POOL) is not None
    assert bench.orders() == bench.all_orders()
    assert sum(row[5] for row in bench.read("holds")) == 3


@pytest.mark.parametrize("at", range(3))
async def test_a_crash_between_writing_and_renaming_loses_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """In any table: those before it are whole, those after it are not begun, and the next fold writes the rest."""
    await bench.sell(2)
    calls = 0
    rename, unlink = Path.rename, Path.unlink

    def dying(path: Path, target: Any) -> Path:
        nonlocal calls
        calls += 1
        if calls > at:
            raise KeyboardInterrupt
        return rename(path, target)

    with monkeypatch.context() as crash:
        crash.setattr(Path, "rename", dying)
        # A process that is killed tidies nothing up.
        crash.setattr(Path, "unlink", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            bench.historian()._write(POOL, await _rows(bench), 0, 7)
    assert Path.unlink is unlink
    assert len(list(bench.root.rglob("*.new"))) == 1
    await bench.sell(1)
    assert await bench.archivist().fold(POOL) is not None
    assert not list(bench.root.rglob("*.new"))
    assert bench.orders() == bench.all_orders()
    assert sum(row[8] for row in bench.read("receipts")) == 100


async def test_a_part_whose_events_another_part_has_too_is_not_read(bench: Bench) -> None:
    """However they overlap: by their beginning, their end, or in the middle."""
    folder = bench.folder("prices")
    with Columnar() as columns:
        for first, last in ((1, 30), (1, 10), (11, 20), (21, 30), (31, 40)):
            rows = [
                Price(seq, seq, "t", "s", seq, "CNY", "", 0, None, "", "", "STAFF") for seq in range(first, last + 1)
            ]
            write_part(folder, first, last, lambda path, rows=rows: columns.write(path, Price, rows))  # type: ignore[misc]
    assert [row[0] for row in read(folder, Price)] == list(range(1, 41))
    assert covered_to(folder) == 40


async def test_small_parts_are_merged(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred folds do not make a hundred files, and no row is lost or doubled."""
    monkeypatch.setattr(writing, "parts_max", 3)
    for _ in range(20):
        await bench.sell()
        assert await bench.archivist().fold(POOL) is not None
    assert 1 <= len(list(bench.folder().iterdir())) <= 3
    assert bench.orders() == bench.all_orders()


async def test_large_parts_are_left_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else every merge would write the whole past again."""
    monkeypatch.setattr(writing, "parts_max", 1)
    monkeypatch.setattr(writing, "part_bytes_max", 1)
    for _ in range(3):
        await bench.sell()
        assert await bench.archivist().fold(POOL) is not None
    assert len(list(bench.folder().iterdir())) == 3


async def test_a_merge_that_breaks_off_anywhere_leaves_every_row_once(bench: Bench) -> None:
    """Merged part there or not, and any of the parts it stands for already gone."""
    for _ in range(3):
        await bench.sell()
        assert await bench.archivist().fold(POOL) is not None
    folder = bench.folder()
    parts = parts_in(folder)
    kept = {part.path: part.path.read_bytes() for part in parts}
    merged = folder / f"{parts[0].first_seq}-{parts[-1].last_seq}.parquet"
    with Columnar() as columns:
        columns.merge(list(kept), merged)
    for gone in (some for count in range(4) for some in combinations(kept, count)):
        for path, content in kept.items():
            path.write_bytes(content)
        for path in gone:
            path.unlink()
        assert bench.orders() == bench.all_orders()
    for path, content in kept.items():
        path.write_bytes(content)
    await bench.sell()
    assert await bench.archivist().fold(POOL) is not None
    assert bench.orders() == bench.all_orders()
    assert not any(path.exists() for path in kept)


async def test_a_full_disk_puts_the_fold_off_and_loses_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The journal stays as it was, the sale goes on, log and metric say so; with room again all is written."""
    await bench.sell(3)
    registry = CollectorRegistry()
    historian = Historian(bench.root, 0, HistoryMetrics(registry))
    archivist = Archivist(bench.corner.store, bench.corner.store, historian)
    before = await bench.corner.store.read(POOL)
    with _files_of_at_most(100):
        assert await archivist.fold(POOL) is None
    assert await bench.corner.store.read(POOL) == before
    assert registry.get_sample_value("cardkeep_history_failures_total") == 1
    assert "fold_put_off" in caplog.text
    assert not [path for path in bench.root.rglob("*") if path.name.endswith((".new", ".parquet"))]
    await bench.sell(1)
    # It is not tried again at once: each try rebuilds the pool.
    with pytest.raises(HistoryUnwritten):
        await historian.begin(POOL)
    monkeypatch.setattr(writing.time, "monotonic", lambda: float("inf"))
    assert await archivist.fold(POOL) is not None
    assert bench.orders() == bench.all_orders()


async def test_a_folder_that_cannot_be_made_puts_the_fold_off(bench: Bench) -> None:
    """Something else lies where history should."""
    bench.root.write_text("in the way")
    await bench.sell(1)
    assert await bench.archivist().fold(POOL) is None
    bench.root.unlink()
    assert await bench.archivist().fold(POOL) is not None
    assert bench.orders() == bench.all_orders()


async def test_only_one_historian_writes_at_a_time(bench: Bench) -> None:
    """An archivist that was given up may still be alive."""
    await bench.sell(1)
    bench.root.mkdir()
    with (bench.root / ".writing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert await bench.archivist().fold(POOL) is None
    assert await bench.archivist().fold(POOL) is not None


async def test_what_another_historian_wrote_meanwhile_is_noticed(bench: Bench) -> None:
    """Two read the same events; the second writes none of them."""
    await bench.sell(2)
    first, second = bench.historian(), bench.historian()
    rows = await _rows(bench)
    await first.begin(POOL)
    await second.begin(POOL)
    await first.keep(POOL, rows, 0, 7)
    with pytest.raises(HistoryUnwritten):
        await second.keep(POOL, rows, 0, 7)
    assert bench.orders() == bench.all_orders()


async def test_history_of_another_store_is_not_gone_on_with(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The store was emptied and the folder was not: new events would pass for written ones."""
    before, after = Bench(tmp_path / "history"), Bench(tmp_path / "history")
    await before.open()
    await before.sell(3)
    assert await before.archivist().fold(POOL) is not None
    await after.open()
    await after.sell(1)
    assert await after.archivist().fold(POOL) is None
    assert "another store" in caplog.text
    assert before.orders() == before.all_orders()


async def test_old_parts_are_removed(bench: Bench) -> None:
    """As a whole, when even their youngest row is too old; and none without a bound."""
    await bench.sell(1)
    assert await bench.archivist().fold(POOL) is not None
    bench.corner.clock.at_ms += 10 * DAY_MS
    await bench.sell(1)
    assert await bench.archivist().fold(POOL) is not None
    now_ms = bench.corner.clock.at_ms
    assert await bench.historian().retire(now_ms) == 0
    assert await bench.historian(keep_days=11).retire(now_ms) == 0
    assert await bench.historian(keep_days=9).retire(now_ms) == 3  # sales, receipts, holds
    assert bench.orders() == ["order-o2"]


def test_any_text_and_number_comes_back_as_it_was(tmp_path: Path) -> None:
    """Quotes, line ends, other alphabets, empty text and no number; and every kind of row."""
    odd = "a 'b' \"c\"\n,;\\ 卡 \x01"
    row = Sale(1, 2**53, "t", "s", SALE, 2**40, odd, "", 3, None, "", 0, "CNY", 1, odd, "卡", 10**11, "CNY", "")
    with Columnar() as columns:
        columns.write(tmp_path / "it's.parquet", Sale, [row])
        columns.make_table("none", Sale)
        columns.make_view("all_rows", "none", [tmp_path / "it's.parquet"])
        columns.add("none", Sale, [row._replace(seq=2)])
        found = columns.ask("SELECT * FROM all_rows ORDER BY seq", {}, 10, 5)
        assert found == [tuple(row), tuple(row._replace(seq=2))]
        assert columns.ask("SELECT * FROM all_rows ORDER BY seq", {}, 1, 5) == [tuple(row)]
        assert columns.youngest_ms(tmp_path / "it's.parquet") == 2**53
    for kind in TABLES.values():
        assert list(columns_of(kind)) == list(kind._fields)


def test_a_file_of_before_a_column_is_read_with_nothing_in_it(tmp_path: Path) -> None:
    """Tables grow; old files stay as they are."""
    with Columnar() as columns:
        columns.write(tmp_path / "old.parquet", Price, [Price(1, 1, "t", "s", 5, "CNY", "", 0, None, "", "", "")])
        columns.make_table("now", HoldCount)
        columns.make_view("all_rows", "now", [tmp_path / "old.parquet"])
        assert columns.ask("SELECT seq, held FROM all_rows", {}, 10, 5) == [(1, None)]


def test_what_takes_too_long_is_stopped(tmp_path: Path) -> None:
    """And the database can be asked again."""
    with Columnar() as columns:
        with pytest.raises(TookTooLong):
            columns.ask("SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b", {}, 1, 0.05)
        assert columns.ask("SELECT 1", {}, 1, 5) == [(1,)]
        with pytest.raises(FileGone):
            columns.youngest_ms(tmp_path / "gone.parquet")
        with pytest.raises(ColumnsFailed):
            columns.ask("SELECT nothing", {}, 1, 5)


async def _rows(bench: Bench) -> Any:
    chronicle = Chronicle()
    pool = await rebuild(POOL, await bench.corner.store.read(POOL), chronicle.happened)
    return chronicle.rows(pool.state)


@contextmanager
def _files_of_at_most(size: int) -> Iterator[None]:
    """A disk on which no file may grow past this: what a full one or a quota answers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
