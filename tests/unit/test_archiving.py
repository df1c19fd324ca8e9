"""What the archive gets: everything that forgetting drops, and nothing that it keeps."""

from engine.names import HoldNo
from engine.stock.archiving import to_archive
from engine.stock.codec import read_archived
from engine.stock.commands import REACQUIRE
from tests.unit.desk import MINUTE_MS, Desk, card


def test_an_ended_hold_is_archived_with_all_that_names_it() -> None:
    """By number, order, both payments, and by each card sold to it, the replaced one included."""
    desk = Desk(cards=2)
    desk.allocate(order_ref="o")
    desk.now_ms += 10 * MINUTE_MS
    desk.confirm(payment_ref="refunded")
    desk.confirm(payment_ref="paid", late=REACQUIRE)
    desk.replace(0)
    desk.now_ms += 1
    records = to_archive(desk.pool.state, desk.now_ms).records
    names = {f"card/{card(0)}", f"card/{card(1)}", "hold/1", "order/o", "payment/paid", "payment/refunded"}
    assert set(records) == names
    assert all(read_archived(name, records[name]) == 1 for name in names - {"hold/1"})
    assert read_archived("hold/1", records["hold/1"]) == desk.pool.state.holds.ended[HoldNo(1)].record()


def test_a_hold_that_sold_nothing_has_no_cards_to_its_name() -> None:
    """Its cards went back and may be sold to another; nor does an empty order name it."""
    desk = Desk(cards=1)
    desk.allocate(order_ref="")
    desk.release()
    desk.now_ms += 1
    assert set(to_archive(desk.pool.state, desk.now_ms).records) == {"hold/1"}


def test_what_is_young_or_active_stays() -> None:
    """The moment itself counts as young."""
    desk = Desk(cards=2)
    desk.allocate()
    desk.now_ms += 1
    desk.allocate()
    desk.release(2)
    answers, records = to_archive(desk.pool.state, desk.now_ms)
    assert set(answers) == {"request/request-1", "request/request-2"}, "the batch and the first hold"
    assert records == {}


def test_all_that_is_forgotten_was_archived() -> None:
    """The same moment for both leaves nothing between two stools."""
    desk = Desk(cards=3)
    for number in range(3):
        desk.now_ms += 1
        desk.allocate(order_ref=f"o{number}")
        desk.confirm(number + 1, payment_ref=f"p{number}")
    before = set(desk.pool.state.memory.answers), set(desk.pool.state.memory.orders)
    desk.forget()
    gone = before[0] - set(desk.pool.state.memory.answers), before[1] - set(desk.pool.state.memory.orders)
    assert gone[1] == {"o0", "o1"}
    assert {"request/" + request_id for request_id in gone[0]} | {"order/" + order for order in gone[1]} <= set(
        desk.archive
    )
