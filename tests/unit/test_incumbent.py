"""Who sits in an owner's seat: follows the placement, and leaves when another incarnation has sat down."""

import asyncio

import pytest

from actors import incumbent as sitting
from actors.adapters.memory import MemoryRegistry
from actors.incumbent import Incumbent
from actors.owner import Owner, PoolState
from engine.errors import StoreUnavailable
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


async def test_it_opens_what_is_placed_with_it_and_closes_what_has_moved() -> None:
    """And leaves alone what belongs to others."""
    corner, registry = Corner(), MemoryRegistry()
    owner = corner.owner()
    await registry.place(POOL, "owner-0")
    await registry.place(NEIGHBOUR, "owner-1")
    sit = asyncio.ensure_future(Incumbent(owner, registry, _SEAT).sit())
    await until(lambda: _serves(owner) == [POOL.sku])
    await registry.place(NEIGHBOUR, "owner-0")
    await until(lambda: _serves(owner) == [POOL.sku, NEIGHBOUR.sku])
    await registry.place(POOL, "owner-1")
    await until(lambda: _serves(owner) == [NEIGHBOUR.sku])
    sit.cancel()


async def test_a_pool_that_was_fenced_and_is_still_placed_here_is_opened_again() -> None:
    """Whoever fenced it, the placement says that it is ours."""
    corner, registry = Corner(), MemoryRegistry()
    owner = corner.owner()
    await registry.place(POOL, "owner-0")
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
    await registry.place(POOL, "owner-0")
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
