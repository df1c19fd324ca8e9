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
        self._watches = watches
        self._takes_s = takes_s

    async def send(self, pool: PoolName) -> bool:
        """See Nudges."""
        self.told.append((pool, asyncio.get_running_loop().time()))
        await asyncio.sleep(self._takes_s)
        if self.is_away:
            raise OSError("away")
        return pool in self._watches


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


@pytest.mark.parametrize("is_away", [True, False])
def test_who_does_not_watch_a_pool_is_left_alone_for_a_while(is_away: bool) -> None:
    """Nor who is away; neither is a failure."""

    async def story() -> None:
        refill = _Refill(watches=(POOL,))
        refill.is_away = is_away
        await _say(Nudges(refill.send), OTHER, 3.5)
        assert [round(at_s) for _, at_s in refill.told] == [0, 1, 2, 3]

    on_virtual_time(story)


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
