"""Forgetting: a little at a time, and what is missing is asked for once."""

from engine.names import BatchNo, HoldNo
from engine.stock.commands import Allocate, Confirm, Forget, GetHold, ListSold, Release
from engine.stock.forgetting import reach_ms
from engine.stock.pool import Pool
from engine.stock.snapshot import dump
from tests.unit.desk import MINUTE_MS, NAME, Desk


def busy(holds: int) -> Desk:
    """A pool where each millisecond one buyer came and went."""
    desk = Desk(cards=1)
    for number in range(holds):
        desk.now_ms += 1
        desk.allocate(order_ref=f"o{number}")
        desk.release(number + 1)
    desk.now_ms += MINUTE_MS
    return desk


def test_one_step_forgets_a_bounded_number_and_repeating_forgets_all() -> None:
    """Twelve hundred answers are more than one step's worth; nothing younger than the moment goes."""
    desk = busy(600)
    reached, steps = 0, 0
    while reached < desk.now_ms:
        assert reach_ms(desk.pool.state, desk.now_ms) > reached
        before = len(desk.pool.state.memory.answers)
        reached = desk.ask(Forget(desk.now_ms)).before_ms
        assert before - len(desk.pool.state.memory.answers) <= 510
        steps += 1
    assert steps == 3
    assert not desk.pool.state.memory.answers
    assert not desk.pool.state.holds.ended
    assert not desk.pool.state.memory.orders


def test_an_active_hold_is_never_forgotten() -> None:
    """However old it is, its cards are in it."""
    desk = Desk(cards=1)
    desk.allocate(order_ref="o")
    desk.now_ms += 9 * MINUTE_MS
    desk.forget()
    assert HoldNo(1) in desk.pool.state.holds.active
    assert desk.pool.state.memory.orders == {"o": 1}


def test_a_hold_without_an_order_comes_back_without_one() -> None:
    """No order is no reference to bring back."""
    desk = Desk(cards=1)
    desk.allocate(order_ref="")
    desk.release()
    desk.now_ms += 1
    desk.forget()
    desk.confirm(payment_ref="p")
    assert (desk.pool.state.memory.orders, desk.pool.state.memory.payments) == ({}, {"p": 1})


def test_forgetting_is_journaled() -> None:
    """A replica that forgot nothing would answer otherwise after a failover."""
    desk = busy(10)
    desk.forget(older_ms=MINUTE_MS + 4)
    replayed = Pool(NAME)
    for event in desk.happened:
        replayed.apply(event)
    assert dump(replayed.state) == dump(desk.pool.state)
    assert 0 < len(desk.pool.state.holds.ended) < 10


def test_what_a_command_needs_is_asked_for_in_rounds() -> None:
    """The order names the hold, and only then the hold can be looked up."""
    desk = busy(1)
    desk.forget()
    order = Allocate("another", "o0", 1, 0)
    assert desk.pool.missing(order, {}) == ["order/o0"]
    assert desk.pool.missing(order, {"order/o0": HoldNo(1)}) == ["hold/1"]
    assert desk.pool.missing(order, {"order/o0": None}) == []
    assert desk.pool.missing(GetHold(HoldNo(0), "o0"), {}) == ["order/o0"]


def test_a_request_that_is_remembered_needs_nothing() -> None:
    """Its answer is here; the hold it names need not be fetched to repeat it."""
    desk = busy(1)
    desk.forget()
    desk.ask(Release("r", HoldNo(1)))
    assert desk.pool.missing(Release("r", HoldNo(1)), {}) == []
    assert desk.pool.missing(Release("r2", HoldNo(1)), {}) == ["hold/1"]


def test_what_cannot_be_in_the_archive_is_not_asked_for() -> None:
    """A number never given out, an order and a payment never seen."""
    desk = busy(1)
    desk.forget()
    assert desk.pool.missing(Release("r", HoldNo(2)), {}) == []
    assert desk.pool.missing(Allocate("r", "never seen", 1, 0), {}) == []
    assert desk.pool.missing(Confirm("r", HoldNo(2), "never seen"), {}) == []
    assert desk.pool.missing(ListSold(BatchNo(2), 0, 9), {}) == []


def test_an_order_whose_hold_is_in_memory_needs_nothing() -> None:
    """The archive knows no better."""
    desk = busy(1)
    desk.forget()
    desk.allocate(order_ref="young")
    assert desk.pool.missing(Allocate("r", "young", 1, 0), {}) == []
    assert desk.pool.missing(GetHold(HoldNo(0), "young"), {}) == []
