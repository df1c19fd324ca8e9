"""How long SKUs were away, as the document tells it: who never came back is not left out."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.audit import Findings
from bench.chaos.answers import Answers
from bench.chaos.legs import Outcome
from bench.chaos.nemesis import Injected
from bench.chaos.telling import Telling
from bench.checker.verdict import Verdict
from bench.load.history import Call, Item
from bench.run.bench import Bench, Options
from bench.run.judging import Judgement
from bench.run.screen import Screen


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """One that runs nothing."""
    bench = Bench(Options(build=tmp_path / "build"), Screen())
    with bench.closing():
        yield bench


def killed(at_s: float, *skus: str) -> Injected:
    """An owner that had these."""
    return Injected("owner_killed", "owner", at_s, is_alone=True, happened=True, skus=frozenset(skus))


def answered(answers: Answers, sku: str, sent_s: float, answered_s: float) -> None:
    """A call that was answered well."""
    item = Item(f"{sku}{sent_s}", "", f"tenants/default/skus/{sku}")
    answers.hear(Call("Allocate", (item,), int(sent_s * 1e9), int(answered_s * 1e9), 0, "", b""))


def told(bench: Bench, *injected: Injected) -> Any:
    """The figures of a leg that ended after ten seconds; SKU A was served in its third, and B never."""
    answers = Answers()
    answered(answers, "A", 2.5, 3.0)
    answered(answers, "C", 9.0, 10.0)
    judgement = Judgement(Findings(), Verdict(), Path("h"))
    telling = Telling(bench)
    telling.hear(Outcome("leg", injected, {}, answers, judgement))
    telling.tell({})
    return SimpleNamespace(**{name: series.values[0] for name, series in bench.figures.measures.items()})


def test_a_failover_takes_until_each_of_its_skus_is_served(bench: Bench) -> None:
    """Where nobody knows its SKUs there is no figure."""
    figures = told(bench, killed(1.0, "A", "C"), killed(1.5))
    assert figures.owner_failover_max_ms == 9_000
    assert figures.owner_never_back == 0
    assert bench.figures.facts["owner_failovers"] == 1


def test_whoever_never_came_back_was_away_until_the_end(bench: Bench) -> None:
    """And is counted, though another of its SKUs was served."""
    figures = told(bench, killed(1.0, "A"), killed(4.0, "B", "C"))
    assert figures.owner_failover_p99_ms == 6_000
    assert figures.owner_never_back == 1
