"""Suppliers that are paid in another currency: at which rate it is bought, and at which what was bought is counted."""

import asyncio
import logging
from pathlib import Path

import pytest

from actors.supply.ports import UnitCost
from engine.money import Money
from engine.pricing.landing import Fees
from engine.pricing.rates import EnteredRate, Rates
from engine.supply.attempts import Standing
from engine.supply.refilling import Marks
from engine.supply.suppliers import Source, Sourcing
from tests.unit import buying
from tests.unit.buying import EUR, MARKS, Market, on_virtual_time
from tests.unit.supplier_street import ACME, POOL, START_MS, Manner, Street, attempt, entry_of, virtual

_SINCE_MS = 1_793_491_200_000


def _to_dollars(figures: str, from_s: int) -> EnteredRate:
    """From when the market of `buying` has been open for so long."""
    from_ms = _SINCE_MS + 1_000 * from_s
    return EnteredRate("default", EUR, "USD", figures, from_ms, from_ms, "ann")


def test_without_a_rate_nobody_is_asked_and_staff_can_read_why(caplog: pytest.LogCaptureFixture) -> None:
    """Said once, and not with each look. From its moment on a rate makes a supplier one like any other."""

    async def story() -> None:
        market = Market("abroad", "away", available=0)
        sourcing = market.sourcing(unit_cost_max=Money(1_100, "USD"))
        refill = market.refill()
        refill.market.rates = Rates([_to_dollars("1.10", 60)])
        refill.set_book(market.suppliers, {buying.POOL: sourcing})
        market.start(refill.run())
        await asyncio.sleep(59)
        assert market.purchases == {}
        took_s = await market.until(lambda: market.available[buying.POOL] >= MARKS.high)
        assert took_s < 7
        # Dear at 11.00 dollars is 10.00 euros, of 50 cards.
        assert {purchase.attempt.cost_max for purchase in market.purchases.values()} == {Money(50_000, EUR)}

    with caplog.at_level(logging.INFO):
        on_virtual_time(story)
    said = [record.getMessage() for record in caplog.records if "source_" in record.getMessage()]
    assert [line.split()[0] for line in said] == 2 * ["source_left_out"] + 2 * ["source_back"]
    assert "NO_RATE: no rate from EUR to USD" in said[0]


def test_a_rate_that_grows_old_ends_buying_and_another_goes_on_with_it() -> None:
    """A week after its moment it counts no more: nobody knows what a card would cost."""

    async def story() -> None:
        market = Market("abroad", available=0)
        refill = market.refill()
        week_s = 7 * 86_400
        refill.market.rates = Rates([_to_dollars("1.10", 10 - week_s)])
        refill.set_book(market.suppliers, {buying.POOL: market.sourcing(unit_cost_max=Money(1_000, "USD"))})
        market.start(refill.run())
        await market.until(lambda: market.available[buying.POOL] >= MARKS.high)
        await asyncio.sleep(10)
        bought = len(market.purchases)
        market.sell(MARKS.high)
        await asyncio.sleep(60)
        assert len(market.purchases) == bought
        refill.market.rates = Rates([_to_dollars("1.20", 60)])
        await market.until(lambda: market.available[buying.POOL] >= MARKS.high)

    on_virtual_time(story)


@pytest.fixture
def street(tmp_path: Path) -> Street:
    """A supplier that asks 1.00 CNY a unit, with a fee of 0.03 and 1 %, for a SKU that is counted in dollars."""
    return Street(tmp_path, fees=Fees(3, 10_000))


async def _counted_in_dollars(street: Street) -> None:
    sourcing = Sourcing(POOL, (Source(ACME, "P-1", Money(100, "CNY")),), Marks(0, 0, 0), Money(1_000, "USD"))
    await street.book.put_sourcing(sourcing)


async def _enter(street: Street, figures: str, from_ms: int) -> None:
    await street.book.enter_rate(EnteredRate(POOL.tenant, "CNY", "USD", figures, from_ms, from_ms, "ann"))


@virtual
async def test_what_was_paid_abroad_is_counted_with_its_fees_and_rounded_up_once(street: Street) -> None:
    """1.00 + 0.03 + 1 % = 1.04 CNY; at 0.1401 that is 0.145704 USD, so 0.15: never in favour of a loss."""
    await _counted_in_dollars(street)
    await _enter(street, "0.1401", START_MS)
    desk = await street.opened()
    assert (await desk.buy(attempt(), "P-1")).standing is Standing.DELIVERED
    assert street.shelf.unit_costs == [UnitCost(paid=Money(104, "CNY"), landed=Money(15, "USD"))]
    await desk.close()


@virtual
async def test_what_comes_late_is_counted_at_the_rate_of_its_purchase(street: Street) -> None:
    """The supplier takes its time; meanwhile another rate counts, and a desk that looks at the clock would take it."""
    await _counted_in_dollars(street)
    await _enter(street, "0.14", START_MS)
    await _enter(street, "0.28", START_MS + 1_000)
    street.supplier.manner = lambda _order: Manner(pending_ms=5_000)
    desk = await street.opened()
    assert (await desk.buy(attempt(), "P-1")).standing is Standing.PENDING
    await asyncio.sleep(60)
    assert entry_of(desk).standing is Standing.DELIVERED
    assert [cost.landed for cost in street.shelf.unit_costs if cost] == [Money(15, "USD")]
    await desk.close()


@virtual
async def test_codes_wait_for_a_rate_rather_than_have_a_cost_that_nobody_knows(
    street: Street, caplog: pytest.LogCaptureFixture
) -> None:
    """Sealed, with the reason in the log; entered for that moment, it lets them into stock within ten seconds."""
    await _counted_in_dollars(street)
    desk = await street.opened()
    await desk.buy(attempt(), "P-1")
    await asyncio.sleep(600)
    assert street.shelf.stock == {}
    assert "cause=NO_RATE: no rate from CNY to USD" in caplog.text
    assert desk.view().waiting == 1
    await _enter(street, "0.14", START_MS)
    await asyncio.sleep(11)
    assert len(street.shelf.stock) == 2
    assert desk.view().waiting == 0
    await desk.close()
