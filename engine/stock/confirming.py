"""Confirm: the one place where cards become sold, on time or late. Also how a bad one is replaced."""

from collections.abc import Sequence

from engine.money import Money
from engine.names import Card
from engine.stock.commands import REACQUIRE, Confirm, Replace
from engine.stock.events import Answered, CardReplaced, HoldConfirmed, RefundRaised
from engine.stock.hold import Hold
from engine.stock.holding import ended_as, pick
from engine.stock.offering import objection
from engine.stock.outcomes import ACTIVE, CONFIRMED, Confirmed, Outcome, Reason, RefundDue, Replaced
from engine.stock.state import State, Turn


def confirm(turn: Turn, command: Confirm) -> Outcome:
    """Decide a Confirm: who may pay, how much, and whether in time."""
    hold = turn.hold(command.hold)
    if hold is None:
        return turn.refuse(command, Reason.HOLD_NOT_FOUND)
    if hold.state is CONFIRMED and hold.payment_ref == command.payment_ref:
        return turn.settle(command, _confirmed(turn.state, hold, 0))
    payer = turn.state.memory.payments.get(command.payment_ref)
    if payer is None and turn.recalled:
        payer = turn.holder("payment/" + command.payment_ref)
    if payer is not None and payer != hold.hold:
        return turn.refuse(command, Reason.PAYMENT_REF_USED, hold=payer)
    due = hold.refund_of(command.payment_ref)
    if due is not None and due.is_final:
        return _refund(turn, command, hold, due.reason or _why_unsold(turn, hold))
    if _is_too_late(turn, command, hold):
        return _refund(turn, command, hold, _why_unsold(turn, hold))
    quantity = command.quantity or len(hold.cards)
    if quantity > len(hold.cards):
        return turn.refuse(command, Reason.INVALID_QUANTITY, quantity=quantity, min=1, max=len(hold.cards))
    if hold.price is not None and command.paid != hold.price.times(quantity):
        expected, currency = hold.price.times(quantity)
        paid = command.paid or Money(0, "")
        facts = {"expected": expected, "currency": currency, "paid": paid.minor, "paidCurrency": paid.currency}
        return turn.refuse(command, Reason.AMOUNT_MISMATCH, **facts)
    if hold.state is ACTIVE:
        return _confirm_in_time(turn, command, hold, quantity)
    return _confirm_late(turn, command, hold, quantity)


def replace(turn: Turn, command: Replace) -> Outcome:
    """Decide a Replace: once per bad card, from stock that is sold nowhere else."""
    hold = turn.hold(command.hold)
    if hold is None:
        return turn.refuse(command, Reason.HOLD_NOT_FOUND)
    if any(command.card == bad for bad, _ in hold.replaced):
        return turn.refuse(command, Reason.CARD_ALREADY_REPLACED)
    if hold.state is not CONFIRMED or command.card not in hold.cards:
        return turn.refuse(command, Reason.CARD_NOT_SOLD)
    fresh = pick(turn, 1, turn.now_ms + hold.life_ms_min)
    if not fresh:
        return turn.refuse(command, Reason.OUT_OF_STOCK, requested=1, available=0)
    turn.bring_back(hold)
    turn.emit(CardReplaced(turn.now_ms, command, fresh[0]))
    return turn.answer(command)


def apply_confirmed(state: State, event: HoldConfirmed) -> None:
    """Sell `event.cards`: what was held beyond them goes back, what was not held comes off the shelf."""
    hold = state.holds.get(event.command.hold)
    assert hold is not None
    before = hold.cards if hold.state is ACTIVE else ()
    hold.reacquired = _trade(state, before, event.cards)
    state.holds.end(hold, CONFIRMED, event.at_ms, event.at_ms)
    hold.cards = event.cards
    hold.payment_ref = event.command.payment_ref
    if state.prices is not None:
        state.prices.sold(event.at_ms, len(event.cards))
    hold.refunds_due = hold.refunds_of_others(hold.payment_ref)
    state.memory.payments[hold.payment_ref] = hold.hold
    returned = max(0, len(before) - len(event.cards))
    state.memory.remember(Answered(event.at_ms, event.command, _confirmed(state, hold, returned)))


def apply_refund(state: State, event: RefundRaised) -> None:
    """Remember that this payment bought nothing, and why."""
    hold = state.holds.get(event.hold)
    assert hold is not None
    due = RefundDue(event.payment_ref, event.reason, event.paid, event.is_final)
    hold.refunds_due = (*hold.refunds_of_others(event.payment_ref), due)
    state.holds.touch(hold, event.at_ms)
    state.memory.payments[event.payment_ref] = hold.hold


def apply_replaced(state: State, event: CardReplaced) -> None:
    """Sell the fresh card to the hold of the bad one, and link the two."""
    hold = state.holds.get(event.command.hold)
    assert hold is not None
    bad, fresh = event.command.card, event.fresh
    _sell(state, fresh, fresh=True)
    hold.cards = tuple(fresh if card == bad else card for card in hold.cards)
    hold.replaced += ((bad, fresh),)
    state.holds.touch(hold, event.at_ms)
    replaced = Replaced(hold.view(), bad, fresh, state.expiries_ms(hold.cards))
    state.memory.remember(Answered(event.at_ms, event.command, replaced))


def _confirm_in_time(turn: Turn, command: Confirm, hold: Hold, quantity: int) -> Outcome:
    """Sell what is held; a card that was withdrawn or expired meanwhile is swapped for a fresh one."""
    state = turn.state
    cards = tuple([card for card in hold.cards if state.batch(card).may_be_sold(card, turn.now_ms)][:quantity])
    if len(cards) < quantity:
        cards += pick(turn, quantity - len(cards), turn.now_ms + hold.life_ms_min)
        if len(cards) < quantity:
            return _refund(turn, command, hold, _why_unsold(turn, hold))
    turn.emit(HoldConfirmed(turn.now_ms, command, cards, hold.price, hold.channel))
    return turn.answer(command)


def _confirm_late(turn: Turn, command: Confirm, hold: Hold, quantity: int) -> Outcome:
    """The hold has ended within the window: fresh cards if there are any, else a refund is due."""
    if turn.state.terms.paused:
        return _refund(turn, command, hold, Reason.SKU_PAUSED)
    cards = pick(turn, quantity, turn.now_ms + hold.life_ms_min)
    if len(cards) < quantity:
        return _refund(turn, command, hold, Reason.OUT_OF_STOCK_LATE)
    loss = objection(turn.state, cards, hold.price, hold.channel)
    if loss is not None:
        return _refund(turn, command, hold, loss.reason)
    turn.bring_back(hold)
    turn.emit(HoldConfirmed(turn.now_ms, command, cards, hold.price, hold.channel))
    return turn.answer(command)


def _is_too_late(turn: Turn, command: Confirm, hold: Hold) -> bool:
    """Whether no card can be sold to this hold any more, whatever is paid: then a payment is a refund."""
    if hold.state is ACTIVE:
        return False
    if hold.state is CONFIRMED or command.late != REACQUIRE:
        return True
    window_ms = command.late_window_ms or turn.state.terms.late_window_ms
    return not window_ms or turn.now_ms - hold.ended_at_ms > window_ms


def _why_unsold(turn: Turn, hold: Hold) -> Reason:
    """What a payment that buys nothing is told: how the hold ended, or what became of its cards."""
    if hold.state is not ACTIVE:
        return ended_as(hold)
    recalled = any(turn.state.batch(card).is_recalled(card) for card in hold.cards)
    return Reason.BATCH_RECALLED if recalled else Reason.OUT_OF_STOCK_LATE


def _refund(turn: Turn, command: Confirm, hold: Hold, reason: Reason) -> Outcome:
    """Refuse, and raise the refund unless that was done for this payment before.

    Late under STRICT, the payment may still buy under REACQUIRE, which then lifts the refund: so the caller says
    that the money is still there. What was refused otherwise is final: the money may be on its way back.
    """
    due = hold.refund_of(command.payment_ref)
    is_final = command.late == REACQUIRE or hold.state in (ACTIVE, CONFIRMED)
    if due is None or is_final > due.is_final:
        turn.bring_back(hold)
        turn.emit(RefundRaised(turn.now_ms, hold.hold, command.payment_ref, command.paid, reason, is_final))
    return turn.refuse(command, reason, state=hold.state, endedAtMs=hold.ended_at_ms, refundDue="true")


def _confirmed(state: State, hold: Hold, returned: int) -> Confirmed:
    return Confirmed(hold.view(), returned, hold.reacquired, state.expiries_ms(hold.cards))


def _trade(state: State, before: Sequence[Card], after: Sequence[Card]) -> bool:
    """Sell `after` to a hold that held `before`. Answers whether that took fresh cards."""
    if before == after:
        for card in after:
            batch = state.batch(card)
            batch.held -= 1
            batch.sold += 1
        return False
    kept = set(before).intersection(after)
    for card in before:
        batch = state.batch(card)
        batch.held -= 1
        if card not in kept:
            batch.give_back(card, state.shelf)
    for card in after:
        _sell(state, card, fresh=card not in kept)
    return len(kept) < len(after)


def _sell(state: State, card: Card, *, fresh: bool) -> None:
    batch = state.batch(card)
    if fresh:
        batch.take(card, state.shelf)
    batch.sold += 1
