"""Imports give way: one chunk at a time, and a rest after each, but only while somebody buys."""

import asyncio
from itertools import pairwise

import pytest

from actors import import_pace
from actors.import_pace import ImportPace
from engine.names import PoolName

POOL = PoolName("t", "s")

#: What a chunk of these tests takes, at least.
TOOK_S = 0.01


@pytest.fixture
def pace() -> ImportPace:
    """Of an owner that has done nothing yet."""
    return ImportPace()


async def _take_a_turn(pace: ImportPace) -> tuple[float, float]:
    """A chunk's turn: when it began and when it ended, in the loop's time."""
    loop = asyncio.get_running_loop()
    async with pace.turn():
        began_s = loop.time()
        await asyncio.sleep(TOOK_S)
        return began_s, loop.time()


async def test_a_chunk_rests_so_many_times_as_long_as_it_took_while_somebody_buys(
    pace: ImportPace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second turn begins no sooner than the share says."""
    monkeypatch.setattr(import_pace, "sells_for_s", 60.0)
    pace.sells(POOL)
    began_s, ended_s = await _take_a_turn(pace)
    next_began_s, _ = await _take_a_turn(pace)
    rest_s = min(import_pace.rest_max_s, import_pace.rest_share * (ended_s - began_s))
    assert next_began_s - ended_s >= rest_s * 0.99 > TOOK_S


async def test_a_rest_has_a_longest(pace: ImportPace, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a chunk took, an import goes on."""
    monkeypatch.setattr(import_pace, "rest_max_s", 0.001)
    monkeypatch.setattr(import_pace, "rest_share", 100_000)
    pace.sells(POOL)
    _, ended_s = await _take_a_turn(pace)
    next_began_s, _ = await _take_a_turn(pace)
    assert next_began_s - ended_s < TOOK_S * import_pace.rest_share / 2


@pytest.mark.parametrize("has_sold", [False, True])
async def test_nobody_there_an_import_does_not_rest(
    pace: ImportPace, monkeypatch: pytest.MonkeyPatch, *, has_sold: bool
) -> None:
    """Neither before the first sale, nor when the last one was long ago."""
    monkeypatch.setattr(import_pace, "rest_max_s", 3_600.0)
    monkeypatch.setattr(import_pace, "rest_share", 360_000)
    monkeypatch.setattr(import_pace, "sells_for_s", TOOK_S)
    if has_sold:
        pace.sells(POOL)
    for _ in range(2):
        async with asyncio.timeout(60):
            await _take_a_turn(pace)


async def test_chunks_take_turns(pace: ImportPace) -> None:
    """One at a time, in the order of coming."""
    turns = await asyncio.gather(*(_take_a_turn(pace) for _ in range(4)))
    assert turns == sorted(turns)
    assert all(begin_s >= end_s for (_, end_s), (begin_s, _) in pairwise(turns))


async def test_who_hurries_does_not_wait_for_who_rests(pace: ImportPace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one's rest would take a minute."""
    monkeypatch.setattr(import_pace, "sells_for_s", 60.0)
    monkeypatch.setattr(import_pace, "rest_share", 1e9)
    monkeypatch.setattr(import_pace, "rest_max_s", 60.0)
    monkeypatch.setattr(import_pace, "line_max_s", 60.0)
    pace.sells(POOL)
    await _take_a_turn(pace)
    resting = asyncio.get_running_loop().create_task(_take_a_turn(pace))
    await asyncio.sleep(0)
    async with asyncio.timeout(10), pace.turn(hurries=True):
        assert not resting.done()
    resting.cancel()


async def test_a_line_of_chunks_that_rest_has_an_end(pace: ImportPace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would rest for a minute after the one before: all have their turn, still one at a time."""
    monkeypatch.setattr(import_pace, "sells_for_s", 60.0)
    monkeypatch.setattr(import_pace, "rest_share", 1e9)
    monkeypatch.setattr(import_pace, "rest_max_s", 60.0)
    monkeypatch.setattr(import_pace, "line_max_s", TOOK_S)
    pace.sells(POOL)
    async with asyncio.timeout(30):
        turns = sorted(await asyncio.gather(*(_take_a_turn(pace) for _ in range(4))))
    assert all(begin_s >= end_s for (_, end_s), (begin_s, _) in pairwise(turns))


@pytest.mark.parametrize("sold", [(), ("other",)])
async def test_beside_a_pool_only_the_buyers_of_others_count(
    pace: ImportPace, monkeypatch: pytest.MonkeyPatch, sold: tuple[str, ...]
) -> None:
    """Its own owner sees to those."""
    monkeypatch.setattr(import_pace, "sells_for_s", 60.0)
    for sku in ("s", *sold, "s"):
        pace.sells(PoolName("t", sku))
    loop = asyncio.get_running_loop()
    async with pace.turn(beside=POOL):
        began_s = loop.time()
        await asyncio.sleep(TOOK_S)
        took_s = loop.time() - began_s
    ended_s = loop.time()
    async with pace.turn(beside=POOL):
        rested_s = loop.time() - ended_s
    assert (rested_s > took_s) == bool(sold)
