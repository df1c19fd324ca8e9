"""Ten thousand purchases at suppliers that often do not answer, by desks and refills that are killed all the while.

Asks whether anything is bought twice or lost: of the orders sent to three suppliers, 30 % are made and never answered,
others are answered twice, late, or by a web page; and the processes of the desks and of the refill die by SIGKILL at
random. When the shelves are full every purchase is settled, and the suppliers' ledgers are compared with ours and with
the shelves. Then accounts are topped up for hundreds of orders under the same mischief, and what took effect is
counted.

A good answer: the ledgers agree to the unit and the cent, no purchase was charged twice, every code is in stock once,
and no order was topped up more than once.
"""

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from cardkeep_client import CardkeepError
from cardkeep_client.v1 import supply_pb2

from bench.run import Bench, CannotRun, House, at_least, at_most
from bench.run.killing import Killing
from bench.run.sandboxes import SandboxProcess, attempts, enter, recharge, source, stop_buying
from bench.run.supply_truth import compare, wait_settled

SUPPLIERS = ("east", "west", "north")
ATTEMPTS = 10_400
SKUS, PER_PURCHASE = 16, 5

#: Of all orders. Who hangs, does so longer than a purchase is waited for.
_MISCHIEF = (
    {"trick": "hang", "ms": 60_000, "commits": True, "share": 0.3},
    {"trick": "echo", "ms": 50, "share": 0.1},
    {"trick": "slow", "ms": 200, "share": 0.1},
    {"trick": "html", "commits": True, "share": 0.05},
)

TOPUP, RECHARGES, RECHARGED_AT_ONCE = "TOPUP-1", 500, 16

_ANSWER_WITHIN_MS = 300
_FILL_WITHIN_S = 900.0
_SETTLE_WITHIN_S = 300.0
_RECHARGE_WITHIN_S = 20.0
_ASK_AGAIN_S = 0.5


def run(bench: Bench) -> None:
    """See above."""
    house = bench.house()
    chance = Random(bench.options.seed)  # noqa: S311 - when to kill need not be unpredictable
    skus = [f"DOUBT-{number}" for number in range(1, SKUS + 1)]
    with TemporaryDirectory(prefix="cardkeep-sandboxes-") as folder:
        suppliers = [
            SandboxProcess(name, Path(folder), skus, topups=[TOPUP], seed=at) for at, name in enumerate(SUPPLIERS)
        ]
        try:
            _buy(bench, house, suppliers, skus, chance)
            _recharge(bench, house, suppliers, chance)
        finally:
            for supplier in suppliers:
                supplier.stop()


def _buy(bench: Bench, house: House, suppliers: Sequence[SandboxProcess], skus: Sequence[str], chance: Random) -> None:
    for supplier in suppliers:
        enter(house, supplier, answer_within_ms=_ANSWER_WITHIN_MS)
        supplier.mischief(*_MISCHIEF)
    high = ATTEMPTS * PER_PURCHASE // SKUS
    for sku in skus:
        house.stock(0, sku=sku)
        source(house, sku, SUPPLIERS, low=high, high=high, per_purchase=PER_PURCHASE)
    began_s = time.monotonic()
    with Killing(house, chance) as killing:
        _wait_filled(bench, house, skus, high)
    filled_s = time.monotonic() - began_s
    for supplier in suppliers:
        supplier.mischief()
    for sku in skus:
        stop_buying(house, sku)
    settled_s = wait_settled(house, suppliers, _SETTLE_WITHIN_S)
    truth = compare(house, suppliers, dict.fromkeys(skus, 0))
    zero = at_most(0)
    bench.measure("attempts", truth.attempts, unit="", about="orders the suppliers made", goal=at_least(10_000))
    bench.measure("units", truth.units, unit="", about="units they charged for")
    bench.measure("kills", killing.kills, unit="", about="desks and refills that died by SIGKILL meanwhile")
    bench.measure("filled_s", filled_s, unit="s", about="until all shelves were full")
    bench.measure("settled_s", settled_s, unit="s", about="from then until no purchase was open")
    bench.measure("charged_twice", truth.twice, unit="", about="units charged twice under one id", goal=zero)
    about = "units by which the suppliers' ledgers and ours differ"
    bench.measure("units_unlike", truth.other_units, unit="", about=about, goal=zero)
    about = "minor units of money by which they differ"
    bench.measure("cost_unlike_minor", truth.other_minor, unit="", about=about, goal=zero)
    about = "codes on the shelves that were not delivered, or twice"
    bench.measure("codes_doubled", truth.doubled, unit="", about=about, goal=zero)
    bench.measure("codes_missing", truth.missing, unit="", about="codes delivered and not on the shelves", goal=zero)


def _recharge(bench: Bench, house: House, suppliers: Sequence[SandboxProcess], chance: Random) -> None:
    """Top up an account for each of many orders, and count what took effect at whatever supplier."""
    for supplier in suppliers:
        supplier.mischief(*_MISCHIEF, {"trick": "out_of_stock", "share": 0.1})
    house.stock(0, sku=TOPUP)
    source(house, TOPUP, SUPPLIERS, low=0, high=0, per_purchase=0)
    orders = [f"order-{number}" for number in range(RECHARGES)]
    bench.screen.say(f"topping up {RECHARGES:,} accounts")
    with Killing(house, chance) as killing, ThreadPoolExecutor(RECHARGED_AT_ONCE) as threads:
        done = sum(threads.map(lambda order: _topped_up(house, order), orders))
    wait_settled(house, suppliers, _SETTLE_WITHIN_S)
    effective = Counter[str]()
    for supplier in suppliers:
        order_of = {attempt.id: attempt.order_ref for attempt in attempts(house, supplier.name) if attempt.recharge}
        for row in supplier.ledger():
            if row["times_topped_up"]:
                effective[order_of.get(row["id"], row["id"])] += row["times_topped_up"]
    bench.measure("recharges", len(effective), unit="", about="orders whose accounts were topped up")
    bench.measure(
        "recharges_told_done", done, unit="", about="orders whose buyers were told so before their time was up"
    )
    bench.measure("recharge_kills", killing.kills, unit="", about="desks and refills that died meanwhile")
    most = max(effective.values(), default=0)
    about = "most times that one order's account was topped up"
    bench.measure("effective_per_order_max", most, unit="", about=about, goal=at_most(1))


def _topped_up(house: House, order: str) -> bool:
    """Ask until the order is done, surely not done, or its time is up; whether it is done."""
    until_s = time.monotonic() + _RECHARGE_WITHIN_S
    while time.monotonic() < until_s:
        try:
            stands = recharge(house, TOPUP, order)
        except CardkeepError:
            continue  # Whoever was asked is being killed or started: what it did, the next answer says.
        if stands.standing == supply_pb2.ATTEMPT_STANDING_DELIVERED:
            return True
        time.sleep(_ASK_AGAIN_S)
    return False


def _wait_filled(bench: Bench, house: House, skus: Sequence[str], high: int) -> None:
    until_s = time.monotonic() + _FILL_WITHIN_S
    told_s = 0.0
    while True:
        cards = sum(pool.cards.available for pool in house.client.pools() if pool.name.rpartition("/")[2] in skus)
        if time.monotonic() > told_s + 5.0:
            told_s = time.monotonic()
            bench.screen.say(f"{cards:,} of {high * len(skus):,} cards bought")
        if cards >= 0.98 * high * len(skus):
            return
        if time.monotonic() > until_s:
            raise CannotRun(f"only {cards:,} cards were bought in {_FILL_WITHIN_S:g} s")
        time.sleep(0.5)
