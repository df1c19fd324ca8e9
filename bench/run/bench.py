"""What a scenario is given: sides, rounds, loads that are always audited, and places for what it finds out.

    def run(bench: Bench) -> None:
        house = bench.house()
        for _ in bench.rounds(5):
            sku = house.stock(50_000)
            work = Allocations(Skus((sku,)))
            bench.load(house, "sale", Plan(work, Closed(64), measure_s=bench.seconds(4.0)))
            bench.check(house)

Every load is heard by the audit. `check` closes the books of all SKUs loaded since the last check: what is unknown
is asked again, the house counts, the clients' histories are read, and one violation ends the run (AuditFailed), with
no figure. What a scenario did not check is checked at its end.
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Protocol, TypeVar

from actors.front.doors import Door
from bench.audit import Books, Findings
from bench.builds import Build
from bench.house_process import HouseFailed
from bench.load import fleet
from bench.load.plan import Measured, Plan, Progress
from bench.peers import PEERS, PeerFailed
from bench.run.checking import Loaded, look_into
from bench.run.estate import Estate
from bench.run.figures import Course, Figures, Load, Round
from bench.run.house import House
from bench.run.peer import Peer
from bench.run.processes import Usages, cpu_s_by_role, memory_bytes_by_role
from bench.run.screen import Screen
from bench.run.series import Goal

#: Where histories are written: memory, so that they do not disturb the fsyncs that are measured.
_MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it

_AnyHouse = TypeVar("_AnyHouse", bound=House)


class AuditFailed(Exception):
    """A promise was broken under load; the findings say which. The run has no figure."""

    def __init__(self, findings: Findings) -> None:
        super().__init__(findings)
        self.findings = findings


class CannotRun(Exception):
    """The scenario cannot be run here, or measured something else than it asks; the text says why and what to do."""


class Side(Protocol):
    """What is put under load and compared: a House or a Peer. All speak the same API, each through its door."""

    label: str
    door: Door
    #: Whether it can say what it has, by SKU. Where it cannot, the audit has the clients' histories alone.
    keeps_books: bool
    #: False for an echo, which gives everybody everything: there is nothing to audit.
    keeps_promises: bool

    @property
    def target(self) -> str:
        """Where it listens, host:port."""

    def stock(self, cards: int) -> str:
        """A new SKU with so many cards. Returns its id."""

    def books(self, skus: Sequence[str]) -> list[Books]:
        """What it says of its SKUs now."""

    def usages(self) -> Usages:
        """CPU and memory of each of its processes until now."""

    def stop(self) -> None:
        """End it."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line may say of any scenario. None: what the scenario says."""

    seconds: float | None = None
    rounds: int | None = None
    door: Door | None = None
    seed: int = 2026
    build: Path = Path("build/bench")
    #: Acknowledged holds asked for again with the same request id at each check, besides all unknown ones.
    asked_again_max: int = 2_000
    #: A folder for histories of houses, one a check, for `check-history`. Owners are killed for it: see last_look.py.
    history: Path | None = None
    #: The revision whose code an upgrade begins with.
    from_revision: str | None = None


@dataclass
class Bench:
    """One run of one scenario. `close` it whatever happens."""

    options: Options
    screen: Screen
    figures: Figures = field(default_factory=Figures)
    findings: Findings = field(default_factory=Findings)
    _sides: list[Side] = field(default_factory=list)
    _unchecked: dict[str, list[Loaded]] = field(default_factory=dict)
    _closed_skus: set[tuple[str, str]] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        (self.options.build / "tmp").mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix="run-", dir=self.options.build / "tmp")).resolve()
        memory = _MEMORY_FOLDER if _MEMORY_FOLDER.is_dir() else self._folder
        self._histories = Path(tempfile.mkdtemp(prefix="cardkeep-bench-", dir=memory))

    # Sides

    def house(self, door: Door = Door.FAST, *, label: str = "cardkeep", **settings: str) -> House:
        """Start a house of its own; `settings` are those of actors/settings.py, as text. Raises CannotRun."""
        return self.begin(House(label, self.new_folder(), door, settings))

    def new_folder(self) -> Path:
        """Where the next house lives; it is made by the house, and removed at the end of the run."""
        return self._folder / f"house-{next(self._numbers)}"

    def new_histories(self) -> Path:
        """A folder for clients that are not `load`'s, in memory where there is any; removed at the end of the run."""
        folder = self._histories / str(next(self._numbers))
        folder.mkdir()
        return folder

    def begin(self, house: _AnyHouse) -> _AnyHouse:
        """Start a house that was made elsewhere; it ends with the run. Raises CannotRun."""
        self._sides.append(house)
        try:
            house.start(self.screen.say)
        except HouseFailed as failure:
            raise CannotRun(f"{failure}. It said at last:\n{house.last_words()}") from failure
        self.figures.settings[side_name(house)] = house.settings
        return house

    def estate(self, machines: int, *, build: Build | None = None, **settings: str) -> Estate:
        """Start the head of a cluster of up to so many machines, all of this build. Raises CannotRun."""
        folder = self._folder / f"estate-{next(self._numbers)}"
        estate = Estate("cardkeep", folder, self.door, settings, machines)
        if build is not None:
            for number in range(machines):
                estate.install(number, build)
        return self.begin(estate)

    def peer(self, name: str, door: Door = Door.FAST, *, cards: int = 1, stocks: int = 1) -> Peer | None:
        """Start one of bench/peers with `stocks` SKUs of `cards` cards each.

        None, with a note that says why and how to get it, when it cannot be had here: the rest runs.
        """
        self.screen.say(f"starting {name} {door.value}")
        peer = Peer(name, self._folder / f"{name}-{door}", door, cards=cards, stocks=stocks)
        try:
            peer.start()
        except PeerFailed as failure:
            lines = str(failure).splitlines()
            self.note(f"{PEERS[name].title} is left out. {' … '.join(dict.fromkeys((lines[0], lines[-1])))}")
            return None
        self._sides.append(peer)
        self.figures.settings[side_name(peer)] = {"door": door.value, "cards": str(cards), "skus": str(stocks)}
        return peer

    def seconds(self, usual: float) -> float:
        """How long one load is measured: what the command line says, else what is usual for the scenario."""
        return self.options.seconds or usual

    @property
    def door(self) -> Door:
        """The door of a scenario that can go through either: what the command line says, else the fast one."""
        return self.options.door or Door.FAST

    def rounds_planned(self, usual: int) -> int:
        """How many rounds there will be: what the command line says, else what is usual for the scenario."""
        return self.options.rounds or usual

    def rounds(self, usual: int) -> Iterator[int]:
        """Count rounds from 0. Put every side through each of them, so that a slow minute hits all alike."""
        planned = self.rounds_planned(usual)
        for number in range(planned):
            self.screen.enter(f"round {number + 1} of {planned}")
            yield number
        self.screen.enter("")

    # Loads

    def load(
        self, side: Side, work: str, plan: Plan, *, may_sell_out: bool = False, goal: Goal | None = None
    ) -> Measured:
        """Run one load and keep its figures as one more round of this work on this side.

        `goal` is one for the items a second. Raises CannotRun when the stock did not last and may not sell out.
        """
        number = next(self._numbers)
        if closed := [sku for sku in plan.work.skus.ids if (side_name(side), sku) in self._closed_skus]:
            raise ValueError(f"the books of {closed} are closed: load before check")
        history_folder = str(self._histories / str(number)) if side.keeps_promises else None
        plan = replace(plan, seed=self.options.seed + number, history_folder=history_folder)
        before = side.usages()
        measured = fleet.run(plan, side.target, on_progress=lambda now: self.screen.say(_told(side, work, now)))
        after = side.usages()
        if side.keeps_promises:
            self._unchecked.setdefault(side_name(side), []).append(Loaded(plan, measured))
        if measured.reasons.get("OUT_OF_STOCK") and not may_sell_out:
            raise CannotRun(f"{work}: the stock of {side_name(side)} was too small for its pace; give it more cards")
        cpu_s = {**cpu_s_by_role(before, after), "client": measured.client.cpu_s}
        known = self.figures.loads.setdefault(
            (work, side_name(side)), Load(work, side.label, side.door.value, plan, goal)
        )
        known.rounds.append(Round(measured, cpu_s, memory_bytes_by_role(after)))
        return measured

    @contextmanager
    def beside(self, side: Side, work: str, plan: Plan, *, may_sell_out: bool = False) -> Iterator[Future[Measured]]:
        """Run one load, as `load` does, while the body does something else; at the body's end, wait for the load's.

        The CPU of whatever runs at the same time is counted to each. Raises what `load` raises.
        """
        with ThreadPoolExecutor(1) as threads:
            running = threads.submit(self.load, side, work, plan, may_sell_out=may_sell_out)
            yield running
        running.result()

    def pace(self, side: Side, work: str, guess_per_s: float) -> float:
        """Items a second this work may come to on this side, with room: for choosing how many cards to stock.

        The guess, or more when an earlier round was that fast; never less, since that round may have been unlucky.
        """
        known = self.figures.loads.get((work, side_name(side)))
        return guess_per_s if known is None else max(guess_per_s, 1.5 * max(known.series("items_per_s").values))

    def check(self, side: Side) -> None:
        """Close the books of everything loaded on this side since the last check. Raises AuditFailed."""
        loaded = self._unchecked.pop(side_name(side), [])
        if not loaded:
            return
        self.screen.say(f"auditing {side_name(side)}")
        findings = look_into(side, loaded, asked_again_max=self.options.asked_again_max, history=self._history_of(side))
        self._closed_skus.update((side_name(side), sku) for one in loaded for sku in one.plan.work.skus.ids)
        self.findings.add(findings)
        for one in loaded:
            shutil.rmtree(one.plan.history_folder or "", ignore_errors=True)
        if not findings.is_clean:
            raise AuditFailed(self.findings)

    def _history_of(self, side: Side) -> Path | None:
        """Where the next history of this side goes, if they are wanted."""
        folder = self.options.history
        if folder is None or not side.keeps_books:
            return None
        path = folder / f"{side.label}-{side.door.value}-{next(self._numbers)}.jsonl.gz"
        self.note(f"what clients were told: {path}; owners were killed after it was checked")
        return path

    def check_all(self) -> None:
        """Check every side that has something unchecked."""
        for side in self._sides:
            self.check(side)

    # Findings

    def measure(self, name: str, value: float, *, unit: str, about: str, goal: Goal | None = None) -> None:
        """One more value (one a round) of a figure that is not a load's rate or latency."""
        self.figures.measure(name, value, unit=unit, about=about, goal=goal)

    def ratio(
        self, key: str, over: tuple[str, Side | None], under: tuple[str, Side | None], *, of: str = "items_per_s"
    ) -> None:
        """Divide two loads, each (work, side), round by round; keys of bench/run/goals.py bring their goals along.

        `of` is a figure of `Load.series`. Left out, with a note, when a side is missing.
        """
        loads = [self.figures.loads.get((work, side_name(side))) for work, side in (over, under) if side is not None]
        if len(loads) < 2 or loads[0] is None or loads[1] is None or len(loads[0].rounds) != len(loads[1].rounds):
            self.note(f"{key} is left out: a side is missing")
            return
        self.figures.ratio(key, loads[0], loads[1], of)

    def course(self, title: str, lines: Mapping[str, Sequence[tuple[float, float]]], *, unit: str) -> None:
        """A plot over time: by name, seconds and what was measured then."""
        self.figures.courses.append(Course(title, unit, lines))

    def note(self, text: str) -> None:
        """Something the reader of the figures must know."""
        self.figures.notes.append(text)
        self.screen.keep(text)

    # The end

    def stop(self, side: Side) -> None:
        """Check a side and end it before the run does. Raises AuditFailed."""
        self.check(side)
        side.stop()
        self._sides.remove(side)
        self._closed_skus = {(name, sku) for name, sku in self._closed_skus if name != side_name(side)}

    def drop(self, side: Side, why: str) -> None:
        """End a peer that broke, with all its figures: what was not audited is not shown. The rest runs on."""
        side.stop()
        self._sides.remove(side)
        self._unchecked.pop(side_name(side), None)
        for key in [key for key in self.figures.loads if key[1] == side_name(side)]:
            del self.figures.loads[key]
        self.note(f"{side_name(side)} is out: {why}")

    @contextmanager
    def closing(self) -> Iterator[None]:
        """Whatever happens inside, nothing of the run is left behind."""
        try:
            yield
        finally:
            for side in self._sides:
                self.screen.say(f"stopping {side_name(side)}")
                side.stop()
            shutil.rmtree(self._histories, ignore_errors=True)
            shutil.rmtree(self._folder, ignore_errors=True)


def side_name(side: Side) -> str:
    """A side as tables and notes call it: "cardkeep fast"."""
    return f"{side.label} {side.door.value}"


def _told(side: Side, work: str, now: Progress) -> str:
    return f"{work} on {side_name(side)}: {now.items:,} items/s, p99 {now.p99_us / 1000:.1f} ms"
