"""Which owners there could be: as machines come and go, and as staff want it."""

import socket

import pytest

from actors.adapters.memory import MemoryRegistry
from actors.cluster import membership
from actors.cluster.machines import Machine
from actors.cluster.membership import Membership, empty_looks
from actors.settings import Settings
from engine.names import PoolName
from engine.ports import Load, MachineOrder, Seat

A, B = Machine("10.0.0.1", "node-a", 2), Machine("10.0.0.2", "node-b", 1)
POOL = PoolName("t", "red")


class Ray:
    """What Ray says of machines."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.alive = [A, B]
        monkeypatch.setattr(membership, "machines", lambda: {machine.address: machine for machine in self.alive})


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Ray:
    """Two machines."""
    return Ray(monkeypatch)


@pytest.fixture
def registry() -> MemoryRegistry:
    """An empty one."""
    return MemoryRegistry()


@pytest.fixture
def members(ray: Ray, registry: MemoryRegistry) -> Membership:
    """As the head, which is A, sees it."""
    assert ray.alive
    return Membership(Settings(machine=A.address), registry)


async def test_each_machines_first_owner_comes_before_any_second(ray: Ray, members: Membership) -> None:
    """So that a machine that comes is used at once."""
    assert await members.look() == [A.address, B.address]
    roster = members.roster([])
    assert roster.placeable == ["owner-10.0.0.1-0", "owner-10.0.0.2-0", "owner-10.0.0.1-1"]
    assert roster.living == set(roster.placeable)
    assert await members.look() == []
    ray.alive = [A]
    assert await members.look() == []
    assert members.roster(["owner-10.0.0.2-0"]).living == {"owner-10.0.0.1-0", "owner-10.0.0.1-1"}
    ray.alive = [A, B._replace(node_id="node-b-again")]
    assert await members.look() == [B.address]


async def test_a_machine_that_is_to_leave_keeps_what_it_has_and_gets_nothing(
    members: Membership, registry: MemoryRegistry
) -> None:
    """Its owner lives, and may not be placed with."""
    await registry.order(B.address, MachineOrder(is_leaving=True))
    await members.look()
    roster = members.roster(["owner-10.0.0.2-0"])
    assert "owner-10.0.0.2-0" not in roster.placeable
    assert "owner-10.0.0.2-0" in roster.living


async def test_an_owner_is_let_go_once_it_has_had_nothing_for_long(
    members: Membership, registry: MemoryRegistry
) -> None:
    """Not while a pool is placed with it, not while it serves one that was placed elsewhere, and not at first sight."""
    owner = "owner-10.0.0.2-0"
    await registry.add_pool(POOL)
    await registry.place({POOL: owner})
    await members.look()
    for _ in range(2 * empty_looks):
        assert await members.emptied([owner]) == []
    await registry.place({POOL: "owner-10.0.0.1-0"})
    await registry.report(Load(owner, 1, 0.0, {}, hosted=1))
    for _ in range(2 * empty_looks):
        assert await members.emptied([owner]) == []
    await registry.report(Load(owner, 2, 0.0, {}, hosted=0))
    for _ in range(empty_looks - 1):
        assert await members.emptied([owner]) == []
    assert await members.emptied([owner]) == [owner]
    await registry.announce(Seat(owner, "tcp:x", 1, B.address, 1))
    await members.retire([owner])
    assert await registry.owners() == []


async def test_staff_say_how_many_owners_a_machine_has(members: Membership, registry: MemoryRegistry) -> None:
    """More than its settings, or fewer."""
    await registry.order(A.address, MachineOrder(owners=1))
    await registry.order(B.address, MachineOrder(owners=3))
    await members.look()
    assert [len(members.owners_of(machine.address)) for machine in (A, B)] == [1, 3]


async def test_a_house_of_one_machine_is_asked_by_its_host_name(registry: MemoryRegistry) -> None:
    """Ray is not asked at all."""
    members = Membership(Settings(actors_max=2), registry)
    assert await members.look() == [""]
    assert members.roster([]).placeable == ["owner-0", "owner-1"]
    await registry.order(socket.gethostname(), MachineOrder(owners=3))
    await members.look()
    assert members.roster([]).placeable == ["owner-0", "owner-1", "owner-2"]


async def test_a_machine_that_was_emptied_is_noted(members: Membership, registry: MemoryRegistry) -> None:
    """By what its annex waits for."""
    await registry.order(B.address, MachineOrder(owners=2, is_leaving=True))
    await members.look()
    await members.let_go(B.address)
    assert (await registry.orders())[B.address] == MachineOrder(2, is_leaving=True, has_left=True)
