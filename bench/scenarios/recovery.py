"""Killed: an owner with 1,000,000 cards on the shelf and 100,000 live holds dies by SIGKILL in a running sale.

Asks how long nobody can buy: from the kill to the first answer, and from the new process's own beginning to it, without
what it takes to start one; what a card on the shelf costs the owner in memory, as the slope of its resident memory over
several sizes; and whether everything that was acknowledged before the kill is still true after it.

A good answer: the first answer at most 2 s after the new process is up, at most 1 byte a card, and a clean audit.
"""

import time

from bench.load.importing import CHUNK_CARDS, Cargo, bring
from bench.load.plan import Allocations, Batches, Open, Plan, Skus
from bench.run import Bench, CannotRun, House
from bench.run.goals import RECOVERY_S, SHELF_BYTES_A_CARD
from bench.run.moments import first_ok_after, moments
from bench.run.slope import line

CARDS, HOLDS = 1_000_000, 100_000
ROUNDS = 3

#: The shelf is filled in so many imports, and memory is read after each.
_SIZES = 5

#: Cards for the holds and for the buyers who wait, besides those on the shelf.
_HOLD_FOR_MS = 3_600_000
_BUYERS_PER_S = 100.0
_KILL_AFTER_S = 2.0
_SECONDS = 12.0

#: Memory is read when it stands still: so long after the import.
_REST_S = 3.0


def run(bench: Bench) -> None:
    """See above."""
    house = bench.house(actors_max="1")
    seconds = bench.seconds(_SECONDS)
    sku = house.stock(0)
    _fill(bench, house, sku)
    _hold(bench, house, sku)
    plan = Plan(
        Allocations(Skus((sku,)), hold_for_ms=_HOLD_FOR_MS),
        Open(_BUYERS_PER_S),
        warmup_s=0.0,
        measure_s=seconds + _KILL_AFTER_S,
    )
    for _ in bench.rounds(ROUNDS):
        with bench.beside(house, "buyers", plan) as buying:
            time.sleep(_KILL_AFTER_S)
            killed_s = house.kill_owner(sku)
        first_s = first_ok_after(moments(buying.result())[0], killed_s)
        if first_s is None:
            raise CannotRun(f"nobody was answered within {seconds:g} s of the kill")
        up_s = house.owner_of(sku).start_time.timestamp() - (time.time() - time.monotonic())
        about = "from the new process being up (its own word) to the first answer"
        bench.measure("recovery_s", first_s - up_s, unit="s", about=about, goal=RECOVERY_S)
        about = "from the kill to the first answer, the start of a process included"
        bench.measure("kill_to_answer_s", first_s - killed_s, unit="s", about=about)
        held = house.books([sku])[0]
        bench.measure("holds_at_the_kill", held.holds_active, unit="", about="live holds, counted after the kill")
        bench.measure("cards_at_the_kill", held.on_shelf, unit="", about="cards on the shelf, counted after the kill")


def _fill(bench: Bench, house: House, sku: str) -> None:
    """A million cards, and room for the holds; how the owner's memory follows."""
    pid = house.owner_of(sku).process_id
    sizes: list[tuple[float, float]] = []
    # The first import warms the process up: its buffers are no cards.
    bring(house.target, Cargo.of(sku, "0", _whole(HOLDS * 1.5)))
    for number in range(_SIZES + 1):
        if number:
            bench.screen.say(f"importing, {number} of {_SIZES}")
            bring(house.target, Cargo.of(sku, str(number), _whole(CARDS / _SIZES)))
        time.sleep(_REST_S)
        sizes.append((number * CARDS / _SIZES, house.usages()[pid].memory_bytes))
    bytes_a_card, _ = line([cards for cards, _ in sizes], [size for _, size in sizes])
    about = f"resident memory of the owner over cards on the shelf: the slope through {len(sizes)} sizes"
    bench.measure("shelf_bytes_a_card", bytes_a_card, unit="bytes", about=about, goal=SHELF_BYTES_A_CARD)
    bench.course("Owner's memory over cards on the shelf, thousands", {"owner": _in_units(sizes)}, unit="MiB")


def _hold(bench: Bench, house: House, sku: str) -> None:
    """A hundred thousand live holds, asked for as everybody asks, so that the audit knows each."""
    held = 0
    while held < HOLDS:
        work = Batches(Skus((sku,)), items=200, hold_for_ms=_HOLD_FOR_MS)
        plan = Plan(work, Open(50.0), warmup_s=0.0, measure_s=min(10.0, max(0.05, (HOLDS - held) / 10_000)))
        held += bench.load(house, "holding", plan).items


def _in_units(sizes: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(cards / 1_000, size / 2**20) for cards, size in sizes]


def _whole(cards: float) -> int:
    return int(cards) // CHUNK_CARDS * CHUNK_CARDS
