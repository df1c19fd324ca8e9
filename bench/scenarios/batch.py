"""Batches: 8 callers take 256 holds at a time, as a shop does that collects its orders.

Asks how many holds a second come out when the cost of a call is shared by many holds, so that what is left is the
engine and the journal.

A good answer: at least 100,000 holds a second on two cores with the client on the same two, and a clean audit.
"""

from bench.load.plan import Batches, Closed, Plan, Skus
from bench.run import Bench
from bench.run.goals import BATCH_RATE

CALLERS = 8
ITEMS = 256
ROUNDS = 5

_WARMUP_S = 1.0
_GUESS_PER_S = 130_000


def run(bench: Bench) -> None:
    """See above."""
    house = bench.house()
    seconds = bench.seconds(3.0)
    for _ in bench.rounds(ROUNDS):
        sku = house.stock(int(bench.pace(house, "batch", _GUESS_PER_S) * (_WARMUP_S + seconds)))
        plan = Plan(
            Batches(Skus((sku,)), items=ITEMS),
            Closed(in_flight=1),
            warmup_s=_WARMUP_S,
            measure_s=seconds,
            connections=CALLERS,
        )
        bench.load(house, "batch", plan, goal=BATCH_RATE)
        bench.check(house)
