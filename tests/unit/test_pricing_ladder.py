"""The expiry ladder: each step once, whenever somebody looks."""

from hypothesis import given
from hypothesis import strategies as some

from engine.money import Money
from engine.names import BatchNo
from engine.pricing.ladder import Ladder, Lapse, days_default

DAY_MS = 86_400_000
NOW_MS = 1_700_000_000_000
COST = Money(5_000, "CNY")


def _lapse(days: float, *, batch: int = 1, cards: int = 10) -> Lapse:
    return Lapse(BatchNo(batch), NOW_MS + int(days * DAY_MS), cards, COST)


def _told(ladder: Ladder, *lapses: Lapse, now_ms: int = NOW_MS) -> list[tuple[int, int]]:
    """Batches and steps that are told now, and noted."""
    warned = ladder.due(lapses, now_ms)
    for each in warned:
        ladder.apply(each)
    return [(each.lapse.batch, each.days) for each in warned]


def test_a_batch_is_told_once_on_each_step_of_its_way_down() -> None:
    """Looked at every hour for forty days."""
    ladder, lapse = Ladder(), _lapse(40)
    told = [
        (hour / 24, days)
        for hour in range(41 * 24)
        for _, days in _told(ladder, lapse, now_ms=NOW_MS + hour * DAY_MS // 24)
    ]
    assert told == [(10.0, 30), (26.0, 14), (33.0, 7), (39.0, 1)]


def test_a_step_is_reached_to_the_millisecond() -> None:
    """Thirty days and a millisecond are more than thirty days."""
    lapse = _lapse(30)
    assert _told(Ladder(), lapse, now_ms=NOW_MS - 1) == []
    assert _told(Ladder(), lapse) == [(1, 30)]


def test_what_comes_in_near_its_end_is_told_on_its_own_step_alone() -> None:
    """Five days: seven, and neither thirty nor fourteen; and later one."""
    ladder, lapse = Ladder(), _lapse(5)
    assert _told(ladder, lapse) == [(1, 7)]
    assert _told(ladder, lapse) == []
    assert _told(ladder, lapse, now_ms=NOW_MS + 4 * DAY_MS) == [(1, 1)]


def test_nothing_is_told_of_what_is_sold_out_or_over() -> None:
    """The moment of expiry is over already."""
    assert _told(Ladder(), _lapse(5, cards=0), _lapse(0, batch=2), _lapse(-1, batch=3)) == []


def test_the_nearest_end_comes_first_and_says_what_is_at_risk() -> None:
    """Two batches, and two moments in one."""
    late, soon, other = _lapse(10), _lapse(2), _lapse(2, batch=2)
    warned = Ladder().due([other, late, soon], NOW_MS)
    assert [each.lapse for each in warned] == [soon, other, late]
    assert [each.days for each in warned] == [7, 7, 14]
    assert warned[0].lapse.at_risk == COST


def test_a_sku_may_have_steps_of_its_own() -> None:
    """Given in any order."""
    ladder = Ladder((2, 60))
    assert _told(ladder, _lapse(50)) == [(1, 60)]
    assert _told(ladder, _lapse(50), now_ms=NOW_MS + 49 * DAY_MS) == [(1, 2)]


@given(some.integers(-5, 60), some.lists(some.integers(0, 70 * 24), max_size=40))
def test_no_step_is_told_twice_or_after_a_lower_one(days: int, hours: list[int]) -> None:
    """Looked at now and then, in the order of time; and a ladder that learned of it by replay tells the same."""
    ladder, again, lapse = Ladder(), Ladder(), _lapse(days)
    told = []
    for hour in sorted(hours):
        now_ms = NOW_MS + hour * DAY_MS // 24
        warned = ladder.due([lapse], now_ms)
        assert warned == again.due([lapse], now_ms)
        for each in warned:
            ladder.apply(each)
            again.apply(each)
        told += [each.days for each in warned]
    assert told == sorted(set(told), reverse=True)
    assert set(told) <= set(days_default)
    assert again.told == ladder.told
