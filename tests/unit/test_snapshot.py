"""A snapshot stands in for all its events: what is loaded is what was dumped, and goes on as it would have."""

import pytest

from engine.errors import InvariantBroken
from engine.framing import pack
from engine.money import Money
from engine.stock.commands import QUARANTINE, REACQUIRE, VOID, Allocate, Principal
from engine.stock.pool import Pool
from engine.stock.snapshot import dump, fill, load
from engine.stock.state import State
from engine.stock.terms import HeldQuotas
from tests.unit.desk import MINUTE_MS, NAME, NOW_MS, Desk


def lived_in() -> Desk:
    """A pool in which nearly everything has happened once."""
    desk = Desk()
    desk.configure(price=Money(500, "CNY"), quotas=HeldQuotas(user=4))
    desk.receive(9, cost=Money(100, "CNY"), expires_at_ms=NOW_MS + 60 * MINUTE_MS)
    desk.receive(3)
    for _ in range(3):
        desk.allocate(2, principal=Principal(user=""))
    desk.confirm(1, paid=Money(500, "CNY"), quantity=1)
    desk.replace(0)
    desk.release(2)
    desk.extend(3)
    desk.withdraw(VOID, 4, 5, 6)
    desk.withdraw(QUARANTINE, 7)
    desk.withdraw(QUARANTINE, batch=2)
    desk.now_ms += 20 * MINUTE_MS
    desk.forget(older_ms=15 * MINUTE_MS)
    desk.confirm(2, payment_ref="late", paid=Money(1000, "CNY"), late=REACQUIRE)
    desk.allocate(1, principal=Principal(user="ann"))
    return desk


def test_what_is_loaded_is_what_was_dumped() -> None:
    """To the byte, so that nothing is left out of a snapshot that a later one would have."""
    desk = lived_in()
    snapshot = dump(desk.pool.state)
    again = Pool(NAME, load(NAME, snapshot))
    assert dump(again.state) == snapshot
    assert repr(again) == repr(desk.pool)
    again.check()
    assert again.state.memory.orders == desk.pool.state.memory.orders
    assert again.state.memory.payments == desk.pool.state.memory.payments


def test_a_hold_that_is_as_it_began_is_written_once() -> None:
    """Its answer says all of it; once it is extended, it must be written itself."""
    desk = Desk(cards=1)
    desk.allocate(order_ref="only-once")
    assert dump(desk.pool.state).count(b"only-once") == 1
    desk.extend(hold_for_ms=20 * MINUTE_MS)
    assert dump(desk.pool.state).count(b"only-once") == 3, "one more for the answer to the Extend"


def test_an_id_from_a_clock_that_was_ahead_is_still_looked_up_after_a_restart() -> None:
    """It was forgotten through the sieve, and its own time says that it is young."""
    desk = Desk(cards=1)
    ahead = Allocate("ffffffff-ffff-7000-8000-000000000000", "o", 1, 0)
    desk.ask(ahead)
    desk.now_ms += MINUTE_MS
    desk.forget()
    again = Pool(NAME, load(NAME, dump(desk.pool.state)))
    assert again.missing(ahead, {}) == ["request/" + ahead.request_id]


def test_a_snapshot_is_read_a_little_at_a_time() -> None:
    """Three parts of answers at most 500 long, and one of batches: a neighbour gets a turn after each."""
    desk = Desk(cards=1_200)
    for _ in range(1_200):
        desk.allocate()
    assert sum(1 for _ in fill(State(NAME), dump(desk.pool.state))) == 4


def test_a_snapshot_that_was_cut_is_refused() -> None:
    """After its head, after a part, and inside one."""
    snapshot = dump(lived_in().pool.state)
    for length in range(1, len(snapshot)):
        with pytest.raises(InvariantBroken):
            load(NAME, snapshot[:length])


def test_a_loaded_pool_goes_on_as_the_first_would_have() -> None:
    """Deadlines, quotas and what is withdrawn are in force after a restart."""
    desk = lived_in()
    again = Pool(NAME, load(NAME, dump(desk.pool.state)))
    greedy = Allocate("greedy", "o-greedy", 4, 0, Principal(user="ann"))
    later_ms = desk.now_ms + 1
    assert again.handle(greedy, later_ms) == desk.pool.handle(greedy, later_ms)
    assert again.state.holds.next_deadline_ms() == desk.now_ms + 10 * MINUTE_MS
    assert again.sweep(later_ms + 10 * MINUTE_MS, 10) == desk.pool.sweep(later_ms + 10 * MINUTE_MS, 10)
    assert dump(again.state) == dump(desk.pool.state)


def test_the_journal_alone_rebuilds_the_pool() -> None:
    """The same events through the same functions: the same bytes."""
    desk = lived_in()
    replayed = Pool(NAME)
    for event in desk.happened:
        replayed.apply(event)
    assert dump(replayed.state) == dump(desk.pool.state)


@pytest.mark.parametrize("snapshot", [b"\xc1", pack("text"), pack((999,))])
def test_what_is_no_snapshot_is_refused(snapshot: bytes) -> None:
    """Another format, another thing, a shape of another version."""
    with pytest.raises(InvariantBroken):
        load(NAME, snapshot)
