"""An owner's word to the refill: at once, not oftener than helps, and never a burden to the owner."""

import asyncio
from collections.abc import Sequence

import pytest

from actors.supply import nudging
from actors.supply.nudging import Nudges
from engine.names import PoolName
from tests.unit.buying import POOL, on_virtual_time
from tests.unit.test_refill import virtual

OTHER = PoolName("default", "OTHER")


class _Refill:
    """Notes what it is told, and when."""

    def __init__(self, *, watches: Sequence[PoolName] = (POOL,), takes_s: float = 0.001) -> None:
        self.told: list[tuple[PoolName, float]] = []
        self.is_away = False
        self.watches = watches
        self._takes_s = takes_s

    async def send(self, pool: PoolName) -> bool:
        """See Nudges."""
        self.told.append((pool, asyncio.get_running_loop().time()))
        await asyncio.sleep(self._takes_s)
        if self.is_away:
            raise OSError("away")
        return pool in self.watches


async def _say(nudges: Nudges, pool: PoolName, for_s: float) -> None:
    until_s = asyncio.get_running_loop().time() + for_s
    while asyncio.get_running_loop().time() < until_s:
        nudges(pool)
        await asyncio.sleep(0.001)


@virtual
async def test_the_first_word_goes_at_once_and_the_next_when_it_is_news() -> None:
    """Twenty a second at most, however often it is said."""
    refill = _Refill()
    await _say(Nudges(refill.send), POOL, 1.0)
    assert refill.told[0] == (POOL, 0.0)
    assert 15 <= len(refill.told) <= 20


@virtual
async def test_a_pool_that_nobody_watches_is_told_of_less_and_less() -> None:
    """Soon at first, for the refill may read of it in a moment; then after 1, 2, 4 … and at most 30 seconds."""
    refill = _Refill(watches=())
    await _say(Nudges(refill.send), OTHER, 100.0)
    assert [round(at_s) for _, at_s in refill.told] == [0, 1, 3, 7, 15, 31, 61, 91]


@virtual
async def test_a_pool_that_is_watched_at_last_is_told_of_as_any_other() -> None:
    """And from the beginning, should it be unwatched again."""
    refill = _Refill(watches=())
    nudges = Nudges(refill.send)
    await _say(nudges, POOL, 2.5)
    refill.watches = (POOL,)
    await _say(nudges, POOL, 1.0)
    assert len(refill.told) >= 10
    refill.watches = ()
    await _say(nudges, POOL, 0.1)
    told = len(refill.told)
    await _say(nudges, POOL, 1.5)
    assert len(refill.told) == told + 1


@virtual
async def test_a_refill_that_is_away_is_left_alone_by_all_pools() -> None:
    """However many are dry, a few words a second find out whether it is back."""
    pools = [PoolName("default", f"SKU-{number}") for number in range(50)]
    refill = _Refill(watches=pools)
    refill.is_away = True
    nudges = Nudges(refill.send)

    async def say_all(for_s: float) -> None:
        for _ in range(round(for_s * 100)):
            for pool in pools:
                nudges(pool)
            await asyncio.sleep(0.01)

    await say_all(3.5)
    assert len(refill.told) == 4 * nudging.under_way_max
    refill.is_away = False
    await say_all(1.5)
    assert {pool for pool, _ in refill.told} == set(pools)


@virtual
async def test_a_refill_that_answers_slowly_is_not_called_by_all_at_once() -> None:
    """So many pools at a time; one pool does not wait for another."""
    refill = _Refill(takes_s=100.0)
    nudges = Nudges(refill.send)
    for number in range(100):
        nudges(PoolName("default", f"SKU-{number}"))
        nudges(PoolName("default", f"SKU-{number}"))
    await asyncio.sleep(0)
    assert len(refill.told) == nudging.under_way_max


def test_pools_are_not_remembered_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is forgotten is told once more."""
    monkeypatch.setattr(nudging, "_POOLS_MAX", 2)

    async def story() -> None:
        refill = _Refill(watches=())
        nudges = Nudges(refill.send)
        for name in ("a", "b", "c", "a"):
            nudges(PoolName("default", name))
            await asyncio.sleep(0.01)
        assert [pool.sku for pool, _ in refill.told] == ["a", "b", "c", "a"]

    on_virtual_time(story)
