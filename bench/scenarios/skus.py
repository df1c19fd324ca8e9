"""Many SKUs: 500 of them asked for alike beside one hot SKU; and 10,000 that nobody asks for, and what they cost.

Asks whether the pace of a shop depends on how many SKUs its buyers want (500 uniform ÷ one, 64 calls under way on each
side, in turns); then what a quiet SKU with a small batch costs in memory, owners, store and front ends together, how
long a house with 10,000 of them takes to start, and whether one of them can be sold while the others still come up.

A good answer: at least 0.8 of the hot SKU's pace (fewer commands share a batch, so the journal has more to write); at
most 20 KB a quiet SKU all in; and a sale that begins as soon as the house says that it serves.
"""

import time

from bench.load.plan import Allocations, Closed, Open, Plan, Skus
from bench.run import Bench, CannotRun, House
from bench.run.goals import QUIET_SKU_BYTES
from bench.run.moments import moments
from bench.run.processes import memory_bytes_by_role

MANY, QUIET = 500, 10_000
ROUNDS = 5

_WARMUP_S = 1.0
_GUESS_PER_S, _GUESS_OF_MANY_PER_S = 45_000, 25_000
_WORK = "unary"

#: Owner processes of the house with the quiet ones.
_ACTORS = 4

#: Cards of a quiet SKU: a supplier's small batch.
_QUIET_CARDS = 10

#: The sale on one of the quiet SKUs.
_SALE_PER_S = 200.0
_SALE_S = 10.0

#: Memory is read when it stands still: two looks this far apart that differ by less than this share.
_STILL_S = 1.0
_STILL_SHARE = 0.002
_STILL_LOOKS_MAX = 20

#: How long all SKUs may take to be open after a start, and how often we ask: each time the house asks all of them.
_OPEN_S_MAX = 120.0
_ASK_EVERY_S = 2.0


def run(bench: Bench) -> None:
    """See above."""
    _many_beside_one(bench)
    _quiet(bench)


def _many_beside_one(bench: Bench) -> None:
    seconds = bench.seconds(3.0)
    cards_a_round = int(_GUESS_OF_MANY_PER_S * (seconds + _WARMUP_S))
    many, one = bench.house(label=f"{MANY} SKUs"), bench.house(label="one SKU")
    # Chance gives some SKUs more than their share, so each has half as much again and some to spare.
    share = int(1.5 * cards_a_round * bench.rounds_planned(ROUNDS) / MANY) + 50
    all_skus = Skus(tuple(many.stock_many(MANY, share, bench.screen.say)))

    def load(side: House, skus: Skus) -> None:
        plan = Plan(Allocations(skus), Closed(16), warmup_s=_WARMUP_S, measure_s=seconds, connections=4)
        bench.load(side, _WORK, plan)

    for _ in bench.rounds(ROUNDS):
        hot = one.stock(int(bench.pace(one, _WORK, _GUESS_PER_S) * (seconds + _WARMUP_S)))
        load(many, all_skus)
        load(one, Skus((hot,)))
        bench.check(one)
    bench.ratio("skus_over_hot", (_WORK, many), (_WORK, one))
    bench.stop(one)
    bench.stop(many)


def _quiet(bench: Bench) -> None:
    house = bench.house(label=f"{QUIET:,} SKUs", actors_max=str(_ACTORS))
    # The first SKUs bring up the owners: an actor's own memory is no SKU's.
    sold, *_ = house.stock_many(_ACTORS, int(_SALE_PER_S * _SALE_S) + 100)
    empty = _memory_at_rest(house)
    began_s = time.monotonic()
    house.stock_many(QUIET, _QUIET_CARDS, bench.screen.say)
    stocked_s = time.monotonic() - began_s
    bench.measure("stocked_skus_per_s", QUIET / stocked_s, unit="/s", about="SKUs created and stocked, 16 at a time")
    full = _memory_at_rest(house)
    for role in sorted(full):
        more = (full[role] - empty.get(role, 0)) / QUIET
        bench.measure(f"{role}_bytes_a_quiet_sku", more, unit="bytes", about=f"resident memory of {role}, per SKU")
    bench.measure(
        "bytes_a_quiet_sku",
        sum(full.values()) / QUIET - sum(empty.values()) / QUIET,
        unit="bytes",
        about=f"resident memory of all processes, per SKU with {_QUIET_CARDS} cards",
        goal=QUIET_SKU_BYTES,
    )
    _start_with_them(bench, house, sold)


def _start_with_them(bench: Bench, house: House, sold: str) -> None:
    house.stop()
    began_s = time.monotonic()
    house.start(bench.screen.say)
    serves_s = time.monotonic() - began_s
    bench.measure("start_s", serves_s, unit="s", about="from starting the house until it says that it serves")
    plan = Plan(Allocations(Skus((sold,))), Open(_SALE_PER_S), warmup_s=0.0, measure_s=bench.seconds(_SALE_S))
    with bench.beside(house, "sale while others come up", plan) as sale:
        open_s = _all_open_s(house, began_s)
    first_s = min(call.answered_s for calls in moments(sale.result()) for call in calls if call.is_ok) - began_s
    bench.measure("first_sale_s", first_s, unit="s", about="from starting the house to the first hold of that sale")
    bench.measure("all_open_s", open_s, unit="s", about="from starting the house until every SKU is open")


def _all_open_s(house: House, began_s: float) -> float:
    while time.monotonic() < began_s + _OPEN_S_MAX:
        status = house.client.status()
        if status.pools_open == QUIET + _ACTORS:
            return time.monotonic() - began_s
        time.sleep(_ASK_EVERY_S)
    raise CannotRun(f"{status.pools_open:,} of {QUIET + _ACTORS:,} SKUs are open after {_OPEN_S_MAX:g} s")


def _memory_at_rest(house: House) -> dict[str, int]:
    """Resident bytes by role when nothing is under way any more."""
    before = memory_bytes_by_role(house.usages())
    for _ in range(_STILL_LOOKS_MAX):
        time.sleep(_STILL_S)
        now = memory_bytes_by_role(house.usages())
        if abs(sum(now.values()) - sum(before.values())) < _STILL_SHARE * sum(now.values()):
            return now
        before = now
    return before
