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

    def __init__(self, *, can_join: bool = True, can_leave: bool = True, can_even_out: bool = True) -> None:
        self._running = {0, 1}
        self._can_even_out = can_even_out
        self._placed: dict[str, str] = {}
        self._can_join = can_join
        self._can_leave = can_leave

    @property
    def addresses(self) -> Sequence[str]:
        """See Estate."""
        return ["127.0.9.1", "127.0.9.2"]

    def wait_listed(self, number: int) -> None:
        """See Estate."""

    def even_out(self) -> None:
        """One SKU on each, where before all were on the head."""
        if not self._can_even_out:
            raise HouseFailed("SKUs were not evened out")
        self._placed = {"tenants/default/skus/A": "owner-127.0.9.1-0", "tenants/default/skus/B": "owner-127.0.9.2-0"}

    def placement(self) -> Mapping[str, str]:
        """See Estate."""
        return self._placed

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


@pytest.mark.parametrize(("can_even_out", "skus"), [(True, {"B"}), (False, set())])
def test_a_machine_is_lost_whether_or_not_it_has_its_share(can_even_out: bool, skus: set[str]) -> None:
    """Where that is not known there is only no figure; and it joins again."""
    estate = TwoMachines(can_even_out=can_even_out)
    fault = NodeLost(arena(estate), Random(1))
    assert fault.inject()
    assert (fault.skus, estate.runs(1)) == (skus, False)
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
