"""The price of cards and the floor under it (engine.stock.offering), through Allocate and Confirm."""

from engine.money import Money
from engine.stock import commands as ask
from engine.stock.commands import REACQUIRE
from engine.stock.events import HoldConfirmed
from tests.unit.desk import MINUTE_MS, NOW_MS, Desk, reason
from tests.unit.priced import DAY_MS, accept, cny, propose, set_prices, set_rule, shop


def test_a_sku_without_prices_is_sold_at_a_loss_as_it_always_was() -> None:
    """The floor comes with the first price that is set as one."""
    desk = Desk(2, cost=cny(500))
    desk.configure(price=cny(400))
    assert desk.allocate().price == cny(400)
    set_prices(desk, 400)
    assert reason(desk.allocate()) == "PRICE_BELOW_COST"
    set_prices(desk, 500)
    assert desk.allocate().price == cny(500)


def test_of_several_cards_each_is_asked_what_it_cost() -> None:
    """The second batch cost more than the price: one card of it spoils the hold."""
    desk = Desk(2, cost=cny(500))
    desk.receive(2, cost=cny(900))
    set_prices(desk, 800)
    assert desk.allocate(2).price == cny(800)
    desk.release()
    refused = desk.allocate(3)
    assert refused.facts == (("minor", "800"), ("currency", "CNY"), ("batch", "2"), ("cost", "900"))


def test_what_has_no_price_has_no_floor() -> None:
    """Amounts are not checked then, as ever."""
    desk = Desk(2, cost=cny(500))
    set_prices(desk, None, shop=800)
    assert desk.allocate().price is None
    assert desk.allocate(channel="shop").price == cny(800)


def test_availability_says_what_the_next_card_costs() -> None:
    """Per channel, by clearance too; with an empty shelf the channel's price."""
    desk = shop(cards=5)
    set_prices(desk, 1_000, shop=1_200)
    assert desk.shelf().price == cny(1_000)
    propose(desk, floor=100, rate=1)
    accept(desk)
    cleared = desk.shelf().price
    assert cleared is not None
    assert cleared.minor < 1_000
    assert desk.allocate(5).price == cleared
    assert desk.ask(ask.GetShelf(0, "shop")).price == cny(1_200)
    assert desk.shelf().price == cny(1_000)


def test_a_clearance_holds_in_its_own_channel_alone() -> None:
    """Below cost nothing is held anywhere else; and a channel without a price goes by the SKU's clearance."""
    desk = shop(cost=800)
    set_prices(desk, 1_000, shop=700)
    propose(desk)
    accept(desk)
    assert desk.allocate(channel="elsewhere").price < cny(800)
    assert reason(desk.allocate(channel="shop")) == "PRICE_BELOW_COST"


def test_a_channel_price_below_the_floor_of_a_clearance_is_refused_with_other_cards() -> None:
    """Two batches in one hold cost the channel's price, which staff let fall below what they would take at least."""
    desk = shop(cards=3)
    desk.receive(2, cost=cny(100), expires_at_ms=NOW_MS + 30 * DAY_MS)
    propose(desk, floor=900, rate=1)
    accept(desk)
    set_prices(desk, 850)
    refused = desk.allocate(4)
    assert reason(refused) == "PRICE_BELOW_FLOOR"
    assert refused.facts[-1] == ("floor", "900")


def test_two_clearances_at_once_cost_the_dearer() -> None:
    """A hold has one price."""
    desk = shop(cards=3)
    desk.receive(3, cost=cny(800), expires_at_ms=NOW_MS + 11 * DAY_MS)
    for number, floor in ((1, 500), (2, 900)):
        propose(desk, batch=number, floor=floor, rate=1)
        accept(desk, number)
    assert desk.allocate(4).price.minor == desk.pool.state.prices.clearances[2].price_minor


def test_a_late_payment_takes_no_cards_at_a_loss() -> None:
    """The hold was at 800; what is there now cost 3,500: the money is to be given back."""
    desk = Desk(1, cost=cny(500))
    set_prices(desk, 800)
    desk.allocate()
    desk.now_ms += 20 * MINUTE_MS
    desk.withdraw("VOID", batch=1)
    desk.receive(1, cost=cny(3_500))
    refused = desk.confirm(paid=cny(800), late=REACQUIRE, payment_ref="late")
    assert reason(refused) == "PRICE_BELOW_COST"
    assert desk.pool.state.holds.get(1).refund_of("late").reason == "PRICE_BELOW_COST"


def test_a_sale_says_at_what_price_and_where() -> None:
    """In time and late; a report needs no other event for it but the batch's."""
    desk = Desk(2, cost=cny(500))
    set_prices(desk, 800, shop=700)
    desk.allocate(channel="shop")
    desk.confirm(paid=cny(700))
    desk.allocate()
    desk.now_ms += 20 * MINUTE_MS
    desk.confirm(2, paid=cny(800), late=REACQUIRE)
    sold = [(event.price, event.channel) for event in desk.happened if isinstance(event, HoldConfirmed)]
    assert sold == [(cny(700), "shop"), (cny(800), "")]


def test_a_rule_in_force_for_a_channel_without_a_price_is_that_of_the_sku() -> None:
    """Its own rule sleeps until it has a price."""
    desk = Desk(2, cost=Money(1, "CNY"))
    set_prices(desk, 800)
    set_rule(desk, "shop", floor_minor=900)
    assert desk.allocate(channel="shop").price == cny(800)
    set_prices(desk, 800, shop=850)
    assert reason(desk.allocate(channel="shop")) == "PRICE_BELOW_FLOOR"


def test_a_held_price_is_a_promise() -> None:
    """Cards that are swapped in time, and replacements, cost what they cost."""
    desk = Desk(1, cost=cny(500))
    set_prices(desk, 800)
    desk.allocate()
    desk.receive(2, cost=cny(3_500))
    desk.withdraw("VOID", batch=1)
    assert reason(desk.confirm(paid=cny(800))) == "Confirmed"
