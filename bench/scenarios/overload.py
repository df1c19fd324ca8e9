"""Overload: three times as many buyers as the house can serve, and none of them waits for the others.

Asks whether a house that is asked for more than it can do goes on doing what it can: how many holds a second it still
gives out beside its best, how soon those it cannot serve hear their no, whether anything in it grows without bound
meanwhile (memory, commands that wait), and how soon a buyer is served as before once the crowd is gone. Two houses are
asked by turns: one owner that is its own front end, and two front ends of their own before two owners, where the crowd
wants a SKU of each (`fronts_…`).

A good answer: of both at least 90 % of the peak, refusals within tens of milliseconds, answers that still come in time
(a client gives up after a second), waiting commands and memory that level off, and calm again within 2 s.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from cardkeep_client.v1.cluster_pb2 import MoveSkuRequest

from bench.load.history import read
from bench.load.plan import Allocations, Closed, Measured, Open, Plan, Skus
from bench.run import Bench, CannotRun, Door, House, at_least, at_most
from bench.run.goals import OVERLOAD_GOODPUT, OVERLOAD_RECOVERY_S, OVERLOAD_REFUSAL_MS
from bench.run.moments import Moment, calm_again_s, moments, p99_s, refused_s
from bench.run.processes import Usages, cpu_s_by_role, least_share
from bench.run.series import Goal
from bench.run.watch import Look, memory_courses, watching
from bench.waiting import until
from clients.cli.machines import SERVICE

TIMES = 3.0
ROUNDS = 4
SATURATION, OVERLOAD, CALM = "saturation", "overload", "one calm buyer"

_WARMUP_S = 1.0
_GUESS_PER_S = 40_000
_DEADLINE_MS = 1_000

#: The client must not be the one that holds back: so many may be under way on each of its connections.
_IN_FLIGHT_MAX = 10_000
#: How many a front end lets travel on one connection (actors/front/http2/desk.py). What waits cannot be more than that.
_CALLS_A_CONNECTION = 128

#: What is said where there is no room; and how many calls may wait in vain.
_NO_ROOM, _LATE_SHARE = "OVERLOADED", 0.01

#: More cards than chance wants of one SKU.
_CARDS_TO_SPARE = 1_000

#: Whose memory is told; and where there are several, of whom each has to take part: with so much of an even share.
_ROLES, _SHARING = ("front", "owner", "store"), ("front", "owner")
_TAKES_PART = 0.5

#: A buyer who comes all the time, before, during and after: by him it is seen when all is calm again.
_CALM_PER_S = 100.0
_CALM_BEFORE_S = 3.0
_CALM_AFTER_S = 5.0

#: As before means: at most half as long again as the middle answer took before, and a busy machine's hiccup.
_LIKE_BEFORE = 1.5
_HICCUP_S = 0.001

#: A look has all metrics gathered: four of them a second took an eighth of a core from the crowd.
_LOOK_EVERY_S = 1.0

#: An archivist that takes less of a core than this folds nothing; it looks for work four times a second.
_RESTS_BELOW = 0.05
_REST_LOOK_S, _REST_LOOKS_MAX = 1.0, 30

#: How long a SKU may take to be where it was moved to.
_MOVED_WITHIN_S = 10.0


class Shape(NamedTuple):
    """A house that is crowded. The crowd wants a SKU of each of its owners."""

    label: str
    #: Begins the names of its figures.
    prefix: str
    settings: Mapping[str, str]
    owners: int
    #: The load that finds the peak: calls under way on each of so many connections.
    under_way_at_peak: int
    connections_at_peak: int
    #: The crowd: processes, and connections of each.
    processes: int
    connections: int


#: Two front ends get connections by chance: of sixteen hardly all of them go to one. And more has to be under way until
#: they are busy. Eight connections keep their callers' calls back before an owner has to refuse any; 128 bring more
#: than two owners can answer within half a second.
SHAPES = (
    Shape("cardkeep", "", {"actors_max": "1"}, 1, 16, 4, processes=1, connections=8),
    Shape(
        "two fronts, two owners",
        "fronts_",
        {"actors_max": "2", "front_ends": "2"},
        2,
        64,
        16,
        processes=2,
        connections=64,
    ),
)


class _Crowding:
    """One shape's house, and its rounds."""

    def __init__(self, bench: Bench, shape: Shape) -> None:
        self._bench = bench
        self._shape = shape
        self._house = bench.house(Door.FAST, label=shape.label, **shape.settings)
        self._seconds = bench.seconds(6.0)

    def round(self) -> None:
        """Find the peak, send the crowd, and tell. Raises AuditFailed and CannotRun."""
        bench, house = self._bench, self._house
        bench.screen.say("stocking")
        # SKUs for each of the two, and a rest before each: to fold a journal would take from one of them alone.
        load_s = self._seconds + _WARMUP_S
        cards = int(1.1 * bench.pace(house, SATURATION, _GUESS_PER_S) * load_s)
        most, rush = self._stocked(cards), self._stocked(cards)
        _let_rest(house)
        with _cores_used(house) as cores_at_peak:
            peak = bench.load(house, SATURATION, self._at_peak(most))
        _let_rest(house)
        calm_s = _CALM_BEFORE_S + load_s + _CALM_AFTER_S
        its_own = Skus((house.stock(int(_CALM_PER_S * calm_s) + _CARDS_TO_SPARE),))
        calm = Plan(Allocations(its_own), Open(_CALM_PER_S), 0.0, calm_s)
        with (
            watching(house.gauges, every_s=_LOOK_EVERY_S) as gauges,
            watching(house.usages, every_s=_LOOK_EVERY_S) as usages,
            bench.beside(house, CALM, calm) as buying,
        ):
            time.sleep(_CALM_BEFORE_S)
            with _cores_used(house) as cores_loaded:
                loaded = bench.load(house, OVERLOAD, self._crowd(rush, TIMES * peak.calls_per_s))
        crowded = sorted(chain.from_iterable(moments(loaded)))
        self._tell(peak, loaded, crowded)
        self._tell_of_work(peak.items_per_s / cores_at_peak[0], loaded.items_per_s / cores_loaded[0])
        self._tell_of_calm(moments(buying.result())[0], crowded)
        self._tell_of_queues(gauges, usages, crowded)
        if self._shape.owners > 1:
            self._tell_of_shares(usages)
        bench.check(house)

    def _at_peak(self, skus: Skus) -> Plan:
        pace, connections = Closed(self._shape.under_way_at_peak), self._shape.connections_at_peak
        return Plan(Allocations(skus), pace, _WARMUP_S, self._seconds, connections=connections)

    def _crowd(self, skus: Skus, calls_per_s: float) -> Plan:
        return Plan(
            Allocations(skus),
            Open(calls_per_s, _IN_FLIGHT_MAX),
            _WARMUP_S,
            self._seconds,
            processes=self._shape.processes,
            connections=self._shape.connections,
            deadline_ms=_DEADLINE_MS,
        )

    def _stocked(self, cards: int) -> Skus:
        """Fresh SKUs with so many cards together, each with another owner. Raises CannotRun."""
        house, owners = self._house, self._shape.owners
        skus = tuple(house.stock(cards // owners + _CARDS_TO_SPARE) for _ in range(owners))
        seats = sorted(owner.name for owner in house.client.owners())
        names = [pool.name for pool in house.client.pools() if pool.name.rpartition("/")[2] in skus]
        for name, owner in zip(names, seats, strict=True):
            house.client.call(SERVICE, "MoveSku", MoveSkuRequest(name=name, owner=owner))
        if not until(lambda: len({house.owner_of(sku).name for sku in skus}) == owners, _MOVED_WITHIN_S):
            raise CannotRun(f"{', '.join(skus)} have not each another owner within {_MOVED_WITHIN_S:g} s")
        return Skus(skus)

    def _measure(self, name: str, value: float, *, unit: str, about: str, goal: Goal | None = None) -> None:
        self._bench.measure(self._shape.prefix + name, value, unit=unit, about=about, goal=goal)

    def _tell(self, peak: Measured, loaded: Measured, crowded: Sequence[Moment]) -> None:
        goodput = loaded.items_per_s / peak.items_per_s
        about = f"holds a second at {TIMES:g} times saturation ÷ at saturation, client on the same cores"
        self._measure("goodput_over_peak", goodput, unit="×", about=about, goal=OVERLOAD_GOODPUT)
        self._tell_of_refusals(loaded)
        waited_s = sorted(call.took_s for call in crowded if call.is_ok)
        if waited_s:
            for name, share in (("p50", 0.5), ("p99", 0.99)):
                waited_ms = waited_s[int(share * (len(waited_s) - 1))] * 1000
                about = f"{name} of those who were served meanwhile, from sending to the answer"
                self._measure(f"served_{name}_ms", waited_ms, unit="ms", about=about)
        asked = loaded.intended / loaded.measured_s
        about = "what was asked ÷ what was served at most"
        self._measure("asked_over_peak", asked / peak.calls_per_s, unit="×", about=about)
        about = "calls no connection had room for: a caller's library keeps them back until there is, or gives up"
        self._measure("kept_back_share", loaded.dropped / loaded.intended, unit="", about=about)
        about = "calls that were sent and got no answer in time"
        self._measure("unheard_share", loaded.unanswered / loaded.intended, unit="", about=about)

    def _tell_of_refusals(self, loaded: Measured) -> None:
        """Some hear at once that there is no room; others wait in line, and their time is over before their turn."""
        took_s = sorted(refused_s(chain.from_iterable(map(read, map(Path, loaded.histories))), _NO_ROOM)) or [0.0]
        about = f"p99 of the refusals for want of room ({_NO_ROOM}), from sending to the answer; 0 when there were none"
        self._measure("refusal_p99_ms", p99_s(took_s) * 1000, unit="ms", about=about, goal=OVERLOAD_REFUSAL_MS)
        self._measure("refusal_p50_ms", took_s[len(took_s) // 2] * 1000, unit="ms", about="p50 of the same")
        refused = loaded.reasons.get(_NO_ROOM, 0)
        about = "calls that were sent and refused for want of room"
        self._measure("refused_share", refused / loaded.intended, unit="", about=about)
        about = "calls that were sent and whose time was over in line, of those that were answered"
        late = (loaded.answered - loaded.ok - refused) / loaded.answered
        self._measure("late_share", late, unit="", about=about, goal=at_most(_LATE_SHARE))

    def _tell_of_work(self, peak: float, loaded: float) -> None:
        """The crowd is made on the same cores, and takes them from the house; this leaves that out."""
        about = (
            "holds for each second of CPU of the house at 3 times saturation ÷ at saturation: below 1 is work in vain"
        )
        self._measure("work_over_peak", loaded / peak, unit="×", about=about)

    def _tell_of_calm(self, calls: Sequence[Moment], crowded: Sequence[Moment]) -> None:
        began_s, ended_s = crowded[0].sent_s, max(call.sent_s for call in crowded)
        before = sorted(call.took_s for call in calls if call.answered_s < began_s)
        meanwhile = sorted(call.took_s for call in calls if began_s < call.sent_s < ended_s and call.is_ok)
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            took_ms = meanwhile[int(share * (len(meanwhile) - 1))] * 1000
            about = f"{name} of the calm buyer meanwhile, who wants another SKU of a crowded owner"
            self._measure(f"neighbour_{name}_ms", took_ms, unit="ms", about=about)
        like_s = before[len(before) // 2] * _LIKE_BEFORE + _HICCUP_S
        calm_s = calm_again_s(calls, ended_s, like_s=like_s)
        if calm_s is None:
            calm_s = _CALM_AFTER_S
            self._bench.note(
                f"{self._house.label}: {calm_s:g} s after a crowd had gone a buyer still waited longer than before"
            )
        about = "from the crowd's last call until the calm buyer waits no longer than before"
        self._measure("recovery_s", calm_s, unit="s", about=about, goal=OVERLOAD_RECOVERY_S)

    def _tell_of_queues(
        self,
        gauges: Sequence[Look[Mapping[str, float]]],
        usages: Sequence[Look[Usages]],
        crowded: Sequence[Moment],
    ) -> None:
        began_s = crowded[0].sent_s
        lines = {
            name: [(look.at_s - began_s, look.seen.get(f"cardkeep_{name}", 0.0)) for look in gauges]
            for name in ("calls_under_way", "commands_waiting")
        }
        most = at_most(self._shape.processes * self._shape.connections * _CALLS_A_CONNECTION + _CALM_PER_S)
        for name, line in lines.items():
            about = f"the most {name.replace('_', ' ')} at any look, in all front ends"
            self._measure(f"{name}_most", max(value for _, value in line), unit="", about=about, goal=most)
        courses = {
            name: [(at_s, size / 2**20) for at_s, size in course]
            for name, course in memory_courses(usages, began_s).items()
            if name.startswith(_ROLES)
        }
        for role in _ROLES:
            grown = [
                max(size for _, size in course) - course[0][1]
                for name, course in courses.items()
                if name.startswith(role)
            ]
            if grown:
                about = f"how much the memory of any {role} grew at most, holds and answers included"
                self._measure(f"{role}_grew_mib", max(grown), unit="MiB", about=about)
        self._bench.course(f"What waits, the crowd comes at 0: {self._shape.label}", lines, unit="calls")
        self._bench.course(f"Memory of each process, the crowd comes at 0: {self._shape.label}", courses, unit="MiB")

    def _tell_of_shares(self, usages: Sequence[Look[Usages]]) -> None:
        for role in _SHARING:
            about = f"CPU of the {role} that did least ÷ an even share: each takes part"
            least = least_share(usages[0].seen, usages[-1].seen, role)
            self._measure(f"least_{role}_share", least, unit="×", about=about, goal=at_least(_TAKES_PART))


def run(bench: Bench) -> None:
    """See above."""
    crowdings = [_Crowding(bench, shape) for shape in SHAPES]
    for _ in bench.rounds(ROUNDS):
        for crowding in crowdings:
            crowding.round()


def _let_rest(house: House) -> None:
    """Wait until its archivist has folded what there was to fold."""
    for _ in range(_REST_LOOKS_MAX):
        before = house.usages()
        time.sleep(_REST_LOOK_S)
        if cpu_s_by_role(before, house.usages()).get("archivist", 0.0) < _RESTS_BELOW * _REST_LOOK_S:
            return


@contextmanager
def _cores_used(house: House) -> Iterator[list[float]]:
    """How many cores the house keeps busy on average during the body; known at its end."""
    before, began_s = house.usages(), time.monotonic()
    cores: list[float] = []
    yield cores
    cores.append(sum(cpu_s_by_role(before, house.usages()).values()) / (time.monotonic() - began_s))
