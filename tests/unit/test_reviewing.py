"""Reviews: what is found, and that it happens once (engine.stock.reviewing)."""

from engine import limits
from engine.pricing.repricing import Why
from engine.stock import commands as ask
from engine.stock import events
from engine.stock.prices import ExpiringLot
from engine.stock.reviewing import findings
from engine.stock.terms import Terms
from tests.unit.desk import NOW_MS, Desk
from tests.unit.priced import DAY_MS, accept, cny, propose, review, set_prices, set_rule, shop


def _suggested(desk: Desk) -> list[tuple[int, tuple[Why, ...]]]:
    happened = [event.suggestion for event in desk.happened if isinstance(event, events.PriceSuggested)]
    return [(suggestion.after.minor, suggestion.why) for suggestion in happened]


def test_a_review_that_finds_nothing_makes_no_event() -> None:
    """So that it may come every few seconds."""
    desk = Desk(1)
    assert list(findings(desk.pool.state, NOW_MS)) == []
    assert desk.step(ask.Review()).events == []


def test_a_ladder_of_its_own_is_gone_by() -> None:
    """Set among the terms; without a step nobody is told."""
    desk = Desk(1, cost=cny(500), expires_at_ms=NOW_MS + 50 * DAY_MS)
    assert review(desk).warned == 0
    desk.configure(warn_days=(60,))
    [lot] = desk.ask(ask.ListExpiring(10)).lots
    assert (lot.days, lot.is_told, lot.lapse.at_risk) == (60, False, cny(500))
    assert review(desk).warned == 1
    desk.ask(ask.Configure(desk.request_id(), Terms(warn_days=())))
    assert desk.ask(ask.ListExpiring(10)).lots == ()


def test_warnings_come_a_hundred_at_a_time() -> None:
    """However many lots end; the next review goes on."""
    desk = Desk()
    for minute in range(limits.findings_per_review_max + 1):
        desk.receive(1, expires_at_ms=NOW_MS + DAY_MS + minute * 60_000)
    assert review(desk).warned == limits.findings_per_review_max
    assert review(desk).warned == 1
    assert review(desk).warned == 0
    page = desk.ask(ask.ListExpiring(1))
    assert isinstance(page.lots[0], ExpiringLot)
    assert page.more


def test_what_was_over_is_forgotten_by_the_ladder() -> None:
    """It grows only by what may still be told."""
    desk = Desk(1, expires_at_ms=NOW_MS + DAY_MS)
    review(desk)
    desk.now_ms += 2 * DAY_MS
    desk.receive(1, expires_at_ms=desk.now_ms + DAY_MS)
    review(desk)
    assert list(desk.pool.state.ladder.told) == [(2, NOW_MS + 3 * DAY_MS)]


def test_a_suggestion_that_makes_no_sense_any_more_is_dropped() -> None:
    """The dear batch is withdrawn before anybody decided."""
    desk = shop(cost=500, price=625, days=None)
    set_rule(desk)
    desk.receive(1, cost=cny(560))
    assert review(desk).waiting == 1
    desk.withdraw(ask.QUARANTINE, batch=2)
    assert review(desk).waiting == 0
    assert isinstance(desk.happened[-1], events.SuggestionDropped)


def test_a_newer_suggestion_takes_the_place_of_the_one_that_waits() -> None:
    """500 ÷ 0.8 = 625, then 560 ÷ 0.8 = 700."""
    desk = shop(cost=500, price=800, days=None)
    set_rule(desk)
    review(desk)
    desk.receive(1, cost=cny(560))
    assert review(desk).waiting == 1
    assert _suggested(desk) == [(625, (Why.COST,)), (700, (Why.COST,))]


def test_cost_that_nobody_knows_suggests_nothing() -> None:
    """To go to the floor for want of a figure would be a loss by mistake."""
    desk = Desk(5)
    set_prices(desk, 800)
    set_rule(desk)
    assert review(desk).waiting == 0


def test_a_channel_without_a_price_has_nothing_to_move() -> None:
    """Its rule sleeps; and the SKU's own, where there is no price at all."""
    desk = Desk(5, cost=cny(500))
    set_rule(desk)
    set_rule(desk, "shop")
    assert review(desk).waiting == 0
    set_prices(desk, 800)
    assert review(desk).waiting == 1


def test_what_is_being_cleared_is_not_asked_what_it_cost() -> None:
    """The batch at 3,500 goes at its own price; the other decides what the channel asks."""
    desk = shop(cards=9, cost=3_500, price=800, days=10)
    desk.receive(5, cost=cny(500))
    set_rule(desk)
    propose(desk, rate=1)
    accept(desk)
    review(desk)
    assert _suggested(desk) == [(625, (Why.COST,))]


def test_stock_that_would_be_left_presses_the_price() -> None:
    """Ten end in ten days, nothing was sold for a day: all are stranded, and a tenth comes off 1,000."""
    desk = shop(cards=10, cost=800, price=1_100, days=10)
    set_rule(desk, pressure_max_ppm=100_000)
    review(desk)
    desk.now_ms += DAY_MS
    review(desk)
    assert _suggested(desk) == [(1_000, (Why.COST,)), (900, (Why.COST, Why.PRESSURE))]


def test_an_automatic_rule_moves_step_by_step_and_rests() -> None:
    """From 1,000 to 625 by a tenth at a time, once an hour, without anybody."""
    desk = shop(cost=500, price=1_000, days=None)
    set_rule(desk, step_max_ppm=100_000, rest_ms=3_600_000, needs_approval=False)
    assert review(desk).repriced == 0, "the price was set a moment ago"
    desk.now_ms += 3_600_000
    assert review(desk).repriced == 1
    assert review(desk).repriced == 0
    assert desk.allocate().price == cny(900)
    for _ in range(3):
        desk.now_ms += 3_600_000
        review(desk)
    assert desk.allocate().price == cny(657), "810, 729, 657; and 625 after the next"
