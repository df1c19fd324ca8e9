"""Faults say truly what was done, and leave nothing behind that was not."""

from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from bench.chaos.disk import Place
from bench.chaos.faults.deaths import PowerLost
from bench.chaos.faults.machines import MachineLeft, NodeLost
from bench.house_process import HouseFailed
from bench.run.estate import Estate


class TwoMachines(Estate):
    """They are lost and join as told; nothing runs."""

    def __init__(self, *, can_join: bool = True, can_leave: bool = True) -> None:
        self._running = {0, 1}
        self._can_join = can_join
        self._can_leave = can_leave

    @property
    def addresses(self) -> Sequence[str]:
        """See Estate."""
        return ["127.0.9.1", "127.0.9.2"]

    def placement(self) -> Mapping[str, str]:
        """Nobody knows of any SKU."""
        return {}

    def lose(self, number: int) -> None:
        """See Estate."""
        self._running.discard(number)

    def drain(self, number: int) -> None:
        """See Estate."""
        self._running.discard(number)
        if not self._can_leave:
            raise HouseFailed(f"machine {number} did not leave")

    def join(self, number: int) -> None:
        """See Estate."""
        if not self._can_join:
            raise HouseFailed(f"machine {number} did not start")
        self._running.add(number)


def arena(house: Estate) -> Any:
    """As much of one as these faults look at."""
    return SimpleNamespace(house=house)


def test_a_machine_is_lost_whether_or_not_its_skus_are_known() -> None:
    """Without them there is only no figure; and it joins again."""
    estate = TwoMachines()
    fault = NodeLost(arena(estate), Random(1))
    assert fault.inject()
    assert (fault.skus, estate.runs(1)) == (frozenset(), False)
    assert fault.heal()
    assert estate.runs(1)


def test_a_machine_that_cannot_join_again_ends_the_leg() -> None:
    """The house is another one from then on."""
    fault = NodeLost(arena(TwoMachines(can_join=False)), Random(1))
    fault.inject()
    with pytest.raises(HouseFailed, match="did not start"):
        fault.heal()


def test_a_machine_that_did_not_leave_in_good_order_does_not_count_and_joins_again() -> None:
    """It is gone all the same."""
    estate = TwoMachines(can_leave=False)
    fault = MachineLeft(arena(estate), Random(1))
    assert not fault.inject()
    fault.heal()
    assert estate.runs(1)


def test_power_that_was_not_lost_takes_nothing_at_the_next_start_of_the_store() -> None:
    """There was no store to kill."""
    orders: Counter[Place] = Counter()
    nobody: Any = SimpleNamespace(disk=SimpleNamespace(orders=orders), one=lambda _role, _chance: None)
    fault = PowerLost(nobody, Random(1))
    assert not fault.inject()
    assert orders[Place.LOSE_UNSYNCED] == 0
    assert not fault.heal()
