"""A store with replicas: what counts is on their disks, too, and one of them takes the store's place with all of it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from actors.adapters.redis_store import RedisStore
from actors.committer import Committer, Desk
from actors.promotion import NotPromoted, promote
from engine.errors import InDoubt, StoreUnavailable, WeakStore
from engine.names import PoolName
from engine.ports import Append, Position
from tests.contract.replicas import Server, followed

POOL = PoolName("t", "s")

Follow = Callable[..., Awaitable[Sequence[Server]]]


@pytest.fixture
async def follow(tmp_path: Path) -> AsyncIterator[Follow]:
    """Servers that end with the test."""
    servers: list[Server] = []

    async def started(replicas: int, **settings: str) -> Sequence[Server]:
        servers.extend(await followed(tmp_path, replicas, **settings))
        return servers

    yield started
    for server in servers:
        server.process.kill()
        server.process.wait()


def entry(seq_before: int, epoch: int = 1) -> Append:
    """One event."""
    return Append(POOL, epoch, seq_before, 1, b"event", {})


def store_of(server: Server, replicas: int) -> RedisStore:
    """A store that wants so many replicas."""
    return RedisStore(f"{server.url}?replicas={replicas}")


async def test_what_counts_is_on_the_replica_when_the_answer_comes(follow: Follow) -> None:
    """Killed at once with its disk, the store leaves a replica that has it, whose new owner takes a new epoch."""
    first, replica = await follow(1)
    store = store_of(first, 1)
    assert await store.open() == "always, on 1 more"
    await store.claim(POOL)
    for seq in range(50):
        assert await store.append([entry(seq)]) == [Position(1, seq + 1)]
    first.kill()
    await store.close()
    await replica.until("master_link_status", "down")
    assert await promote([replica.url]) == replica.url
    alone = store_of(replica, 0)
    assert await alone.open() == "always"
    history = await alone.claim(POOL)
    assert history.position == Position(2, 50)
    assert len(history.records) == 50
    await alone.close()


async def test_an_append_that_no_replica_has_is_in_doubt_until_one_has_it(follow: Follow) -> None:
    """Nor is it told as done by asking where the journal ends, nor by whoever claims it next."""
    first, replica = await follow(1)
    store, next_owner = store_of(first, 1), store_of(first, 1)
    await store.claim(POOL)
    os.kill(replica.process.pid, signal.SIGSTOP)
    with pytest.raises(InDoubt, match="0 of 1 replicas"):
        await store.append([entry(0)])
    with pytest.raises(StoreUnavailable, match="0 of 1 replicas"):
        await store.position(POOL)
    with pytest.raises(StoreUnavailable, match="0 of 1 replicas"):
        await next_owner.claim(POOL)
    os.kill(replica.process.pid, signal.SIGCONT)
    assert (await store.position(POOL)).seq == 1
    await store.close()
    await next_owner.close()


async def test_an_owner_waits_for_its_replica_and_goes_on(follow: Follow) -> None:
    """Nobody is told anything while it is away; then everybody hears that it is done."""
    first, replica = await follow(1)
    store = store_of(first, 1)
    history = await store.claim(POOL)
    committer = Committer(store, lambda _pools, _events, _seconds: None)
    desk = Desk(POOL, history.position.epoch, history.position.seq, lambda _epoch, _seq, _events: b"event")
    heard: list[Exception | None] = []
    os.kill(replica.process.pid, signal.SIGSTOP)
    committer.board(desk, ["event"], {}, heard.append)
    while not committer.is_stalled:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.01)
    assert heard == []
    os.kill(replica.process.pid, signal.SIGCONT)
    await committer.finish()
    await asyncio.sleep(0)
    assert heard == [None]
    await store.close()


async def test_a_store_with_too_few_replicas_is_refused_with_what_to_do(follow: Follow) -> None:
    """One that keeps nothing on its disk counts for none; one that follows takes no writes; a typing error is told."""
    first, replica = await follow(1, appendonly="no")
    for store, words in (
        (store_of(first, 1), r"0 of 1 replicas have synced.*1 follow it.*appendonly yes"),
        (store_of(replica, 0), rf"follows 127\.0\.0\.1:{first.port}.*cardkeep promote"),
    ):
        with pytest.raises(WeakStore, match=words):
            await store.open()
        await store.close()
    with pytest.raises(WeakStore, match="replicas=many in the store's url is no number"):
        RedisStore(f"{first.url}?replicas=many")


async def test_the_furthest_takes_the_place_and_the_others_follow_it(follow: Follow) -> None:
    """Whatever their order; asked again, the same is true, and a new store can want the replica that is left."""
    first, late, furthest = await follow(2)
    store = store_of(first, 1)
    await store.claim(POOL)
    await late.ask("REPLICAOF", "127.0.0.1", "1")
    for seq in range(20):
        assert await store.append([entry(seq)]) == [Position(1, seq + 1)]
    first.kill()
    await store.close()
    await furthest.until("master_link_status", "down")
    for _ in range(2):
        assert await promote([late.url, furthest.url]) == furthest.url
    again = store_of(furthest, 1)
    assert await again.open() == "always, on 1 more"
    assert (await again.claim(POOL)).position == Position(2, 20)
    assert await again.append([entry(20, epoch=2)]) == [Position(2, 21)]
    await again.close()


async def test_nobody_is_promoted_beside_a_store_that_lives(follow: Follow) -> None:
    """Two stores that both take writes are two shops with the same cards."""
    first, replica = await follow(1)
    with pytest.raises(NotPromoted, match=rf"still hears from 127\.0\.0\.1:{first.port}: stop"):
        await promote([replica.url])
    await replica.until("role", "slave")
    with pytest.raises(NotPromoted, match="both follow nobody"):
        await promote([first.url, first.url.replace("127.0.0.1", "localhost")])


def test_as_a_program_it_says_what_it_did_and_why_not() -> None:
    """Exit code 1 and a sentence when nobody answers."""
    done = subprocess.run(
        [sys.executable, "-m", "actors.promotion", "redis://127.0.0.1:1/0"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "cannot be reached" in done.stderr
