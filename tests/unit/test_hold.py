"""Holds: who is due when, who holds how much, and what a hold looks like from outside."""

from engine.names import HoldNo
from engine.stock.commands import Principal
from engine.stock.hold import Hold, Holds
from engine.stock.outcomes import HoldState
from engine.stock.terms import HeldQuotas
from tests.unit.desk import NOW_MS, card


def hold(number: int, expires_at_ms: int, *, user: str = "", cards: int = 1) -> Hold:
    """An active hold."""
    held = tuple(card(number * 100 + serial) for serial in range(cards))
    return Hold(
        hold=HoldNo(number),
        state=HoldState.ACTIVE,
        cards=held,
        order_ref="",
        asked=cards,
        principal=Principal(user=user),
        created_at_ms=NOW_MS,
        expires_at_ms=expires_at_ms,
        ended_at_ms=0,
        touched_at_ms=NOW_MS,
        life_ms_min=0,
        price=None,
    )


def numbers_due(holds: Holds, now_ms: int) -> list[int]:
    """The holds that are due, each ended when it is named."""
    found = []
    for due in holds.due(now_ms):
        found.append(int(due.hold))
        holds.end(due, HoldState.EXPIRED, due.expires_at_ms, now_ms)
    return found


def test_a_hold_and_its_record_are_the_same() -> None:
    """Nothing is lost between the two."""
    record = hold(1, NOW_MS).record()
    assert Hold(*record).record() == record


def test_holds_are_due_by_deadline_and_at_it() -> None:
    """Earliest first; exactly at the deadline, not a millisecond before."""
    holds = Holds()
    for number, at_ms in ((1, 30), (2, 10), (3, 20)):
        holds.begin(hold(number, NOW_MS + at_ms))
    assert numbers_due(holds, NOW_MS + 9) == []
    assert numbers_due(holds, NOW_MS + 20) == [2, 3]
    assert holds.next_deadline_ms() == NOW_MS + 30
    assert numbers_due(holds, NOW_MS + 30) == [1]
    assert holds.next_deadline_ms() is None


def test_an_extended_hold_is_due_at_its_new_deadline_only() -> None:
    """The old entry in the heap means nothing."""
    holds, extended = Holds(), hold(1, NOW_MS + 10)
    holds.begin(extended)
    holds.extend(extended, NOW_MS + 50, NOW_MS)
    holds.extend(extended, NOW_MS + 50, NOW_MS)
    assert numbers_due(holds, NOW_MS + 49) == []
    assert numbers_due(holds, NOW_MS + 50) == [1]


def test_deadlines_of_ended_holds_do_not_pile_up() -> None:
    """A million quick sales with long deadlines must not leave a million entries behind."""
    holds = Holds()
    still_active = hold(1, NOW_MS + 7)
    holds.begin(still_active)
    for number in range(2, 5_002):
        quick = hold(number, NOW_MS + 1_000_000)
        holds.begin(quick)
        holds.end(quick, HoldState.CONFIRMED, NOW_MS, NOW_MS)
    assert len(holds._deadlines) < 1_100
    assert numbers_due(holds, NOW_MS + 2_000_000) == [1]


def test_units_are_counted_per_principal_while_a_hold_is_active() -> None:
    """Up to the bound is allowed, one more is not, and what ended counts no more."""
    holds, quotas = Holds(), HeldQuotas(user=3)
    first = hold(1, NOW_MS + 10, user="ann", cards=2)
    holds.begin(first)
    holds.count_for(quotas)
    holds.begin(hold(2, NOW_MS + 10, user="bob", cards=3))
    assert holds.exceeded(Principal(user="ann"), 1, quotas) is None
    assert holds.exceeded(Principal(user="ann"), 2, quotas) == ("user", 3, 2)
    assert holds.exceeded(Principal(device="ann"), 9, quotas) is None, "no bound on devices"
    assert holds.exceeded(Principal(), 9, quotas) is None, "nobody in particular"
    holds.end(first, HoldState.RELEASED, NOW_MS, NOW_MS)
    assert holds.exceeded(Principal(user="ann"), 3, quotas) is None
    assert holds.units == 3


def test_an_ended_hold_that_is_touched_goes_to_the_back_of_the_line() -> None:
    """Forgetting goes by last change, so the line must be in that order."""
    holds = Holds()
    for number in (1, 2):
        holds.begin(hold(number, NOW_MS + number))
    assert numbers_due(holds, NOW_MS + 5) == [1, 2]
    holds.touch(holds.ended[HoldNo(1)], NOW_MS + 9)
    assert list(holds.ended) == [2, 1]
    assert holds.ended[HoldNo(1)].touched_at_ms == NOW_MS + 9
