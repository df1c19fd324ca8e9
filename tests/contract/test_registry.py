"""What every registry promises: pools once, placement with a version, and the latest word of each owner."""

from engine.names import PoolName
from engine.ports import Placement, Registry, Seat

RED, GREEN = PoolName("t", "red"), PoolName("t", "green")


def seat(incarnation: int, address: str = "unix:/a") -> Seat:
    """A seat of the owner `one`."""
    return Seat("one", address, incarnation, "node-1", 4711)


async def test_a_pool_is_added_once(registry: Registry) -> None:
    """The second time says that it was there; the list is in order of name."""
    assert [await registry.add_pool(pool) for pool in (RED, GREEN, RED)] == [True, True, False]
    assert await registry.pools() == [GREEN, RED]


async def test_an_empty_registry_has_version_zero(registry: Registry) -> None:
    """Nothing is placed, known or announced at first."""
    assert await registry.placement() == Placement(0, {})
    assert await registry.placement_version() == 0
    assert await registry.pools() == []
    assert await registry.owners() == []


async def test_the_version_counts_changes_of_placement(registry: Registry) -> None:
    """Placing and moving count, saying the same again does not."""
    assert await registry.place(RED, "one") == 1
    assert await registry.place(GREEN, "one") == 2
    assert await registry.place(RED, "one") == 2
    assert await registry.place(RED, "two") == 3
    assert await registry.placement() == Placement(3, {RED: "two", GREEN: "one"})
    assert await registry.placement_version() == 3


async def test_the_latest_incarnation_has_the_seat(registry: Registry) -> None:
    """A restarted owner takes its seat over; the one before it, slow to die, cannot take it back."""
    assert await registry.announce(seat(1))
    assert await registry.announce(seat(2, "unix:/b"))
    assert not await registry.announce(seat(1))
    assert await registry.owners() == [seat(2, "unix:/b")]


async def test_the_same_incarnation_may_move(registry: Registry) -> None:
    """Announcing may be repeated, with another address."""
    assert await registry.announce(seat(10))
    assert await registry.announce(seat(10, "tcp:10.0.0.1:7000"))
    assert await registry.owners() == [seat(10, "tcp:10.0.0.1:7000")]


async def test_an_owner_leaves_its_own_seat_only(registry: Registry) -> None:
    """A former incarnation does not take the present one off the list; leaving twice is fine."""
    await registry.announce(seat(2))
    assert not await registry.retire(seat(1))
    assert await registry.owners() == [seat(2)]
    assert await registry.retire(seat(2))
    assert await registry.retire(seat(2))
    assert await registry.owners() == []
