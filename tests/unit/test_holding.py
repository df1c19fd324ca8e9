"""Allocate, release, extend: the corners that no story tells (engine.stock.holding, alone)."""

import pytest

from engine.money import Money
from engine.names import HoldNo
from engine.stock.commands import Allocate, Principal
from engine.stock.outcomes import WAITS, Reason
from engine.stock.terms import HeldQuotas
from tests.unit.desk import MINUTE_MS, NOW_MS, Desk, card, reason


@pytest.mark.parametrize("quantity", [0, -1, 101])
def test_a_quantity_out_of_bounds_is_refused(quantity: int) -> None:
    """One to the SKU's most."""
    assert reason(Desk(cards=1).allocate(quantity)) == Reason.INVALID_QUANTITY


def test_a_hold_lasts_as_the_sku_says_when_nothing_is_asked_and_never_longer_than_its_most() -> None:
    """0 means the SKU's usual time; more than its most is refused with the bounds, now and on extending."""
    desk = Desk(cards=2)
    desk.configure(hold_for_ms=3 * MINUTE_MS, hold_for_ms_max=5 * MINUTE_MS)
    assert desk.allocate(hold_for_ms=0).view.expires_at_ms == NOW_MS + 3 * MINUTE_MS
    assert desk.allocate(hold_for_ms=5 * MINUTE_MS).view.expires_at_ms == NOW_MS + 5 * MINUTE_MS
    too_long = (Reason.INVALID_DURATION, (("field", "hold_for"), ("minMs", "1000"), ("maxMs", "300000")))
    assert desk.allocate(hold_for_ms=5 * MINUTE_MS + 1) == too_long
    assert desk.extend(hold_for_ms=5 * MINUTE_MS + 1) == too_long


def test_a_hold_of_less_than_a_second_is_refused_with_the_bounds_of_its_sku() -> None:
    """Now and on extending; the bounds are the SKU's own, and not those no SKU can pass."""
    desk = Desk(cards=1)
    too_short = (Reason.INVALID_DURATION, (("field", "hold_for"), ("minMs", "1000"), ("maxMs", "7200000")))
    assert desk.allocate(hold_for_ms=999) == too_short
    desk.allocate()
    assert desk.extend(hold_for_ms=999) == too_short


def test_cards_go_out_by_expiry_then_by_cost_then_by_arrival() -> None:
    """What nobody knows the cost of goes after what is known to be dear, but not after what lives longer."""
    desk = Desk()
    soon = NOW_MS + 60 * MINUTE_MS
    for cost, expires_at_ms in ((1, None), (None, soon), (900, soon), (5, soon), (900, soon)):
        desk.receive(1, cost=None if cost is None else Money(cost, "CNY"), expires_at_ms=expires_at_ms)
    assert desk.allocate(5).view.cards == tuple(card(0, batch) for batch in (4, 3, 5, 2, 1))


def test_the_usual_time_is_cut_to_the_longest_lifetime() -> None:
    """A SKU whose holds may live two minutes in all gives none of three, whatever is usual."""
    desk = Desk(cards=1)
    desk.configure(hold_for_ms=3 * MINUTE_MS, hold_lifetime_ms_max=2 * MINUTE_MS)
    assert desk.allocate(hold_for_ms=0).view.expires_at_ms == NOW_MS + 2 * MINUTE_MS


def test_an_allocation_without_an_order_may_come_twice() -> None:
    """No order_ref is no reference: only the request id tells the two apart."""
    desk = Desk(cards=2)
    assert desk.allocate(order_ref="").view.cards == (card(0),)
    assert desk.allocate(order_ref="").view.cards == (card(1),)


def test_an_order_asked_again_at_another_price_is_another_order() -> None:
    """The hold was made without a price; whoever now expects one does not mean the same."""
    desk = Desk(cards=1)
    desk.allocate(order_ref="o")
    other = Allocate("r", "o", 1, 0, principal=Principal("ann"))
    assert reason(desk.ask(other)) == Reason.ORDER_REF_EXISTS


def test_a_thousand_holds_that_are_due_do_not_hide_the_card_behind_them() -> None:
    """One step ends a thousand; when the shelf is short it goes on until the cards are found."""
    desk = Desk(cards=1_200)
    for _ in range(1_200):
        desk.allocate(hold_for_ms=MINUTE_MS)
    desk.configure(cards_per_hold_max=2_000)
    desk.now_ms += MINUTE_MS
    assert len(desk.allocate(1_100).view.cards) == 1_100
    assert desk.pool.state.holds.units == 1_100


def test_a_sale_does_not_wait_until_all_that_is_due_has_ended() -> None:
    """With cards enough on the shelf, one step's worth is ended and the buyer is served."""
    desk = Desk(cards=1_300)
    for _ in range(1_200):
        desk.allocate(hold_for_ms=MINUTE_MS)
    desk.now_ms += MINUTE_MS
    assert reason(desk.allocate()) == "Held"
    assert desk.pool.state.holds.units == 201


def test_a_quota_is_judged_after_all_that_is_due_has_ended() -> None:
    """More than one step's worth of due holds counts against nobody."""
    desk = Desk(cards=1_200)
    for _ in range(1_100):
        desk.allocate(hold_for_ms=MINUTE_MS, principal=Principal(user="ann"))
    desk.configure(quotas=HeldQuotas(user=1))
    desk.now_ms += MINUTE_MS
    assert reason(desk.allocate(principal=Principal(user="ann"))) == "Held"


def test_an_order_that_names_a_hold_nobody_has_stops_the_pool() -> None:
    """The archive promised to keep it for ever; guessing would sell twice."""
    desk = Desk(cards=1)
    desk.allocate(order_ref="o")
    desk.release()
    desk.now_ms += 1
    desk.forget()
    del desk.archive["hold/1"]
    with pytest.raises(Exception, match="names a hold that is nowhere"):
        desk.allocate(order_ref="o")


def test_hold_numbers_are_never_used_again() -> None:
    """Not even after everything was forgotten."""
    desk = Desk(cards=1)
    desk.allocate()
    desk.release()
    desk.now_ms += 1
    desk.forget()
    assert desk.allocate().view.hold == HoldNo(2)


def test_an_allocate_that_may_wait_is_neither_refused_nor_remembered() -> None:
    """Nothing happens to the pool; with a card there, or another reason to refuse it, it is decided as ever."""
    desk = Desk(cards=1)
    desk.allocate()
    command = Allocate("r", "o", 1, 10 * MINUTE_MS)
    turn = desk.pool.turn(desk.now_ms)
    turn.may_wait = True
    assert desk.pool.decide(turn, command) == (WAITS, False)
    assert turn.events == []
    assert reason(desk.pool.decide(turn, command._replace(request_id="r2", quantity=101))[0]) == "INVALID_QUANTITY"
    desk.release()
    again = desk.pool.turn(desk.now_ms)
    again.may_wait = True
    assert reason(desk.pool.decide(again, command)[0]) == "Held"
    assert desk.pool.state.shelf.is_empty
