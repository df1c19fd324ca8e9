"""Who sits in an owner's seat: follows the placement, and leaves when another incarnation has sat down."""

import asyncio

import pytest

from actors import incumbent as sitting
from actors.adapters.memory import MemoryRegistry
from actors.hosted import PoolState
from actors.incumbent import Incumbent
from actors.owner import Owner
from engine.errors import StoreUnavailable
from engine.names import PoolName
from engine.ports import Seat
from engine.stock.outcomes import Held
from tests.unit.corridor import NEIGHBOUR, POOL, Corner, allocate, ask_one, stock, until

_SEAT = Seat("owner-0", "unix:/a", 1, "here", 1)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks come fast."""
    monkeypatch.setattr(sitting, "look_every_s", 0.001)


def _serves(owner: Owner) -> list[str]:
    return [hosted.name.sku for hosted in owner.hosted if hosted.state is PoolState.SERVING]


async def test_it_opens_what_is_placed_with_it() -> None:
    """And leaves alone what belongs to others."""
    corner, registry = Corner(), MemoryRegistry()
    owner = corner.owner()
    await registry.place({POOL: "owner-0", NEIGHBOUR: "owner-1"})
    sit = asyncio.ensure_future(Incumbent(owner, registry, _SEAT).sit())
    await until(lambda: _serves(owner) == [POOL.sku])
    await registry.place({NEIGHBOUR: "owner-0"})
    await until(lambda: _serves(owner) == [POOL.sku, NEIGHBOUR.sku])
    sit.cancel()


async def test_what_has_moved_is_served_until_it_is_claimed_elsewhere() -> None:
    """Then it is forgotten, although nobody asked for it; and nobody is told that it was lost."""
    corner, registry = Corner(), MemoryRegistry()
    owner = corner.owner()
    await registry.place({POOL: "owner-0"})
    sit = asyncio.ensure_future(Incumbent(owner, registry, _SEAT).sit())
    await until(lambda: _serves(owner))
    await stock(owner, 1)
    await registry.place({POOL: "owner-1"})
    await until(lambda: owner.hosted[0].is_leaving)
    assert isinstance(await ask_one(owner, allocate("a")), Held)
    await corner.owner().open(POOL)
    await until(lambda: owner.hosted == [])
    assert not owner._metrics.registry.get_sample_value("cardkeep_fenced_total", {"sku": POOL.sku})
    sit.cancel()


async def test_a_pool_that_comes_back_before_it_was_claimed_just_stays() -> None:
    """It is not opened anew, and not left when somebody claims it later."""
    corner, registry = Corner(), MemoryRegistry()
    owner = corner.owner()
    await registry.place({POOL: "owner-0"})
    sit = asyncio.ensure_future(Incumbent(owner, registry, _SEAT).sit())
    await until(lambda: _serves(owner))
    (hosted,) = owner.hosted
    await registry.place({POOL: "owner-1"})
    await until(lambda: hosted.is_leaving)
    await registry.place({POOL: "owner-0"})
    await until(lambda: not hosted.is_leaving)
    assert owner.hosted == [hosted]
    assert hosted.desk.epoch == 1
    sit.cancel()


async def test_a_pool_that_comes_back_after_it_was_claimed_elsewhere_is_claimed_again() -> None:
    """Between two looks, and nobody asked for it here: only the journal can tell."""
    corner, registry = Corner(), MemoryRegistry()
    owner = corner.owner()
    await registry.place({POOL: "owner-0"})
    sit = asyncio.ensure_future(Incumbent(owner, registry, _SEAT).sit())
    await until(lambda: _serves(owner))
    await corner.owner().open(POOL)
    await registry.place({POOL: "owner-1"})
    await registry.place({POOL: "owner-0"})
    await until(lambda: owner.hosted[0].desk.epoch == 3)
    sit.cancel()


async def test_a_pool_that_nobody_claims_leaves_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the end the placement counts: its new owner may have claimed it before, and been fenced without noticing."""
    corner, registry = Corner(), MemoryRegistry()
    owner = corner.owner()
    await registry.place({POOL: "owner-0"})
    sit = asyncio.ensure_future(Incumbent(owner, registry, _SEAT).sit())
    await until(lambda: _serves(owner))
    await registry.place({POOL: "owner-1"})
    await until(lambda: owner.hosted[0].is_leaving)
    assert _serves(owner)
    monkeypatch.setattr(sitting, "leave_within_s", 0.0)
    await until(lambda: owner.hosted == [])
    sit.cancel()


async def test_a_pool_that_moves_on_while_it_is_being_opened_is_not_claimed() -> None:
    """A claim would only fence its new owner."""
    corner, registry = Corner(), MemoryRegistry()
    owner = corner.owner()
    corner.road.close()
    await registry.place({POOL: "owner-0"})
    sit = asyncio.ensure_future(Incumbent(owner, registry, _SEAT).sit())
    await until(lambda: "read" in corner.road.calls)
    await registry.place({POOL: "owner-1"})
    await until(lambda: owner.hosted == [])
    corner.road.reopen()
    await asyncio.sleep(0.01)
    assert (await corner.store.position(POOL)).epoch == 0
    sit.cancel()


async def test_ten_thousand_pools_are_opened_a_few_at_a_time() -> None:
    """So that one large one among them does not wait for all others, nor they for it."""
    corner, registry = Corner(), MemoryRegistry()
    owner = corner.owner()
    await registry.place({PoolName("default", f"sku-{number}"): "owner-0" for number in range(1_000)})
    sit = asyncio.ensure_future(Incumbent(owner, registry, _SEAT).sit())
    await until(lambda: owner.hosted)
    assert len(owner.hosted) <= sitting.opening_max
    await until(lambda: len(_serves(owner)) == 1_000)
    sit.cancel()


async def test_it_says_how_busy_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each report differs from the last, busy or not: that is how one knows that it lives."""
    monkeypatch.setattr(sitting, "report_every_s", 0.0)
    registry, owner = MemoryRegistry(), Corner().owner()
    owner.meter.measure({POOL: 600, NEIGHBOUR: 3}, 3.0)
    sit = asyncio.ensure_future(Incumbent(owner, registry, _SEAT).sit())
    await until(lambda: registry._loads)
    (first,) = await registry.loads()
    assert first.per_s == pytest.approx(100.5)
    assert first.pools == {POOL: pytest.approx(100.0)}
    await until(lambda: registry._loads["owner-0"].beat != first.beat)
    sit.cancel()


async def test_a_pool_that_was_fenced_and_is_still_placed_here_is_opened_again() -> None:
    """Whoever fenced it, the placement says that it is ours."""
    corner, registry = Corner(), MemoryRegistry()
    owner = corner.owner()
    await registry.place({POOL: "owner-0"})
    sit = asyncio.ensure_future(Incumbent(owner, registry, _SEAT).sit())
    await until(lambda: _serves(owner))
    await stock(owner, 1)
    await corner.store.claim(POOL)
    with pytest.raises(Exception, match="owned by epoch 2"):
        await ask_one(owner, allocate("a"))
    await until(lambda: _serves(owner))
    assert isinstance(await ask_one(owner, allocate("a")), Held)
    sit.cancel()


async def test_it_leaves_when_a_later_incarnation_has_announced_itself() -> None:
    """And opens nothing any more."""
    corner, registry = Corner(), MemoryRegistry()
    owner = corner.owner()
    sit = asyncio.ensure_future(Incumbent(owner, registry, _SEAT).sit())
    await asyncio.sleep(0.01)
    await registry.announce(_SEAT._replace(address="unix:/b", incarnation=2))
    await asyncio.wait_for(sit, 5)
    await registry.place({POOL: "owner-0"})
    assert owner.hosted == []
    assert (await registry.owners())[0].incarnation == 2


async def test_an_incarnation_that_came_first_by_a_wrong_clock_does_not_keep_the_seat() -> None:
    """The machine's clock stepped back over a restart: the new one takes a later number, whatever the clock says."""
    corner, registry = Corner(), MemoryRegistry()
    await registry.announce(_SEAT._replace(incarnation=5_000))
    sit = asyncio.ensure_future(Incumbent(corner.owner(), registry, _SEAT._replace(address="unix:/b")).sit())
    await asyncio.sleep(0.01)
    (seat,) = await registry.owners()
    assert seat.address == "unix:/b"
    assert seat.incarnation > 5_000
    assert not sit.done()
    sit.cancel()


class _Away(MemoryRegistry):
    """A registry that is away for its first answers."""

    def __init__(self) -> None:
        super().__init__()
        self.refused = 0

    async def announce(self, seat: Seat) -> bool:
        """See Registry."""
        if self.refused < 3:
            self.refused += 1
            raise StoreUnavailable("away")
        return await super().announce(seat)


async def test_a_store_that_is_away_only_delays_it() -> None:
    """The seat is announced when it is back."""
    registry = _Away()
    sit = asyncio.ensure_future(Incumbent(Corner().owner(), registry, _SEAT).sit())
    await until(lambda: registry._seats)
    assert registry.refused == 3
    sit.cancel()
