"""The judgement of a leg: the audit, the checker's twelve rules over the written history, and the suppliers' books."""

from pathlib import Path
from typing import NamedTuple

from bench.audit import Findings
from bench.chaos.leg import Told
from bench.checker.check import check_file
from bench.checker.verdict import Verdict
from bench.run.checking import look_into
from bench.run.supply_truth import Truth

#: Acknowledged holds that are asked for again besides all unknown requests.
_ASKED_AGAIN_MAX = 2_000

#: Holds that are looked at in the end, and again when they were replayed.
_LOOKED_AT_MAX = 600

_SUPPLY = {
    "twice": "units charged twice under one id",
    "other_units": "units by which the suppliers' ledgers and ours differ",
    "other_minor": "minor units of money by which they differ",
    "doubled": "codes on the shelf that were not delivered, or twice",
    "missing": "codes delivered and not on the shelf",
}


class Judgement(NamedTuple):
    """What was found; `history` is the file that the checker judged."""

    findings: Findings
    verdict: Verdict
    history: Path

    @property
    def violations(self) -> int:
        """All that was objected to, by whomever."""
        return self.findings.broken.total()


def judge(told: Told, history: Path, *, clock_wrong_ms: float = 0.0) -> Judgement:
    """Ask again for what is unknown, count, write the history down and judge it; the checker's words are findings, too.

    `clock_wrong_ms`: by how much owners' clocks were set wrong at times. Raises CardkeepError.
    """
    buyers, house = told.arena.buyers, told.arena.house
    findings = look_into(
        house,
        buyers.loaded(),
        asked_again_max=_ASKED_AGAIN_MAX,
        history=history,
        clock_wrong_ms=clock_wrong_ms,
        holds_max=_LOOKED_AT_MAX,
    )
    verdict = check_file(history)
    for rule, times in verdict.broken.items():
        findings.broken[rule] += times
    for rule, sku, words in verdict.violations:
        findings.violations.append(f"{rule}: {sku}: {words} ({history})")
    if told.truth is not None:
        _compare(told.truth, findings)
    return Judgement(findings, verdict, history)


def _compare(truth: Truth, findings: Findings) -> None:
    for name, words in _SUPPLY.items():
        if count := getattr(truth, name):
            findings.object("supply", f"{count} {words}")
    if not truth.units:
        findings.object("supply", "nothing was bought, though shelves were empty: nobody refills them")
