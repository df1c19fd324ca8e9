"""A SKU whose keys in the store were spoiled stops alone: its neighbours in the same owner, and group, sell on."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from prometheus_client import CollectorRegistry

from actors.adapters.embedded_store import EmbeddedStore
from actors.adapters.redis_keys import pool_key
from actors.adapters.redis_store import RedisStore
from actors.adapters.system_clock import SystemClock
from actors.metrics import OwnerMetrics
from actors.owner import Owner
from engine.errors import CardkeepError
from engine.names import BatchNo, HoldNo, PoolName
from engine.stock.commands import Allocate, Command, GetHold, OpenBatch, Receive
from engine.stock.outcomes import Held, Outcome

_CARDS = 20


@pytest.fixture
async def store(own_server: EmbeddedStore) -> AsyncIterator[RedisStore]:
    """A store that may be spoiled."""
    store = RedisStore(own_server.url)
    await store.open()
    yield store
    await store.close()


async def _never(_pool: PoolName) -> None:
    return None


async def _ask(owner: Owner, pool: PoolName, command: Command) -> Outcome | None:
    (answer,) = await owner.submit(pool, [(0, command)])
    return answer.outcome


def _buys(pool: PoolName, order: str) -> Allocate:
    return Allocate(f"{pool.sku} {order}", order, 1, 60_000)


async def _stocked(store: RedisStore, *pools: PoolName) -> Owner:
    owner = Owner(store, store, store, SystemClock(), metrics=OwnerMetrics(CollectorRegistry()), fold=_never)
    for pool in pools:
        await owner.open(pool)
        await _ask(owner, pool, OpenBatch("open", "import", "acme", "ann", None, None, b"key"))
        codes = tuple(b"%d" % card for card in range(_CARDS))
        chunk = Receive(BatchNo(1), 0, 0, ((_CARDS, None),), codes, codes)
        await _ask(owner, pool, chunk)
        assert isinstance(await _ask(owner, pool, _buys(pool, "first")), Held)
    return owner


def _looks(_pool: PoolName, _order: str) -> GetHold:
    return GetHold(HoldNo(1))


@pytest.mark.parametrize(("key", "asks"), [("journal", _buys), ("meta", _looks)])
async def test_a_spoiled_sku_stops_alone(
    store: RedisStore, pool: PoolName, next_pool: PoolName, key: str, asks: Callable[[PoolName, str], Command]
) -> None:
    """Both are asked in one turn, so both stand in one group of appends; and the neighbour goes on afterwards."""
    owner = await _stocked(store, pool, next_pool)
    spoiled = pool_key(pool, key)
    await store.line.ask([("DEL", spoiled), ("SET", spoiled, "what does not belong here")])
    async with asyncio.timeout(20):
        broken, whole = await asyncio.gather(
            _ask(owner, pool, asks(pool, "second")),
            _ask(owner, next_pool, _buys(next_pool, "second")),
            return_exceptions=True,
        )
        assert isinstance(broken, CardkeepError)
        assert isinstance(whole, Held)
        assert isinstance(await _ask(owner, next_pool, _buys(next_pool, "third")), Held)
        with pytest.raises(CardkeepError, match=pool.sku):
            await _ask(owner, pool, asks(pool, "third"))
