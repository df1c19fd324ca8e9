"""The pricing keeper: asks where there is something to do, once, and lets no pool's trouble be another's."""

import asyncio

import pytest

from actors import pricing_keeper
from actors.owner import Owner
from actors.pricing_keeper import PricingKeeper
from engine.errors import StoreUnavailable
from engine.names import BatchNo, PoolName
from engine.stock.commands import OpenBatch, Receive
from engine.stock.events import ExpiryWarned
from tests.unit.corridor import NEIGHBOUR, POOL, Corner, ask_one, until

DAY_MS = 86_400_000


async def _ending(corner: Corner, owner: Owner, pool: PoolName) -> None:
    """A card of the pool ends in five days."""
    await owner.open(pool)
    ends_at_ms = corner.clock.now_ms() + 5 * DAY_MS
    await ask_one(owner, OpenBatch("open", "import", "acme", "ann", None, ends_at_ms, b"key"), pool)
    await ask_one(owner, Receive(BatchNo(1), 0, 0, ((1, ends_at_ms),), (b"p",), (b"c",)), pool)


async def _warnings(corner: Corner, pool: PoolName) -> int:
    return sum(isinstance(event, ExpiryWarned) for record in await corner.records(pool) for event in record.events)


@pytest.fixture
async def corner() -> Corner:
    """A store, a road, a clock."""
    return Corner()


async def test_what_is_found_is_journaled_once(corner: Corner) -> None:
    """However often it looks, also after its owner was started anew; a quiet pool is not asked at all."""
    owner = corner.owner()
    await _ending(corner, owner, POOL)
    await owner.open(NEIGHBOUR)
    for _ in range(3):
        await PricingKeeper(owner, corner.clock).look()
    again = corner.owner()
    await again.open(POOL)
    await PricingKeeper(again, corner.clock).look()
    assert await _warnings(corner, POOL) == 1
    assert [hosted.steps for hosted in owner.hosted if hosted.name == NEIGHBOUR] == [0]


async def test_a_store_that_is_away_is_asked_again_at_the_next_look(corner: Corner) -> None:
    """Nothing is lost by it, and the keeper lives on."""
    owner = corner.owner()
    await _ending(corner, owner, POOL)
    corner.road.on_the_way_there.append(StoreUnavailable("away"))
    corner.road.positions.append(StoreUnavailable("away"))
    looking = asyncio.ensure_future(PricingKeeper(owner, corner.clock).look())
    await until(lambda: corner.road.calls[-1] == "position")
    await PricingKeeper(owner, corner.clock).look()
    await looking
    assert await _warnings(corner, POOL) == 1


async def test_a_pool_that_fails_does_not_keep_the_others_from_being_looked_at(
    corner: Corner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it is; it is told in the log."""
    owner = corner.owner()
    await _ending(corner, owner, NEIGHBOUR)
    await _ending(corner, owner, POOL)
    usual = pricing_keeper.findings

    def findings(state: object, now_ms: int) -> object:
        if state is owner.hosted[0].pool.state:
            raise ValueError("a mistake")
        return usual(state, now_ms)  # type: ignore[arg-type]

    monkeypatch.setattr(pricing_keeper, "findings", findings)
    await PricingKeeper(owner, corner.clock).look()
    assert await _warnings(corner, POOL) == 1
    assert await _warnings(corner, NEIGHBOUR) == 0
    assert "review_failed" in caplog.text


async def test_it_looks_until_it_is_cancelled(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself."""
    owner = corner.owner()
    await _ending(corner, owner, POOL)
    monkeypatch.setattr(pricing_keeper, "look_every_s", 0.001)
    keeping = asyncio.ensure_future(PricingKeeper(owner, corner.clock).run())
    await until(lambda: owner.hosted[0].pool.state.ladder.told != {})
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping
