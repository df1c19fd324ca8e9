"""The judgement of a leg: that of its house, and the suppliers' books."""

from pathlib import Path

from bench.audit import Findings
from bench.chaos.leg import Told
from bench.run import judging
from bench.run.judging import Judgement
from bench.run.supply_truth import Truth

_SUPPLY = {
    "twice": "units charged twice under one id",
    "other_units": "units by which the suppliers' ledgers and ours differ",
    "other_minor": "minor units of money by which they differ",
    "doubled": "codes on the shelf that were not delivered, or twice",
    "missing": "codes delivered and not on the shelf",
}


def judge(told: Told, history: Path, *, clock_wrong_ms: float = 0.0) -> Judgement:
    """Judge the house, and compare what it bought.

    `clock_wrong_ms`: by how much owners' clocks were set wrong at times. Raises CardkeepError.
    """
    arena = told.arena
    judgement = judging.judge(arena.house, arena.buyers.loaded(), history, clock_wrong_ms=clock_wrong_ms)
    if told.truth is not None:
        _compare(told.truth, judgement.findings)
    return judgement


def _compare(truth: Truth, findings: Findings) -> None:
    for name, words in _SUPPLY.items():
        if count := getattr(truth, name):
            findings.object("supply", f"{count} {words}")
    if not truth.units:
        findings.object("supply", "nothing was bought, though shelves were empty: nobody refills them")
