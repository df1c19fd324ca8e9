"""The archivist in its process: with a real store, history as the settings say, and its metrics."""

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from actors import archivist_host
from actors.adapters.embedded_store import EmbeddedStore
from actors.adapters.redis_store import RedisStore
from actors.archivist_host import ArchivistHost
from actors.settings import Settings
from engine.limits import DAY_MS
from engine.money import Money
from engine.names import BatchNo, PoolName
from engine.ports import Append
from engine.stock.codec import pack_record
from engine.stock.commands import OpenBatch
from engine.stock.events import BatchOpened, CardsReceived


@pytest.mark.parametrize("history", ["on", "off"])
async def test_history_is_written_as_the_settings_say(
    server: EmbeddedStore, pool: PoolName, tmp_path: Path, history: str
) -> None:
    """A fold either way; and the metrics say how many rows."""
    settings = Settings(data=tmp_path, store_url=SecretStr(server.url), history=history)  # type: ignore[arg-type]
    await _stocked(server, pool, 1_000)
    host = ArchivistHost(settings)
    assert await host.archivist.fold(pool) is not None
    files = list(settings.history_folder.rglob("*.parquet"))
    assert [path.relative_to(settings.history_folder).parts[0] for path in files] == ["receipts"] * (history == "on")
    text = (await host.metrics()).decode()
    assert ('cardkeep_history_rows_total{table="receipts"} 1.0' in text) == (history == "on")
    assert "cardkeep_history_failures_total 0.0" in text
    assert "cardkeep_store_reachable 1.0" in text
    await host.close()
    if history == "on":
        assert settings.history_folder.stat().st_mode & 0o077 == 0


async def test_old_history_is_removed_once_a_day(
    server: EmbeddedStore, pool: PoolName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is of 1970 goes the first time it is looked for, and what is kept for ever stays."""
    monkeypatch.setattr(archivist_host, "_RETIRE_EVERY_S", 0.001)
    await _stocked(server, pool, DAY_MS)
    for keep_days, left in ((0, 1), (10, 0)):
        settings = Settings(data=tmp_path, store_url=SecretStr(server.url), history_keep_days=keep_days)
        host = ArchivistHost(settings)
        await host.archivist.fold(pool)
        assert list(settings.history_folder.rglob("*.parquet"))
        retiring = asyncio.ensure_future(host.retire_daily())
        if not left:
            async with asyncio.timeout(10):
                while list(settings.history_folder.rglob("*.parquet")):  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.005)
        retiring.cancel()
        await asyncio.wait([retiring])
        await host.close()
        assert len(list(settings.history_folder.rglob("*.parquet"))) == left


async def _stocked(server: EmbeddedStore, pool: PoolName, at_ms: int) -> None:
    store = RedisStore(server.url)
    await store.open()
    await store.claim(pool)
    opened = OpenBatch("r", "i", "acme", "ann", Money(5, "CNY"), None, b"")
    events = [BatchOpened(at_ms, opened, BatchNo(1)), CardsReceived(at_ms, BatchNo(1), 0, ((3, None),))]
    await store.append([Append(pool, 1, 0, 2, pack_record(1, 1, events), {})])
    await store.close()
