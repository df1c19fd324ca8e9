"""Flash sale: everybody wants the same SKU in the same moment, and it sells out.

Asks how many holds a second one hot SKU gives out while it has cards, how fast the many who come too late hear
their no, and whether every card went out exactly once. A shop lives through this on its best day.

A good answer: the pace holds until the last card, refusals are no slower than holds, p99 stays in the tens of
milliseconds at saturation, and the audit is clean.
"""

from bench.load.plan import Allocations, Closed, Plan, Skus
from bench.run import Bench

#: Of the measured time, about so much passes before the last card goes.
_SHARE_UNTIL_SOLD_OUT = 0.6


def run(bench: Bench) -> None:
    """See above."""
    house = bench.house()
    seconds = bench.seconds(8.0)
    for _ in bench.rounds(3):
        sku = house.stock(int(bench.pace(house, "until sold out", 6_000) / 1.5 * seconds * _SHARE_UNTIL_SOLD_OUT))
        plan = Plan(
            Allocations(Skus((sku,))), Closed(64), warmup_s=0.0, measure_s=seconds, retry_share=0.01, processes=2
        )
        measured = bench.load(house, "until sold out", plan, may_sell_out=True)
        refused = measured.reasons.get("OUT_OF_STOCK", 0)
        bench.measure("refused", refused, unit="calls", about="buyers who came too late and were told so")
        bench.check(house)
