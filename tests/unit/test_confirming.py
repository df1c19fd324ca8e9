"""Confirm and replace: the corners that no story tells (engine.stock.confirming, alone)."""

from engine.money import Money
from engine.names import HoldNo
from engine.stock.commands import QUARANTINE, REACQUIRE, STRICT, GetHold
from engine.stock.events import RefundRaised
from engine.stock.outcomes import Reason, RefundDue
from engine.stock.pool import Pool
from tests.unit.desk import MINUTE_MS, NAME, NOW_MS, Desk, card, reason


def test_a_partial_confirm_keeps_the_good_cards_and_gives_back_the_rest() -> None:
    """A quarantined card is the last to be sold: with enough good ones it goes aside, and nothing is swapped."""
    desk = Desk(cards=3)
    desk.allocate(3)
    desk.withdraw(QUARANTINE, 0)
    confirmed = desk.confirm(quantity=2)
    assert confirmed.view.cards == (card(1), card(2))
    assert (confirmed.returned, confirmed.reacquired) == (1, False)
    assert desk.shelf().available == 0, "the quarantined one does not go back on sale"


def test_a_late_payment_may_buy_a_part() -> None:
    """Of what was held, not more."""
    desk = Desk(cards=3)
    desk.allocate(2)
    desk.now_ms += 10 * MINUTE_MS
    assert reason(desk.confirm(quantity=3, late=REACQUIRE)) == Reason.INVALID_QUANTITY
    assert desk.confirm(quantity=1, late=REACQUIRE).view.cards == (card(0),)


def test_a_late_window_of_nothing_means_never() -> None:
    """Not even at the very deadline; a request that brings its own window still may."""
    desk = Desk(cards=1)
    desk.configure(late_window_ms=0)
    desk.allocate()
    desk.now_ms += 10 * MINUTE_MS
    assert reason(desk.confirm(late=REACQUIRE)) == Reason.HOLD_EXPIRED
    assert reason(desk.confirm(late=REACQUIRE, late_window_ms=1)) == "Confirmed"


def test_a_late_payment_takes_fresh_cards_within_the_life_that_was_asked_for() -> None:
    """The promise of remaining life holds for the card that is sold, not only for the one first held."""
    desk = Desk(cards=1, expires_at_ms=NOW_MS + 60 * MINUTE_MS)
    desk.allocate(life_ms_min=45 * MINUTE_MS)
    desk.now_ms += 20 * MINUTE_MS
    assert reason(desk.confirm(late=REACQUIRE)) == Reason.OUT_OF_STOCK_LATE


def test_a_payment_of_the_wrong_amount_for_a_hold_that_is_over_is_to_be_given_back() -> None:
    """Nothing can be bought any more, so the amount does not matter: the money must not get lost."""
    desk = Desk(cards=1)
    desk.configure(price=Money(500, "CNY"))
    desk.allocate()
    desk.now_ms += 10 * MINUTE_MS
    assert reason(desk.confirm(payment_ref="p", paid=Money(1, "CNY"))) == Reason.HOLD_EXPIRED
    hold, paid = desk.pool.state.holds.last, Money(1, "CNY")
    assert RefundRaised(desk.now_ms, hold, "p", paid, Reason.HOLD_EXPIRED, is_final=False) in desk.happened


def test_a_late_payment_of_the_wrong_amount_that_could_still_buy_is_told_the_right_one() -> None:
    """No refund is raised: the same payment may be told again with its true amount."""
    desk = Desk(cards=1)
    desk.configure(price=Money(500, "CNY"))
    desk.allocate()
    desk.now_ms += 10 * MINUTE_MS
    assert reason(desk.confirm(payment_ref="p", paid=Money(1, "CNY"), late=REACQUIRE)) == Reason.AMOUNT_MISMATCH
    assert reason(desk.confirm(payment_ref="p", paid=Money(500, "CNY"), late=REACQUIRE)) == "Confirmed"


def test_a_payment_whose_refund_was_raised_by_a_recall_buys_nothing_later() -> None:
    """Not after the hold expired either: the money is already on its way back."""
    desk = Desk(cards=1)
    desk.allocate()
    desk.withdraw(QUARANTINE)
    assert reason(desk.confirm(payment_ref="p")) == Reason.BATCH_RECALLED
    desk.withdraw("RESTORE")
    desk.now_ms += 10 * MINUTE_MS
    assert reason(desk.confirm(payment_ref="p", late=REACQUIRE)) == Reason.BATCH_RECALLED
    assert reason(desk.confirm(payment_ref="q", late=REACQUIRE)) == "Confirmed"
    assert sum(isinstance(event, RefundRaised) for event in desk.happened) == 1


def _late_under_strict() -> Desk:
    """A desk whose hold 1 expired before payment "p" (of one CNY) came without leave to reacquire."""
    desk = Desk(cards=1)
    desk.allocate()
    desk.now_ms += 10 * MINUTE_MS
    assert reason(desk.confirm(payment_ref="p", paid=Money(100, "CNY"))) == Reason.HOLD_EXPIRED
    due = RefundDue("p", Reason.HOLD_EXPIRED, Money(100, "CNY"), is_final=False)
    assert desk.ask(GetHold(HoldNo(1))).view.refunds_due == (due,)
    return desk


def test_a_payment_late_under_strict_buys_under_reacquire_and_is_owed_no_more() -> None:
    """Who forgot REACQUIRE says it now; a replay comes to the same hold, and the payment is spent."""
    desk = _late_under_strict()
    assert reason(desk.confirm(payment_ref="p", late=REACQUIRE)) == "Confirmed"
    replica = Pool(NAME)
    for event in desk.happened:
        replica.apply(event)
    for pool in (desk.pool, replica):
        view = pool.state.holds.ended[HoldNo(1)].view()
        assert (view.payment_ref, view.refunds_due) == ("p", ())
    assert reason(desk.confirm(payment_ref="q", late=REACQUIRE)) == Reason.HOLD_ALREADY_CONFIRMED


def test_a_refund_is_final_once_reacquire_has_failed() -> None:
    """The shop was told to pay back twice, and did; stock that comes in later is not for this payment."""
    desk = _late_under_strict()
    desk.allocate()
    assert reason(desk.confirm(payment_ref="p", late=REACQUIRE)) == Reason.OUT_OF_STOCK_LATE
    desk.receive(1)
    assert reason(desk.confirm(payment_ref="p", late=REACQUIRE)) == Reason.OUT_OF_STOCK_LATE
    assert desk.ask(GetHold(HoldNo(1))).view.refunds_due == (RefundDue("p", Reason.OUT_OF_STOCK_LATE),)


def test_a_late_payment_is_owed_for_good_once_another_bought_the_hold() -> None:
    """Told again under any policy, it hears that the hold is sold; each payment is owed once."""
    desk = _late_under_strict()
    desk.confirm(payment_ref="q", late=REACQUIRE)
    for late in (STRICT, REACQUIRE):
        assert reason(desk.confirm(payment_ref="p", late=late)) == Reason.HOLD_ALREADY_CONFIRMED
    assert desk.ask(GetHold(HoldNo(1))).view.refunds_due == (RefundDue("p", Reason.HOLD_ALREADY_CONFIRMED),)


def test_the_payment_of_a_refund_is_used_for_other_holds_too() -> None:
    """One payment is one sum of money: it cannot be given back and spent."""
    desk = Desk(cards=2)
    desk.allocate()
    desk.now_ms += 10 * MINUTE_MS
    desk.confirm(payment_ref="p")
    desk.allocate()
    assert reason(desk.confirm(2, payment_ref="p")) == Reason.PAYMENT_REF_USED


def test_a_replacement_has_the_life_that_was_asked_for() -> None:
    """And is refused when no card has it."""
    desk = Desk(cards=2, expires_at_ms=NOW_MS + 60 * MINUTE_MS)
    desk.allocate(life_ms_min=45 * MINUTE_MS)
    desk.confirm()
    desk.now_ms += 20 * MINUTE_MS
    assert reason(desk.replace(0)) == Reason.OUT_OF_STOCK
