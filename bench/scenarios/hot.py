"""A quiet SKU turns hot in an actor that it shares: how soon is it alone, and who notices.

Asks what happens to the rate of a SKU that everybody suddenly wants while it lives among others in one actor, how soon
the house gives it an actor of its own, and what the move costs its buyers: the longest single answer any of them waited
for, and whether any buyer met more than one that was slow. Eight witnesses buy one after the other all the time, so
that each would see every stall; a crowd makes the heat; and a few buyers stay with the quiet neighbours: how long do
these wait before the heat, as long as they share with it, and when it is apart?

A good answer: alone within a few seconds, a better rate after than before, at most one slow answer a witness around
the move, that one well below a second, neighbours who hardly notice, and a clean audit: nothing was lost or doubled on
the way.
"""

import time
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from bench.load.plan import Allocations, Closed, Measured, Open, Plan, Skus
from bench.run import Bench, House, at_least, at_most
from bench.run.moments import Moment, moments
from bench.run.watch import Look, watching

SKUS, ACTORS = 24, 4
WITNESSES = 8

_CROWD = 48
_NEIGHBOURS_PER_S = 100.0
_GUESS_PER_S = 25_000
_SECONDS = 12.0
_LOOK_EVERY_S = 0.1

#: Neighbours buy so long before the heat, and so long after; the first second they are still on their way.
_BEFORE_S, _AFTER_S, _ARRIVING_S = 3.0, 2.0, 1.0

#: Neighbours hardly notice: what people take for at once (Nielsen, Usability Engineering, 1993, section 5.5).
_AT_ONCE_MS = 100.0

#: An answer is slow when it takes this many times as long as the middle one, and longer than a busy machine's hiccup.
_SLOW_TIMES = 10
_SLOW_S_MIN = 0.05

#: A call belongs to the move when it was under way then, or at most this long before or after.
_AROUND_S = 0.5


class Home(NamedTuple):
    """Where a pool lives: the owner's name, and how many pools that owner has."""

    owner: str
    pools: int


def run(bench: Bench) -> None:
    """See above."""
    for _ in bench.rounds(3):
        house = bench.house(actors_max=str(ACTORS))
        seconds = bench.seconds(_SECONDS)
        quiet = house.stock_many(SKUS - 1, int(_NEIGHBOURS_PER_S * (seconds + _BEFORE_S + _AFTER_S + 1)))
        hot = house.stock(int(_GUESS_PER_S * seconds))
        beside_s = _BEFORE_S + seconds + _AFTER_S
        neighbours = Plan(Allocations(Skus(tuple(quiet))), Open(_NEIGHBOURS_PER_S), warmup_s=0.0, measure_s=beside_s)
        work = Allocations(Skus((hot,)))
        witnesses = Plan(work, Closed(1), warmup_s=0.0, measure_s=seconds + 1.0, processes=WITNESSES)
        crowd = Plan(work, Closed(_CROWD // 4), warmup_s=0.0, measure_s=seconds, connections=4)
        with (
            watching(partial(_home_of, house, hot), every_s=_LOOK_EVERY_S) as looks,
            bench.beside(house, "neighbours", neighbours) as living,
        ):
            time.sleep(_BEFORE_S)
            with bench.beside(house, "witnesses", witnesses) as witnessing:
                began_s = time.monotonic()
                heat = bench.load(house, "crowd", crowd)
                ended_s = time.monotonic()
        alone_s = next((look.at_s for look in looks if look.at_s > began_s and look.seen.pools == 1), None)
        _tell(bench, began_s, heat, alone_s)
        if alone_s is not None:
            _tell_of_neighbours(bench, moments(living.result())[0], (began_s, alone_s, ended_s))
        _tell_of_the_move(bench, moments(witnessing.result()), looks)
        bench.stop(house)


def _tell(bench: Bench, began_s: float, heat: Measured, alone_s: float | None) -> None:
    bench.measure(
        "alone", alone_s is not None, unit="", about="1: the hot SKU ended alone in its actor", goal=at_least(1)
    )
    if alone_s is None:
        return
    alone = alone_s - began_s
    bench.measure("alone_after_s", alone, unit="s", about="from the beginning of the heat until it was seen alone")
    before = [second.items for second in heat.series[:-1] if second.at_s + 1 < alone]
    after = [second.items for second in heat.series[:-1] if second.at_s > alone + 1]
    if before and after:
        ratio = (sum(after) / len(after)) / (sum(before) / len(before))
        bench.measure("alone_over_shared", ratio, unit="×", about="holds a second after it was alone ÷ before")


def _tell_of_neighbours(bench: Bench, calls: Sequence[Moment], when_s: tuple[float, float, float]) -> None:
    """How long buyers of other SKUs waited: before the heat, from its beginning until it was alone, until its end."""
    began_s, alone_s, ended_s = when_s
    stretches = {
        "before": (calls[0].sent_s + _ARRIVING_S, began_s, "before the heat"),
        "shared": (began_s, alone_s, "while some of them share an actor with the hot SKU"),
        "apart": (alone_s, ended_s, "while it has an actor of its own"),
    }
    for name, (from_s, until_s, when) in stretches.items():
        took_ms = sorted(call.took_s * 1000 for call in calls if from_s <= call.sent_s < until_s)
        if not took_ms:
            continue
        for share, goal in ((50, None), (99, at_most(_AT_ONCE_MS))):
            about = f"p{share} of the neighbours {when}"
            waited_ms = took_ms[(len(took_ms) - 1) * share // 100]
            bench.measure(f"neighbours_{name}_p{share}_ms", waited_ms, unit="ms", about=about, goal=goal)


def _tell_of_the_move(bench: Bench, witnesses: Sequence[Sequence[Moment]], looks: Sequence[Look[Home]]) -> None:
    everyone = sorted(call.took_s for calls in witnesses for call in calls)
    slow_s = max(_SLOW_S_MIN, _SLOW_TIMES * everyone[len(everyone) // 2])
    moves = [(one.at_s, other.at_s) for one, other in pairwise(looks) if one.seen != other.seen]
    bench.measure("changes", len(moves), unit="", about="times the hot SKU's owner, or its neighbours, changed")
    around = [[call for call in calls if _is_around(call, moves)] for calls in witnesses]
    slow = [sum(call.took_s > slow_s for call in calls) for calls in around]
    slow_in_all = [sum(call.took_s > slow_s for call in calls) for calls in witnesses]
    longest_s = max((call.took_s for calls in around for call in calls), default=0.0)
    bench.measure("longest_answer_ms", longest_s * 1000, unit="ms", about="the longest a witness waited around a move")
    bench.measure("slow_is_ms", slow_s * 1000, unit="ms", about="an answer longer than this counts as slow")
    about = "slow answers around the moves, of the witness that met most"
    bench.measure("slow_answers", max(slow), unit="", about=about, goal=at_most(max(1, len(moves))))
    bench.measure("slow_answers_in_all", max(slow_in_all), unit="", about="the same over the whole run, moves or not")


def _is_around(call: Moment, moves: Sequence[tuple[float, float]]) -> bool:
    return any(call.sent_s < until_s + _AROUND_S and call.answered_s > from_s - _AROUND_S for from_s, until_s in moves)


def _home_of(house: House, sku: str) -> Home:
    owner = house.owner_of(sku)
    return Home(owner.name, owner.pools)
