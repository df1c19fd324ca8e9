"""What every registry promises: pools once, placement with a version, and the latest word of each owner."""

from engine.names import PoolName
from engine.ports import NOBODY, Load, MachineOrder, Placement, Registry, Seat

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


async def test_a_new_pool_is_nobodys(registry: Registry) -> None:
    """It is in the placement at once, so that whoever reads on hears of it; placing it does not add it again."""
    await registry.add_pool(RED)
    assert await registry.placement() == Placement(1, {RED: NOBODY})
    await registry.place({RED: "one"})
    assert not await registry.add_pool(RED)
    assert await registry.placement() == Placement(2, {RED: "one"})


async def test_a_reader_is_told_what_is_new_to_it(registry: Registry) -> None:
    """Each pool that changed since, as it is now, once; whoever knows it all is told nothing."""
    version = await registry.place({RED: "one", GREEN: "one"})
    assert await registry.placement(version) == Placement(2, {})
    await registry.place({RED: "two"})
    await registry.place({RED: "three"})
    assert await registry.placement(version) == Placement(4, {RED: "three"})
    assert await registry.placement(1) == Placement(4, {GREEN: "one", RED: "three"})


async def test_a_reader_that_knows_more_than_there_is_is_told_everything(registry: Registry) -> None:
    """The store was put back to an older copy, say."""
    await registry.place({RED: "one"})
    assert await registry.placement(7) == Placement(1, {RED: "one"})


async def test_thousands_of_pools_are_placed_and_read_at_once(registry: Registry) -> None:
    """More than one step of the store takes, both ways."""
    many = {PoolName("t", f"sku-{number}"): f"owner-{number % 3}" for number in range(9_000)}
    await registry.place({RED: "one"})
    assert await registry.place(many) == 9_001
    assert await registry.placement(1) == Placement(9_001, many)
    assert await registry.place(many) == 9_001


async def test_the_latest_word_of_each_owner_on_its_load_is_kept(registry: Registry) -> None:
    """In order of id, with a decimal at most."""
    first = Load("two", 1, 12.5, {RED: 12.5}, hosted=4)
    await registry.report(first)
    await registry.report(Load("one", 7, 0.0, {}))
    await registry.report(first._replace(beat=2))
    assert await registry.loads() == [Load("one", 7, 0.0, {}), Load("two", 2, 12.5, {RED: 12.5}, hosted=4)]


async def test_what_is_wanted_of_a_machine_is_kept_until_something_else_is(registry: Registry) -> None:
    """By address; of other machines nothing is known."""
    assert await registry.orders() == {}
    await registry.order("10.0.0.2", MachineOrder(owners=3))
    await registry.order("10.0.0.2", MachineOrder(is_leaving=True))
    await registry.order("10.0.0.3", MachineOrder(2, is_leaving=True, has_left=True))
    assert await registry.orders() == {
        "10.0.0.2": MachineOrder(0, is_leaving=True),
        "10.0.0.3": MachineOrder(2, is_leaving=True, has_left=True),
    }


async def test_the_version_counts_changes_of_placement(registry: Registry) -> None:
    """Placing and moving count, saying the same again does not."""
    assert await registry.place({RED: "one"}) == 1
    assert await registry.place({GREEN: "one"}) == 2
    assert await registry.place({RED: "one"}) == 2
    assert await registry.place({RED: "two"}) == 3
    assert await registry.placement() == Placement(3, {RED: "two", GREEN: "one"})
    assert await registry.placement_version() == 3


async def test_the_latest_incarnation_has_the_seat(registry: Registry) -> None:
    """A restarted owner takes its seat over; the one before it, slow to die, cannot take it back."""
    assert await registry.announce(seat(1))
    assert await registry.announce(seat(2, "unix:/b"))
    assert not await registry.announce(seat(1))
    assert await registry.owners() == [seat(2, "unix:/b")]


async def test_of_two_with_one_number_the_first_stays(registry: Registry) -> None:
    """Two copies that count on from the same predecessor take the same number: one has to go, or both would serve."""
    assert await registry.announce(seat(10))
    assert await registry.announce(seat(10))
    assert not await registry.announce(seat(10, "tcp:10.0.0.1:7000"))
    assert await registry.owners() == [seat(10)]


async def test_an_owner_leaves_its_own_seat_only(registry: Registry) -> None:
    """A former incarnation does not take the present one off the list; leaving twice is fine."""
    await registry.announce(seat(2))
    assert not await registry.retire(seat(1))
    assert await registry.owners() == [seat(2)]
    assert await registry.retire(seat(2))
    assert await registry.retire(seat(2))
    assert await registry.owners() == []
