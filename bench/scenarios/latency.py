"""Latency at fixed rates: from a tenth to nine tenths of what the house can do, on a schedule that waits for nobody.

Asks how long a buyer waits when the shop is calm, busy, and nearly full. Calls start at their moments whether or not
earlier ones were answered, and each is timed from its moment: a stall is seen by everybody who met it.

A good answer: p50 hardly moves up to seven tenths, p99 stays below some tens of milliseconds, and nothing is dropped.
"""

from bench.load.plan import Allocations, Closed, Open, Plan, Skus
from bench.run import Bench

SHARES = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9)

_WARMUP_S = 1.0
_GUESS_PER_S = 40_000
_IN_FLIGHT = 64

#: A front end lets 128 calls travel on a connection: on one, a pause of six milliseconds would keep callers back.
_CONNECTIONS = 4
_SATURATION = "saturation"


def run(bench: Bench) -> None:
    """See above."""
    house = bench.house(actors_max="1")
    seconds = bench.seconds(5.0)
    load_s = seconds + _WARMUP_S

    def plan(sku: str, pace: Closed | Open) -> Plan:
        sale = Allocations(Skus((sku,)))
        return Plan(sale, pace, warmup_s=_WARMUP_S, measure_s=seconds, connections=_CONNECTIONS)

    bench.screen.say("looking for saturation")
    sku = house.stock(int(_GUESS_PER_S * load_s))
    saturation_per_s = bench.load(house, _SATURATION, plan(sku, Closed(_IN_FLIGHT // _CONNECTIONS))).calls_per_s
    bench.check(house)
    bench.measure("saturation", saturation_per_s, unit="/s", about="calls a second with 64 always under way")
    for _ in bench.rounds(3):
        for share in SHARES:
            rate_per_s = share * saturation_per_s
            sku = house.stock(int(rate_per_s * load_s * 1.1) + _IN_FLIGHT)
            bench.load(house, f"{share:.0%}", plan(sku, Open(rate_per_s)))
            bench.check(house)
