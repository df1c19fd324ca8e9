"""An import during a sale: how fast cards come in, and whether buyers notice.

Asks how many cards a second go from the wire to the shelf, sealed and durable, when nothing else is done; how long
buyers at 1,000 a second wait for their answers alone, beside an import into the very SKU they buy, and beside one into
another SKU; and at what pace those imports go on. The import's messages are made before, so that the house is measured.

A good answer: at least 50,000 cards a second alone, and a p99 of the sale at most 1.2 times what it was: an import has
time, a buyer has not, so it is the import that gives way. The sale alone is measured before and after the two beside
it, for a machine's pace changes from one minute to the next: its p99 is the mean of both.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from statistics import mean

from bench.load.importing import CHUNK_CARDS, Brought, Cargo, bring
from bench.load.plan import Allocations, Measured, Open, Plan, Skus
from bench.run import Bench, House
from bench.run.goals import IMPORT_RATE, IMPORT_SALE_P99

ROUNDS = 5
SALE_PER_S = 1_000.0
ALONE_CARDS = 100_000

_WARMUP_S = 1.0

#: What an import beside a sale may bring at most: more than it was ever seen to, so that it lasts as long as the sale.
_BESIDE_PER_S = 20_000


def run(bench: Bench) -> None:
    """See above."""
    house = bench.house()
    seconds = bench.seconds(10.0)
    load_s = seconds + _WARMUP_S
    imports = count(1)
    other = house.stock(0)

    def cargo(sku: str, cards: int) -> Cargo:
        bench.screen.say(f"preparing an import of {cards:,} cards")
        return Cargo.of(sku, f"{next(imports):06d}", cards // CHUNK_CARDS * CHUNK_CARDS)

    def sale(work: str) -> Measured:
        skus = Skus((sku,))
        plan = Plan(Allocations(skus), Open(SALE_PER_S), warmup_s=_WARMUP_S, measure_s=seconds)
        return bench.load(house, work, plan)

    for _ in bench.rounds(ROUNDS):
        brought = bring(house.target, cargo(house.stock(0), ALONE_CARDS))
        about = "cards a second, sealed and durable, nothing else going on"
        bench.measure("import_cards_per_s", brought.cards_per_s, unit="/s", about=about, goal=IMPORT_RATE)
        sku = house.stock(int(4 * SALE_PER_S * load_s * 1.1))
        alone_us = [sale("sale alone").latency.p99_us]
        beside_us: dict[str, int] = {}
        for key, where, into in (("same", "the same SKU", sku), ("other", "another SKU", other)):
            cards = cargo(into, int(_BESIDE_PER_S * load_s))
            beside, brought = _beside(house, cards, partial(sale, f"sale beside an import of {where}"))
            beside_us[key] = beside.latency.p99_us
            about = f"cards of an import of {where} in its median second, the sale running"
            bench.measure(f"import_{key}_cards_per_s", brought.cards_in_a_second, unit="/s", about=about)
        alone_us.append(sale("sale alone").latency.p99_us)
        for key, where in (("same", "the same SKU"), ("other", "another SKU")):
            ratio = beside_us[key] / mean(alone_us)
            about = f"p99 of the sale beside an import of {where} ÷ alone, round by round"
            bench.measure(f"sale_p99_import_{key}", ratio, unit="×", about=about, goal=IMPORT_SALE_P99)
        bench.check(house)


def _beside(house: House, cargo: Cargo, sale: Callable[[], Measured]) -> tuple[Measured, Brought]:
    """A sale while an import goes on: it begins before the sale is measured, and ends after."""
    enough = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        importing = threads.submit(bring, house.target, cargo, enough=enough)
        try:
            measured = sale()
        finally:
            enough.set()
    return measured, importing.result()
