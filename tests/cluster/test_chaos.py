"""Half a minute of real faults on a real house, and the judgement: what `bench chaos` is made of works together."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from bench.chaos.answers import Answers
from bench.chaos.arena import Arena
from bench.chaos.building import Terms
from bench.chaos.faults.deaths import ClientKilled, OwnerKilled, PowerLost
from bench.chaos.faults.disks import FullDisk
from bench.chaos.faults.fault import Fault
from bench.chaos.faults.networks import StoreAnswersLost
from bench.chaos.judging import judge
from bench.chaos.leg import leg
from bench.chaos.plan import Planned, Step
from bench.run.bench import Bench, Options
from bench.run.screen import Screen

#: What happens, and how long it lasts: on a busy machine it takes a while until somebody meets it.
_FAULTS: Sequence[tuple[type[Fault], float]] = (
    (ClientKilled, 0.0),
    (StoreAnswersLost, 0.5),
    (OwnerKilled, 0.0),
    (FullDisk, 3.0),
    (PowerLost, 8.0),
)
_REST_S = 3.0
_SECONDS = 34.0

pytestmark = pytest.mark.timeout(300)


def _draw(_arena: Arena, _seconds: float) -> list[Step]:
    """One after another."""
    steps: list[Step] = []
    for kind, lasts_s in _FAULTS:
        steps.append(Step((steps[-1].over_s if steps else 0.0) + _REST_S, (Planned(kind, 0.0, lasts_s),)))
    return steps


def test_faults_really_happen_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    """Each of them counts, and buyers were served before and after; the audit and the checker have no objection."""
    bench = Bench(Options(build=tmp_path / "build"), Screen())
    with bench.closing(), leg(bench, Terms("test"), _SECONDS, _draw, Random(1)) as told:
        assert {each.kind for each in told.injected if each.happened} == {kind.name for kind, _ in _FAULTS}
        answers = Answers.read(told.arena.buyers.histories)
        assert answers.unknown > 0
        (killed,) = [each for each in told.injected if each.failover_of == "owner"]
        assert killed.skus
        assert answers.all_served_s(killed.at_s, killed.skus) is not None
        judgement = judge(told, tmp_path / "history.jsonl.gz")
        assert judgement.findings.violations == []
        assert judgement.violations == 0
        assert judgement.verdict.acknowledged > 1_000
