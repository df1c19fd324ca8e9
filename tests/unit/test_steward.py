"""The steward: who gets which pool, who is started, and what it does when it cannot read."""

import asyncio

import pytest

from actors import steward as stewarding
from actors.adapters.memory import MemoryRegistry
from actors.steward import Steward
from engine.errors import StoreUnavailable
from engine.names import PoolName
from engine.ports import Placement
from tests.unit.corridor import until


class _Registry(MemoryRegistry):
    """A registry that can be away."""

    is_away = False

    async def placement(self) -> Placement:
        """See Registry."""
        if self.is_away:
            raise StoreUnavailable("away")
        return await super().placement()


class _Actors:
    """Keeps who was started."""

    def __init__(self) -> None:
        self.started: list[str] = []

    async def ensure(self, owner_id: str) -> None:
        """See EnsureOwner."""
        self.started.append(owner_id)


def _pool(number: int) -> PoolName:
    return PoolName("default", f"sku-{number}")


async def _mended(registry: MemoryRegistry, pools: int, actors_max: int) -> _Actors:
    for number in range(pools):
        await registry.add_pool(_pool(number))
    actors = _Actors()
    await Steward(registry, actors.ensure, actors_max).mend()
    return actors


async def test_each_pool_has_an_owner_of_its_own_while_there_is_room() -> None:
    """Three pools, four owners allowed."""
    registry = _Registry()
    actors = await _mended(registry, 3, actors_max=4)
    assert dict((await registry.placement()).owner_of) == {_pool(n): f"owner-{n}" for n in range(3)}
    assert actors.started == ["owner-0", "owner-1", "owner-2"]


async def test_beyond_that_pools_share_the_owner_with_the_fewest() -> None:
    """Ten pools, three owners: four, three, three."""
    registry = _Registry()
    await _mended(registry, 10, actors_max=3)
    owner_of = (await registry.placement()).owner_of
    assert sorted(list(owner_of.values()).count(f"owner-{n}") for n in range(3)) == [3, 3, 4]


async def test_a_pool_that_has_an_owner_keeps_it() -> None:
    """Also one that was moved by hand, to an owner the steward did not invent; that one is started too."""
    registry = _Registry()
    await registry.add_pool(_pool(0))
    await registry.place(_pool(0), "hot-1")
    actors = await _mended(registry, 2, actors_max=2)
    assert dict((await registry.placement()).owner_of) == {_pool(0): "hot-1", _pool(1): "owner-0"}
    assert actors.started == ["hot-1", "owner-0"]


async def test_a_second_round_does_nothing_and_a_new_steward_only_looks_after_the_living() -> None:
    """It remembers nothing that matters."""
    registry = _Registry()
    actors = await _mended(registry, 2, actors_max=4)
    steward = Steward(registry, actors.ensure, 4)
    version = await registry.placement_version()
    await steward.mend()
    await steward.mend()
    assert await registry.placement_version() == version
    assert actors.started == ["owner-0", "owner-1"] * 2


async def test_a_store_that_is_away_only_delays_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rounds go on."""
    monkeypatch.setattr(stewarding, "round_every_s", 0.001)
    registry, actors = _Registry(), _Actors()
    await registry.add_pool(_pool(0))
    registry.is_away = True
    running = asyncio.ensure_future(Steward(registry, actors.ensure, 4).run())
    await asyncio.sleep(0.01)
    assert actors.started == []
    registry.is_away = False
    await until(lambda: actors.started)
    running.cancel()
