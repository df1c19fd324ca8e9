"""A line to a server that stalls, dies, comes back or refuses: each failure says whether it may have happened."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest

from actors.adapters.embedded_store import EmbeddedStore
from actors.adapters.redis_settings import Durability
from actors.adapters.redis_store import RedisStore
from engine.errors import InDoubt, StoreUnavailable, WeakStore
from engine.names import PoolName
from engine.ports import Append, Position

POOL = PoolName("t", "s")
ANSWER_WITHIN_S = 0.3


def entry(seq_before: int) -> Append:
    """One event for the pool of these tests, at epoch 1."""
    return Append(POOL, 1, seq_before, 1, b"event", {})


@pytest.fixture
async def store(own_server: EmbeddedStore) -> AsyncIterator[RedisStore]:
    """A store whose pool is claimed, over connections that wait for a short while only."""
    store = RedisStore(own_server.url, answer_within_s=ANSWER_WITHIN_S)
    await store.claim(POOL)
    assert await store.append([entry(0)]) == [Position(1, 1)]
    yield store
    await store.close()


async def test_a_server_that_is_not_there_did_nothing(tmp_path: object) -> None:
    """No byte left, so it is surely not done; the text says that the store was not reached."""
    store = RedisStore(f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        await store.append([entry(0)])


async def test_an_append_to_a_stalled_server_is_in_doubt_and_position_tells(
    store: RedisStore, own_server: EmbeddedStore
) -> None:
    """The bytes left and no answer came. Once the server goes on, it did happen, and the next append fits."""
    assert own_server.pid is not None
    os.kill(own_server.pid, signal.SIGSTOP)
    with pytest.raises(InDoubt):
        await store.append([entry(1)])
    with pytest.raises(StoreUnavailable):
        await store.position(POOL)
    os.kill(own_server.pid, signal.SIGCONT)
    assert await store.position(POOL) == Position(1, 2)
    assert await store.append([entry(1)]) == [Position(1, 2)]
    assert await store.append([entry(2)]) == [Position(1, 3)]


async def test_what_a_store_lost_while_the_line_was_broken_is_noticed(store: RedisStore) -> None:
    """A restart from an older copy, say: whoever appends on a new connection is compared with what is there now."""
    journal = f"ck:{{{POOL.tenant}/{POOL.sku}}}:journal"
    (older,) = await store.line.ask([("DUMP", journal)])
    assert await store.append([entry(1)]) == [Position(1, 2)]
    await store.line.ask([("RESTORE", journal, 0, older, "REPLACE")])
    await store.line.ask([("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")])
    while True:  # The append line hears of its end in its own time.
        try:
            answer = await store.append([entry(2)])
        except InDoubt:
            continue
        break
    assert answer == [Position(1, 1)]


async def test_a_round_of_which_one_append_is_fenced_does_the_others(store: RedisStore) -> None:
    """Where nothing was refused but for its epoch, each pool hears of its own; where the store is full, it is known."""
    other = PoolName("t", "other")
    await store.claim(other)
    await store.append([Append(other, 1, 0, 1, b"event", {})])
    await store.claim(other)
    appends = [entry(1), Append(other, 1, 1, 1, b"event", {})]
    assert await store.append(appends) == [Position(1, 2), Position(2, 1)]
    await store.line.ask([("CONFIG", "SET", "maxmemory", "1")])
    with pytest.raises(StoreUnavailable, match="OOM"):
        await store.append([entry(2)])
    await store.line.ask([("CONFIG", "SET", "maxmemory", "0")])
    assert await store.append([entry(2)]) == [Position(1, 3)]


async def test_an_append_cancelled_while_under_way_still_happens(store: RedisStore, own_server: EmbeddedStore) -> None:
    """Its caller is gone, its reply is read all the same, and the next append gets its own."""
    assert own_server.pid is not None
    os.kill(own_server.pid, signal.SIGSTOP)
    abandoned = asyncio.create_task(store.append([entry(1)]))
    await asyncio.wait([abandoned], timeout=ANSWER_WITHIN_S / 10)
    abandoned.cancel()
    await asyncio.wait([abandoned])
    assert abandoned.cancelled()
    os.kill(own_server.pid, signal.SIGCONT)
    assert await store.append([entry(2)]) == [Position(1, 3)]


async def test_a_server_restarted_while_nothing_was_asked_leaves_no_doubt(
    store: RedisStore, own_server: EmbeddedStore
) -> None:
    """The hang-up is noticed before the bytes leave, and what was acknowledged is still there."""
    await own_server.stop()
    await own_server.start()
    assert await store.append([entry(1)]) == [Position(1, 2)]


async def test_functions_that_are_gone_are_brought_again(store: RedisStore) -> None:
    """A store that lost its functions is served by the next call, append or claim."""
    await store.line.ask([("FUNCTION", "FLUSH")])
    assert await store.append([entry(1)]) == [Position(1, 2)]
    await store.line.ask([("FUNCTION", "FLUSH")])
    assert (await store.claim(POOL)).position == Position(2, 2)


async def test_a_full_server_refuses_before_it_does_anything(store: RedisStore) -> None:
    """Out of memory is a plain no; with room again, the same append is done."""
    await store.line.ask([("CONFIG", "SET", "maxmemory", 1)])
    with pytest.raises(StoreUnavailable, match="OOM"):
        await store.append([entry(1)])
    await store.line.ask([("CONFIG", "SET", "maxmemory", 0)])
    assert await store.append([entry(1)]) == [Position(1, 2)]


async def test_one_call_refused_in_part_is_in_doubt(store: RedisStore, own_server: EmbeddedStore) -> None:
    """Of two appends one is for keys this user may not touch, the other is done: each must be asked for."""
    await store.line.ask([("ACL", "SETUSER", "shop", "on", ">secret", "~ck:{t/s}:*", "+@all")])
    shop = RedisStore(own_server.url.replace("unix://", "unix://shop:secret@"))
    foreign = entry(0)._replace(pool=PoolName("t", "foreign"))
    with pytest.raises(StoreUnavailable, match="NOPERM"):
        await shop.append([foreign])
    with pytest.raises(InDoubt, match="1 of 2"):
        await shop.append([entry(1), foreign])
    assert await shop.position(POOL) == Position(1, 2)
    await shop.close()


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("appendonly", "no", "CONFIG SET appendonly yes"),
        ("appendfsync", "everysec", "CONFIG SET appendfsync always"),
        ("no-appendfsync-on-rewrite", "yes", "CONFIG SET no-appendfsync-on-rewrite no"),
    ],
)
async def test_a_weak_setting_is_refused_with_the_line_to_run(
    store: RedisStore, name: str, value: str, line: str
) -> None:
    """Following the text makes the store acceptable; accepting weakness says what is weak."""
    assert await store.open() == "always"
    await store.line.ask([("CONFIG", "SET", name, value)])
    with pytest.raises(WeakStore, match=line):
        await store.open()
    assert (await store.open(Durability.WEAK)).startswith(f"weak: {name} is {value}")
    await store.line.ask([line.split()])
    assert await store.open() == "always"
    while b"aof_rewrite_in_progress:1" in (await store.line.ask([("INFO", "persistence")]))[0]:
        pass  # The server writes its first file, and would not stop before it is done.


async def test_eviction_is_refused_where_memory_has_a_bound(store: RedisStore) -> None:
    """A policy that evicts does no harm without a bound, and loses cards with one."""
    await store.line.ask([("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")])
    assert await store.open() == "always"
    await store.line.ask([("CONFIG", "SET", "maxmemory", 1_000_000_000)])
    with pytest.raises(WeakStore, match="CONFIG SET maxmemory-policy noeviction"):
        await store.open()


async def test_a_server_that_hides_its_settings_is_refused_by_saying_what_cannot_be_checked(
    store: RedisStore, own_server: EmbeddedStore
) -> None:
    """A user without CONFIG cannot see how durable the store is; that is said, not assumed."""
    await store.line.ask([("ACL", "SETUSER", "shop", "on", ">secret", "~*", "+@all", "-config")])
    url = own_server.url.replace("unix://", "unix://shop:secret@")
    shop = RedisStore(url)
    with pytest.raises(WeakStore, match=r"appendfsync.* cannot be checked"):
        await shop.open()
    assert (await shop.open(Durability.WEAK)).startswith("weak: CONFIG GET is refused")
    await shop.close()


async def test_many_ask_at_once_and_each_hears_its_own(store: RedisStore) -> None:
    """Rounds follow each other without waiting; one that gives up takes no other's reply with it."""
    await store.line.ask([("SET", f"key:{number}", number) for number in range(200)])
    asked = [asyncio.ensure_future(store.line.ask([("GET", f"key:{number}")] * 2)) for number in range(200)]
    await asyncio.sleep(0)
    asked[7].cancel()
    replies = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(replies.pop(7), asyncio.CancelledError)
    assert replies == [[str(number).encode()] * 2 for number in range(200) if number != 7]


async def test_a_question_that_the_server_refuses_spoils_no_other(store: RedisStore) -> None:
    """The refusal is heard by whoever asked."""
    await store.line.ask([("SET", "text", "x")])
    wrong, right = await asyncio.gather(
        store.line.ask([("LLEN", "text")]), store.line.ask([("GET", "text")]), return_exceptions=True
    )
    assert isinstance(wrong, StoreUnavailable)
    assert right == [b"x"]
