"""The refill: it buys in time, from the next one at once, never too much, and sends nobody away who has cards."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from random import Random
from typing import Any

import pytest

from actors.supply import refill as refilling
from engine.money import Money
from engine.names import PoolName
from engine.supply.attempts import Standing
from engine.supply.refilling import Marks
from tests.examples import examples
from tests.unit.buying import EUR, MARKS, POOL, Market, named, on_virtual_time


def virtual(story: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that runs on virtual time."""

    @wraps(story)
    def test(*given: Any, **named_: Any) -> None:
        on_virtual_time(lambda: story(*given, **named_))

    return test


def _failovers(market: Market) -> tuple[int, float]:
    """How many failover decisions there were, and within what half of them were made, by the histogram's bounds."""
    (family,) = market.metrics._failovers.collect()
    counts = [(float(each.labels["le"]), each.value) for each in family.samples if each.name.endswith("_bucket")]
    total = counts[-1][1]
    return int(total), next(bound for bound, value in counts if value >= total / 2)


@virtual
async def test_below_the_low_mark_it_buys_up_to_the_high_one_and_no_further() -> None:
    """In purchases of a bounded size, from the best, all at once."""
    market = Market("acme", "best", available=99)
    market.start(market.refill().run())
    took_s = await market.until(lambda: market.available[POOL] >= MARKS.high)
    await asyncio.sleep(60)
    assert took_s < 0.1
    assert market.asked("acme") == [50, 50, 1]
    assert market.asked("best") == []
    assert (market.available[POOL], market.most_planned) == (MARKS.high, MARKS.high)


@virtual
async def test_a_full_shelf_is_left_alone_and_looked_at_seldom() -> None:
    """Twice a minute when nothing sells."""
    market = Market("acme", available=100)
    market.start(market.refill().run())
    await asyncio.sleep(60)
    assert market.purchases == {}
    assert 2 <= market.looks <= 3


@virtual
async def test_a_shelf_is_watched_on_when_the_book_changes() -> None:
    """Whatever staff changed, of this SKU or another; and it is looked at at once, since that may be why."""
    market = Market("acme", available=100)
    refill = market.refill()
    market.start(refill.run())
    await market.until(lambda: market.looks)
    for _ in range(3):
        await asyncio.sleep(1)
        looks = market.looks
        refill.set_book(market.suppliers, {POOL: market.sourcing()})
        await market.until(lambda looks=looks: market.looks > looks, within_s=1)
    market.sell(1)
    await market.until(lambda: market.available[POOL] >= MARKS.high, within_s=40)


@pytest.mark.parametrize("failure", ["refuses", "is away", "breaks"])
@virtual
async def test_when_one_fails_the_next_is_asked_at_once(failure: str) -> None:
    """No time passes between a refusal and the next purchase, and the decision is measured."""
    market = Market("acme", "best", "cheap", available=150)
    for name in ("acme", "best"):
        market.habits[name].usually = failure
    market.start(market.refill().run())
    await market.until(lambda: market.looks)
    market.sell(60)
    await market.until(lambda: market.asked("cheap"), within_s=6)
    first = {name: next(market.of(name)).asked_s for name in market.habits}
    answered_in_s = 0.0 if failure == "is away" else 0.05
    assert first["best"] - first["acme"] == pytest.approx(answered_in_s, abs=0.0001)
    assert first["cheap"] - first["best"] == pytest.approx(answered_in_s, abs=0.0001)
    decisions, median_s = _failovers(market)
    assert decisions >= 2
    assert median_s <= 0.005


@virtual
async def test_what_is_in_doubt_is_bought_elsewhere_and_may_come_after_all() -> None:
    """The shelf ends above its high mark by what was in doubt, and nothing more is bought."""
    market = Market("acme", "best", available=99)
    market.habits["acme"].answers = ["commits", "loses", "commits"]
    market.habits["acme"].works_s = 20.0
    market.start(market.refill().run())
    await market.until(lambda: market.available[POOL] >= MARKS.high, within_s=10)
    doubt = market.in_doubt() + sum(one.attempt.quantity for one in market.of("acme") if one.standing is Standing.BEGUN)
    assert sum(market.asked("best")) == sum(market.asked("acme")) == 101
    await asyncio.sleep(300)
    assert MARKS.high < market.available[POOL] <= MARKS.high + doubt
    assert market.bought() == 101 + 51


@virtual
async def test_a_supplier_that_hangs_is_passed_over_after_twice_its_usual_time() -> None:
    """Of one that usually takes 0.2 s, after 0.4 s; then the other brings what was asked for."""
    market = Market("acme", "best", available=99)
    market.habits["acme"].latency_s = 0.2
    market.start(market.refill().run())
    for _ in range(6):
        await market.until(lambda: market.available[POOL] >= MARKS.high)
        market.sell(MARKS.high - 99)
        await asyncio.sleep(6)
    await market.until(lambda: market.available[POOL] >= MARKS.high)
    market.habits["acme"].usually = "hangs"
    asked = len(market.asked("best"))
    market.sell(MARKS.high - 99)
    await market.until(lambda: len(market.asked("best")) > asked)
    hung = [one for one in market.of("acme") if one.standing is Standing.BEGUN]
    hedge = list(market.of("best"))[asked]
    assert hedge.asked_s - hung[0].asked_s == pytest.approx(0.4, abs=0.01)
    await market.until(lambda: market.available[POOL] >= MARKS.high, within_s=1)
    assert sum(one.attempt.quantity for one in hung) <= MARKS.high


@virtual
async def test_when_all_hang_it_stops_asking_at_its_bound() -> None:
    """Passed over are no more units than the high mark: so much may come too much, and no more."""
    market = Market("acme", "best", "cheap", available=0)
    for habits in market.habits.values():
        habits.usually = "hangs"
    market.start(market.refill().run())
    await asyncio.sleep(120)
    asked = [sum(market.asked(name)) for name in market.habits]
    assert asked == [200, 200, 0]


@virtual
async def test_what_a_supplier_accepted_is_on_its_way_until_it_takes_too_long() -> None:
    """Fifteen seconds it is waited for; then others are asked."""
    market = Market("acme", "best", available=50)
    market.habits["acme"].usually = "accepts"
    market.habits["acme"].works_s = 40.0
    market.start(market.refill().run())
    await asyncio.sleep(14)
    assert market.asked("best") == []
    assert sum(market.asked("acme")) == 150
    await asyncio.sleep(4)
    assert sum(market.asked("best")) + sum(market.asked("acme")) == 300
    await asyncio.sleep(120)
    assert market.available[POOL] <= MARKS.high + 150


@pytest.mark.parametrize("tells", [True, False])
@virtual
async def test_the_last_cards_of_a_supplier_are_bought_too(tells: bool) -> None:
    """Whether it tells its stock or refuses what is too much: asked for less and less, until it has nothing."""
    market = Market("acme", available=0)
    market.habits["acme"].stock = 37
    market.habits["acme"].tells_stock = tells
    market.start(market.refill().run())
    took_s = await market.until(lambda: market.available[POOL] == 37)
    assert took_s < (0.2 if tells else 5.0)


@virtual
async def test_when_nobody_can_sell_it_asks_seldom_and_finds_out_when_somebody_can() -> None:
    """Half a minute at most between two tries, two looks a second; nudges change nothing about that."""
    market = Market("acme", "best", available=0)
    for habits in market.habits.values():
        habits.stock = 0
    refill = market.refill()
    market.start(refill.run())

    async def _nudge() -> None:
        while True:
            refill.nudge(POOL)
            await asyncio.sleep(0.05)

    market.start(_nudge())
    await asyncio.sleep(600)
    before, looks = len(market.purchases), market.looks
    await asyncio.sleep(300)
    assert len(market.purchases) - before <= 25
    assert market.looks - looks <= 600
    market.habits["best"].stock = 1_000
    assert await market.until(lambda: market.available[POOL] > 0) <= 31
    await market.until(lambda: market.available[POOL] >= MARKS.low)


@pytest.mark.parametrize(
    "hindrance",
    [
        {"lets_through": False},
        {"room_units": 0},
        {"balance": Money(99, EUR)},
        {"price": 1_001},
        {"is_silent": True},
        {"stock": 0, "tells_stock": True},
    ],
)
@virtual
async def test_who_cannot_sell_is_skipped(hindrance: dict[str, Any]) -> None:
    """Breaker, exposure, balance, price, a desk that says nothing, stock: known before, it costs no purchase."""
    market = Market("acme", "best", available=0)
    vars(market.habits["acme"]).update(hindrance)
    market.start(market.refill().run())
    assert await market.until(lambda: market.available[POOL] >= MARKS.high) < 0.7
    assert market.asked("acme") == []


@virtual
async def test_exposure_counts_what_a_desk_has_not_told_of_yet() -> None:
    """Purchases decided in one turn are together within a supplier's room."""
    market = Market("acme", "best", available=0)
    market.habits["acme"].room_units = 70
    market.start(market.refill().run())
    await market.until(lambda: market.available[POOL] >= MARKS.high)
    first_turn = [one.attempt.quantity for one in market.of("acme") if one.asked_s < 0.01]
    assert sum(first_turn) <= 70


@virtual
async def test_a_rush_is_met_before_the_shelf_is_empty() -> None:
    """500 cards a second from one moment to the next, and a supplier that takes 50 ms: nobody goes away."""
    market = Market("acme", marks=Marks(low=100, high=300, per_purchase_max=100), available=300)
    refill = market.refill()
    market.start(refill.run())
    market.start(market.watch(refill))
    await asyncio.sleep(5.1)
    assert await market.sell_steadily(500, 20) == 0
    assert market.most_planned <= 300


@virtual
async def test_a_shelf_that_ran_dry_is_filled_as_soon_as_the_supplier_answers() -> None:
    """A nudge is a look at once."""
    market = Market("acme", available=200)
    refill = market.refill()
    market.start(refill.run())
    await asyncio.sleep(11)
    market.sell(200)
    assert refill.nudge(POOL)
    assert await market.until(lambda: market.available[POOL] >= MARKS.high) < 0.06
    assert not refill.nudge(PoolName("default", "UNKNOWN"))


@virtual
async def test_a_nudge_during_a_look_is_not_lost() -> None:
    """The look may have seen the shelf before it ran dry."""
    market = Market("acme", available=200)
    refill = market.refill()
    market.start(refill.run())
    await asyncio.sleep(0.0008)
    market.sell(200)
    refill.nudge(POOL)
    assert await market.until(lambda: market.available[POOL] >= MARKS.high) < 0.06


@virtual
async def test_a_refill_that_starts_anew_counts_what_the_one_before_asked_for() -> None:
    """Pending and under way are on their way, whoever asked; what is in doubt is not."""
    market = Market("acme", available=0)
    market.habits["acme"].answers = ["accepts", "loses", "loses", "loses"]
    market.habits["acme"].works_s = 10.0
    first = market.start(market.refill().run())
    await asyncio.sleep(1)
    first.cancel()
    assert market.asked("acme") == [50, 50, 50, 50]
    market.start(market.refill().run())
    await asyncio.sleep(3)
    assert len(market.purchases) == 4
    await asyncio.sleep(60)
    assert market.asked("acme") == 7 * [50]
    assert market.available[POOL] == MARKS.high


@virtual
async def test_deliveries_that_were_in_stock_already_count_against_a_supplier() -> None:
    """It is paid and brings nothing: the next is asked, and it is not bought from again and again."""
    market = Market("acme", "best", available=0)
    arrive = market._arrive

    def _arrive(purchase: Any, habits: Any) -> None:
        arrive(purchase, habits)
        if purchase.supplier == "acme":
            market.available[POOL] -= purchase.arrived
            purchase.arrived = 0

    market._arrive = _arrive  # type: ignore[method-assign]
    market.start(market.refill().run())
    await market.until(lambda: market.available[POOL] >= MARKS.high)
    assert len(market.asked("acme")) == 4


@virtual
async def test_an_owner_that_is_away_is_asked_again() -> None:
    """Nothing is bought for a shelf that nobody has seen."""
    market = Market("acme", available=0)
    market.is_pool_away = True
    market.start(market.refill().run())
    await asyncio.sleep(10)
    assert market.purchases == {}
    market.is_pool_away = False
    assert await market.until(lambda: market.available[POOL] >= MARKS.high) < 1


@virtual
async def test_staff_may_stop_and_change_it_at_any_time() -> None:
    """A paused SKU is not bought; new marks count from the next look; a supplier that is gone is not asked."""
    market = Market("acme", "best", available=0)
    refill = market.refill()
    refill.set_book(market.suppliers, {POOL: market.sourcing(is_paused=True)})
    market.start(refill.run())
    await asyncio.sleep(20)
    assert market.purchases == {}
    only_best = {name: supplier for name, supplier in market.suppliers.items() if name == named("best")}
    refill.set_book(only_best, {POOL: market.sourcing(marks=Marks(5, 10, 10))})
    await market.until(lambda: market.available[POOL] == 10)
    assert (market.asked("acme"), market.asked("best")) == ([], [10])
    refill.set_book(market.suppliers, {POOL: market.sourcing(marks=Marks(0, 10, 10))})
    market.sell(10)
    await asyncio.sleep(20)
    assert market.bought() == 10


@virtual
async def test_a_shelf_that_staff_stop_in_mid_purchase_still_gets_it() -> None:
    """And nothing more."""
    market = Market("acme", available=0)
    market.habits["acme"].latency_s = 1.0
    refill = market.refill()
    market.start(refill.run())
    await market.until(lambda: market.purchases)
    refill.set_book(market.suppliers, {})
    market.sell(0)
    await asyncio.sleep(20)
    assert market.bought() == 200


@virtual
async def test_purchases_under_way_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one SKU, and of all."""
    market = Market("acme", marks=Marks(100, 200, 1), available=0)
    market.start(market.refill().run())
    await asyncio.sleep(0.04)
    assert len(market.purchases) == refilling.purchases_per_pool_max
    monkeypatch.setattr(refilling, "purchases_max", 3)
    await market.until(lambda: market.available[POOL] == 200)


_CALM = ("delivers", "refuses", "is away", "breaks", "accepts")
_WILD = (*_CALM, "commits", "loses", "hangs")


@pytest.mark.parametrize("ways", [_CALM, _WILD])
@pytest.mark.parametrize("seed", range(examples(20)))
@virtual
async def test_whatever_suppliers_do_no_plan_passes_the_high_mark_by_more_than_what_is_late(
    seed: int, ways: Sequence[str]
) -> None:
    """Random sales, suppliers, restarts of the refill; and when suppliers are well again, the shelf fills.

    Where nobody is late, on the shelf and on its way there is never more than the high mark when a purchase begins.
    """
    chance = Random(seed)
    market = Market("acme", "best", "cheap", available=chance.randrange(MARKS.high))
    for habits in market.habits.values():
        habits.answers = chance.choices(ways, k=40)
        habits.latency_s = chance.choice((0.01, 0.05, 0.2) if ways is _CALM else (0.01, 0.2, 3.0))
        habits.works_s = chance.choice((0.5, 10.0) if ways is _CALM else (0.5, 10.0, 50.0))
        habits.hangs_s = 30.0
        habits.tells_stock = chance.random() < 0.5
    refill = market.refill()
    running = market.start(refill.run())
    for _ in range(40):
        await asyncio.sleep(chance.expovariate(1.0))
        market.sell(chance.randrange(120))
        if chance.random() < 0.2:
            refill.nudge(POOL)
        if chance.random() < 0.2:
            running.cancel()
            refill = market.refill()
            running = market.start(refill.run())
    assert market.most_planned <= (MARKS.high if ways is _CALM else 2 * MARKS.high)
    for habits in market.habits.values():
        habits.answers, habits.latency_s = [], 0.05
    await asyncio.sleep(120)
    assert market.available[POOL] >= MARKS.low
