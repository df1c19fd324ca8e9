"""Every way a hold can be × everything one may ask of it, with what must be answered. No cell is left out.

A hold that ended and was forgotten answers from the archive, and must say the same; one whose deadline
has just come must say the same as one that was swept.
"""

from collections.abc import Callable
from typing import Any

import pytest

from engine.names import HoldNo
from engine.stock import commands as ask
from engine.stock.events import HoldRecalled, RefundRaised
from tests.unit.desk import MINUTE_MS, Desk, reason


def _active(desk: Desk) -> None:
    desk.now_ms += MINUTE_MS


def _confirmed(desk: Desk) -> None:
    desk.confirm(payment_ref="paid")


def _released(desk: Desk) -> None:
    desk.release()


def _due(desk: Desk) -> None:
    desk.now_ms += 10 * MINUTE_MS


def _expired(desk: Desk) -> None:
    _due(desk)
    desk.pool.sweep(desk.now_ms, 10)


def _forgotten(make: Callable[[Desk], None]) -> Callable[[Desk], None]:
    def end_and_forget(desk: Desk) -> None:
        make(desk)
        desk.now_ms += 1
        desk.forget()
        assert desk.pool.state.holds.get(HoldNo(1)) is None

    return end_and_forget


_STATES: dict[str, Callable[[Desk], None]] = {
    "ACTIVE": _active,
    "CONFIRMED": _confirmed,
    "RELEASED": _released,
    "EXPIRED": _expired,
    "EXPIRED by rule": _due,
    "CONFIRMED, forgotten": _forgotten(_confirmed),
    "RELEASED, forgotten": _forgotten(_released),
    "EXPIRED, forgotten": _forgotten(_expired),
}
_COMMANDS: dict[str, Callable[[Desk], Any]] = {
    "confirm, the payment that bought it": lambda desk: desk.confirm(payment_ref="paid"),
    "confirm, another payment": lambda desk: desk.confirm(payment_ref="other"),
    "confirm, another payment, may reacquire": lambda desk: desk.confirm(payment_ref="other", late=ask.REACQUIRE),
    "release": lambda desk: desk.release(),
    "extend": lambda desk: desk.extend(),
    "replace": lambda desk: desk.replace(0),
    "allocate, same order": lambda desk: desk.allocate(2, order_ref="o"),
    "allocate, same order, other body": lambda desk: desk.allocate(1, order_ref="o"),
    "get hold": lambda desk: desk.ask(ask.GetHold(HoldNo(1))),
    "get hold by order": lambda desk: desk.ask(ask.GetHold(HoldNo(0), "o")),
}
_MUST: dict[str, dict[str, str]] = {
    "confirm, the payment that bought it": {
        "ACTIVE": "Confirmed",
        "CONFIRMED": "Confirmed",
        "RELEASED": "HOLD_RELEASED, refund",
        "EXPIRED": "HOLD_EXPIRED, refund",
    },
    "confirm, another payment": {
        "ACTIVE": "Confirmed",
        "CONFIRMED": "HOLD_ALREADY_CONFIRMED, refund",
        "RELEASED": "HOLD_RELEASED, refund",
        "EXPIRED": "HOLD_EXPIRED, refund",
    },
    "confirm, another payment, may reacquire": {
        "ACTIVE": "Confirmed",
        "CONFIRMED": "HOLD_ALREADY_CONFIRMED, refund",
        "RELEASED": "Confirmed, reacquired",
        "EXPIRED": "Confirmed, reacquired",
    },
    "release": {
        "ACTIVE": "Released",
        "CONFIRMED": "HOLD_ALREADY_CONFIRMED",
        "RELEASED": "Released",
        "EXPIRED": "Released",
    },
    "extend": {
        "ACTIVE": "Extended",
        "CONFIRMED": "HOLD_ALREADY_CONFIRMED",
        "RELEASED": "HOLD_RELEASED",
        "EXPIRED": "HOLD_EXPIRED",
    },
    "replace": {
        "ACTIVE": "CARD_NOT_SOLD",
        "CONFIRMED": "Replaced",
        "RELEASED": "CARD_NOT_SOLD",
        "EXPIRED": "CARD_NOT_SOLD",
    },
    "allocate, same order": {
        "ACTIVE": "HoldFound",
        "CONFIRMED": "HoldFound",
        "RELEASED": "HOLD_RELEASED",
        "EXPIRED": "HOLD_EXPIRED",
    },
    "allocate, same order, other body": {
        "ACTIVE": "ORDER_REF_EXISTS",
        "CONFIRMED": "ORDER_REF_EXISTS",
        "RELEASED": "ORDER_REF_EXISTS",
        "EXPIRED": "ORDER_REF_EXISTS",
    },
    "get hold": dict.fromkeys(("ACTIVE", "CONFIRMED", "RELEASED", "EXPIRED"), "HoldFound"),
    "get hold by order": dict.fromkeys(("ACTIVE", "CONFIRMED", "RELEASED", "EXPIRED"), "HoldFound"),
}


@pytest.mark.parametrize("state", _STATES)
@pytest.mark.parametrize("command", _COMMANDS)
def test_a_hold_answers_as_its_state_demands(state: str, command: str) -> None:
    """The cell of the table, told by outcome, refund and reacquisition; and the count is right after it."""
    desk = Desk(cards=4)
    desk.allocate(2, order_ref="o")
    _STATES[state](desk)
    desk.happened.clear()
    outcome = _COMMANDS[command](desk)
    told = reason(outcome)
    told += ", refund" * any(isinstance(event, RefundRaised) for event in desk.happened)
    told += ", reacquired" * getattr(outcome, "reacquired", False)
    assert told == _MUST[command][state.partition(",")[0].partition(" by ")[0]]
    desk.pool.check()


@pytest.mark.parametrize("state", [state for state in _STATES if state.endswith("forgotten")])
@pytest.mark.parametrize("command", _COMMANDS)
def test_a_forgotten_hold_comes_back_only_to_be_changed(state: str, command: str) -> None:
    """Looking and refusing need the archive alone; what changes a hold brings it back through the journal."""
    desk = Desk(cards=4)
    desk.allocate(2, order_ref="o")
    _STATES[state](desk)
    desk.happened.clear()
    outcome = _COMMANDS[command](desk)
    changed = reason(outcome) == "Replaced" or getattr(outcome, "reacquired", False)
    changed = changed or any(isinstance(event, RefundRaised) for event in desk.happened)
    assert any(isinstance(event, HoldRecalled) for event in desk.happened) == changed


@pytest.mark.parametrize("command", [name for name in _COMMANDS if not name.startswith("allocate")])
def test_a_hold_that_never_was_is_not_found(command: str) -> None:
    """In an empty pool every hold is unknown, and nothing is looked up for it."""
    desk = Desk(cards=1)
    assert reason(_COMMANDS[command](desk)) == "HOLD_NOT_FOUND"
