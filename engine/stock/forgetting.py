"""Leaving memory: what the archive holds is dropped here, a little at a time, by an event of its own."""

from collections.abc import Iterable, Iterator
from itertools import islice, takewhile

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
    if type(command) in REMEMBERED:
        request_id: str = command.request_id  # type: ignore[union-attr]
        if request_id in memory.answers:
            return []
        if memory.may_be_archived(request_id):
            wanted.append("request/" + request_id)
    hold = _hold_of(state, command, looked)
    if hold and hold <= state.holds.last and state.holds.get(hold) is None:
        wanted.append(f"hold/{hold}")
    wanted += _references(state, command)
    return [key for key in wanted if key not in looked]


def _references(state: State, command: Command) -> Iterator[str]:
    """Whose an order, a payment or a sold card is, where memory cannot say."""
    memory = state.memory
    if isinstance(command, Allocate | GetHold) and command.order_ref and command.order_ref not in memory.orders:
        key = "order/" + command.order_ref
        if key in memory.sieve:
            yield key
    elif isinstance(command, Confirm) and command.payment_ref not in memory.payments:
        key = "payment/" + command.payment_ref
        if key in memory.sieve:
            yield key
    elif isinstance(command, ListSold) and command.batch in state.batches:
        page = sold_to(state, state.batches[command.batch], command)
        yield from (f"card/{card}" for card, hold in page if hold is None)


def _hold_of(state: State, command: Command, looked: Recalled) -> HoldNo | None:
    if isinstance(command, Confirm | Release | Extend | Replace | GetHold) and command.hold:
        return command.hold
    if isinstance(command, Allocate | GetHold):
        known = state.memory.orders.get(command.order_ref) or looked.get("order/" + command.order_ref)
        return HoldNo(known) if isinstance(known, int) else None
    return None


def _after(place: int, moments_ms: Iterable[int], otherwise_ms: int) -> int:
    """Just after the moment at `place` in the line, or `otherwise_ms` when the line is shorter."""
    found = next(islice(moments_ms, place, None), None)
    return otherwise_ms if found is None else found + 1
