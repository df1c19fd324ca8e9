"""The judgement of a house: the audit of what its clients were told, and the checker's twelve rules over a history."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench.audit import Findings
from bench.checker.check import check_file
from bench.checker.verdict import Verdict
from bench.run.checking import Testimony, look_into
from bench.run.house import House

#: Acknowledged holds that are asked for again besides all unknown requests.
_ASKED_AGAIN_MAX = 2_000

#: Holds that are looked at in the end, and again when they were replayed.
_LOOKED_AT_MAX = 600


class Judgement(NamedTuple):
    """What was found; `history` is the file that the checker judged."""

    findings: Findings
    verdict: Verdict
    history: Path

    @property
    def violations(self) -> int:
        """All that was objected to, by whomever."""
        return self.findings.broken.total()


def judge(house: House, testimonies: Sequence[Testimony], history: Path, *, clock_wrong_ms: float = 0.0) -> Judgement:
    """Ask again for what is unknown, count, write the history down and judge it; the checker's words are findings, too.

    Owners die for it (last_look.py). `clock_wrong_ms`: by how much their clocks were set wrong at times, either way.
    Raises CardkeepError.
    """
    findings = look_into(
        house,
        testimonies,
        asked_again_max=_ASKED_AGAIN_MAX,
        history=history,
        clock_wrong_ms=clock_wrong_ms,
        holds_max=_LOOKED_AT_MAX,
    )
    return Judgement(findings, check_too(history, findings), history)


def check_too(history: Path, findings: Findings) -> Verdict:
    """What the checker says of a history; what it objects to becomes findings. Raises HistoryUnreadable."""
    verdict = check_file(history)
    for rule, times in verdict.broken.items():
        findings.broken[rule] += times
    for rule, sku, words in verdict.violations:
        findings.violations.append(f"{rule}: {sku}: {words} ({history})")
    return verdict
