"""A pool is rebuilt beside its owner and then claimed: whatever came in between is in it."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from actors import rebuilding
from actors.adapters.memory import FaultyJournal
from actors.rebuilding import Rebuilt, rebuild, take_over
from engine.errors import Fenced, StoreUnavailable
from engine.stock.snapshot import dump
from tests.unit.corridor import POOL, Corner, allocate, ask_one

_CALLS_MAX = 20


class _Between:
    """Faults for `FaultyJournal`: does something before the first claim, and keeps what was called."""

    def __init__(self, then: Callable[[], Awaitable[object]]) -> None:
        self.calls: list[str] = []
        self._then = then

    async def before(self, call: str) -> None:
        """See Faults."""
        self.calls.append(call)
        if call == "claim" and self.calls.count("claim") == 1:
            await self._then()

    async def after(self, call: str) -> None:
        """See Faults."""


async def _nothing() -> None:
    """Happens."""


async def test_what_the_old_owner_did_until_the_claim_is_taken_over() -> None:
    """It sold on while its successor was reading; from the claim on it cannot."""
    corner = Corner()
    old = await corner.stocked(10)
    between = _Between(lambda: ask_one(old, allocate("late")))
    taken = await take_over(FaultyJournal(corner.store, between), POOL, lambda: True)
    assert taken is not None
    pool, history = taken
    assert between.calls == ["read", "claim"]
    assert len(history.records) == 1
    assert pool.state.holds.last == 1
    assert dump(pool.state) == dump(old.hosted[0].pool.state)
    with pytest.raises(Fenced):
        await ask_one(old, allocate("too late"))


async def test_a_fold_between_reading_and_claiming_means_to_read_all_anew() -> None:
    """The records one has were folded away, some that one has not may have been, too."""
    corner = Corner()
    old = await corner.stocked(10)
    await ask_one(old, allocate("a"))

    async def sell_and_fold() -> None:
        await ask_one(old, allocate("b"))
        history = await corner.store.read(POOL)
        assert await corner.store.fold(POOL, history, dump(old.hosted[0].pool.state), old.hosted[0].desk.seq)
        await ask_one(old, allocate("c"))

    taken = await take_over(FaultyJournal(corner.store, _Between(sell_and_fold)), POOL, lambda: True)
    assert taken is not None
    assert dump(taken[0].state) == dump(old.hosted[0].pool.state)
    assert taken[0].state.holds.last == 3


async def test_a_journal_that_is_written_to_all_the_while_is_read_on_before_it_is_claimed() -> None:
    """So that little is missing in the end."""
    corner = Corner()
    old = await corner.stocked(1_000)
    for number in range(100):
        await ask_one(old, allocate(str(number)))
    between = _Between(_nothing)
    await take_over(FaultyJournal(corner.store, between), POOL, lambda: True)
    assert between.calls == ["read", "read", "claim"]


async def test_what_is_not_wanted_any_more_is_not_claimed() -> None:
    """Its present owner would be fenced for nothing."""
    corner = Corner()
    await corner.stocked(1)
    between = _Between(_nothing)
    assert await take_over(FaultyJournal(corner.store, between), POOL, lambda: not between.calls) is None
    assert between.calls == ["read"]


async def test_a_store_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim without an answer is asked again."""
    monkeypatch.setattr("actors.rebuilding._AGAIN_EVERY_S", 0.0)
    corner = Corner()
    await corner.stocked(1)

    async def away() -> None:
        raise StoreUnavailable("away")

    between = _Between(away)
    taken = await take_over(FaultyJournal(corner.store, between), POOL, lambda: len(between.calls) < _CALLS_MAX)
    assert taken is not None
    assert between.calls == ["read", "claim", "claim"]
    assert dump(taken[0].state) == dump((await rebuild(POOL, await corner.store.read(POOL))).state)


async def test_however_many_pools_are_rebuilt_at_once_others_wait_for_one_slice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of all that share their turns one works between two looks of the loop at everything else."""
    monkeypatch.setattr(rebuilding, "_EVENTS_PER_SLICE", 10)
    corner = Corner()
    old = await corner.stocked(1_000)
    for number in range(100):
        await ask_one(old, allocate(str(number)))
    history = await corner.store.read(POOL)
    turns = asyncio.Lock()
    rebuilt = [Rebuilt(POOL, turns=turns) for _ in range(8)]
    rebuilding_all = asyncio.gather(*(one.take_in(history) for one in rebuilt))
    seen = [0]
    while not rebuilding_all.done():
        await asyncio.sleep(0)
        seen.append(sum(one.pool.state.seq for one in rebuilt))
    assert max(after - before for before, after in pairwise(seen)) <= 10
    assert [dump(one.pool.state) for one in rebuilt] == [dump(old.hosted[0].pool.state)] * 8
