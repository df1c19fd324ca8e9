"""What is on its way: counted until it is on the shelf, not while it may never come, and never forgotten too early."""

from engine.money import Money
from engine.names import PoolName, SupplierName
from engine.supply.attempts import Attempt, AttemptId, Kind
from engine.supply.coming import PASSED_OVER, Coming, OpenUnits, Stage

POOL = PoolName("default", "DEMO")
OTHER = PoolName("default", "OTHER")
ACME = SupplierName("default", "acme")
BEST = SupplierName("default", "best")


def _attempt(name: str = "a", units: int = 10, pool: PoolName = POOL) -> Attempt:
    return Attempt(AttemptId(name), pool, Kind.CODES, units, Money(1_000, "EUR"))


def _coming() -> Coming:
    coming = Coming()
    coming.watch([POOL])
    return coming


def _open(
    name: str = "a", units: int = 10, *, is_in_doubt: bool = False, pool: PoolName = POOL
) -> dict[AttemptId, OpenUnits]:
    return {AttemptId(name): OpenUnits(pool, units, is_in_doubt)}


def test_a_purchase_counts_while_it_may_be_relied_on() -> None:
    """Asked and pending do; late, slow and in doubt do not."""
    coming = _coming()
    coming.asked(_attempt(), ACME, 0)
    counts = [coming.on_the_way(POOL, coming.moment())]
    for stage in (Stage.LATE, Stage.PENDING, Stage.SLOW, Stage.IN_DOUBT, Stage.SETTLED):
        coming.asked(_attempt(stage.value), ACME, 0)
        coming.became(_attempt(stage.value), stage, 10, 0)
        counts.append(coming.on_the_way(POOL, coming.moment()))
    assert counts == [10, 10, 20, 20, 20, 20]
    assert coming.count(POOL, PASSED_OVER) == (2, 20)
    assert coming.count(POOL, {Stage.IN_DOUBT}) == (1, 10)
    assert coming.count(OTHER, PASSED_OVER) == (0, 0)
    assert coming.suppliers_at(POOL, {Stage.LATE}) == {ACME}
    assert not coming.suppliers_at(OTHER, {Stage.LATE})


def test_what_ends_while_somebody_looks_counts_in_that_look_and_in_none_after() -> None:
    """The look may not have seen it on the shelf."""
    coming = _coming()
    coming.asked(_attempt(), ACME, 0)
    looked = coming.moment()
    coming.became(_attempt(), Stage.SETTLED, 10, 0)
    assert coming.on_the_way(POOL, looked) == 10
    assert coming.on_the_way(POOL, coming.moment()) == 0
    coming.forget_before(POOL, looked)
    assert coming.on_the_way(POOL, looked) == 10
    coming.forget_before(POOL, coming.moment())
    assert coming.on_the_way(POOL, looked) == 0
    coming.forget_before(POOL, coming.moment())


def test_a_desk_tells_what_others_began() -> None:
    """A refill that starts anew counts what the one before asked for; of other shelves it wants to know nothing."""
    coming = _coming()
    coming.told(ACME, coming.moment(), _open("a") | _open("b", is_in_doubt=True) | _open("c", pool=OTHER), 0)
    assert coming.on_the_way(POOL, coming.moment()) == 10
    assert coming.on_the_way(OTHER, coming.moment()) == 0
    assert coming.count(POOL, {Stage.IN_DOUBT}) == (1, 10)


def test_a_desk_that_no_longer_has_it_open_has_settled_it() -> None:
    """Then it is on the shelf, or came to nothing; another desk's word says nothing of it."""
    coming = _coming()
    coming.asked(_attempt(), ACME, 0)
    coming.became(_attempt(), Stage.PENDING, 10, 0)
    coming.told(BEST, coming.moment(), {}, 0)
    assert coming.on_the_way(POOL, coming.moment()) == 10
    looked = coming.moment()
    coming.told(ACME, coming.moment(), {}, 0)
    assert coming.on_the_way(POOL, looked) == 10
    assert coming.on_the_way(POOL, coming.moment()) == 0


def test_what_happened_since_a_desk_was_asked_stands() -> None:
    """A word that is older than what we know changes nothing."""
    coming = _coming()
    asked = coming.moment()
    coming.asked(_attempt(), ACME, 0)
    coming.told(ACME, asked, {}, 0)
    coming.became(_attempt(), Stage.IN_DOUBT, 10, 0)
    coming.told(ACME, asked, _open(), 0)
    assert coming.on_the_way(POOL, coming.moment()) == 0
    coming.told(ACME, coming.moment(), _open(), 0)
    assert coming.on_the_way(POOL, coming.moment()) == 10
    coming.told(ACME, coming.moment(), _open(), 0)
    assert coming.on_the_way(POOL, coming.moment()) == 10


def test_who_is_under_way_is_not_taken_for_settled() -> None:
    """Its desk may not have written it down yet."""
    coming = _coming()
    coming.asked(_attempt(), ACME, 0)
    coming.told(ACME, coming.moment(), {}, 0)
    assert coming.on_the_way(POOL, coming.moment()) == 10
    coming.became(_attempt(), Stage.LATE, 10, 0)
    coming.told(ACME, coming.moment(), _open(), 0)
    assert coming.on_the_way(POOL, coming.moment()) == 0


def test_what_a_desk_has_not_told_of_takes_of_its_room() -> None:
    """Until it tells, or has answered."""
    coming = _coming()
    assert coming.untold_at(ACME) == (0, 0)
    coming.asked(_attempt("a"), ACME, 0)
    coming.asked(_attempt("b", 5), ACME, 0)
    coming.asked(_attempt("c"), BEST, 0)
    assert coming.untold_at(ACME) == (15, 2_000)
    coming.told(ACME, coming.moment(), _open("a"), 0)
    assert coming.untold_at(ACME) == (5, 1_000)
    coming.became(_attempt("b"), Stage.PENDING, 10, 0)
    assert coming.untold_at(ACME) == (0, 0)


def test_what_is_pending_for_long_can_be_passed_over_for_good() -> None:
    """Its desk, which still has it pending, does not bring it back; doubt is news."""
    coming = _coming()
    coming.told(ACME, coming.moment(), _open("a"), 1_000)
    coming.told(ACME, coming.moment(), _open("a") | _open("b"), 2_000)
    assert coming.pending_before(POOL, 1_001) == [("a", 10)]
    assert coming.pending_before(OTHER, 1_001) == []
    coming.pass_over(POOL, AttemptId("a"))
    coming.told(ACME, coming.moment(), _open("a") | _open("b"), 3_000)
    assert coming.on_the_way(POOL, coming.moment()) == 10
    assert coming.count(POOL, PASSED_OVER) == (1, 10)
    coming.told(ACME, coming.moment(), _open("a", is_in_doubt=True), 4_000)
    assert coming.count(POOL, PASSED_OVER) == (0, 0)
    coming.told(ACME, coming.moment(), {}, 5_000)
    assert coming.count(POOL, {Stage.IN_DOUBT}) == (0, 0)


def test_a_shelf_that_is_watched_no_longer_keeps_only_what_is_under_way() -> None:
    """That has to end somewhere."""
    coming = _coming()
    coming.asked(_attempt("a"), ACME, 0)
    coming.asked(_attempt("b"), ACME, 0)
    coming.became(_attempt("b"), Stage.PENDING, 10, 0)
    coming.watch([OTHER])
    assert coming.on_the_way(POOL, coming.moment()) == 10
    coming.became(_attempt("a"), Stage.SETTLED, 10, 0)
    coming.watch([])
    assert coming.on_the_way(POOL, 0) == 0


def test_what_came_to_nothing_is_forgotten_at_once_and_what_came_counts_as_it_is() -> None:
    """Also in a look that is under way."""
    coming = _coming()
    coming.asked(_attempt("a"), ACME, 0)
    coming.asked(_attempt("b"), ACME, 0)
    looked = coming.moment()
    coming.became(_attempt("a"), Stage.SETTLED, 0, 0)
    assert coming.on_the_way(POOL, looked) == 10
    coming.became(_attempt("b"), Stage.SETTLED, 7, 0)
    assert coming.on_the_way(POOL, looked) == 7
    assert coming.untold_at(ACME) == (0, 0)
