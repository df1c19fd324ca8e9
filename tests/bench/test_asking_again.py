"""What a load asked is asked again, word for word, of a real peer: the same answers, and answers to what had none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.front.doors import Door
from bench.audit import OK, Call, audit
from bench.load.plan import Allocations, Batches, Closed, Plan, Skus
from bench.peers import PeerProcess
from bench.run.asking_again import ask_again
from bench.run.bench import Bench, CannotRun, Options
from bench.run.screen import Screen

SKU = "tenants/default/skus/STOCK"
PLAN = Plan(Allocations(Skus(("STOCK",)), hold_for_ms=60_000), Closed(1))


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[PeerProcess]:
    """A lock with a file behind it, and three cards."""
    process = PeerProcess("locked", Door.PLAIN, tmp_path / "peer", cards=3, skus=(SKU,))
    process.start()
    yield process
    process.stop()


def unanswered(request: str) -> Call:
    """An Allocate of which nobody knows what became."""
    return Call("allocate", request, SKU, f"order-{request}", 0.0, float("inf"), "")


def test_unknown_outcomes_get_an_answer_and_known_ones_the_same_again(peer: PeerProcess) -> None:
    """Asked for four of three cards: three holds, one refusal; asked once more: the same, and the audit is clean."""
    asked = [unanswered(name) for name in "abcd"]
    first = list(ask_again(peer.target, PLAN, asked))
    again = list(ask_again(peer.target, PLAN, first))
    assert [call.answer for call in first] == [OK, OK, OK, "OUT_OF_STOCK"]
    assert len({card for call in first for card in call.cards}) == 3
    assert [(call.request_id, call.answer, call.cards) for call in again] == [
        (call.request_id, call.answer, call.cards) for call in first
    ]
    assert audit([*asked, *first, *again], None).is_clean


def test_a_house_that_is_gone_leaves_them_unsettled(peer: PeerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is made up."""
    monkeypatch.setattr("bench.run.asking_again._TRIES_MAX", 2)
    peer.stop()
    answers = list(ask_again(peer.target, PLAN, [unanswered("a")]))
    assert answers == []
    assert dict(audit([unanswered("a")], None).broken) == {"unsettled": 1}


def test_a_bench_leaves_nothing_behind_and_knows_a_stock_that_was_too_small(tmp_path: Path) -> None:
    """A peer with two cards for a whole load: what was measured would be refusals."""
    bench = Bench(Options(build=tmp_path), Screen())
    with bench.closing():
        peer = bench.peer("locked", Door.PLAIN, cards=2, stocks=2)
        assert peer is not None
        plan = Plan(Batches(Skus((peer.stock(2),)), items=4), Closed(1), warmup_s=0.0, measure_s=0.3)
        with pytest.raises(CannotRun, match="too small"):
            bench.load(peer, "batch", plan)
        bench.load(peer, "batch", plan, may_sell_out=True)
        bench.check(peer)
        with pytest.raises(ValueError, match="closed"):
            bench.load(peer, "batch", plan)
        with pytest.raises(ValueError, match="has 1 SKUs of 2 cards left"):
            peer.stock(3)
    assert bench.findings.is_clean
    assert bench.findings.holds == 2
    assert not list((tmp_path / "tmp").iterdir())
