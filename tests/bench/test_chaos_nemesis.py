"""The nemesis keeps to its plan, puts everything right, and counts only what happened; and when somebody was back."""

from random import Random
from typing import Any, ClassVar

import pytest

from bench.chaos.answers import Answers
from bench.chaos.faults.deaths import PowerLost
from bench.chaos.faults.disks import DiskTrouble
from bench.chaos.faults.fault import Fault
from bench.chaos.faults.kinds import KINDS
from bench.chaos.faults.machines import OfMachines
from bench.chaos.faults.times import ClockStep
from bench.chaos.nemesis import Nemesis
from bench.chaos.plan import Planned, Step
from bench.load.history import Call, Item

SKU = "tenants/default/skus/A"
_NOBODY: Any = None

#: Faults whose healing looks at the arena, whatever was done before.
_LOOKS_AT_ARENA = (PowerLost, DiskTrouble, OfMachines, ClockStep)


class Scratch(Fault):
    """Leaves word of itself."""

    name = "scratch"
    about = "a scratch"
    words: ClassVar[list[str]] = []
    is_done = True
    is_noticed = True

    def inject(self) -> bool:
        """See Fault."""
        self.words.append(f"{self.name} on")
        return self.is_done

    def heal(self) -> bool:
        """See Fault."""
        self.words.append(f"{self.name} off")
        return self.is_noticed


class Dent(Scratch):
    """Nobody notices it."""

    name = "dent"
    is_noticed = False


class Miss(Scratch):
    """It meets nothing."""

    name = "miss"
    is_done = False


class Halfway(Scratch):
    """It breaks while it is done."""

    name = "halfway"

    def inject(self) -> bool:
        """See Fault."""
        raise OSError(self.name)


@pytest.fixture(autouse=True)
def _clean() -> None:
    Scratch.words.clear()


def test_a_mix_is_broken_and_mended_in_the_order_of_its_moments() -> None:
    """The one that begins first may last longer."""
    nemesis = Nemesis(_NOBODY, Random(1), lambda _what: None)
    nemesis.carry_out([Step(0.0, (Planned(Scratch, 0.0, 0.3), Planned(Dent, 0.1, 0.1)))])
    assert Scratch.words == ["scratch on", "dent on", "dent off", "scratch off"]
    dent, scratch = nemesis.injected
    assert (dent.happened, scratch.happened) == (False, True)
    assert not dent.is_alone


def test_what_was_not_done_does_not_count_and_is_put_right_all_the_same() -> None:
    """A part of it may have been done."""
    nemesis = Nemesis(_NOBODY, Random(1), lambda _what: None)
    nemesis.carry_out([Step(0.0, (Planned(Miss, 0.0, 0.0),)), Step(0.05, (Planned(Scratch, 0.0, 0.0),))])
    assert Scratch.words == ["miss on", "miss off", "scratch on", "scratch off"]
    assert [(each.kind, each.happened, each.is_alone) for each in nemesis.injected] == [
        ("miss", False, True),
        ("scratch", True, True),
    ]


def test_a_step_waits_for_the_house_and_what_has_no_time_left_is_left_out() -> None:
    """So that a fault alone is alone; moments move, the order stays."""
    looks: list[bool] = []

    def is_well() -> bool:
        looks.append(len(looks) >= 3)
        return looks[-1]

    nemesis = Nemesis(_NOBODY, Random(1), lambda _what: None, is_well)
    nemesis.carry_out([Step(0.0, (Planned(Scratch, 0.0, 0.0),)), Step(0.5, (Planned(Dent, 0.0, 0.1),))], 0.8)
    assert Scratch.words == ["scratch on", "scratch off"]
    assert looks.count(False) == 3


def test_whatever_breaks_the_run_everything_is_put_right() -> None:
    """Nobody stays frozen because a scenario ended early."""

    def says_no(what: str) -> None:
        if Scratch.words:
            raise KeyboardInterrupt(what)

    nemesis = Nemesis(_NOBODY, Random(1), says_no)
    steps = [Step(0.0, (Planned(Scratch, 0.0, 60.0), Planned(Dent, 0.1, 60.0)))]
    with pytest.raises(KeyboardInterrupt):
        nemesis.carry_out(steps)
    assert Scratch.words == ["scratch on", "scratch off"]


def test_a_fault_that_breaks_is_put_right() -> None:
    """As far as it came."""
    nemesis = Nemesis(_NOBODY, Random(1), lambda _what: None)
    with pytest.raises(OSError, match="halfway"):
        nemesis.carry_out([Step(0.0, (Planned(Halfway, 0.0, 0.0),))])
    assert Scratch.words == ["halfway off"]
    assert [each.happened for each in nemesis.injected] == [False]


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if not issubclass(kind, _LOOKS_AT_ARENA)])
def test_what_never_began_can_be_put_right(kind: type[Fault]) -> None:
    """It needs nobody for that."""
    kind(_NOBODY, Random(1)).heal()


def test_back_is_when_each_sku_decided_a_call_that_was_sent_after_the_fault() -> None:
    """What was under way says nothing, nor does a refusal that a front end gives; that nothing is left does."""
    answers = Answers()
    for number, (sent_s, answered_s, status, reason, sku) in enumerate(
        [
            *((0.9, 1.2, 0, "", "A"), (1.1, 3.0, 0, "", "A"), (1.2, 2.5, 0, "", "A"), (1.3, 1.4, 0, "", "B")),
            *((1.0, 1.5, 14, "", "A"), (1.1, 1.2, 8, "OVERLOADED", "A"), (1.0, 2.0, 8, "OUT_OF_STOCK", "C")),
        ]
    ):
        item = Item(f"r{number}", "", f"tenants/default/skus/{sku}")
        answers.hear(Call("Allocate", (item,), int(sent_s * 1e9), int(answered_s * 1e9), status, reason, b""))
    answers.hear(Call("Allocate", (Item("r9", "", SKU),), 1, None, None, "", b""))
    assert answers.all_served_s(1.0, {"A"}) == 2.5
    assert answers.all_served_s(1.0, {"A", "B"}) == 2.5
    assert answers.all_served_s(0.95, {"B", "C"}) == 2.0
    assert answers.all_served_s(1.0, {"A", "C"}) is None
    assert answers.all_served_s(1.25, {"A"}) is None
    assert (answers.calls, answers.unknown, answers.ok_in_second.total()) == (8, 2, 4)
