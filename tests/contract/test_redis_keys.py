"""Names of keys that are kept: those that come again, and none of the many that come once."""

from actors.adapters.embedded_store import EmbeddedStore
from actors.adapters.redis_keys import pool_key
from actors.adapters.redis_store import RedisStore
from engine.names import PoolName
from engine.ports import Append


async def test_names_that_come_once_are_not_kept(server: EmbeddedStore, pool: PoolName) -> None:
    """A thousand archived entries and ten snapshots leave no more names than one of each does."""
    pool_key.cache_clear()
    store = RedisStore(server.url)
    await store.claim(pool)
    kept = []
    for rounds in range(10):
        archived = {f"request/{rounds}-{number}": b"answer" for number in range(100)}
        await store.keep(pool, archived, 60_000, as_of_seq=rounds)
        assert await store.recall(pool, list(archived)) == [b"answer"] * 100
        await store.append([Append(pool, 1, rounds, 1, b"event", {})])
        assert await store.fold(pool, await store.read(pool), b"snapshot", rounds + 1)
        kept.append(pool_key.cache_info().currsize)
    await store.close()
    assert kept == [kept[0]] * 10
