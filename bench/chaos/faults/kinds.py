"""All kinds of faults there are. A new one is a class, and a place in this list."""

from collections.abc import Mapping

from bench.chaos.faults import deaths, disks, freezes, machines, networks, times
from bench.chaos.faults.fault import Fault

_ALL: tuple[type[Fault], ...] = (
    deaths.OwnerKilled,
    deaths.FrontKilled,
    deaths.StoreKilled,
    deaths.StoreKilledRewriting,
    deaths.PowerLost,
    deaths.DeskKilled,
    deaths.RefillKilled,
    deaths.ArchivistKilled,
    deaths.ClientKilled,
    freezes.OwnerFrozen,
    freezes.OwnerFrozenPastTakeover,
    freezes.StoreFrozen,
    freezes.DeskFrozen,
    freezes.ArchivistFrozen,
    freezes.ClientFrozen,
    freezes.HouseFrozen,
    freezes.RayletFrozen,
    freezes.GcsFrozen,
    networks.StoreCut,
    networks.StoreReset,
    networks.OwnerStoreSilent,
    networks.OwnerAnswersHeld,
    networks.StoreAnswersHeld,
    networks.StoreAnswersLost,
    networks.StoreFar,
    networks.ClientsReset,
    networks.ClientsSilent,
    networks.ClientsUnanswered,
    disks.SlowSync,
    disks.FailingSync,
    disks.FullDisk,
    machines.RayletKilled,
    machines.GcsKilled,
    machines.HouseholdKilled,
    machines.NodeLost,
    machines.MachineLeft,
    times.ClockAhead,
    times.ClockBehind,
)

KINDS: Mapping[str, type[Fault]] = {kind.name: kind for kind in _ALL}

#: A house whose clocks were set wrong gives its holds other ends than its buyers expect, and is judged with more room.
CLOCK_KINDS = frozenset((times.ClockAhead.name, times.ClockBehind.name))

#: What a leg of several machines is broken by.
OF_MACHINES = frozenset(
    kind.name
    for kind in (
        *(machines.RayletKilled, machines.GcsKilled, machines.HouseholdKilled, machines.NodeLost, machines.MachineLeft),
        *(deaths.OwnerKilled, deaths.StoreKilled, deaths.DeskKilled, deaths.ArchivistKilled),
    )
)

#: What ends the house as a whole today, and so is not among the kinds.
LEFT_OUT: Mapping[str, str] = {
    "house_killed": "the house's own process: everything it started ends with it (tests/cluster/test_house_restart.py)",
    "rolling_upgrade": "a scenario of its own: `make bench SCENARIO=upgrade`",
}
