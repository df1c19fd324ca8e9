"""The ways to break Cardkeep that its quick tests must notice, each a promise taken out of the source.

A mutant is one exact piece of source and what stands there instead. When the source changes, so does
the mutant: a piece that is not found exactly once is an error, not a pass.
"""

from typing import NamedTuple


class Mutant(NamedTuple):
    """`before` in `path` becomes `after`; one of `tests` must then fail."""

    name: str
    path: str
    before: str
    after: str
    tests: tuple[str, ...] = ("tests/stories",)


MUTANTS = (
    Mutant(
        "expiry only when somebody sweeps",
        "engine/stock/state.py",
        "if hold.state is ACTIVE and hold.expires_at_ms <= self.now_ms:",
        "if False:",
    ),
    Mutant(
        "a request that comes again is done again",
        "engine/stock/pool.py",
        "if known is not None:",
        "if False:",
    ),
    Mutant(
        "last expired, first out",
        "engine/stock/shelf.py",
        "self.key = (self.expires_at_ms, cost, batch, ordinal)",
        "self.key = (-self.expires_at_ms, cost, batch, ordinal)",
    ),
    Mutant(
        "a released hold keeps its cards",
        "engine/stock/holding.py",
        "hold = state.holds.active[event.command.hold]\n    _give_back(state, hold)\n",
        "hold = state.holds.active[event.command.hold]\n",
    ),
    Mutant(
        "a second payment is kept and nobody is told",
        "engine/stock/confirming.py",
        "if due is None or is_final > due.is_final:",
        "if False:",
    ),
    Mutant(
        "an order may be held for twice",
        "engine/stock/holding.py",
        "state.memory.orders[order_ref] = event.hold",
        "pass",
    ),
    Mutant(
        "a damaged journal is believed",
        "engine/framing.py",
        "crc32(record[_CHECKED_FROM:]) != checksum",
        "False",
        ("tests/unit/test_codec.py",),
    ),
    Mutant(
        "a card is sold for less than it cost",
        "engine/stock/offering.py",
        "if price.minor < (cost or 0):",
        "if False:",
    ),
    Mutant(
        "staff are warned of the same cards at every look",
        "engine/pricing/ladder.py",
        "and days < self._told_of(lapse)",
        "",
    ),
    Mutant(
        "a clearance lowers the price although cards go fast enough",
        "engine/stock/clearing.py",
        "clearance.price_minor if actual_milli >= needed_milli else later[0].price_minor",
        "later[0].price_minor",
    ),
    Mutant(
        "a price that staff approve does not hold",
        "engine/stock/pricing.py",
        "    if event.approved:\n",
        "    if False:\n",
    ),
)
