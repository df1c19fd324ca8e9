"""When a supplier's desk asks nobody, what it follows, and what it tells a router."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from actors.adapters.memory import FaultyJournal
from actors.supply.ports import Bought, DeskState, OpenPurchase, Shelved, Ware
from engine.errors import NotDone, StoreUnavailable, SupplierNotAsked
from engine.money import Money
from engine.supply.attempts import Kind, Standing
from engine.supply.breaker import Override
from engine.supply.refilling import Marks
from engine.supply.suppliers import Source, Sourcing
from tests.unit.corridor import Road, until
from tests.unit.supplier_street import ACME, POOL, Manner, Street, attempt, virtual


@pytest.fixture
def street(tmp_path: Path) -> Street:
    """A street whose supplier sells at once."""
    return Street(tmp_path)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"is_paused": True}, "PAUSED"),
        ({"override": Override.HELD_OPEN}, "BREAKER_OPEN"),
        ({"currency": "CNY"}, "EXPOSURE_FULL"),
    ],
)
@virtual
async def test_who_is_not_asked_is_told_why(street: Street, change: dict[str, Any], why: str) -> None:
    """Nothing is written down, and the same attempt may be made later."""
    big = attempt(quantity=1_001 if why == "EXPOSURE_FULL" else 2)
    await street.set_profile(**change)
    desk = await street.opened()
    with pytest.raises(SupplierNotAsked, match=why):
        await desk.buy(big, "P-1")
    assert street.supplier.arrived == []
    assert await street.events() == []
    assert desk.state().lets_through is (why == "EXPOSURE_FULL")
    await desk.close()


@virtual
async def test_another_currency_is_not_bought_in(street: Street) -> None:
    """The exposure is counted in one."""
    desk = await street.opened()
    with pytest.raises(SupplierNotAsked, match="OTHER_CURRENCY"):
        await desk.buy(attempt()._replace(cost_max=Money(1_000, "USD")), "P-1")
    await desk.close()


@virtual
async def test_one_order_has_one_recharge_that_may_come_to_effect(street: Street) -> None:
    """Two that come together: the second is not made, whatever waits in between."""
    await street.set_profile(per_s=1.0)
    street.supplier.manner = lambda _: Manner(answers=False)
    desk = await street.opened()
    recharges = [attempt(name, 1, Kind.RECHARGE)._replace(order_ref="order-1") for name in "abc"]
    answers = await asyncio.gather(*(desk.buy(each, "P-1", "user") for each in recharges[:2]), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Bought, SupplierNotAsked]
    with pytest.raises(SupplierNotAsked, match="ORDER_UNSETTLED"):
        await desk.buy(recharges[2], "P-1", "user")
    assert street.supplier.arrived == ["a"]
    await desk.close()


@virtual
async def test_the_exposure_is_never_passed_however_many_come_together(street: Street) -> None:
    """Each for 400 of 1,000 units: two go out."""
    street.supplier.manner = lambda _: Manner(answers=False)
    desk = await street.opened()
    buying = [desk.buy(attempt(f"a-{number}", 400, cost_max=40_000), "P-1") for number in range(5)]
    answers = await asyncio.gather(*buying, return_exceptions=True)
    assert sum(isinstance(answer, SupplierNotAsked) for answer in answers) == 3
    assert (desk.state().room_units, len(street.supplier.arrived)) == (200, 2)
    await desk.close()


@virtual
async def test_the_breaker_opens_and_one_at_a_time_tries_again(street: Street) -> None:
    """Three failures in a row; after five seconds one may go, and two that succeed close it."""
    street.supplier.manner = lambda _: Manner(arrives=False)
    desk = await street.opened()
    for number in range(3):
        assert await desk.buy(attempt(f"a-{number}"), "P-1") == Bought(Standing.FAILED, "no route")
    assert not desk.state().lets_through
    with pytest.raises(SupplierNotAsked, match="BREAKER_OPEN"):
        await desk.buy(attempt("early"), "P-1")
    street.supplier.manner = lambda _: Manner()
    await asyncio.sleep(5.1)
    assert desk.state().lets_through
    answers = await asyncio.gather(
        desk.buy(attempt("b-1"), "P-1"), desk.buy(attempt("b-2"), "P-1"), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [Bought, SupplierNotAsked]
    await desk.buy(attempt("b-3"), "P-1")
    assert desk.view().is_closed
    await desk.close()


@virtual
async def test_a_refusal_for_want_of_stock_is_no_fault(street: Street) -> None:
    """However often."""
    street.supplier.manner = lambda _: Manner(is_willing=False)
    desk = await street.opened()
    for number in range(20):
        await desk.buy(attempt(f"a-{number}"), "P-1")
    assert desk.view().is_closed
    await desk.close()


@virtual
async def test_requests_keep_to_the_pace(street: Street) -> None:
    """Eight a second: of thirty that come together 24 go out in two seconds, and who would wait for longer is told."""
    await street.set_profile(per_s=8.0)
    street.supplier.manner = lambda _: Manner(takes_ms=0)
    desk = await street.opened()
    loop = asyncio.get_running_loop()
    buying = [desk.buy(attempt(f"a-{number}"), "P-1") for number in range(30)]
    answers = await asyncio.gather(*buying, return_exceptions=True)
    assert 1.9 < loop.time() < 2.2
    assert len(street.supplier.arrived) == 24
    assert sum(isinstance(answer, SupplierNotAsked) for answer in answers) == 6
    await desk.close()


@virtual
async def test_two_that_wait_for_their_turn_with_one_attempt_make_one_purchase(street: Street) -> None:
    """Both found nothing in the ledger before they waited."""
    await street.set_profile(per_s=1.0)
    desk = await street.opened()
    await desk.buy(attempt("x"), "P-1")
    answers = await asyncio.gather(desk.buy(attempt(), "P-1"), desk.buy(attempt(), "P-1"))
    assert answers == [Bought(Standing.DELIVERED, "", Shelved(2, 0))] * 2
    assert street.supplier.arrived == ["x", "a"]
    await desk.close()


@virtual
async def test_a_store_that_is_away_stops_purchases_before_they_begin(street: Street) -> None:
    """Nothing is bought that cannot be written down; when it is back, it is."""
    road = Road()
    desk = await street.opened(FaultyJournal(street.store, road))
    road.on_the_way_there.extend([StoreUnavailable("away")] * 3)
    road.positions.extend([StoreUnavailable("away")] * 3)
    first = asyncio.ensure_future(desk.buy(attempt(), "P-1"))
    await until(lambda: desk._written._committer.is_stalled)
    with pytest.raises(StoreUnavailable):
        await desk.buy(attempt("b"), "P-1")
    assert (await first).standing is Standing.DELIVERED
    assert street.supplier.arrived == ["a"]
    await desk.close()


@virtual
async def test_a_changed_profile_counts_without_a_restart(street: Street) -> None:
    """Within a second: paused, another caution, other credentials."""
    desk = await street.opened()
    running = asyncio.ensure_future(desk.run())
    await street.set_profile(is_paused=True)
    await asyncio.sleep(1.1)
    with pytest.raises(SupplierNotAsked, match="PAUSED"):
        await desk.buy(attempt(), "P-1")
    sealed = await street.vault.seal_secret(f"{ACME}/credentials", b'{"key": "k-2"}')
    caution = street.profile.caution._replace(exposure_units_max=1)
    await street.set_profile(is_paused=False, credentials=sealed, caution=caution)
    await asyncio.sleep(1.1)
    assert street.supplier.credentials == {"key": "k-2"}
    with pytest.raises(SupplierNotAsked, match="EXPOSURE_FULL"):
        await desk.buy(attempt(), "P-1")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await desk.close()


@virtual
async def test_a_profile_that_no_line_can_be_made_of_is_told_to_staff(street: Street) -> None:
    """The desk speaks on as before, and says so, once in its log; what else they said holds. A sound one ends that."""
    desk = await street.opened()
    running = asyncio.ensure_future(desk.run())
    sound = street.profile
    await street.set_profile(credentials=b"not sealed by us", per_s=7.0)
    await asyncio.sleep(3)
    assert desk.view().unheeded
    assert desk._counter.pace.per_s == 7.0
    assert (await desk.buy(attempt(), "P-1")).standing is Standing.DELIVERED
    await street.set_profile(is_paused=True, override=Override.HELD_OPEN)
    await asyncio.sleep(3)
    assert desk.view().unheeded
    assert desk.view().is_paused
    assert not desk.state().lets_through
    await street.set_profile(credentials=sound.credentials)
    await asyncio.sleep(3)
    assert desk.view().unheeded == ""
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await desk.close()


@virtual
async def test_a_router_hears_of_balance_stock_and_prices(street: Street) -> None:
    """Asked for at the start, and soon after a refusal; what is not bought here is left out."""
    desk = await street.opened()
    running = asyncio.ensure_future(desk.run())
    await asyncio.sleep(0.5)
    assert desk.state() == DeskState(True, 1_000, Money(10**7, "CNY"), Money(50_000, "CNY"), open=[])
    await street.book.put_sourcing(_sourcing())
    street.supplier.stock, street.supplier.price = 7, 700
    street.supplier.manner = lambda _: Manner(is_willing=False)
    await asyncio.sleep(1.1)
    await desk.buy(attempt(), "P-1")
    await asyncio.sleep(6)
    assert desk.state().wares == {"P-1": Ware(Money(700, "CNY"), 7)}
    street.supplier.is_away = True
    await desk.buy(attempt("b"), "P-1")
    await asyncio.sleep(6)
    assert desk.state().balance == Money(50_000, "CNY")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await desk.close()


@virtual
async def test_a_supplier_that_had_run_out_is_asked_each_minute_whether_it_still_has(street: Street) -> None:
    """Its price list is read every five minutes else; and what had run out is not asked for in between."""
    await street.book.put_sourcing(_sourcing())
    street.supplier.stock = 0
    desk = await street.opened()
    running = asyncio.ensure_future(desk.run())
    await asyncio.sleep(0.5)
    assert desk.state().wares["P-1"].stock == 0
    street.supplier.stock = 9
    await asyncio.sleep(61)
    assert desk.state().wares["P-1"].stock == 9
    street.supplier.stock = 8
    await asyncio.sleep(61)
    assert desk.state().wares["P-1"].stock == 9
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await desk.close()


def _sourcing() -> Sourcing:
    return Sourcing(POOL, (Source(ACME, "P-1", Money(100, "CNY")),), Marks(1, 2, 2), Money(1_000, "CNY"))


@virtual
async def test_what_is_open_is_told(street: Street) -> None:
    """What is under way is not in doubt; what stayed silent is; what is settled is not there."""
    street.supplier.manner = lambda order: Manner(answers=order.attempt != "silent", takes_ms=100, pending_ms=5_000)
    desk = await street.opened()
    silent = asyncio.ensure_future(desk.buy(attempt("silent"), "P-1"))
    await desk.buy(attempt("pending"), "P-1")
    assert set(desk.state().open) == {OpenPurchase(name, POOL, 2, False) for name in ("silent", "pending")}
    assert (await silent).standing is Standing.IN_DOUBT
    assert OpenPurchase("silent", POOL, 2, True) in desk.state().open
    await asyncio.sleep(20)
    assert desk.state().open == []
    await desk.close()


@virtual
async def test_a_supplier_without_a_profile_or_a_line_has_no_desk(street: Street) -> None:
    """Said as what it is: nothing happened."""
    with pytest.raises(NotDone, match="no tenants/shop/suppliers/acme"):
        await street.desk().open()


@virtual
async def test_the_metrics_say_what_was_bought_and_how_things_stand(street: Street) -> None:
    """And stand on the operators' page, each by its name; no attempt and no code is in them."""
    street.supplier.manner = lambda order: Manner(answers=order.attempt != "silent")
    desk = await street.opened()
    await desk.buy(attempt(), "P-1")
    await desk.buy(attempt("silent"), "P-1")
    with pytest.raises(SupplierNotAsked):
        await desk.buy(attempt("big", 1_001), "P-1")
    await desk._watcher.ask_balance()
    desk.count()
    text = generate_latest(desk.metrics.registry).decode()
    for line in (
        'cardkeep_desk_purchases_total{standing="DELIVERED",supplier="acme"} 1.0',
        'cardkeep_desk_purchases_total{standing="IN_DOUBT",supplier="acme"} 1.0',
        'cardkeep_desk_not_asked_total{supplier="acme",why="EXPOSURE_FULL"} 1.0',
        'cardkeep_desk_open{standing="IN_DOUBT",supplier="acme"} 1.0',
        'cardkeep_desk_exposure_minor{supplier="acme"} 1000.0',
        'cardkeep_desk_balance_minor{supplier="acme"} 49600.0',
        'cardkeep_desk_breaker_closed{supplier="acme"} 1.0',
        'cardkeep_desk_tasks{supplier="acme"} 0.0',
    ):
        assert line in text
    page = (Path(__file__).parents[2] / "docs" / "desks.md").read_text()
    named = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert {name for name in named if f"`{name.removesuffix('_total')}" not in page} == set()
    await desk.close()
