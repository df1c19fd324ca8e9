"""Buyers beside a scenario: who breaks or hangs is told of; and what they heard is whole, so that it can be judged."""

import threading
from pathlib import Path
from typing import Any

import pytest
from cardkeep_client import OutcomeUnknown, Unavailable
from cardkeep_client.errors import CardkeepError, Facts

from bench.audit import Books, Findings, audit
from bench.load.plan import Journeys
from bench.run import buyers
from bench.run.buyers import PRICE, Buyers
from bench.run.history_file import books_line, write_history
from bench.run.judging import check_too
from bench.waiting import until
from tests.bench.shop import Shop

CARDS = 1_000_000


def bought(monkeypatch: pytest.MonkeyPatch, shop: Shop, *, skus: tuple[str, ...] = ("a",), each: int = 5) -> Buyers:
    """Buyers who have bought so often, or failed so often, each, and have ended."""
    monkeypatch.setattr(buyers, "Client", shop)
    buying = Buyers("h:1", list(skus))
    buying.start()
    assert until(lambda: len(buying.purchases) >= each * len(skus) and all(buying.bought.values()), 10.0)
    buying.stop()
    return buying


def judged(buying: Buyers, path: Path, *, sold_less: int = 0) -> Findings:
    """What audit and checker find in all that they heard, and in the books of a house that has sold so many less."""
    calls = buying.heard()
    sold = sum(map(len, buying.bought.values())) - sold_less
    books = [Books("a", CARDS, CARDS - sold, 0, sold, 0, 0, calls[-1].answered_ms + 1.0)]
    came = {"type": "import", "sku": "a", "import_id": "first", "ranges": [["1-", 0, CARDS]], "end": "ok"}
    came |= {"invoked_at_ms": calls[0].sent_ms - 2.0, "returned_at_ms": calls[0].sent_ms - 1.0}
    write_history(path, [(1, calls)], [*map(books_line, books), came])
    findings = audit(calls, books)
    assert check_too(path, findings).acknowledged == len(calls)
    return findings


def test_what_they_bought_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each hold, and when it was asked for; the end waits for what is under way."""
    buying = bought(monkeypatch, Shop(), skus=("a", "b"))
    assert buying.failures == []
    assert len(buying.purchases) == sum(map(len, buying.bought.values()))
    assert len(buying.heard()) == 2 * len(buying.purchases)


def test_whoever_asks_again_for_them_pays_as_they_did(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that is worded otherwise under the same id would be refused."""
    buying = bought(monkeypatch, Shop())
    assert isinstance(buying.plan.work, Journeys)
    assert (buying.plan.work.unit_price_minor, buying.plan.work.currency) == (PRICE.minor, PRICE.currency)
    assert (buying.plan.work.hold_for_ms, buying.plan.work.quantity) == (None, 1)


def test_what_an_honest_shop_told_them_is_clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Judged as it is, moments and all."""
    assert judged(bought(monkeypatch, Shop()), tmp_path / "history.gz").violations == []


def test_a_card_that_two_of_them_got_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By the audit and by the checker."""
    findings = judged(bought(monkeypatch, Shop(doubles=True)), tmp_path / "history.gz")
    assert {"doubled", "R2"} <= findings.broken.keys()
    assert any(words.startswith("R2: a: ") for words in findings.violations)


def test_a_sale_that_the_house_has_lost_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By the audit and by the checker."""
    findings = judged(bought(monkeypatch, Shop()), tmp_path / "history.gz", sold_less=1)
    assert {"lost", "R4"} <= findings.broken.keys()


@pytest.mark.parametrize(
    ("failure", "answer", "has_answer"), [(OutcomeUnknown, "OUTCOME_UNKNOWN", False), (Unavailable, "DRAINING", True)]
)
def test_a_call_that_failed_is_heard_of(
    monkeypatch: pytest.MonkeyPatch, failure: type[CardkeepError], answer: str, has_answer: bool
) -> None:
    """A doubt is one, whatever the last try said of it; that nothing happened is as good as an answer."""
    failures = [failure("just now", Facts("DRAINING", "UNAVAILABLE"))]

    def fail_once(_order: str) -> None:
        if failures:
            raise failures.pop()

    buying = bought(monkeypatch, Shop(fail_once))
    first = buying.heard()[0]
    assert (first.kind, first.answer) == ("allocate", answer)
    assert (first.answered_ms < float("inf")) == has_answer
    assert len(buying.failures) == 1


def test_a_buyer_that_breaks_is_told_of_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the API refuses is a failed purchase; anything else is a failed run."""

    def break_down(_order: str) -> None:
        raise ValueError("no such thing")

    monkeypatch.setattr(buyers, "Client", Shop(break_down))
    buying = Buyers("h:1", ["a"])
    buying.start()
    with pytest.raises(ValueError, match="no such thing"):
        buying.stop()


def test_a_buyer_that_hangs_is_told_of_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """After all the time that its calls may take."""
    go_on = threading.Event()
    monkeypatch.setattr(buyers, "Client", Shop(lambda _order: go_on.wait()))
    buying: Any = Buyers("h:1", ["a"], patience_s=0.05)
    buying.start()
    with pytest.raises(TimeoutError):
        buying.stop()
    go_on.set()
