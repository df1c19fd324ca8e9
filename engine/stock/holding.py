"""Allocate, release, extend, expire: how a hold begins and how it ends unsold."""

from collections.abc import Sequence

from engine import limits
from engine.money import Money
from engine.names import SERIAL_BITS, Card, HoldNo
from engine.stock.commands import Allocate, Extend, Release
from engine.stock.events import Answered, CardsHeld, HoldExpired, HoldExtended, HoldRecalled, HoldReleased
from engine.stock.hold import Hold
from engine.stock.offering import objection, price_of
from engine.stock.outcomes import (
    ACTIVE,
    CONFIRMED,
    EXPIRED,
    RELEASED,
    WAITS,
    Extended,
    HoldFound,
    Outcome,
    Reason,
    Released,
)
from engine.stock.state import State, Turn

_new = tuple.__new__


def allocate(turn: Turn, command: Allocate) -> Outcome:  # noqa: C901 (a line a guard is how a list of them reads)
    """Decide an Allocate: every guard is a refusal with its own word."""
    state, terms = turn.state, turn.state.terms
    known = state.memory.orders.get(command.order_ref)
    if known is None and turn.recalled:
        known = turn.holder("order/" + command.order_ref)
    if known is not None:
        return _same_order_again(turn, command, known)
    if terms.paused:
        return turn.refuse(command, Reason.SKU_PAUSED)
    if not 1 <= command.quantity <= terms.cards_per_hold_max:
        return turn.refuse(
            command, Reason.INVALID_QUANTITY, quantity=command.quantity, min=1, max=terms.cards_per_hold_max
        )
    if command.hold_for_ms and not _may_last(turn, command.hold_for_ms):
        return _not_so_long(turn, command)
    if command.price is not None and command.price != terms.price and state.prices is None:
        return _price_changed(turn, command, terms.price)
    exceeded = _quota_exceeded(turn, command) if state.holds.has_quotas else None
    if exceeded:
        dimension, bound, held = exceeded
        return turn.refuse(command, Reason.HELD_QUOTA_EXCEEDED, principal=dimension, held=held, max=bound)
    cards = pick(turn, command.quantity, turn.now_ms + command.life_ms_min)
    if len(cards) < command.quantity and not (command.partial and cards):
        if turn.may_wait:
            return WAITS
        return turn.refuse(command, Reason.OUT_OF_STOCK, requested=command.quantity, available=len(cards))
    price = terms.price
    if state.prices is not None:
        price = price_of(state, cards, command.channel)
        no = _why_not_at(turn, command, cards, price)
        if no is not None:
            return no
    number = HoldNo(state.holds.last + 1)
    life_ms = min(command.hold_for_ms or terms.hold_for_ms, terms.hold_for_ms_max, terms.hold_lifetime_ms_max)
    # As plain tuples, which takes half the time: there are more of these than of anything else.
    event = _new(CardsHeld, (turn.now_ms, command, number, cards, turn.now_ms + life_ms, price))
    turn.emit(event)
    return state.outcome_of(event)


def _why_not_at(turn: Turn, command: Allocate, cards: Sequence[Card], price: Money | None) -> Outcome | None:
    """A refusal when it is not the price that the buyer was shown, or one at which these cards may not be sold."""
    if command.price is not None and command.price != price:
        return _price_changed(turn, command, price)
    loss = objection(turn.state, cards, price, command.channel)
    return None if loss is None else turn.settle(command, loss)


def _price_changed(turn: Turn, command: Allocate, price: Money | None) -> Outcome:
    minor, currency = price or ("", "")
    return turn.refuse(command, Reason.PRICE_CHANGED, minor=minor, currency=currency)


def pick(turn: Turn, wanted: int, after_ms: int) -> tuple[Card, ...]:
    """The next cards, after ending what is due: a step's worth always, all of it when the shelf is short."""
    if turn.state.holds.may_be_due(turn.now_ms):
        turn.end_due(limits.expire_per_step_max)
    cards = turn.state.shelf.pick(wanted, after_ms)
    while len(cards) < wanted and turn.end_due(limits.expire_per_step_max):
        cards = turn.state.shelf.pick(wanted, after_ms)
    return cards


def release(turn: Turn, command: Release) -> Outcome:
    """Decide a Release: of what has ended unsold it is a success, of what is sold a refusal."""
    hold = turn.hold(command.hold)
    if hold is None:
        return turn.refuse(command, Reason.HOLD_NOT_FOUND)
    if hold.state is CONFIRMED:
        return turn.refuse(command, Reason.HOLD_ALREADY_CONFIRMED)
    if hold.state is not ACTIVE:
        return turn.settle(command, Released(hold.view()))
    turn.emit(HoldReleased(turn.now_ms, command))
    return turn.answer(command)


def extend(turn: Turn, command: Extend) -> Outcome:
    """Decide an Extend: never shorter than before, never past the longest lifetime."""
    hold = turn.hold(command.hold)
    if hold is None:
        return turn.refuse(command, Reason.HOLD_NOT_FOUND)
    if hold.state is not ACTIVE:
        return turn.refuse(command, ended_as(hold), state=hold.state, endedAtMs=hold.ended_at_ms)
    if not _may_last(turn, command.hold_for_ms):
        return _not_so_long(turn, command)
    last_ms = hold.created_at_ms + turn.state.terms.hold_lifetime_ms_max
    wanted_ms = turn.now_ms + command.hold_for_ms
    if wanted_ms > hold.expires_at_ms >= last_ms:
        return turn.refuse(command, Reason.MAX_LIFETIME_REACHED, expiresAtMs=hold.expires_at_ms)
    expires_at_ms = max(hold.expires_at_ms, min(wanted_ms, last_ms))
    turn.emit(HoldExtended(turn.now_ms, command, expires_at_ms))
    return turn.answer(command)


def ended_as(hold: Hold) -> Reason:
    """The refusal that names how a hold ended."""
    return {
        CONFIRMED: Reason.HOLD_ALREADY_CONFIRMED,
        RELEASED: Reason.HOLD_RELEASED,
        EXPIRED: Reason.HOLD_EXPIRED,
    }[hold.state]


def apply_held(state: State, event: CardsHeld) -> None:
    """Move the cards from the shelf to a new hold."""
    batches, shelf = state.batches, state.shelf
    for card in event.cards:
        batch = batches[card >> SERIAL_BITS]  # type: ignore[index] # BatchNo(…) is a call, and this is the hot step
        batch.take(card, shelf)
        batch.held += 1
    state.holds.begin(begun(event))
    order_ref = event.command.order_ref
    if order_ref:
        state.memory.orders[order_ref] = event.hold
    state.memory.remember(event)


def apply_released(state: State, event: HoldReleased) -> None:
    """Give the cards back."""
    hold = state.holds.active[event.command.hold]
    _give_back(state, hold)
    state.holds.end(hold, RELEASED, event.at_ms, event.at_ms)
    state.memory.remember(Answered(event.at_ms, event.command, Released(hold.view())))


def apply_expired(state: State, event: HoldExpired) -> None:
    """Give the cards back; the hold ended at its deadline, not when that was noticed."""
    hold = state.holds.active[event.hold]
    assert hold.expires_at_ms <= event.at_ms, "a hold never ends before its deadline"
    _give_back(state, hold)
    state.holds.end(hold, EXPIRED, hold.expires_at_ms, event.at_ms)


def apply_extended(state: State, event: HoldExtended) -> None:
    """Set the later deadline."""
    hold = state.holds.active[event.command.hold]
    state.holds.extend(hold, event.expires_at_ms, event.at_ms)
    state.memory.remember(Answered(event.at_ms, event.command, Extended(hold.view(), state.expiries_ms(hold.cards))))


def apply_recalled(state: State, event: HoldRecalled) -> None:
    """An ended hold is in memory again."""
    hold = Hold(*event.record)
    state.holds.touch(hold, event.at_ms)
    state.memory.refer_to(hold)


def _may_last(turn: Turn, hold_for_ms: int) -> bool:
    return limits.hold_for_ms_min <= hold_for_ms <= turn.state.terms.hold_for_ms_max


def _not_so_long(turn: Turn, command: Allocate | Extend) -> Outcome:
    bounds = {"minMs": limits.hold_for_ms_min, "maxMs": turn.state.terms.hold_for_ms_max}
    return turn.refuse(command, Reason.INVALID_DURATION, field="hold_for", **bounds)


def _same_order_again(turn: Turn, command: Allocate, number: HoldNo) -> Outcome:
    hold = turn.hold(number)
    assert hold is not None, f"order {command.order_ref} names a hold that is nowhere"
    same = (
        hold.principal == command.principal
        and hold.life_ms_min == command.life_ms_min
        and hold.channel == command.channel
        and (command.price is None or hold.price == command.price)
        and hold.asked == command.quantity
    )
    if not same:
        return turn.refuse(command, Reason.ORDER_REF_EXISTS, hold=hold.hold)
    if hold.state in (RELEASED, EXPIRED):
        return turn.refuse(command, ended_as(hold), hold=hold.hold, state=hold.state, endedAtMs=hold.ended_at_ms)
    return turn.settle(command, HoldFound(hold.view(), (), turn.state.expiries_ms(hold.cards)))


def _quota_exceeded(turn: Turn, command: Allocate) -> tuple[str, int, int] | None:
    holds, quotas = turn.state.holds, turn.state.terms.quotas
    exceeded = holds.exceeded(command.principal, command.quantity, quotas)
    while exceeded and turn.end_due(limits.expire_per_step_max):
        exceeded = holds.exceeded(command.principal, command.quantity, quotas)
    return exceeded


def _give_back(state: State, hold: Hold) -> None:
    shelf = state.shelf
    for card in hold.cards:
        batch = state.batch(card)
        batch.held -= 1
        batch.give_back(card, shelf)


def begun(event: CardsHeld) -> Hold:
    """The hold that this event began, as it was then."""
    at_ms, command, number, cards, expires_at_ms, price = event
    hold = Hold(
        number,
        ACTIVE,
        cards,
        command.order_ref,
        command.quantity,
        command.principal,
        at_ms,
        expires_at_ms,
        0,
        at_ms,
        command.life_ms_min,
        price,
    )
    if command.channel:  # Rare, and the long way is not for everybody.
        hold.channel = command.channel
    return hold
