"""Leaving memory: what the archive holds is dropped here, a little at a time, by an event of its own."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice, takewhile
from typing import Any

from engine.names import HoldNo
from engine.stock.commands import (
    REMEMBERED,
    Allocate,
    Command,
    Confirm,
    Extend,
    Forget,
    GetHold,
    ListSold,
    Release,
    Replace,
)
from engine.stock.events import Forgotten
from engine.stock.looking import sold_to
from engine.stock.outcomes import Forgot, Outcome
from engine.stock.state import Recalled, State, Turn

#: Answers or holds archived and dropped in one step, so that it never stalls a sale: packing 500 answers and
#: 500 holds takes about 5 ms, and dropping them as long again.
_DROP_PER_STEP_MAX = 500


def forget(turn: Turn, command: Forget) -> Outcome:
    """Decide how far one step may forget; the owner repeats until that is all."""
    before_ms = reach_ms(turn.state, command.before_ms)
    turn.emit(Forgotten(turn.now_ms, before_ms))
    return Forgot(before_ms)


def reach_ms(state: State, before_ms: int) -> int:
    """How far towards `before_ms` one step of archiving and forgetting may go."""
    answered = (answer.at_ms for answer in state.memory.answers.values())
    touched = (hold.touched_at_ms for hold in state.holds.ended.values())
    return min(
        before_ms, _after(_DROP_PER_STEP_MAX, answered, before_ms), _after(_DROP_PER_STEP_MAX, touched, before_ms)
    )


def apply_forgotten(state: State, event: Forgotten) -> None:
    """Drop it."""
    state.memory.forget_answers(event.before_ms)
    ended = state.holds.ended
    for hold in list(takewhile(lambda hold: hold.touched_at_ms < event.before_ms, ended.values())):
        del ended[hold.hold]
        state.memory.forget_order(hold.order_ref)
        for payment_ref in hold.payment_refs():
            state.memory.forget_payment(payment_ref)


def missing(state: State, command: Command, looked: Recalled) -> list[str]:
    """The archive keys this command needs and that nobody has looked up yet; ask again with the findings."""
    memory = state.memory
    if not memory.forgotten_before_ms:
        return []
    wanted: list[str] = []
    kind = type(command)
    if kind in REMEMBERED:
        request_id: str = command.request_id  # type: ignore[union-attr]
        if request_id in memory.answers:
            return []
        if memory.may_be_archived(request_id):
            wanted.append("request/" + request_id)
    if kind in _REFERENCES:
        wanted += _REFERENCES[kind](state, command, looked)
    return [key for key in wanted if key not in looked]


def _of_allocate(state: State, command: Allocate, looked: Recalled) -> Sequence[str]:
    return _order(state, command.order_ref, looked)


def _of_confirm(state: State, command: Confirm, _looked: Recalled) -> Sequence[str]:
    key = "payment/" + command.payment_ref
    is_old = command.payment_ref not in state.memory.payments and key in state.memory.sieve
    return (*_hold(state, command.hold), key) if is_old else _hold(state, command.hold)


def _of_held(state: State, command: Release | Extend | Replace, _looked: Recalled) -> Sequence[str]:
    return _hold(state, command.hold)


def _of_get_hold(state: State, question: GetHold, looked: Recalled) -> Sequence[str]:
    return _hold(state, question.hold) if question.hold else _order(state, question.order_ref, looked)


def _of_list_sold(state: State, question: ListSold, _looked: Recalled) -> Sequence[str]:
    if question.batch not in state.batches:
        return ()
    return [f"card/{card}" for card, hold in sold_to(state, state.batches[question.batch], question) if hold is None]


def _order(state: State, order_ref: str, looked: Recalled) -> Sequence[str]:
    """An order that memory knows has its hold there; of another the archive says whose it is, and then the hold."""
    if not order_ref or order_ref in state.memory.orders:
        return ()
    key = "order/" + order_ref
    if key not in state.memory.sieve:
        return ()
    found = looked.get(key)
    return (key, *_hold(state, HoldNo(found))) if isinstance(found, int) else (key,)


def _hold(state: State, number: HoldNo) -> Sequence[str]:
    is_old = 0 < number <= state.holds.last and state.holds.get(number) is None
    return (f"hold/{number}",) if is_old else ()


def _after(place: int, moments_ms: Iterable[int], otherwise_ms: int) -> int:
    """Just after the moment at `place` in the line, or `otherwise_ms` when the line is shorter."""
    found = next(islice(moments_ms, place, None), None)
    return otherwise_ms if found is None else found + 1


_REFERENCES: Mapping[type, Callable[[State, Any, Recalled], Sequence[str]]] = {
    Allocate: _of_allocate,
    Confirm: _of_confirm,
    Release: _of_held,
    Extend: _of_held,
    Replace: _of_held,
    GetHold: _of_get_hold,
    ListSold: _of_list_sold,
}
