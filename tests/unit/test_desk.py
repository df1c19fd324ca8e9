"""The desk of one supplier: what it writes before it sends, what it answers, and when it asks nobody."""

import asyncio
from pathlib import Path

import pytest

from actors.adapters.memory import FaultyJournal
from actors.supply.ports import Bought, Shelved, UnitCost
from engine.errors import InDoubt, PoolClosed, StoreUnavailable, SupplierNotAsked
from engine.money import Money
from engine.supply.attempts import Begun, Dispute, Kind, Learned, Refused, Sent, Standing, Stocked
from engine.supply.ledger import Exposure
from engine.supply.ports import Ability, Told
from engine.supply.suppliers import Idempotency
from tests.unit.corridor import Road
from tests.unit.supplier_street import ACME, Manner, Street, attempt, entry_of, virtual


@pytest.fixture
def street(tmp_path: Path) -> Street:
    """A street whose supplier sells at once."""
    return Street(tmp_path)


@virtual
async def test_a_purchase_is_bought_written_down_and_shelved(street: Street) -> None:
    """Begun and sent in one record before; learned with the codes, sealed; stocked at last, and the stash is empty."""
    desk = await street.opened()
    assert await desk.buy(attempt(), "P-1") == Bought(Standing.DELIVERED, "", Shelved(2, 0))
    assert street.shelf.stock == {"00001-0": "a", "00001-1": "a"}
    assert street.shelf.unit_costs == [UnitCost(Money(100, "CNY"), Money(100, "CNY"))]
    begun, sent, learned, stocked = await street.events()
    assert isinstance(begun, Begun)
    assert (begun.attempt, begun.product, begun.account) == (attempt(), "P-1", b"")
    assert isinstance(sent, Sent)
    assert isinstance(learned, Learned)
    assert (learned.standing, learned.codes) == (Standing.DELIVERED, 2)
    assert isinstance(stocked, Stocked)
    assert (stocked.fresh, stocked.known) == (2, 0)
    assert len((await street.store.read(ACME.book)).records) == 3
    assert await street.store.stashed(ACME.book) == {}
    await desk.close()
    assert street.supplier.is_hung_up


@virtual
async def test_nothing_leaves_before_it_is_durable(street: Street) -> None:
    """The store is held up: so is the order."""
    road = Road()
    desk = await street.opened(FaultyJournal(street.store, road))
    road.close()
    buying = asyncio.ensure_future(desk.buy(attempt(), "P-1"))
    await road.wait_append()
    await asyncio.sleep(1)
    assert street.supplier.arrived == []
    road.reopen()
    assert (await buying).standing is Standing.DELIVERED
    await desk.close()


@virtual
async def test_purchases_share_an_append(street: Street) -> None:
    """Fifty at once: one record has the first, another all others that gathered meanwhile."""
    road = Road()
    desk = await street.opened(FaultyJournal(street.store, road))
    await asyncio.gather(*(desk.buy(attempt(f"a-{number}"), "P-1") for number in range(50)))
    records = (await street.store.read(ACME.book)).records
    assert len(records) < 20
    assert len(street.shelf.stock) == 100
    await desk.close()


@virtual
async def test_codes_wait_sealed_until_they_are_in_stock(street: Street) -> None:
    """In no record and no stash is a code in plain; a shelf that is closed for a while gets them once."""
    street.shelf.ails = iter([StoreUnavailable("away"), InDoubt("perhaps"), PoolClosed("moving"), None])
    desk = await street.opened()
    assert await desk.buy(attempt(), "P-1") == Bought(Standing.DELIVERED, "", None)
    stashed = await street.store.stashed(ACME.book)
    assert list(stashed) == [b"1/a"]
    history = await street.store.read(ACME.book)
    assert b"00001-0" not in b"".join([*stashed.values(), *history.records])
    assert [each.attempt for each in desk.state().open] == ["a"]
    await asyncio.sleep(10)
    assert street.shelf.stock == {"00001-0": "a", "00001-1": "a"}
    assert await desk.buy(attempt(), "P-1") == Bought(Standing.DELIVERED, "", Shelved(2, 0))
    assert await street.store.stashed(ACME.book) == {}
    await desk.close()


@virtual
async def test_the_same_attempt_is_bought_once(street: Street) -> None:
    """Asked together, and again afterwards: one order, one answer. Another purchase may not have its name."""
    desk = await street.opened()
    answers = await asyncio.gather(*(desk.buy(attempt(), "P-1") for _ in range(5)))
    answers.append(await desk.buy(attempt(), "P-1"))
    assert answers == [Bought(Standing.DELIVERED, "", Shelved(2, 0))] * 6
    assert street.supplier.arrived == ["a"]
    with pytest.raises(SupplierNotAsked, match="another purchase"):
        await desk.buy(attempt(quantity=3), "P-1")
    await desk.close()


@virtual
async def test_a_definite_no_is_told_at_once_for_codes_only(street: Street) -> None:
    """The store hangs: whoever wanted codes may ask the next supplier, whoever wanted a recharge may not yet."""
    road = Road()
    desk = await street.opened(FaultyJournal(street.store, road))
    street.supplier.manner = lambda _: Manner(is_willing=False, takes_ms=1_000)
    codes = asyncio.ensure_future(desk.buy(attempt("codes"), "P-1"))
    recharge = asyncio.ensure_future(desk.buy(attempt("recharge", 1, Kind.RECHARGE), "P-1", "user-1"))
    await asyncio.sleep(0.5)
    road.close()
    assert await codes == Bought(Standing.FAILED, "out of stock")
    await asyncio.sleep(1)
    assert not recharge.done()
    road.reopen()
    assert await recharge == Bought(Standing.FAILED, "out of stock")
    await desk.close()


@virtual
async def test_a_recharge_is_for_an_account_that_the_journal_does_not_show(street: Street) -> None:
    """The supplier hears it; the record has it sealed."""
    desk = await street.opened()
    bought = await desk.buy(attempt("r", 1, Kind.RECHARGE), "P-1", "user-4711")
    assert bought == Bought(Standing.DELIVERED, "", Shelved(0, 0))
    assert street.supplier.accounts == ["user-4711"]
    assert b"user-4711" not in b"".join((await street.store.read(ACME.book)).records)
    await desk.close()


@virtual
async def test_silence_is_doubt_and_is_settled_by_asking(street: Street) -> None:
    """It was bought; the codes come with the first inquiry, a second later, and go into stock."""
    street.supplier.manner = lambda _: Manner(answers=False)
    desk = await street.opened()
    assert (await desk.buy(attempt(), "P-1")).standing is Standing.IN_DOUBT
    assert desk.view().exposure == Exposure(2, 1_000)
    await asyncio.sleep(1.1)
    assert await desk.buy(attempt(), "P-1") == Bought(Standing.DELIVERED, "", Shelved(2, 0))
    assert street.supplier.arrived == ["a"]
    await desk.close()


@virtual
async def test_not_found_is_a_no_only_after_the_grace(street: Street) -> None:
    """It never arrived, and nobody said so: for a minute it may still turn up."""
    street.supplier.idempotency = Idempotency.NONE
    await street.set_profile(idempotency=Idempotency.NONE)
    street.supplier.manner = lambda _: Manner(answers=False, is_willing=False)
    desk = await street.opened()
    assert (await desk.buy(attempt(), "P-1")).standing is Standing.IN_DOUBT
    street.supplier.refused.clear()
    await asyncio.sleep(45)
    assert entry_of(desk).standing is Standing.IN_DOUBT
    await asyncio.sleep(100)
    assert entry_of(desk).standing is Standing.FAILED
    assert street.supplier.arrived == ["a"]
    await desk.close()


@virtual
async def test_who_stops_waiting_changes_nothing(street: Street) -> None:
    """The purchase goes on to its end."""
    desk = await street.opened()
    buying = asyncio.ensure_future(desk.buy(attempt(), "P-1"))
    await asyncio.sleep(0.005)
    buying.cancel()
    await asyncio.sleep(1)
    assert len(street.shelf.stock) == 2
    await desk.close()


@virtual
async def test_what_was_frozen_before_it_left_stays_here(street: Street) -> None:
    """The append came back so late that a later copy may have taken the attempt for not bought."""
    road = Road()
    desk = await street.opened(FaultyJournal(street.store, road))
    road.close()
    buying = asyncio.ensure_future(desk.buy(attempt(), "P-1"))
    await road.wait_append()
    await asyncio.sleep(10.1)
    road.reopen()
    assert await buying == Bought(Standing.FAILED, "TOO_LATE")
    assert street.supplier.arrived == []
    await desk.close()


@virtual
async def test_a_line_that_breaks_is_silence_and_its_words_are_not_told(
    street: Street, caplog: pytest.LogCaptureFixture
) -> None:
    """It may have sent, and its text may quote a code."""
    street.abilities = frozenset({Ability.LOOK_UP})

    def broken(_order: object) -> Manner:
        raise ZeroDivisionError("00001-0")

    street.supplier.manner = broken
    desk = await street.opened()
    assert await desk.buy(attempt(), "P-1") == Bought(Standing.IN_DOUBT, "the line broke: ZeroDivisionError")
    assert "00001-0" not in caplog.text
    await desk.close()


@virtual
async def test_codes_that_stock_had_already_are_a_dispute(street: Street) -> None:
    """They do not enter twice; a person is told."""
    street.shelf.stock["00001-0"] = "somebody"
    desk = await street.opened()
    assert await desk.buy(attempt(), "P-1") == Bought(Standing.DELIVERED, "", Shelved(1, 1))
    assert entry_of(desk).disputes == [Dispute.KNOWN_CODES]
    assert desk.view().tasks == 1
    await desk.close()


@virtual
async def test_a_refusal_answers_no_question(street: Street) -> None:
    """A line that takes an inquiry's error for a refusal settles nothing, even of what was perhaps never sent."""
    street.supplier.manner = lambda _: Manner(takes_ms=5_000)
    first = await street.opened()
    buying = asyncio.ensure_future(first.buy(attempt(), "P-1"))
    await asyncio.sleep(0.1)
    await first.close()
    assert (await buying).standing is Standing.IN_DOUBT
    desk = await street.opened()

    async def look_up(*_: object) -> Told:
        return Told(Refused("bad signature"))

    desk._counter.line.look_up = look_up  # type: ignore[method-assign]
    await asyncio.sleep(1.1)
    assert entry_of(desk).standing is Standing.IN_DOUBT
    await desk.close()
