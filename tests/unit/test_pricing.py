"""Prices that staff set, and what became of them (engine.stock.pricing, engine.stock.prices)."""

from engine import limits
from engine.money import Money
from engine.pricing.ageing import Bounds
from engine.pricing.repricing import Why
from engine.stock import commands as ask
from engine.stock.prices import Prices, prices_of
from engine.stock.snapshot import dump, load
from tests.unit.desk import NAME, NOW_MS, Desk, reason
from tests.unit.priced import DAY_MS, accept, cny, decide, propose, review, set_prices, set_rule, shop


def _changes(desk: Desk, before: int = 0, rows: int = 10) -> tuple[list[tuple[object, ...]], bool]:
    found = desk.ask(ask.ListPriceChanges(before, rows))
    return [(each.number, each.channel, each.before, each.after, each.who) for each in found.changes], found.more


def test_the_price_of_a_sku_is_one_however_it_is_set() -> None:
    """By its terms or as a price: the later holds, and the history has both."""
    desk = Desk(1)
    set_prices(desk, 800)
    assert desk.pool.state.terms.price == cny(800)
    desk.configure(price=cny(900))
    desk.configure(price=cny(900), paused=True)
    assert desk.ask(ask.GetPrices()).channels[0].price == cny(900)
    assert _changes(desk) == ([(2, "", cny(800), cny(900), ""), (1, "", None, cny(800), "ann")], False)
    desk.configure()
    assert _changes(desk, rows=1) == ([(3, "", cny(900), None, "")], True)
    assert _changes(desk, before=2) == ([(1, "", None, cny(800), "ann")], False)


def test_a_sku_that_never_had_prices_has_none_to_tell() -> None:
    """Questions about it are answered all the same."""
    desk = Desk(1, cost=cny(5))
    found = desk.ask(ask.GetPrices())
    assert (found.suggestions, found.clearances, found.landed, found.rate_milli) == ((), (), cny(5), None)
    assert _changes(desk) == ([], False)
    assert reason(decide(desk)) == "SUGGESTION_NOT_FOUND"


def test_there_are_only_so_many_channels() -> None:
    """Each is looked at in every review."""
    desk = Desk()
    many = {f"channel-{number}": 800 for number in range(limits.price_channels_max)}
    assert reason(set_prices(desk, 800, **many)) == "TOO_MANY_ITEMS"
    many.popitem()
    assert reason(set_prices(desk, 800, **many)) == "PricesNow"
    assert reason(set_prices(desk, 800, another=800)) == "TOO_MANY_ITEMS"
    for channel in ("", *many):
        set_rule(desk, channel)
    assert reason(set_rule(desk, "another")) == "TOO_MANY_ITEMS"
    assert reason(set_rule(desk, "")) == "PricesNow"


def test_what_is_turned_down_is_not_suggested_again_until_something_changes() -> None:
    """Neither at the next look nor after a restart; a new price is a new question."""
    desk = shop(cost=500, price=800, days=None)
    set_rule(desk)
    review(desk)
    assert decide(desk, approve=False).suggestions == ()
    desk.pool.state = load(NAME, dump(desk.pool.state))
    assert review(desk).waiting == 0
    set_prices(desk, 900)
    assert review(desk).waiting == 1
    [waiting] = desk.ask(ask.GetPrices()).suggestions
    assert (waiting.number, waiting.before, waiting.after, waiting.why) == (2, cny(900), cny(625), (Why.COST,))


def test_a_suggestion_without_a_price_cannot_be_approved() -> None:
    """What cards cost is above the ceiling: somebody has to change the rule."""
    desk = shop(cost=3_500, price=800, days=None)
    set_rule(desk, ceiling_minor=1_000)
    review(desk)
    [waiting] = desk.ask(ask.GetPrices()).suggestions
    assert (waiting.after.minor, waiting.why) == (0, (Why.FLOOR_ABOVE_CEILING,))
    assert reason(decide(desk)) == "SUGGESTION_NOT_FOUND"
    assert reason(decide(desk, approve=False)) == "PricesNow"
    assert reason(decide(desk, approve=False)) == "SUGGESTION_NOT_FOUND"


def test_a_rule_can_be_taken_away() -> None:
    """With what it suggested; of a channel that had none, nothing happens."""
    desk = shop(cost=500, price=800, days=None)
    set_rule(desk)
    review(desk)
    found = desk.ask(ask.SetPriceRule(desk.request_id(), "", None, "ann"))
    assert (found.channels[0].rule, found.suggestions) == (None, ())
    assert reason(desk.ask(ask.SetPriceRule(desk.request_id(), "shop", None, "ann"))) == "PricesNow"


def test_ageing_counts_what_is_on_sale_batch_by_batch() -> None:
    """Two of twelve went in two days, one a day: ten that end in eight days leave two. The withdrawn are left out."""
    desk = shop(cards=12, cost=800, days=10)
    desk.receive(3, cost=cny(500))
    desk.receive(3)
    desk.withdraw(ask.QUARANTINE, batch=3)
    desk.confirm(desk.allocate(2).hold, paid=cny(2_000))
    desk.now_ms += 2 * DAY_MS
    found = desk.ask(ask.GetAgeing(Bounds(age_days_max=90, cover_days_max=12)))
    assert found.rate_milli == 1_000
    assert [(line.batch, line.cards, line.age_days, line.cover_days, line.left) for line in found.lines] == [
        (1, 10, 2, 10, 2),
        (2, 3, 2, 13, 0),
    ]
    assert [line.is_slow for line in found.lines] == [False, True]
    bare = Desk(1).ask(ask.GetAgeing(Bounds()))
    assert (bare.rate_milli, bare.lines[0].cover_days) == (0, None)


def test_the_highest_cost_is_one_that_compares_with_the_price() -> None:
    """A cost in dollars says nothing of a price in yuan; where there is no price, any is told."""
    desk = Desk(1, cost=Money(9_000, "USD"))
    assert desk.ask(ask.GetPrices()).landed == Money(9_000, "USD")
    set_prices(desk, 800)
    assert desk.ask(ask.GetPrices()).landed is None


def test_the_history_is_bounded() -> None:
    """The pool keeps the latest; the journal has all."""
    desk = Desk()
    for minor in range(1, limits.price_changes_kept_max + 3):
        set_prices(desk, minor)
    assert len(desk.pool.state.prices.changes) == limits.price_changes_kept_max
    assert desk.pool.state.prices.changes[0].number == 3


def test_the_rate_is_what_sold_over_the_last_week() -> None:
    """Unknown for a day; then by the time that was seen; then by seven days at most."""
    prices = Prices(NOW_MS)
    prices.sold(NOW_MS, 3)
    assert prices.rate_milli(NOW_MS + DAY_MS - 1) is None
    assert prices.rate_milli(NOW_MS + DAY_MS) == 3_000
    assert prices.rate_milli(NOW_MS + 3 * DAY_MS) == 1_000
    assert prices.rate_milli(NOW_MS + 8 * DAY_MS) == 0


def test_sales_are_kept_for_so_many_days() -> None:
    """One a day for forty days."""
    prices = Prices(NOW_MS)
    for day in range(40):
        prices.sold(NOW_MS + day * DAY_MS, 1)
        prices.sold(NOW_MS + day * DAY_MS, 1)
    assert len(prices.sold_by_day) == limits.sales_days_kept
    assert set(prices.sold_by_day.values()) == {2}


def test_everything_about_prices_survives_a_snapshot_and_a_replay() -> None:
    """To the byte: prices, rules, what waits, what was turned down, plans, changes, sales, warnings."""
    desk = shop()
    set_prices(desk, 1_000, shop=1_200, market=900)
    set_rule(desk, "shop")
    set_rule(desk, "market", sells_unknown_cost=False, competitor_minor=850, pressure_max_ppm=5)
    review(desk)
    decide(desk, approve=False)
    propose(desk)
    accept(desk)
    propose(desk, channel="shop")
    desk.confirm(desk.allocate().hold, paid=desk.pool.state.holds.active[1].price)
    snapshot = dump(desk.pool.state)
    assert dump(load(NAME, snapshot)) == snapshot
    replayed = Desk()
    for event in desk.happened:
        replayed.pool.apply(event)
    assert dump(replayed.pool.state) == snapshot
    record = desk.pool.state.prices.record()
    assert prices_of(record).record() == record
