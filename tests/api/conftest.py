"""A store for the whole run, and for each test a house behind each of the two doors."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from actors.adapters.embedded_store import EmbeddedStore
from actors.adapters.redis_store import RedisStore
from actors.front.doors import Door
from tests.api.small_house import SmallHouse


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """One store for all houses, which follow each other."""
    server = EmbeddedStore(tmp_path_factory.mktemp("api") / "store")
    loop = asyncio.new_event_loop()
    loop.run_until_complete(server.start())
    yield server
    loop.run_until_complete(server.stop())
    loop.close()


@pytest.fixture(
    params=[(Door.PLAIN, False), (Door.FAST, False), (Door.FAST, True)], ids=["plain", "fast", "fast, an owner at home"]
)
def place(request: pytest.FixtureRequest) -> tuple[Door, bool]:
    """Everything the API promises holds behind either door, and whether or not an owner lives in its process."""
    chosen: tuple[Door, bool] = request.param
    return chosen


@pytest.fixture
def door(place: tuple[Door, bool]) -> Door:
    """The door alone."""
    return place[0]


@pytest.fixture
async def house(server: EmbeddedStore, tmp_path: Path, place: tuple[Door, bool]) -> AsyncIterator[SmallHouse]:
    """A house nobody else lives in: the store is empty."""
    store = RedisStore(server.url)
    await store.line.ask([("FLUSHALL",)])
    await store.close()
    house = SmallHouse(server, tmp_path, place[0], at_home=place[1])
    await house.start()
    yield house
    await house.stop()


@pytest.fixture
async def own_server(tmp_path: Path) -> AsyncIterator[EmbeddedStore]:
    """A store for one test, which may mistreat it."""
    server = EmbeddedStore(tmp_path / "store")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def own_house(own_server: EmbeddedStore, tmp_path: Path, place: tuple[Door, bool]) -> AsyncIterator[SmallHouse]:
    """A house on that store."""
    house = SmallHouse(own_server, tmp_path, place[0], at_home=place[1])
    await house.start()
    yield house
    await house.stop()
