"""Whom to buy from: who is left out, who comes first, and that everybody is tried now and then."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.names import SupplierName
from engine.supply.routing import (
    Offer,
    Record,
    Wish,
    excluded_for,
    explore_every,
    latency_prior_ms,
    purchases_seen_max,
    ranked,
    score,
)

WISH = Wish(quantity=10, unit_cost_max_minor=1_000, number=0)


def _record(successes: int = 0, failures: int = 0, latency_ms: int = 500) -> Record:
    record = Record()
    for place in range(successes + failures):
        record.note(is_success=place >= failures, latency_ms=latency_ms)
    return record


def _offer(name: str, cost: int = 500, record: Record | None = None, **others: object) -> Offer:
    return Offer(SupplierName("default", name), cost, record or _record(), **others)  # type: ignore[arg-type]


def _names(*offers: Offer, wish: Wish = WISH) -> list[str]:
    return [offer.supplier.supplier for offer in ranked(offers, wish)]


def test_of_two_alike_the_cheaper_comes_first_and_then_the_faster_and_then_the_surer() -> None:
    """One difference at a time."""
    assert _names(_offer("dear", 550), _offer("cheap", 500)) == ["cheap", "dear"]
    assert _names(_offer("slow", record=_record(9, 0, 2_500)), _offer("fast", record=_record(9, 0, 500)))[0] == "fast"
    assert _names(_offer("shaky", record=_record(5, 5)), _offer("sure", record=_record(10, 0)))[0] == "sure"


def test_the_scores_are_those_of_the_formula() -> None:
    """By hand: an unknown one P 0.9, speed 0.8; half as sure 0.5; 10 % dearer 0.826; weight as it is."""
    assert score(_offer("new"), 500) == pytest.approx(0.9 * 0.8)
    assert score(_offer("dearer", 550), 500) == pytest.approx(0.9 * 0.8 / 1.21)
    assert score(_offer("known", record=_record(48, 48, 2_000)), 500) == pytest.approx(51.6 / 100 * 0.5)
    assert score(_offer("liked", weight=2.0), 500) == pytest.approx(2 * 0.9 * 0.8)


def test_the_latency_is_that_of_successes_and_old_purchases_are_forgotten() -> None:
    """A failure that hung for a minute says nothing of how fast it delivers; a hundred later all is forgotten."""
    record = Record()
    record.note(is_success=False, latency_ms=60_000)
    assert record.latency_ms == latency_prior_ms
    for _ in range(purchases_seen_max):
        record.note(is_success=True, latency_ms=100)
    assert record.latency_ms == 100
    assert record.success_rate == pytest.approx((100 + 3.6) / 104)


def test_priority_comes_before_any_score() -> None:
    """Staff put the dear one first."""
    assert _names(_offer("cheap", 100, priority=1), _offer("dear", 900, priority=0)) == ["dear", "cheap"]


@pytest.mark.parametrize(
    ("reason", "fault"),
    [
        ("PAUSED", {"is_paused": True}),
        ("BREAKER_OPEN", {"is_closed": False}),
        ("EXPOSURE_FULL", {"has_room": False}),
        ("OUT_OF_STOCK", {"stock": 9}),
        ("OUT_OF_BALANCE", {"balance_units": 9}),
        ("TOO_DEAR", {"cost": 1_001}),
    ],
)
def test_who_cannot_serve_is_left_out_with_the_reason(reason: str, fault: dict[str, int]) -> None:
    """And the next one is asked, however much worse it is."""
    offer = _offer("first", **fault)  # type: ignore[arg-type]
    assert excluded_for(offer, WISH) == reason
    assert _names(offer, _offer("second", 999)) == ["second"]
    assert _names(offer) == []


def test_who_can_just_serve_is_not_left_out() -> None:
    """Stock, balance and price to the unit."""
    assert excluded_for(_offer("just", 1_000, stock=10, balance_units=10), WISH) == ""


def test_each_twentieth_purchase_tries_first_who_was_tried_least_lately() -> None:
    """So that nobody is judged for ever by what was long ago; the others keep their order."""
    offers = [_offer("a", 100, tried_at_ms=30), _offer("b", 200, tried_at_ms=20), _offer("c", 900, tried_at_ms=10)]
    orders = [_names(*offers, wish=WISH._replace(number=number)) for number in range(2 * explore_every)]
    assert orders.count(["c", "a", "b"]) == 2
    assert orders.count(["a", "b", "c"]) == 2 * explore_every - 2
    orders = [_names(*offers[:2], offers[2]._replace(is_paused=True), wish=WISH._replace(number=explore_every - 1))]
    assert orders == [["b", "a"]]


@given(
    some.lists(
        some.tuples(some.integers(0, 1_200), some.integers(0, 2), some.booleans(), some.integers(0, 9)), max_size=6
    ),
    some.integers(0, 40),
)
def test_nobody_is_asked_twice_and_nobody_who_could_serve_is_forgotten(
    suppliers: list[tuple[int, int, bool, int]], number: int
) -> None:
    """Whatever the figures, a free card (cost 0) among them."""
    offers = [
        _offer(f"s{place}", cost, priority=priority, is_paused=is_paused, tried_at_ms=tried)
        for place, (cost, priority, is_paused, tried) in enumerate(suppliers)
    ]
    wish = WISH._replace(number=number)
    names = _names(*offers, wish=wish)
    assert sorted(names) == [offer.supplier.supplier for offer in offers if not excluded_for(offer, wish)]
