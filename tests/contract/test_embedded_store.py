"""The store we run ourselves: it keeps what it acknowledged, and neither doubles nor outlives its launcher."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.adapters import embedded_store
from actors.adapters.embedded_store import EmbeddedStore
from actors.adapters.redis_store import RedisStore
from engine.errors import StoreUnavailable
from engine.names import PoolName
from engine.ports import Append, Position

POOL = PoolName("t", "s")

LAUNCHER = """
import asyncio, pathlib, sys
from actors.adapters.embedded_store import EmbeddedStore

async def main():
    store = EmbeddedStore(pathlib.Path(sys.argv[1]))
    await store.start()
    sys.stdout.write(f"{store.pid}\\n")
    sys.stdout.flush()
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
async def store(own_server: EmbeddedStore) -> AsyncIterator[RedisStore]:
    """A connection to the test's server."""
    store = RedisStore(own_server.url)
    yield store
    await store.close()


async def wait_gone(pid: int) -> None:
    """Wait until the process has ended."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    gone = asyncio.Event()
    asyncio.get_running_loop().add_reader(process, gone.set)
    await gone.wait()
    asyncio.get_running_loop().remove_reader(process)
    os.close(process)


async def fill(store: RedisStore, records: int) -> None:
    """Claim the pool and append this many records of 1 KB."""
    await store.claim(POOL)
    appends = [Append(POOL, 1, seq, 1, b"%04d" % seq * 256, {}) for seq in range(records)]
    assert (await store.append(appends))[-1] == Position(1, records)


async def test_its_own_settings_are_strong(store: RedisStore) -> None:
    """The server we configure passes the check that every server must pass."""
    assert await store.open() == "always"


async def test_what_was_acknowledged_survives_kill_9(store: RedisStore, own_server: EmbeddedStore) -> None:
    """Killed the moment after the answer, the server comes back with every record."""
    await fill(store, 100)
    assert own_server.pid is not None
    os.kill(own_server.pid, signal.SIGKILL)
    await own_server.stop()
    await own_server.start()
    history = await store.read(POOL)
    assert history.position == Position(1, 100)
    assert history.records == [b"%04d" % seq * 256 for seq in range(100)]


async def test_a_second_launcher_on_the_same_folder_is_refused(
    own_server: EmbeddedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two servers on one file would destroy it. The refusal names the process that is there."""
    monkeypatch.setattr(embedded_store, "lock_within_s", 0.1)
    with pytest.raises(StoreUnavailable, match=f"process {own_server.pid}, started by process {os.getpid()}"):
        await EmbeddedStore(tmp_path / "store").start()


async def test_the_server_ends_with_a_launcher_that_was_killed(tmp_path: Path) -> None:
    """A launcher killed with -9 leaves no server behind, and the folder can be used at once."""
    folder = tmp_path / "store"
    root = Path(__file__).parents[2]
    launcher = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LAUNCHER, str(folder), cwd=root, stdout=subprocess.PIPE
    )
    assert launcher.stdout is not None
    server_pid = int(await launcher.stdout.readline())
    launcher.kill()
    await launcher.wait()
    again = EmbeddedStore(folder)
    await again.start()
    assert again.pid != server_pid
    await wait_gone(server_pid)
    await again.stop()


async def test_a_start_forks_nothing_of_ours(tmp_path: Path) -> None:
    """In a process with gRPC's threads a fork of Python aborts now and then; fork handlers show one."""
    forks: list[str] = []
    os.register_at_fork(before=lambda: forks.append("fork"))
    store = EmbeddedStore(tmp_path / "store")
    await store.start()
    await store.stop()
    assert not forks


async def test_stop_ends_the_server_and_may_be_repeated(tmp_path: Path) -> None:
    """After stop there is no process; stopping again, or before any start, does nothing."""
    store = EmbeddedStore(tmp_path / "store")
    await store.stop()
    await store.start()
    pid = store.pid
    assert pid is not None
    await store.stop()
    await wait_gone(pid)
    await store.stop()
    assert store.pid is None


async def test_a_torn_tail_is_cut_and_what_was_acknowledged_stays(store: RedisStore, own_server: EmbeddedStore) -> None:
    """Half a command at the end of the file was never acknowledged: the server starts without it."""
    await fill(store, 10)
    await own_server.stop()
    with increments(own_server).open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$10\r\nhalf")
    await own_server.start()
    assert await store.position(POOL) == Position(1, 10)


async def test_damage_in_the_middle_is_not_repaired_but_explained(store: RedisStore, own_server: EmbeddedStore) -> None:
    """The start fails and says what to run; what it says does make the server start again."""
    await fill(store, 10)
    await own_server.stop()
    file = increments(own_server)
    content = bytearray(file.read_bytes())
    middle = content.index(b"0005" * 256)
    content[middle - 10 : middle + 200] = b"\x00" * 210
    file.write_bytes(content)
    with pytest.raises(StoreUnavailable, match="damaged in the middle") as refused:
        await own_server.start()
    assert file.read_bytes() == content
    command = str(refused.value).splitlines()[-1].strip()
    fixing = await asyncio.create_subprocess_shell(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    await fixing.communicate(b"y\n")
    await own_server.start()
    assert await store.position(POOL) == Position(1, 5)


async def test_damage_before_the_last_file_is_no_case_for_cutting(store: RedisStore, own_server: EmbeddedStore) -> None:
    """What came after the cut would be replayed without what came before it: only a backup helps."""
    await fill(store, 10)
    await own_server.stop()
    file = increments(own_server)
    file.write_bytes(b"damaged" * 100)
    later = file.with_name(file.name.replace(".1.incr", ".2.incr"))
    later.write_bytes(b"")
    with (file.parent / "appendonly.aof.manifest").open("a") as manifest:
        manifest.write(f"file {later.name} seq 2 type i\n")
    with pytest.raises(StoreUnavailable, match="Restore the folder from a backup"):
        await own_server.start()


async def test_a_binary_that_does_not_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    """The server's own words are in the error: here, a folder where its file should be."""
    (tmp_path / "store").mkdir(mode=0o700)
    (tmp_path / "store" / "appendonlydir").write_text("in the way")
    with pytest.raises(StoreUnavailable, match="appendonlydir"):
        await EmbeddedStore(tmp_path / "store").start()


async def test_a_folder_others_may_enter_is_refused(tmp_path: Path) -> None:
    """The socket has no password: the folder is what keeps others out."""
    (tmp_path / "store").mkdir(mode=0o755)
    with pytest.raises(StoreUnavailable, match="chmod 700"):
        await EmbeddedStore(tmp_path / "store").start()


async def test_a_path_too_long_for_a_socket_has_it_elsewhere(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same short place every time, and another one for another folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("t")))
    deep = tmp_path / ("d" * 100) / 'store with a "quote"'
    first, again, other = EmbeddedStore(deep), EmbeddedStore(deep), EmbeddedStore(deep / "other")
    assert first.url == again.url
    assert first.url != other.url
    await first.start()
    store = RedisStore(again.url)
    assert await store.open() == "always"
    await store.close()
    await first.stop()


def increments(server: EmbeddedStore) -> Path:
    """The file that the server of a test appends to."""
    (file,) = (server._folder / "appendonlydir").glob("*.incr.aof")
    return file
