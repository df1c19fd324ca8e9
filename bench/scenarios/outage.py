"""Suppliers fail during a sale that lives from what is bought, and the processes that buy are killed meanwhile.

Asks whether buyers notice: sales at the low-water mark over three suppliers, the first of them preferred, then the
second. Each round has the same sale three times: with all of them well; with an outage: a quarter of the way in, the
first refuses connections, half way in, the second makes every order and answers none; and with the same outage while
desks and the refill die by SIGKILL at random. After each, suppliers come back, every purchase is settled, and their
ledgers are compared with ours and with the shelf. A fourth sale, of ten SKUs in small purchases, has the first two
suppliers refuse every second order: so there are many decisions to measure.

A good answer: no hold fails as long as one supplier has stock; a p99 of at most 1.2 times that of the sale without an
outage, also while processes die; another supplier is asked at most 5 ms after one has failed; nothing was bought
twice; and each code that came late is in stock once.
"""

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from bench.load.plan import Allocations, Measured, Open, Plan, Skus
from bench.run import Bench, House, at_most
from bench.run.killing import Killing
from bench.run.sandboxes import SandboxProcess, enter, source, stop_buying
from bench.run.supply_truth import compare, wait_settled

ROUNDS = 3
SUPPLIERS = ("east", "west", "north")
SALE_PER_S = 300.0

#: A shelf that lasts three to five seconds: several times as long as a killed desk or refill is away.
LOW, HIGH, PER_PURCHASE = 900, 1_500, 100

#: The sale in which many orders are refused: so many SKUs, each with a tenth of the shelf, and of the purchase. At ten
#: times as many deliveries for a card, a shelf lasts three times as long: what is measured is decisions.
REFUSED_SKUS, REFUSED_PER_S = 10, 100.0
_REFUSING = {"trick": "out_of_stock", "share": 0.5}

_SECONDS = 20.0
_WARMUP_S = 2.0

#: Longer than a purchase is waited for (`enter`): nobody hears the answer.
_HANG_MS = 60_000

_SETTLE_WITHIN_S = 120.0

#: From when a refusal is known at its desk, in another process; and from when the refill has heard of it.
_DECISION, _CHOICE = "cardkeep_failover_decision_seconds", "cardkeep_failover_choice_seconds"


def run(bench: Bench) -> None:
    """See above."""
    house = bench.house()
    rounds = range(1, bench.rounds_planned(ROUNDS) + 1)
    skus = [f"{kind}-{number}" for number in rounds for kind in ("CALM", "OUTAGE", "KILLS")]
    skus += [sku for number in rounds for sku in _refused(number)]
    with TemporaryDirectory(prefix="cardkeep-sandboxes-") as folder:
        suppliers = [SandboxProcess(name, Path(folder), skus) for name in SUPPLIERS]
        try:
            for priority, supplier in enumerate(suppliers):
                enter(house, supplier, priority=priority)
            _Sales(bench, house, suppliers).run()
        finally:
            for supplier in suppliers:
                supplier.stop()


def _refused(number: int) -> list[str]:
    return [f"REFUSED-{number}-{sku}" for sku in range(REFUSED_SKUS)]


class _Sales:
    """The sales of all rounds, and what they come to."""

    def __init__(self, bench: Bench, house: House, suppliers: list[SandboxProcess]) -> None:
        self._bench = bench
        self._house = house
        self._suppliers = suppliers
        self._chance = Random(bench.options.seed)  # noqa: S311 - when to kill need not be unpredictable
        self._seconds = bench.seconds(_SECONDS)
        #: What must not be, of all rounds: one bad sale among many is no median.
        self._faults = Counter[str]()
        self._kills = 0
        self._decisions = {name: Counter[float]() for name in (_DECISION, _CHOICE)}

    def run(self) -> None:
        """Every round, then the sums."""
        bench = self._bench
        for number in bench.rounds(ROUNDS):
            calm = self._sell("sale with all suppliers well", [f"CALM-{number + 1}"])
            shaken = self._sell("sale with an outage", [f"OUTAGE-{number + 1}"], has_outage=True)
            self._sell_refused(_refused(number + 1))
            killed = self._sell(
                "sale with an outage and kills", [f"KILLS-{number + 1}"], has_outage=True, has_kills=True
            )
            for name, sale, about in (
                ("p99_ratio", shaken, "p99 of the sale with an outage ÷ without"),
                ("p99_ratio_with_kills", killed, "p99 of the sale with an outage and kills ÷ without either"),
            ):
                ratio = sale.latency.p99_us / calm.latency.p99_us
                bench.measure(name, ratio, unit="×", about=about, goal=at_most(1.2))
            bench.check(self._house)
        self._tell()

    def _sell(
        self,
        work: str,
        skus: list[str],
        per_s: float = SALE_PER_S,
        *,
        has_outage: bool = False,
        has_kills: bool = False,
    ) -> Measured:
        """One sale of SKUs that begin at their low-water mark; then let everything be settled, and compare."""
        bench, house, share = self._bench, self._house, len(skus)
        for sku in skus:
            house.stock(LOW // share, sku=sku)
            source(house, sku, SUPPLIERS, low=LOW // share, high=HIGH // share, per_purchase=PER_PURCHASE // share)
        plan = Plan(Allocations(Skus(tuple(skus))), Open(per_s), warmup_s=_WARMUP_S, measure_s=self._seconds)
        with bench.beside(house, work, plan, may_sell_out=True) as selling, ExitStack() as meanwhile:
            if has_kills:
                killing = meanwhile.enter_context(Killing(house, self._chance))
            if has_outage:
                self._shake()
            measured = selling.result()
        if has_kills:
            self._kills += killing.kills
        for sku in skus:
            stop_buying(house, sku)
        self._restore()
        settled_s = wait_settled(house, self._suppliers, _SETTLE_WITHIN_S)
        bench.measure("settled_s", settled_s, unit="s", about="from the end of a sale until no purchase was open")
        self._count(work, measured, skus)
        return measured

    def _sell_refused(self, skus: list[str]) -> None:
        """A sale in which the first two suppliers refuse every second order; its decisions count."""
        before = {name: self._house.buckets(name) for name in self._decisions}
        for supplier in self._suppliers[:2]:
            supplier.mischief(_REFUSING)
        self._sell("sale with refusals", skus, REFUSED_PER_S)
        for name, counts in self._decisions.items():
            counts.update(self._house.buckets(name))
            counts.subtract(before[name])

    def _shake(self) -> None:
        first, second, _ = self._suppliers
        time.sleep(_WARMUP_S + self._seconds / 4)
        first.door(is_open=False)
        self._bench.screen.say(f"{first.name} refuses connections")
        time.sleep(self._seconds / 4)
        second.mischief({"trick": "hang", "ms": _HANG_MS, "commits": True})
        self._bench.screen.say(f"{second.name} takes orders and answers none")

    def _restore(self) -> None:
        self._suppliers[0].door(is_open=True)
        for supplier in self._suppliers:
            supplier.mischief()

    def _count(self, work: str, measured: Measured, skus: list[str]) -> None:
        truth = compare(self._house, self._suppliers, dict.fromkeys(skus, LOW // len(skus)))
        failed = measured.intended - measured.ok
        if failed:
            self._bench.note(f"{work}: {failed:,} of {measured.intended:,} holds failed: {dict(measured.reasons)}")
        self._faults.update(
            sales=1,
            holds=measured.intended,
            failed_allocations=failed,
            units_bought=truth.units,
            bought_twice=truth.twice,
            late_codes_doubled=truth.doubled,
            codes_missing=truth.missing,
            units_unlike=truth.other_units,
            cost_unlike_minor=truth.other_minor,
        )

    def _tell(self) -> None:
        for name, about in _SUMS.items():
            self._bench.measure(name, self._faults[name], unit="", about=about)
        for name, about in _FAULTS.items():
            self._bench.measure(name, self._faults[name], unit="", about=about, goal=at_most(0))
        self._bench.measure("kills", self._kills, unit="", about="desks and refills that died by SIGKILL in sales")
        decided = self._decisions[_DECISION]
        about = "times another supplier was asked in place of one that had refused, in the sales with refusals"
        self._bench.measure("failovers", max(decided.values(), default=0.0), unit="", about=about)
        about = "99 of 100 were decided within this time of the refusal being known at its desk; a bound of a histogram"
        self._bench.measure("failover_decision_ms_p99", _p99_ms(decided), unit="ms", about=about, goal=at_most(5.0))
        about = "the same from when the refill has heard of it, in its own process"
        self._bench.measure("failover_choice_ms_p99", _p99_ms(self._decisions[_CHOICE]), unit="ms", about=about)


_SUMS = {
    "sales": "all sales of all rounds, to which the following counts belong",
    "holds": "holds that were asked for",
    "units_bought": "units that suppliers charged for",
}

_FAULTS = {
    "failed_allocations": "holds that failed, of whatever cause",
    "bought_twice": "units charged twice under one id",
    "late_codes_doubled": "codes on the shelf that were not delivered, or twice",
    "codes_missing": "codes delivered, late ones included, and not on the shelf",
    "units_unlike": "units by which the suppliers' ledgers and ours differ",
    "cost_unlike_minor": "minor units of money by which they differ",
}


def _p99_ms(counts: Mapping[float, float]) -> float:
    """The least bound of a histogram below which 99 of 100 values were."""
    total = max(counts.values(), default=0.0)
    return 1_000 * next((bound for bound, times in sorted(counts.items()) if times >= 0.99 * total), 0.0)
