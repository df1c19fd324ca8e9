"""All kinds of faults there are. A new one is a class, and a place in this list."""

from collections.abc import Mapping

from bench.chaos.faults import deaths, disks, freezes, networks, times
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
    times.ClockAhead,
    times.ClockBehind,
)

KINDS: Mapping[str, type[Fault]] = {kind.name: kind for kind in _ALL}

#: A house whose clocks were set wrong gives its holds other ends than its buyers expect, and is judged with more room.
CLOCK_KINDS = frozenset((times.ClockAhead.name, times.ClockBehind.name))

#: What ends the house as a whole today, and so is not among the kinds.
LEFT_OUT: Mapping[str, str] = {
    "gcs_killed": "Ray's control service (gcs_server): with it Ray, and so the house, ends",
    "raylet_killed": "Ray's node manager: on one machine it takes every actor with it",
    "house_killed": "the house's own process: everything it started ends with it (tests/cluster/test_house_restart.py)",
    "node_lost": "needs several machines, or several of Ray's nodes on one",
    "rolling_upgrade": "needs several of Ray's nodes, too",
}
