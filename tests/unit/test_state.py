"""One turn of a pool: its moment, what it knows of a hold, and what it emits."""

from engine.names import HoldNo
from engine.stock.events import HoldExpired, HoldRecalled
from engine.stock.outcomes import HoldState
from engine.stock.pool import apply
from engine.stock.state import State, Turn
from tests.unit.desk import MINUTE_MS, NAME, NOW_MS, Desk, card


def turn_of(desk: Desk, **recalled: object) -> Turn:
    """A turn at the desk's moment."""
    return Turn(desk.pool.state, desk.now_ms, recalled, apply)  # type: ignore[arg-type]


def test_a_turn_is_never_earlier_than_the_last_event() -> None:
    """A clock that steps back is overruled."""
    state = State(NAME)
    state.last_ms = NOW_MS
    assert Turn(state, NOW_MS - 1, {}, apply).now_ms == NOW_MS
    assert Turn(state, NOW_MS + 1, {}, apply).now_ms == NOW_MS + 1


def test_a_hold_past_its_deadline_is_expired_for_whoever_asks() -> None:
    """The turn ends it on the spot, and only once."""
    desk = Desk(cards=1)
    desk.allocate()
    desk.now_ms += 10 * MINUTE_MS
    turn = turn_of(desk)
    for _ in range(2):
        hold = turn.hold(HoldNo(1))
        assert hold is not None
        assert hold.state is HoldState.EXPIRED
        assert hold.ended_at_ms == NOW_MS + 10 * MINUTE_MS
    assert turn.events == [HoldExpired(desk.now_ms, HoldNo(1))]


def test_a_hold_comes_back_once() -> None:
    """Bringing back what is here changes nothing."""
    desk = Desk(cards=1)
    desk.allocate()
    desk.release()
    desk.now_ms += 1
    record = desk.pool.state.holds.ended[HoldNo(1)].record()
    desk.forget()
    turn = turn_of(desk, **{"hold/1": record})
    hold = turn.hold(HoldNo(1))
    assert hold is not None
    turn.bring_back(hold)
    turn.bring_back(hold)
    assert turn.events == [HoldRecalled(desk.now_ms, record)]


def test_an_archive_entry_of_the_wrong_kind_is_nothing() -> None:
    """Neither an answer, nor a hold, nor a number."""
    desk = Desk(cards=1)
    turn = turn_of(desk, **{"hold/1": HoldNo(1), "order/o": None, "card/1": "text"})
    assert (turn.hold(HoldNo(1)), turn.holder("order/o"), turn.holder("card/1")) == (None, None, None)


def test_ending_what_is_due_tells_how_many() -> None:
    """None when no deadline has come; never more than asked for."""
    desk = Desk(cards=3)
    for _ in range(3):
        desk.allocate()
    assert turn_of(desk).end_due(9) == 0
    desk.now_ms += 10 * MINUTE_MS
    assert [turn_of(desk).end_due(2) for _ in range(3)] == [2, 1, 0]


def test_expiries_are_told_card_by_card() -> None:
    """In the order asked; None lives for ever."""
    desk = Desk(cards=1, expires_at_ms=NOW_MS + 5)
    desk.receive(1)
    assert desk.pool.state.expiries_ms((card(0, 2), card(0, 1))) == (None, NOW_MS + 5)
