"""Withdrawing: the corners that no story tells (engine.stock.withdrawing, alone)."""

from engine.stock.commands import QUARANTINE, RESTORE, VOID
from engine.stock.outcomes import Reason
from tests.unit.desk import MINUTE_MS, Desk, card, reason


def test_a_card_past_its_holds_deadline_is_free_and_moves() -> None:
    """The sweep has not run; the hold is over all the same, so nobody holds the card."""
    desk = Desk(cards=2)
    desk.allocate()
    desk.now_ms += 10 * MINUTE_MS
    withdrawn = desk.withdraw(VOID, 0)
    assert (withdrawn.moved, withdrawn.held) == (1, ())


def test_a_card_of_another_batch_is_not_found() -> None:
    """A withdraw names cards of one batch."""
    desk = Desk(cards=1)
    desk.receive(5)
    assert reason(desk.withdraw(VOID, 4, batch=2)) == "Withdrawn"
    assert reason(desk.withdraw(VOID, 4)) == Reason.CARD_NOT_FOUND


def test_what_is_aside_moves_only_where_it_may() -> None:
    """Quarantine → void and back to sale; void → nowhere; free → not restored."""
    desk = Desk(cards=3)
    desk.withdraw(QUARANTINE, 0, 1)
    assert desk.withdraw(QUARANTINE, 0).moved == 0
    assert desk.withdraw(VOID, 0).moved == 1
    assert desk.withdraw(RESTORE, 0, 1, 2).moved == 1
    assert desk.shelf().available == 2


def test_in_a_void_batch_no_card_moves() -> None:
    """They are all void already."""
    desk = Desk(cards=2)
    desk.withdraw(QUARANTINE, 0)
    desk.withdraw(VOID)
    assert desk.withdraw(RESTORE, 0).moved == 0
    assert desk.shelf().void == 2


def test_a_recalled_batch_names_all_its_held_cards() -> None:
    """In order, and of no other batch."""
    desk = Desk(cards=2)
    desk.receive(1)
    desk.allocate(3)
    assert desk.withdraw(QUARANTINE).held == (card(0), card(1))
