"""When to look at a shelf, when a purchase is late, what a unit may cost, and whom to ask for how much."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.money import Money
from engine.names import SupplierName
from engine.pricing.landing import Fees, Rate, landed
from engine.supply.attempts import Kind
from engine.supply.choosing import Candidate, choose
from engine.supply.costing import affordable
from engine.supply.hedging import late_after_ms, late_purchases_max, may_pass_over
from engine.supply.looking import Drain, look_after_ms, look_first_ms, look_last_ms, look_quiet_ms, runs_dry_soon
from engine.supply.routing import Offer, Record, Wish, latency_prior_ms


@pytest.mark.parametrize(
    ("available", "per_s", "after_ms"),
    [
        (100, 1_000.0, look_first_ms),
        (100, 0.0, look_quiet_ms),
        (99, 0.0, look_first_ms),
        (101, 0.03, look_quiet_ms),
        (101, 0.05, look_last_ms),
        (200, 100.0, 500),
        (200, 10_000.0, look_first_ms),
        (10_000, 1.0, look_last_ms),
    ],
)
def test_a_shelf_is_looked_at_in_half_the_time_it_takes_to_reach_its_low_mark(
    available: int, per_s: float, after_ms: int
) -> None:
    """Within bounds; below the mark as often as may be. The low mark is 100."""
    assert look_after_ms(available, 100, per_s) == after_ms


def test_how_fast_a_shelf_sells_is_half_the_last_span_and_half_what_was_known() -> None:
    """What came is no loss of sales; what came back is none below zero; two looks at one moment say nothing."""
    drain = Drain()
    drain.note(1_000, 0, 0)
    assert drain.per_s == 0
    drain.note(900, 0, 1_000)
    assert drain.per_s == 50
    drain.note(900, 100, 2_000)
    assert drain.per_s == 75
    drain.note(0, 0, 2_000)
    assert drain.per_s == 75
    drain.note(950, 0, 3_000)
    assert drain.per_s == 37.5


@pytest.mark.parametrize(
    ("available", "before", "is_so"),
    [(900, 1_000, True), (2_000, 2_100, False), (1_999, 2_099, True), (0, 1, True), (0, 0, False), (5, 5, False)],
)
def test_a_shelf_runs_dry_soon_that_would_be_empty_before_the_next_look(
    available: int,
    before: int,
    is_so: bool,
) -> None:
    """A hundred cards in a quarter of a second are two thousand in five; a dry shelf that stays dry is no news."""
    assert runs_dry_soon(available, before, 250) is is_so


def _record(*latencies_ms: int) -> Record:
    record = Record()
    for latency_ms in latencies_ms:
        record.note(is_success=True, latency_ms=latency_ms)
    return record


def test_the_usual_latency_is_what_95_of_100_do_not_exceed() -> None:
    """The 95th of a hundred, the largest of a few, and a guess of none."""
    assert _record(*range(1, 101)).latency_usual_ms == 95
    assert _record(5, 1, 3).latency_usual_ms == 5
    assert _record().latency_usual_ms == latency_prior_ms


@pytest.mark.parametrize(
    ("latencies_ms", "late_ms"),
    [((300,) * 5, 600), ((300,) * 4, 2_000), ((), 2_000), ((10,) * 20, 100), ((100,) * 18 + (400,) * 2, 800)],
)
def test_a_purchase_is_late_after_twice_what_is_usual(latencies_ms: tuple[int, ...], late_ms: int) -> None:
    """Within bounds, and of a supplier hardly known after two seconds."""
    assert late_after_ms(_record(*latencies_ms)) == late_ms


def test_only_codes_are_hedged_and_only_so_many() -> None:
    """An account topped up twice is a loss; units stay within the high mark, purchases within their bound."""
    assert may_pass_over(Kind.CODES, 50, (1, 50), 100)
    assert not may_pass_over(Kind.RECHARGE, 1, (0, 0), 100)
    assert not may_pass_over(Kind.CODES, 51, (1, 50), 100)
    assert not may_pass_over(Kind.CODES, 1, (late_purchases_max, late_purchases_max), 100)


_RATES = some.builds(
    Rate, some.just("USD"), some.just("EUR"), some.integers(1, 10**6), some.integers(1, 10**6), some.just(0)
)
_FEES = some.builds(Fees, some.integers(0, 1_000), some.integers(0, 500_000))


@given(some.integers(0, 10**7), _FEES, _RATES)
def test_what_is_affordable_lands_within_the_bound_and_a_unit_more_does_not(most: int, fees: Fees, rate: Rate) -> None:
    """Exactly; where nothing is, it says 0."""
    bound = Money(most, "EUR")
    cost = affordable(bound, fees, rate)
    assert cost.currency == "USD"
    assert landed(cost, fees, rate).minor <= most or cost.minor == 0
    assert landed(Money(cost.minor + 1, "USD"), fees, rate).minor > most


def _candidate(name: str, units_max: int = 1_000, **others: object) -> Candidate:
    return Candidate(Offer(SupplierName("default", name), 500, Record(), **others), units_max)  # type: ignore[arg-type]


_WISH = Wish(quantity=50, unit_cost_max_minor=1_000, number=0)


def _chosen(*candidates: Candidate) -> tuple[str, int] | None:
    choice = choose(candidates, _WISH)
    return None if choice is None else (choice.offer.supplier.supplier, choice.units)


def test_who_can_give_all_is_asked_before_who_comes_first() -> None:
    """One purchase is better than two."""
    assert _chosen(_candidate("few", units_max=49, priority=-1), _candidate("many")) == ("many", 50)


@pytest.mark.parametrize("bound", [{"units_max": 30}, {"stock": 30}, {"balance_units": 30}])
def test_where_nobody_can_give_all_the_one_that_gives_most_is_asked_for_it(bound: dict[str, int]) -> None:
    """By room, stock or balance."""
    assert _chosen(_candidate("least", stock=7), _candidate("most", **bound)) == ("most", 30)


def test_who_is_left_out_for_another_reason_gives_nothing() -> None:
    """Paused, behind a breaker, too dear, without room or stock."""
    assert _chosen() is None
    assert _chosen(_candidate("paused", is_paused=True), _candidate("open", is_closed=False)) is None
    assert (
        _chosen(_candidate("full", units_max=0), _candidate("empty", stock=0), _candidate("no", has_room=False)) is None
    )
    assert _chosen(_candidate("paused", is_paused=True), _candidate("last", stock=1)) == ("last", 1)
