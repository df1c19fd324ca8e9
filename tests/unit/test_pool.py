"""The pool as a whole: time, memory, replay, and what it does when it is wrong."""

from typing import Any

import pytest

from engine.errors import InvariantBroken
from engine.names import HoldNo
from engine.stock import commands as ask
from engine.stock import events, outcomes, pool
from engine.stock.codec import COMMANDS, EVENTS, OUTCOMES
from engine.stock.outcomes import Reason
from tests.unit.desk import MINUTE_MS, NOW_MS, Desk, reason


def test_time_never_steps_back_inside_a_pool() -> None:
    """A clock that is set back neither prolongs a hold nor dates an event before the last."""
    desk = Desk(cards=1)
    desk.now_ms += MINUTE_MS
    desk.allocate(hold_for_ms=MINUTE_MS)
    desk.now_ms -= 30 * MINUTE_MS
    desk.extend(hold_for_ms=2 * MINUTE_MS)
    assert desk.happened[-1] == events.HoldExtended(
        NOW_MS + MINUTE_MS, ask.Extend("request-3", HoldNo(1), 2 * MINUTE_MS), NOW_MS + 3 * MINUTE_MS
    )
    assert desk.pool.sweep(desk.now_ms, 10) == []


def test_every_command_and_every_event_is_known_to_pool_and_codec() -> None:
    """A new one that is forgotten in one of the tables is found here. Who waits, waits at the owner."""
    assert set(pool._DECIDE) | {ask.Wait} == set(COMMANDS.values()) == set(ask.Command.__args__)
    assert set(pool._APPLY) == set(EVENTS.values()) == set(events.Event.__args__)
    assert set(OUTCOMES.values()) == set(outcomes.Outcome.__args__)


@pytest.mark.parametrize("kind", ask.Remembered.__args__)
def test_every_remembered_command_has_a_request_id_first(kind: type) -> None:
    """The memory goes by it."""
    assert kind._fields[0] == "request_id"  # type: ignore[attr-defined]


def test_a_refusal_is_sticky_and_journaled() -> None:
    """A definite no is given again even when the cause is gone."""
    desk = Desk()
    command = ask.Allocate("r", "o", 1, MINUTE_MS)
    first = desk.step(command)
    desk.receive(1)
    again = desk.step(command)
    assert (again.outcome, again.replayed, again.events) == (first.outcome, True, [])
    assert first.events == [events.Answered(NOW_MS, command, first.outcome)]


def test_a_request_id_with_another_body_is_refused_by_the_name_of_the_field_and_not_remembered() -> None:
    """The first answer stays the answer."""
    desk = Desk(cards=2)
    command = ask.Allocate("r", "o", 1, MINUTE_MS)
    held = desk.ask(command)
    others: dict[str, Any] = {"order_ref": "x", "quantity": 2, "hold_for_ms": 7, "partial": True}
    for field, other in others.items():
        changed = desk.step(command._replace(**{field: other}))
        assert changed.outcome == (Reason.IDEMPOTENCY_KEY_REUSED, (("field", field),))
        assert changed.events == []
    assert desk.ask(ask.Release("r", HoldNo(1))) == (Reason.IDEMPOTENCY_KEY_REUSED, (("field", "method"),))
    assert desk.ask(command) == held


def test_an_answer_tells_how_far_the_journal_must_be() -> None:
    """A repeated answer too: it rests on what was written before it."""
    desk = Desk(cards=1)
    command = ask.Allocate("r", "o", 1, MINUTE_MS)
    first = desk.step(command)
    assert first.seq == desk.pool.state.seq == len(desk.happened)
    assert desk.step(command).seq == first.seq


def test_a_sweep_is_bounded() -> None:
    """Two of three that are due, then the third."""
    desk = Desk(cards=3)
    for _ in range(3):
        desk.allocate(hold_for_ms=MINUTE_MS)
    at_ms = NOW_MS + MINUTE_MS
    assert desk.pool.sweep(at_ms, 2) == [events.HoldExpired(at_ms, HoldNo(1)), events.HoldExpired(at_ms, HoldNo(2))]
    assert desk.pool.sweep(at_ms, 2) == [events.HoldExpired(at_ms, HoldNo(3))]
    assert desk.pool.sweep(at_ms, 2) == []


def test_a_pool_that_contradicts_itself_stops() -> None:
    """It says who it is and what it could not take; it never answers on a guess."""
    desk = Desk(cards=2)
    desk.allocate()
    desk.pool.state.batches.clear()
    with pytest.raises(InvariantBroken, match=r"<Pool DEMO .* could not take Release"):
        desk.release()


def test_a_hold_never_ends_before_its_deadline_whatever_the_journal_says() -> None:
    """An event that would break the promise is found before it is applied."""
    desk = Desk(cards=1)
    desk.allocate()
    with pytest.raises(AssertionError, match="never ends before its deadline"):
        desk.pool.apply(events.HoldExpired(NOW_MS, HoldNo(1)))


def test_the_repr_tells_the_counts() -> None:
    """Stories and logs read it."""
    desk = Desk(cards=3)
    desk.allocate()
    desk.withdraw(ask.VOID, 2)
    assert repr(desk.pool) == "<Pool DEMO shelf=1 held=1 sold=0 void=1 seq=4>"
    assert reason(desk.ask(ask.Audit())) == "Audited"
