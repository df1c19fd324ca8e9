"""The last card: one card, hundreds of buyers in the same moment, again and again.

Asks whether exactly one of them gets it, every time, and how soon the others know that they did not. This is where
a shop that looks first and takes later sells a card twice.

A good answer: one winner a round, refusals within tens of milliseconds, and a clean audit: it hears every buyer.
"""

from bench.load.plan import Allocations, Closed, Plan, Skus
from bench.run import Bench, at_least

BUYERS = 256

#: Long enough for all of them to be told and to try again a few times.
_SECONDS = 0.5


def run(bench: Bench) -> None:
    """See above."""
    house = bench.house(actors_max="1")
    for _ in bench.rounds(20):
        work = Allocations(Skus((house.stock(1),)))
        pace = Closed(BUYERS // 4)
        plan = Plan(work, pace, warmup_s=0.0, measure_s=bench.seconds(_SECONDS), connections=4)
        measured = bench.load(house, "last card", plan, may_sell_out=True)
        # Two winners would be a violation; none would be a shop that never sells its last card.
        bench.measure("winners", measured.ok, unit="", about="buyers who were given the one card", goal=at_least(1))
        told_ms = measured.latency.max_us / 1000
        bench.measure("all_told_ms", told_ms, unit="ms", about="the longest any buyer waited to be told")
        bench.check(house)
