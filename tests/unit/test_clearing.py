"""Clearances from proposal to end (engine.stock.clearing)."""

from engine.money import Money
from engine.stock import commands as ask
from engine.stock import events
from engine.stock.prices import ACCEPTED, ENDED, PROPOSED
from tests.unit.desk import NOW_MS, Desk, reason
from tests.unit.priced import DAY_MS, accept, cny, end, propose, review, set_prices, shop


def _ended(desk: Desk) -> list[tuple[int, str]]:
    return [(event.number, event.note) for event in desk.happened if isinstance(event, events.ClearanceEnded)]


def test_a_plan_is_for_what_ends_first_of_the_batch() -> None:
    """Sold out, expired or never to end: there is nothing to clear."""
    desk = Desk(2, cost=cny(800))
    set_prices(desk, 1_000)
    assert reason(propose(desk, batch=9)) == "BATCH_NOT_FOUND"
    assert propose(desk).facts == (("field", "name"),), "it never ends"
    desk.receive(2, cost=cny(800), expires_at_ms=NOW_MS + DAY_MS)
    assert propose(desk, batch=2).clearance.plan.offer.cards == 2
    desk.withdraw(ask.QUARANTINE, batch=2)
    assert propose(desk, batch=2).facts == (("field", "name"),), "it is off sale"
    desk.withdraw(ask.RESTORE, batch=2)
    desk.now_ms += DAY_MS
    assert propose(desk, batch=2).facts == (("field", "name"),), "it has expired"


def test_a_floor_is_below_the_price_and_there_is_a_price() -> None:
    """Else there is nothing to lower."""
    desk = shop()
    assert propose(desk, floor=1_000).facts == (("field", "floor_minor"),)
    set_prices(desk, None)
    assert propose(desk).facts == (("field", "floor_minor"),)


def test_the_pool_s_own_rate_is_taken_where_none_is_given() -> None:
    """Two of forty were sold in two days: one a day. A pool that never had prices knows nothing."""
    desk = shop()
    desk.confirm(desk.allocate(2).hold, paid=cny(2_000))
    desk.now_ms += 2 * DAY_MS
    assert propose(desk, rate=0).clearance.plan.offer.actual_milli == 1_000
    bare = Desk(1, expires_at_ms=NOW_MS + DAY_MS)
    bare.configure(price=cny(500))
    offer = propose(bare, rate=0).clearance.plan.offer
    assert (offer.actual_milli, offer.landed_minor) == (0, 0)


def test_a_cost_in_another_currency_is_not_known_to_a_plan() -> None:
    """It is no yuan."""
    desk = Desk(1, cost=Money(5, "USD"), expires_at_ms=NOW_MS + DAY_MS)
    set_prices(desk, 1_000)
    assert propose(desk).clearance.plan.offer.landed_minor == 0


def test_a_proposal_takes_the_place_of_another_for_the_same_cards() -> None:
    """Not of one in another channel."""
    desk = shop()
    set_prices(desk, 1_000, shop=1_200)
    for channel in ("", "shop", ""):
        propose(desk, channel=channel)
    assert sorted(desk.pool.state.prices.clearances) == [2, 3]
    assert reason(accept(desk, 1)) == "CLEARANCE_NOT_FOUND"


def test_an_accepted_plan_takes_the_place_of_the_one_before() -> None:
    """Which ends; accepting it twice is the same as once."""
    desk = shop()
    propose(desk)
    accept(desk)
    propose(desk, floor=500)
    assert accept(desk, 2).clearance.state == ACCEPTED
    assert accept(desk, 2).clearance.who == "bob"
    assert _ended(desk) == [(1, "another plan took its place")]


def test_a_plan_that_nobody_accepts_is_dropped_after_a_day() -> None:
    """It says what was right then. Dropped by nobody, it is not in the history of prices."""
    desk = shop()
    assert propose(desk).clearance.state == PROPOSED
    desk.now_ms += DAY_MS
    assert reason(accept(desk)) == "CLEARANCE_NOT_FOUND"
    review(desk)
    assert _ended(desk) == [(1, "nobody accepted it for a day")]
    assert len(desk.pool.state.prices.changes) == 1


def test_staff_may_end_a_plan_at_any_time() -> None:
    """Then the channel's price holds again; a second time there is none."""
    desk = shop()
    propose(desk)
    accept(desk)
    assert end(desk).clearance.state == ENDED
    assert desk.allocate().price == cny(1_000)
    assert reason(end(desk)) == "CLEARANCE_NOT_FOUND"
    assert desk.pool.state.prices.changes[-1].note == "enough"


def test_nobody_can_end_or_accept_what_never_was() -> None:
    """Nor does asking give the pool prices."""
    desk = Desk(1)
    assert reason(end(desk)) == "CLEARANCE_NOT_FOUND"
    assert reason(accept(desk)) == "CLEARANCE_NOT_FOUND"
    assert desk.pool.state.prices is None


def test_a_plan_without_steps_leaves_the_price_as_it_is() -> None:
    """Cards go fast enough; it ends with them all the same."""
    desk = shop(cards=1)
    propose(desk, rate=1_000)
    assert accept(desk).clearance.price_minor == 1_000
    desk.now_ms += 2 * DAY_MS
    review(desk)
    assert _ended(desk) == []
    desk.confirm(desk.allocate().hold, paid=cny(1_000))
    review(desk)
    assert _ended(desk) == [(1, "its cards are gone")]


def test_a_held_card_keeps_its_plan_alive() -> None:
    """It may come back."""
    desk = shop(cards=1)
    propose(desk)
    accept(desk)
    desk.allocate()
    review(desk)
    assert _ended(desk) == []


def test_a_plan_ends_when_its_cards_do() -> None:
    """What is left then is worth nothing at any price."""
    desk = shop()
    propose(desk)
    accept(desk)
    desk.now_ms += 10 * DAY_MS
    review(desk)
    assert _ended(desk) == [(1, "its cards have expired")]
