"""The stores that obey one suite: in memory, and a real server of our own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from actors.adapters.embedded_store import EmbeddedStore
from actors.adapters.memory import MemoryRegistry, MemoryStore
from actors.adapters.redis_registry import RedisRegistry
from actors.adapters.redis_store import RedisStore
from actors.adapters.supplier_book import MemorySupplierBook, RedisSupplierBook
from engine.names import PoolName
from engine.ports import Archive, Journal, Registry, SealedCards
from engine.supply.ports import Stash, SupplierBook

Connect = Callable[[], MemoryStore | RedisStore]


class TickingClock:
    """A clock that moves on by a millisecond each time it is read."""

    def __init__(self) -> None:
        self._now_ms = 0

    def now_ms(self) -> int:
        """See Clock."""
        self._now_ms += 1
        return self._now_ms


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """One server for the whole run: tests keep apart by the names of their pools."""
    server = EmbeddedStore(tmp_path_factory.mktemp("contract") / "store")
    loop = asyncio.new_event_loop()
    loop.run_until_complete(server.start())
    yield server
    loop.run_until_complete(server.stop())
    loop.close()


@pytest.fixture
async def own_server(tmp_path: Path) -> AsyncIterator[EmbeddedStore]:
    """A server for one test, which may mistreat it."""
    server = EmbeddedStore(tmp_path / "store")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(params=["memory", "server"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Where the server of this test is, or None for one in memory."""
    if request.param == "memory":
        return None
    server: EmbeddedStore = request.getfixturevalue("server")
    return server.url


@pytest.fixture
async def connect(url: str | None) -> AsyncIterator[Connect]:
    """Connects one more owner to the one store of this test."""
    if url is None:
        shared = MemoryStore(TickingClock())
        yield lambda: shared
        return
    async with AsyncExitStack() as open_stores:

        def connect() -> RedisStore:
            store = RedisStore(url)
            open_stores.push_async_callback(store.close)
            return store

        yield connect


@pytest.fixture
def journal(connect: Connect) -> Journal:
    """The journal as one owner has it."""
    return connect()


@pytest.fixture
def other_journal(connect: Connect) -> Journal:
    """The same journal as another owner has it."""
    return connect()


@pytest.fixture
def archive(connect: Connect) -> Archive:
    """The archive."""
    return connect()


@pytest.fixture
def cards(connect: Connect) -> SealedCards:
    """The sealed cards of what `journal` appends."""
    return connect()


@pytest.fixture
def stash(connect: Connect) -> Stash:
    """The stash of what `journal` appends."""
    return connect()


@pytest.fixture
async def registry(url: str | None) -> AsyncIterator[Registry]:
    """A registry; the server's is empty, because its keys are taken away first."""
    if url is None:
        yield MemoryRegistry()
        return
    store = RedisStore(url)
    keys = [f"ck:{{registry}}:{name}" for name in ("placement", "version", "changes", "seats", "loads")]
    await store.line.ask([("UNLINK", *keys)])
    yield RedisRegistry(store.line)
    await store.close()


@pytest.fixture
async def book(url: str | None) -> AsyncIterator[SupplierBook]:
    """A book of suppliers; the server's is empty, because its keys are taken away first."""
    if url is None:
        yield MemorySupplierBook()
        return
    store = RedisStore(url)
    await store.line.ask([("UNLINK", *(f"ck:{{supply}}:{name}" for name in ("suppliers", "sourcings", "version")))])
    yield RedisSupplierBook(store.line)
    await store.close()


@pytest.fixture
def pool() -> PoolName:
    """A pool nobody else uses."""
    return PoolName("contract", uuid4().hex)


@pytest.fixture
def next_pool() -> PoolName:
    """Another one."""
    return PoolName("contract", uuid4().hex)
