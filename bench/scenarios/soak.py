"""Soak: an ordinary day without end, and whether its evening is like its morning.

Asks for the slope of the resident memory of every process and of the p99, under a steady load of whole journeys
(allocate, then 6 of 10 confirm, 2 release, 2 leave it to expire) on one SKU; ten minutes by default, hours with
`--seconds`, the other door with `--door plain`. What a house keeps in memory on purpose (recent answers, at most
200,000 or ten minutes of them) is full before it is measured.

A good answer: every slope lies within its noise, which is said beside it (99 %, moving-block bootstrap), but for the
store's: that keeps each hold, order and payment for ever, and how many bytes a journey it takes is a figure of its own.
"""

import time
from collections.abc import Mapping, Sequence

from bench.load.plan import Journeys, Open, Plan, Skus
from bench.run import Bench, at_most
from bench.run.slope import slope
from bench.run.watch import memory_courses, watching

#: Calls a second; about half of them begin a journey.
CALLS_PER_S = 1_000.0

#: What one audit can hold in this machine's memory (about 1 KB a call): a longer soak asks less a second.
CALLS_MAX = 3_000_000

_CONFIRM, _RELEASE, _EXPIRE = 0.6, 0.2, 0.2
_CALLS_A_JOURNEY = 1 + _CONFIRM + _RELEASE

#: A house remembers so many answers, or those of so many seconds, whichever is less; and then a dozen folds, one every
#: half minute or so: as many as an archivist's heap takes to find its shape.
_ANSWERS_REMEMBERED = 200_000
_REMEMBERED_S = 600.0
_SETTLE_S = 400.0

#: Looks at memory in all, and at most so often.
_LOOKS = 1_000
_LOOK_EVERY_S_MIN = 0.5

#: Growth that nobody would notice in a month.
_NEGLIGIBLE_BYTES_AN_HOUR = 2**20

_MIB = 2**20
_STORE = "store"


def run(bench: Bench) -> None:
    """See above."""
    house = bench.house(bench.door)
    seconds = bench.seconds(600.0)
    calls_per_s = min(CALLS_PER_S, CALLS_MAX / (2 * seconds))
    # A soak of a minute tries the scenario, not the house.
    warmup_s = min(seconds, _SETTLE_S + min(_REMEMBERED_S, _ANSWERS_REMEMBERED / calls_per_s))
    journeys_per_s = calls_per_s / _CALLS_A_JOURNEY
    bench.screen.say("stocking")
    sku = house.stock(int(journeys_per_s * (_CONFIRM * (seconds + warmup_s) * 1.1 + 60)))
    work = Journeys(Skus((sku,)), confirm=_CONFIRM, release=_RELEASE, expire=_EXPIRE)
    plan = Plan(work, Open(calls_per_s), warmup_s=warmup_s, measure_s=seconds)
    every_s = max(_LOOK_EVERY_S_MIN, (seconds + warmup_s) / _LOOKS)
    began_s = time.monotonic()
    with watching(house.usages, every_s=every_s) as looks:
        measured = bench.load(house, "soak", plan)
    # The load begins when its processes stand ready, so what is measured began so long before the end.
    from_s = time.monotonic() - seconds
    bench.note(f"{calls_per_s:,.0f} calls a second; {from_s - began_s:,.0f} s to settle were not measured")
    courses = memory_courses(looks, from_s)
    _tell_of_memory(bench, courses, seconds)
    store = [point for name, course in courses.items() if name == _STORE for point in course if point[0] >= 0]
    if len(store) > 2:
        grown = slope(store).an_hour / 3_600 / journeys_per_s
        bench.measure("store_bytes_a_journey", grown, unit="bytes", about="what the store grows by for each journey")
    tail = [(float(second.at_s), second.p99_us / 1000) for second in measured.series if second.at_s >= 0]
    _tell_of_waiting(bench, tail)


def _tell_of_memory(bench: Bench, courses: Mapping[str, Sequence[tuple[float, float]]], seconds: float) -> None:
    growing = 0
    for name, course in sorted(courses.items()):
        points = [point for point in course if 0 <= point[0] <= seconds]
        if len(points) < 3:
            continue
        found = slope(points)
        grows = found.grows(_NEGLIGIBLE_BYTES_AN_HOUR)
        growing += grows and name != _STORE
        about = f"{'GROWS' if grows else 'flat'}: {found.low / _MIB:+,.1f} to {found.high / _MIB:+,.1f} MiB an hour"
        bench.measure(f"{name} memory", found.an_hour / _MIB, unit="MiB/h", about=about)
    about = "processes, but for the store, whose memory surely grows"
    bench.measure("growing_processes", growing, unit="", about=about, goal=at_most(0))
    in_mib = {name: [(at_s, size / _MIB) for at_s, size in course] for name, course in courses.items()}
    bench.course("Resident memory of each process", in_mib, unit="MiB")


def _tell_of_waiting(bench: Bench, tail: Sequence[tuple[float, float]]) -> None:
    found = slope(tail)
    about = f"p99 of each second: {found.low:+,.1f} to {found.high:+,.1f} ms an hour"
    bench.measure("p99_slope", found.an_hour, unit="ms/h", about=about)
    bench.measure("p99_grows", found.grows(), unit="", about="1: p99 surely grows", goal=at_most(0))
    bench.course("p99 of each second", {"p99": tail}, unit="ms")
