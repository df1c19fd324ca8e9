"""Overload: three times as many buyers as the house can serve, and none of them waits for the others.

Asks whether a house that is asked for more than it can do goes on doing what it can: how many holds a second it still
gives out beside its best, how soon those it cannot serve hear their no, whether anything in it grows without bound
meanwhile (memory, commands that wait), and how soon a buyer is served as before once the crowd is gone.

A good answer: at least 90 % of the peak, refusals within tens of milliseconds, answers that still come in time (a
client gives up after a second), waiting commands and memory that level off, and calm again within 2 s.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from bench.load.plan import Allocations, Closed, Measured, Open, Plan, Skus
from bench.run import Bench, CannotRun, House
from bench.run.goals import OVERLOAD_GOODPUT, OVERLOAD_RECOVERY_S, OVERLOAD_REFUSAL_MS
from bench.run.moments import Moment, calm_again_s, moments
from bench.run.processes import Usages, cpu_s_by_role
from bench.run.watch import Look, memory_courses, watching

TIMES = 3.0
ROUNDS = 5
SATURATION, OVERLOAD, CALM = "saturation", "overload", "one calm buyer"

_WARMUP_S = 1.0
_GUESS_PER_S = 40_000
_DEADLINE_MS = 1_000

#: The client must not be the one that holds back: so many may be under way on each of its connections.
_IN_FLIGHT_MAX = 10_000
_CONNECTIONS = 8

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


def run(bench: Bench) -> None:
    """See above."""
    house = bench.house(actors_max="1")
    seconds = bench.seconds(6.0)
    load_s = seconds + _WARMUP_S

    def stocked(per_s: float, for_s: float) -> Allocations:
        return Allocations(Skus((house.stock(int(per_s * for_s) + 1_000),)))

    for _ in bench.rounds(ROUNDS):
        bench.screen.say("stocking")
        # A SKU for each of the two, and a rest between them: to fold the one's journal would take from the other alone.
        pace = bench.pace(house, SATURATION, _GUESS_PER_S)
        most, rush = stocked(pace, 1.1 * load_s), stocked(pace, 1.1 * load_s)
        with _cores_used(house) as cores_at_peak:
            peak = bench.load(house, SATURATION, Plan(most, Closed(16), _WARMUP_S, seconds, connections=4))
        _let_rest(house)
        crowd = Plan(
            rush,
            Open(TIMES * peak.calls_per_s, _IN_FLIGHT_MAX),
            _WARMUP_S,
            seconds,
            connections=_CONNECTIONS,
            deadline_ms=_DEADLINE_MS,
        )
        calm_s = _CALM_BEFORE_S + load_s + _CALM_AFTER_S
        calm = Plan(stocked(_CALM_PER_S, calm_s), Open(_CALM_PER_S), 0.0, calm_s)
        with (
            watching(house.gauges, every_s=_LOOK_EVERY_S) as gauges,
            watching(house.usages, every_s=_LOOK_EVERY_S) as memory,
            bench.beside(house, CALM, calm) as buying,
        ):
            time.sleep(_CALM_BEFORE_S)
            with _cores_used(house) as cores_loaded:
                loaded = bench.load(house, OVERLOAD, crowd)
        crowded = [call for calls in moments(loaded) for call in calls]
        _tell(bench, peak, loaded, crowded)
        _tell_of_work(bench, peak.items_per_s / cores_at_peak[0], loaded.items_per_s / cores_loaded[0])
        _tell_of_calm(bench, moments(buying.result())[0], crowded)
        _tell_of_queues(bench, gauges, memory, crowded)
        bench.check(house)


def _let_rest(house: House) -> None:
    """Wait until its archivist has folded what there was to fold."""
    for _ in range(_REST_LOOKS_MAX):
        before = house.usages()
        time.sleep(_REST_LOOK_S)
        if cpu_s_by_role(before, house.usages()).get("archivist", 0.0) < _RESTS_BELOW * _REST_LOOK_S:
            return


def _tell(bench: Bench, peak: Measured, loaded: Measured, crowded: Sequence[Moment]) -> None:
    goodput = loaded.items_per_s / peak.items_per_s
    about = f"holds a second at {TIMES:g} times saturation ÷ at saturation, client on the same cores"
    bench.measure("goodput_over_peak", goodput, unit="×", about=about, goal=OVERLOAD_GOODPUT)
    refused_ms = loaded.refused.p99_us / 1000
    about = "p99 of the refusals, from sending to the answer"
    bench.measure("refusal_p99_ms", refused_ms, unit="ms", about=about, goal=OVERLOAD_REFUSAL_MS)
    waited_s = sorted(call.took_s for call in crowded if call.is_ok)
    if waited_s:
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            waited_ms = waited_s[int(share * (len(waited_s) - 1))] * 1000
            about = f"{name} of those who were served meanwhile, from sending to the answer"
            bench.measure(f"served_{name}_ms", waited_ms, unit="ms", about=about)
    asked = loaded.intended / loaded.measured_s
    bench.measure(
        "asked_over_peak", asked / peak.calls_per_s, unit="×", about="what was asked ÷ what was served at most"
    )
    about = (
        "calls there was no room for on a connection: a caller's library keeps them back until there is, or gives up"
    )
    bench.measure("kept_back_share", loaded.dropped / loaded.intended, unit="", about=about)
    about = "calls that were sent and got no answer in time"
    bench.measure("unheard_share", loaded.unanswered / loaded.intended, unit="", about=about)


@contextmanager
def _cores_used(house: House) -> Iterator[list[float]]:
    """How many cores the house keeps busy on average during the body; known at its end."""
    before, began_s = house.usages(), time.monotonic()
    cores: list[float] = []
    yield cores
    cores.append(sum(cpu_s_by_role(before, house.usages()).values()) / (time.monotonic() - began_s))


def _tell_of_work(bench: Bench, peak: float, loaded: float) -> None:
    """The crowd is made on the same cores, and takes them from the house; this leaves that out."""
    about = "holds for each second of CPU of the house at 3 times saturation ÷ at saturation: below 1 is work in vain"
    bench.measure("work_over_peak", loaded / peak, unit="×", about=about)


def _tell_of_calm(bench: Bench, calls: Sequence[Moment], crowded: Sequence[Moment]) -> None:
    began_s, ended_s = crowded[0].sent_s, max(call.sent_s for call in crowded)
    before = sorted(call.took_s for call in calls if call.answered_s < began_s)
    meanwhile = sorted(call.took_s for call in calls if began_s < call.sent_s < ended_s and call.is_ok)
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        took_ms = meanwhile[int(share * (len(meanwhile) - 1))] * 1000
        about = f"{name} of the calm buyer meanwhile, who wants another SKU of the same owner"
        bench.measure(f"neighbour_{name}_ms", took_ms, unit="ms", about=about)
    like_s = before[len(before) // 2] * _LIKE_BEFORE + _HICCUP_S
    calm_s = calm_again_s(calls, ended_s, like_s=like_s)
    if calm_s is None:
        raise CannotRun(f"{_CALM_AFTER_S:g} s after the crowd had gone, a buyer still waited longer than before")
    about = "from the crowd's last call until the calm buyer waits no longer than before"
    bench.measure("recovery_s", calm_s, unit="s", about=about, goal=OVERLOAD_RECOVERY_S)


def _tell_of_queues(
    bench: Bench, gauges: Sequence[Look[Mapping[str, float]]], memory: Sequence[Look[Usages]], crowded: Sequence[Moment]
) -> None:
    began_s = crowded[0].sent_s
    lines = {
        name: [(look.at_s - began_s, look.seen.get(f"cardkeep_{name}", 0.0)) for look in gauges]
        for name in ("calls_under_way", "commands_waiting")
    }
    for name, line in lines.items():
        about = f"the most {name.replace('_', ' ')} at any look, in the front end"
        bench.measure(f"{name}_most", max(value for _, value in line), unit="", about=about)
    courses = {
        name: [(at_s, size / 2**20) for at_s, size in course]
        for name, course in memory_courses(memory, began_s).items()
        if name.startswith(("front", "owner", "store"))
    }
    for name, course in courses.items():
        grown = max(size for _, size in course) - course[0][1]
        about = f"how much the memory of {name.split()[0]} grew at most, holds and answers included"
        bench.measure(f"{name.split()[0]}_grew_mib", grown, unit="MiB", about=about)
    bench.course("What waits, the crowd comes at 0", lines, unit="calls")
    bench.course("Memory of each process, the crowd comes at 0", courses, unit="MiB")
