"""As many machines as this one's memory bears, one after another, and what a call costs at one, two, four, eight.

Asks what changes when a house grows from one machine to sixteen: how soon a machine is there and what it takes, how
soon the SKUs are spread evenly, whether any call through the head's door fails or waits longer when most are sent on to
another machine, and whether the CPU of a call grows as the model of docs/scale.md says. Each machine is an annex at a
loopback address of its own, with Ray, TLS and all; they share this machine's cores, so nothing gets faster here.

A good answer: no failed call; SKUs that are even 10 s after a machine has come; and calls that cost at most a quarter
more than the model says, however many machines there are.
"""

import time
from collections.abc import Mapping, Sequence
from statistics import mean, median
from typing import NamedTuple

import psutil

from bench.load.plan import Allocations, Closed, Measured, Open, Plan, Skus
from bench.run import Bench, at_most
from bench.run.estate import Estate
from bench.run.processes import cpu_s_by_role
from bench.run.scale_model import call_us

#: With sixteen, fifteen of sixteen calls are sent on, and one more machine would change what a call costs by 0.1 µs.
#: Each takes some 7 s to join, so that more would only be a longer run.
MACHINES_MAX = 16

#: At these numbers of machines it is measured, and at the last.
SIZES = (1, 2, 4, 8, 16)

#: Fresh ones at each size: one each on sixteen machines. More would be another question, since an owner does more for a
#: call, the more SKUs are asked for; and journals that grow are folded, which is no part of a call.
SKUS = MACHINES_MAX

#: A machine with its owner and a process that stands ready; and what the rest of this machine is left.
_MACHINE_BYTES, _RESERVE_BYTES = 512 * 2**20, 2 * 2**30

#: Two loads at each size. One is modest, and says how long callers wait; the other keeps as many calls under way for
#: each machine as the model was measured with, since what a frame or a write carries depends on it.
_CALLS_PER_S = 1_000.0
_UNDER_WAY_A_MACHINE, _CONNECTIONS = 64, 8
_SECONDS, _WARMUP_S = 3.0, 1.0

#: The busy one is run so often: CPU of a call is a tenth more or less from one to the next on a machine that is shared.
_BUSY_LOADS = 3

#: More than a busy load sold in a second at any size in a fast hour; and more cards than chance wants of one SKU.
_GUESS_PER_S, _CARDS_TO_SPARE = 40_000, 500

#: What a machine does by itself is measured when it is the same from one look to the next, or after so many looks.
_LOOK_S, _LOOKS_MAX = 2.0, 10
_SAME_WITHIN = 0.1

_EVEN_WITHIN_S = 10.0
_COST_OVER_MODEL = 1.25


class Size(NamedTuple):
    """What was measured at one number of machines."""

    machines: int
    #: By the placement, as all SKUs are asked for alike; it may change a little while load is evened out.
    sent_on: float
    calm: Measured
    busy: Sequence[Measured]
    #: CPU of the house for one call of a busy load, microseconds, without what it does when nobody asks: the median.
    call_us: float
    idle_cores: float

    @property
    def failed(self) -> int:
        """Calls that were not answered well, of either load, whatever the cause."""
        return sum(load.intended - load.ok for load in (self.calm, *self.busy))

    @property
    def over_model(self) -> float:
        """What a call cost ÷ what the model says."""
        return self.call_us / call_us(self.sent_on)

    def row(self) -> Mapping[str, str | float]:
        """For the table."""
        return {
            "machines": self.machines,
            "sent on": f"{self.sent_on:.0%}",
            "calm p50 ms": round(self.calm.latency.p50_us / 1000, 2),
            "calm p99 ms": round(self.calm.latency.p99_us / 1000, 2),
            "failed": self.failed,
            "busy calls/s": round(median(load.calls_per_s for load in self.busy)),
            "µs a call": round(self.call_us, 1),
            "model µs": round(call_us(self.sent_on), 1),
            "measured ÷ model": round(self.over_model, 2),
            "idle cores": round(self.idle_cores, 2),
        }


def run(bench: Bench) -> None:
    """See above."""
    for _ in bench.rounds(1):
        estate = bench.estate(MACHINES_MAX)
        sizes = [_measured(bench, estate, 1)]
        machines = 1
        while machines < MACHINES_MAX and has_room(psutil.virtual_memory().available):
            _join(bench, estate, machines)
            machines += 1
            if machines in SIZES:
                sizes.append(_measured(bench, estate, machines))
        if machines not in SIZES:
            bench.note(f"the memory of this machine bears no more than {machines} machines")
            sizes.append(_measured(bench, estate, machines))
        _tell(bench, sizes)
        bench.stop(estate)


def has_room(available_bytes: int) -> bool:
    """Whether so much memory bears another machine, and still leaves the rest of this one what it needs."""
    return available_bytes >= _MACHINE_BYTES + _RESERVE_BYTES


def _join(bench: Bench, estate: Estate, number: int) -> None:
    bench.screen.say(f"machine {number + 1} joins")
    before_bytes, began_s = psutil.virtual_memory().available, time.monotonic()
    estate.join(number)
    estate.wait_listed(number)
    about = "from starting a machine until its first owner is listed and answers"
    bench.measure("join_s", time.monotonic() - began_s, unit="s", about=about)
    began_s = time.monotonic()
    estate.even_out()
    about = "from then until all SKUs are spread evenly, and served where they are"
    even_s = time.monotonic() - began_s
    bench.measure("even_s", even_s, unit="s", about=about, goal=at_most(_EVEN_WITHIN_S))
    taken_bytes = before_bytes - psutil.virtual_memory().available
    about = "memory of this machine that is taken then, beside what it was before"
    bench.measure("machine_mib", taken_bytes / 2**20, unit="MiB", about=about)


def _measured(bench: Bench, estate: Estate, machines: int) -> Size:
    """Both loads, through the head's door."""
    place = f"{machines} machine{'s' if machines > 1 else ''}"
    bench.screen.enter(place)
    bench.screen.say("stocking")
    seconds = bench.seconds(_SECONDS)
    cards = (_CALLS_PER_S + _BUSY_LOADS * _GUESS_PER_S) * (seconds + _WARMUP_S)
    skus = estate.stock_many(SKUS, int(cards / SKUS) + _CARDS_TO_SPARE)
    estate.even_out()
    work = Allocations(Skus(tuple(skus)))
    calm = Plan(work, Open(_CALLS_PER_S), _WARMUP_S, seconds, connections=_CONNECTIONS)
    calm_load = bench.load(estate, f"{place}, calm", calm)
    bench.screen.say("until nobody does anything")
    idle_cores, sent_on = _idle_cores(estate), [_sent_on(estate, skus)]
    pace = Closed(_UNDER_WAY_A_MACHINE * machines // _CONNECTIONS)
    busy = Plan(work, pace, _WARMUP_S, seconds, connections=_CONNECTIONS)
    busy_loads, costs_us = [], []
    for _ in range(_BUSY_LOADS):
        before, began_s = estate.usages(), time.monotonic()
        load = bench.load(estate, f"{place}, busy", busy)
        spent_s = sum(cpu_s_by_role(before, estate.usages()).values()) - idle_cores * (time.monotonic() - began_s)
        sent_on.append(_sent_on(estate, skus))
        busy_loads.append(load)
        costs_us.append(spent_s / load.items_in_all * 1e6)
    bench.screen.enter("")
    return Size(machines, mean(sent_on), calm_load, busy_loads, median(costs_us), idle_cores)


def _sent_on(estate: Estate, skus: Sequence[str]) -> float:
    """The share of these SKUs that are not the head's."""
    at_the_head = {owner.name for owner in estate.machines()[estate.addresses[0]].owners}
    owners = {name.rpartition("/")[2]: owner for name, owner in estate.placement().items()}
    return sum(owners[sku] not in at_the_head for sku in skus) / len(skus)


def _idle_cores(estate: Estate) -> float:
    """How many cores all machines keep busy while nobody asks for anything, once that does not fall any more."""
    cores = float("inf")
    before, at_s = estate.usages(), time.monotonic()
    for _ in range(_LOOKS_MAX):
        time.sleep(_LOOK_S)
        now, now_s = estate.usages(), time.monotonic()
        last, cores = cores, sum(cpu_s_by_role(before, now).values()) / (now_s - at_s)
        if cores >= last * (1 - _SAME_WITHIN):
            break
        before, at_s = now, now_s
    return cores


def _tell(bench: Bench, sizes: Sequence[Size]) -> None:
    bench.figures.tables["Calls through the head's door, at each number of machines"] = [size.row() for size in sizes]
    bench.measure(
        "machines", sizes[-1].machines, unit="", about="machines that ran at the same time, the head included"
    )
    about = "calls that failed, of whatever cause, at all sizes"
    bench.measure("failed_calls", sum(size.failed for size in sizes), unit="", about=about, goal=at_most(0))
    about = "CPU of all processes of the house for a call, a value a size"
    for size in sizes:
        bench.measure("call_us", size.call_us, unit="µs", about=about)
        over = "the same ÷ what the model of docs/scale.md says of the share that is sent on, a value a size"
        bench.measure("call_over_model", size.over_model, unit="×", about=over)
    most = max(size.over_model for size in sizes)
    about = "the most that it is at any size"
    bench.measure("call_over_model_most", most, unit="×", about=about, goal=at_most(_COST_OVER_MODEL))
