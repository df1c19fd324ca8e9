"""Flash sale: everybody wants the same SKU in the same moment, and it sells out.

Asks how many holds a second one hot SKU gives out while it has cards, how fast the many who come too late hear
their no, and whether every card went out exactly once. A shop lives through this on its best day.

A good answer: the pace holds until the last card, refusals are no slower than holds, p99 stays in the tens of
milliseconds at saturation, and the audit is clean.
"""

from collections.abc import Sequence

from bench.load.plan import Allocations, Closed, Plan, Second, Skus
from bench.run import Bench

#: Cards for so many seconds of the first round's guess; after that the house is known.
_SHARE_UNTIL_SOLD_OUT = 0.6
_GUESS_PER_S = 10_000

_SELLING = "holds_per_s"


def run(bench: Bench) -> None:
    """See above."""
    house = bench.house()
    seconds = bench.seconds(8.0)
    pace_per_s = float(_GUESS_PER_S)
    for _ in bench.rounds(3):
        sku = house.stock(int(pace_per_s * seconds * _SHARE_UNTIL_SOLD_OUT))
        work = Allocations(Skus((sku,)))
        plan = Plan(work, Closed(64), warmup_s=0.0, measure_s=seconds, retry_share=0.01)
        measured = bench.load(house, "the whole sale", plan, may_sell_out=True)
        selling, refusing = _phases(measured.series)
        if selling:
            pace_per_s = sum(one.items for one in selling) / len(selling)
            bench.measure(_SELLING, pace_per_s, unit="/s", about="holds a second while there were cards")
        if refusing:
            rate = sum(one.answered for one in refusing) / len(refusing)
            bench.measure("refusals_per_s", rate, unit="/s", about="answers a second when all were gone")
        bench.check(house)


def _phases(series: Sequence[Second]) -> tuple[list[Second], list[Second]]:
    """Whole seconds in which cards went out all the time, and whole seconds after the last; not the first and last."""
    last = max((number for number, one in enumerate(series) if one.items), default=0)
    return list(series[1:last]), list(series[last + 1 : -1])
