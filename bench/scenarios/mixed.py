"""A day in the shop: 100 SKUs, some asked for far more than others; buyers pay, give up, or just leave.

Asks how many calls a second the whole life of a hold comes to (allocate, then 6 of 10 confirm, 2 release, 2 leave it
to expire), when the popularity of SKUs follows Zipf's law, and a hundredth of all requests is sent twice.

A good answer: the same pace in every round, p99 in the tens of milliseconds, and a clean audit: what expired and was
given back went out again, what was sold never did.
"""

from bench.load.plan import Closed, Journeys, Plan, Skus
from bench.run import Bench, House

SKUS = 100
ZIPF = 1.0
ROUNDS = 3

#: Cards of all SKUs together a second of load. Only what is paid leaves for good.
_CARDS_PER_S = 12_000
_CARDS_MIN = 200

_WARMUP_S = 2.0


def run(bench: Bench) -> None:
    """See above."""
    house = bench.house()
    seconds = bench.seconds(8.0)
    load_s = (seconds + _WARMUP_S) * bench.rounds_planned(ROUNDS)
    skus = _stock(bench, house, int(_CARDS_PER_S * load_s))
    work = Journeys(Skus(skus, zipf=ZIPF), confirm=0.6, release=0.2, expire=0.2)
    plan = Plan(work, Closed(64), warmup_s=_WARMUP_S, measure_s=seconds, retry_share=0.01)
    for _ in bench.rounds(ROUNDS):
        measured = bench.load(house, "mixed", plan)
        for method in ("Allocate", "Confirm", "Release"):
            rate = measured.ok_by_method.get(method, 0) / measured.measured_s
            bench.measure(f"{method.lower()}s_per_s", rate, unit="/s", about=f"{method} calls answered OK")


def _stock(bench: Bench, house: House, cards: int) -> tuple[str, ...]:
    """All SKUs, the hottest first, each with its share of the cards and some to spare."""
    weights = [1 / rank**ZIPF for rank in range(1, SKUS + 1)]
    skus = []
    for number, weight in enumerate(weights):
        bench.screen.say(f"stocking SKU {number + 1} of {SKUS}")
        skus.append(house.stock(_CARDS_MIN + int(cards * weight / sum(weights))))
    return tuple(skus)
