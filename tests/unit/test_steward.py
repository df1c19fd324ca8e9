"""The steward: who gets which pool, who is started, and what it does when it cannot read."""

import asyncio
from itertools import count

import pytest

from actors import steward as stewarding
from actors.adapters.memory import MemoryRegistry
from actors.steward import Roster, Steward
from engine.errors import StoreUnavailable
from engine.names import PoolName
from engine.placing import owner_ids
from engine.ports import Load, Placement, Seat
from tests.unit.corridor import until


class _Registry(MemoryRegistry):
    """A registry that can be away."""

    is_away = False

    async def placement(self, since: int = 0) -> Placement:
        """See Registry."""
        if self.is_away:
            raise StoreUnavailable("away")
        return await super().placement(since)


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
    await Steward(registry, actors.ensure, lambda: Roster.of(owner_ids(actors_max))).mend()
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
    """Unless that is none of ours: from a house that was allowed more of them, say."""
    registry = _Registry()
    for pool, owner_id in ((0, "owner-1"), (1, "owner-7")):
        await registry.place({_pool(pool): owner_id})
    actors = await _mended(registry, 2, actors_max=2)
    assert dict((await registry.placement()).owner_of) == {_pool(0): "owner-1", _pool(1): "owner-0"}
    assert actors.started == ["owner-0", "owner-1"]


async def test_a_second_round_does_nothing_and_a_new_steward_only_looks_after_the_living() -> None:
    """It remembers nothing that matters."""
    registry = _Registry()
    actors = await _mended(registry, 2, actors_max=4)
    steward = Steward(registry, actors.ensure, lambda: Roster.of(owner_ids(4)))
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
    running = asyncio.ensure_future(Steward(registry, actors.ensure, lambda: Roster.of(owner_ids(4))).run())
    await asyncio.sleep(0.01)
    assert actors.started == []
    registry.is_away = False
    await until(lambda: actors.started)
    running.cancel()


_beats = count(1)


async def _rounds(steward: Steward, registry: MemoryRegistry, seconds: int, *speakers: str, **loads: float) -> None:
    """Rounds of one look at the load each, before which these owners speak."""
    for _ in range(seconds):
        for owner_id in speakers:
            pools = {PoolName("default", sku.replace("_", "-")): load for sku, load in loads.items()}
            mine = {pool: load for pool, load in pools.items() if registry._owner_of[pool] == owner_id}
            await registry.report(Load(owner_id, next(_beats), sum(mine.values()), mine))
        steward._weigh_at_s = 0.0
        await steward.mend()


async def test_a_pool_that_turns_hot_is_left_alone_by_its_neighbours() -> None:
    """Four quiet pools on two owners; one is asked a lot."""
    registry = _Registry()
    actors = await _mended(registry, 4, actors_max=2)
    hot = (await registry.placement()).owner_of[_pool(2)]
    steward = Steward(registry, actors.ensure, lambda: Roster.of(owner_ids(2)))
    await _rounds(steward, registry, 2, "owner-0", "owner-1", sku_2=2_000.0)
    owner_of = (await registry.placement()).owner_of
    assert [pool for pool, owner_id in owner_of.items() if owner_id == hot] == [_pool(2)]


async def test_a_pool_that_moved_rests_before_it_moves_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It made way for one hot pool, and came to another that turns hot: there it stays until it has rested."""
    registry = _Registry()
    actors = await _mended(registry, 4, actors_max=2)
    steward = Steward(registry, actors.ensure, lambda: Roster.of(owner_ids(2)))
    await _rounds(steward, registry, 1, "owner-0", "owner-1", sku_2=2_000.0)
    assert (await registry.placement()).owner_of[_pool(0)] == "owner-1"
    await _rounds(steward, registry, 2, "owner-0", "owner-1", sku_1=2_000.0)
    owner_of = (await registry.placement()).owner_of
    assert [pool for pool, owner_id in owner_of.items() if owner_id == "owner-1"] == [_pool(0), _pool(1)]
    monkeypatch.setattr(stewarding, "rest_s", 0.0)
    await _rounds(steward, registry, 1, "owner-0", "owner-1", sku_1=2_000.0)
    assert (await registry.placement()).owner_of[_pool(0)] == "owner-0"


async def test_a_pool_that_somebody_else_moved_rests_too() -> None:
    """Staff gave it to an owner that is busy: measured load moves it again, but not in the next round."""
    registry = _Registry()
    actors = await _mended(registry, 4, actors_max=2)
    steward = Steward(registry, actors.ensure, lambda: Roster.of(owner_ids(2)))
    await steward.mend()
    await registry.place({_pool(0): "owner-1"})
    await _rounds(steward, registry, 2, "owner-0", "owner-1", sku_1=2_000.0)
    owner_of = (await registry.placement()).owner_of
    assert [pool for pool, owner_id in owner_of.items() if owner_id == "owner-1"] == [_pool(0), _pool(1)]


async def test_a_pool_that_moved_counts_with_what_it_was_asked_before_until_its_owner_has_measured_it() -> None:
    """Four equally busy pools, two and two as staff wanted: the new owner has measured nothing, and gets no third."""
    registry = _Registry()
    for number in range(4):
        await registry.place({_pool(number): "owner-0"})
    steward = Steward(registry, _Actors().ensure, lambda: Roster.of(["owner-0"]))
    busy = {f"sku_{number}": 700.0 for number in range(4)}
    await _rounds(steward, registry, 1, "owner-0", **busy)
    steward._look_up_roster = lambda: Roster.of(owner_ids(2))
    shared = {_pool(0): "owner-0", _pool(1): "owner-1", _pool(2): "owner-0", _pool(3): "owner-1"}
    await registry.place(shared)
    await _rounds(steward, registry, 2, "owner-0", "owner-1", sku_0=700.0, sku_2=700.0)
    assert (await registry.placement()).owner_of == shared


async def test_the_pools_of_an_owner_that_falls_silent_are_taken_over() -> None:
    """Its seat is taken off the list, so that nobody waits for it; when it speaks again it may be given pools again."""
    registry = _Registry()
    actors = await _mended(registry, 4, actors_max=2)
    for owner_id in ("owner-0", "owner-1"):
        await registry.announce(Seat(owner_id, "unix:/a", 1, "here", 1))
    steward = Steward(registry, actors.ensure, lambda: Roster.of(owner_ids(2)))
    await _rounds(steward, registry, 1, "owner-0", "owner-1")
    await _rounds(steward, registry, stewarding.silent_looks_max - 1, "owner-0")
    assert set((await registry.placement()).owner_of.values()) == {"owner-0", "owner-1"}
    await _rounds(steward, registry, 1, "owner-0")
    assert set((await registry.placement()).owner_of.values()) == {"owner-0"}
    assert [seat.owner_id for seat in await registry.owners()] == ["owner-0"]
    await registry.add_pool(_pool(4))
    await _rounds(steward, registry, 1, "owner-0", "owner-1")
    assert (await registry.placement()).owner_of[_pool(4)] == "owner-1"
    assert actors.started[-1] == "owner-1"


async def test_when_all_are_silent_all_stays_as_it_is() -> None:
    """There is nobody to take anything over: the machine stood still, most likely."""
    registry = _Registry()
    actors = await _mended(registry, 4, actors_max=2)
    steward = Steward(registry, actors.ensure, lambda: Roster.of(owner_ids(2)))
    before = await registry.placement()
    await _rounds(steward, registry, 2 * stewarding.silent_looks_max)
    assert await registry.placement() == before
