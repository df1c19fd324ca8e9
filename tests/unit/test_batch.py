"""A batch knows where each of its cards is."""

from engine.names import BatchNo
from engine.stock.commands import QUARANTINE, RESTORE, VOID, ListBatches
from tests.unit.desk import MINUTE_MS, NOW_MS, Desk, card


def batch_view(desk: Desk) -> tuple[int, int, int, int, int, int]:
    """received, available, on the shelf, held, sold, void."""
    view = desk.ask(ListBatches(0, 1)).views[0]
    return view.received, view.available, view.on_shelf, view.held, view.sold, view.void


def test_each_card_is_counted_in_one_place() -> None:
    """Six cards: one sold, one held, one void, one quarantined, two free."""
    desk = Desk(cards=6)
    desk.allocate()
    desk.confirm()
    desk.allocate()
    desk.withdraw(VOID, 2)
    desk.withdraw(QUARANTINE, 3)
    assert batch_view(desk) == (6, 2, 3, 1, 1, 1)


def test_expired_cards_are_on_the_shelf_but_not_available() -> None:
    """They are ours, and nobody can have them."""
    desk = Desk(cards=2, expires_at_ms=NOW_MS + MINUTE_MS)
    desk.now_ms += MINUTE_MS
    assert batch_view(desk) == (2, 0, 2, 0, 0, 0)


def test_a_held_card_of_a_void_batch_is_void_when_it_comes_back() -> None:
    """It goes to its lot, and the lot is never on sale again."""
    desk = Desk(cards=2)
    desk.allocate()
    desk.withdraw(VOID)
    assert batch_view(desk) == (2, 0, 0, 1, 0, 1)
    desk.release()
    assert batch_view(desk) == (2, 0, 0, 0, 0, 2)


def test_restoring_a_batch_restores_all_that_is_quarantined_in_it_and_nothing_void() -> None:
    """Single cards too, free ones and held ones."""
    desk = Desk(cards=5)
    desk.allocate(2)
    desk.withdraw(QUARANTINE, 0, 2)
    desk.withdraw(VOID, 1, 3)
    desk.withdraw(QUARANTINE)
    assert batch_view(desk) == (5, 0, 2, 2, 0, 1)
    assert desk.withdraw(RESTORE).moved == 2
    assert desk.shelf().available == 2
    desk.release()
    assert batch_view(desk) == (5, 3, 3, 0, 0, 2)


def test_the_last_card_of_a_lot_that_comes_back_is_on_sale_again() -> None:
    """An emptied lot leaves the shelf and must find its way back, unless it is off sale."""
    desk = Desk(cards=1)
    desk.allocate()
    desk.release()
    assert desk.allocate().view.cards == (card(0),)
    desk.withdraw(QUARANTINE)
    desk.release(2)
    assert desk.shelf().available == 0
    desk.withdraw(RESTORE)
    assert desk.shelf().available == 1


def test_a_batch_on_the_shelf_is_a_range_however_large() -> None:
    """Memory follows what is held: ten thousand cards are one run."""
    desk = Desk(cards=10_000)
    lots = desk.pool.state.batches[BatchNo(1)].lots
    assert [lot.fresh for lot in lots] == [[[0, 10_000]]]
