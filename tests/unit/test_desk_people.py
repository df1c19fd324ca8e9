"""What a person does at a desk: settles, reverses, compares with a statement, and deals with what is told."""

import asyncio
from itertools import repeat
from pathlib import Path

import pytest

from actors.supply import ledger_archivist
from actors.supply.desk import SupplierDesk
from actors.supply.ledger_archivist import LedgerArchivist
from actors.supply.pages import Page, Wanted
from actors.supply.ports import Bought, Shelved
from actors.supply.recollection import AttemptDelivered, AttemptUnknown
from actors.supply.reconciler import NoStatement, StatementNotOffered
from engine.errors import StoreUnavailable, SupplierNotAsked
from engine.money import Money
from engine.supply.attempts import (
    AttemptId,
    Delivered,
    Dispute,
    Failed,
    Kind,
    Resolved,
    Reversed,
    Silent,
    Standing,
    Vouched,
)
from engine.supply.differences import DifferenceKind
from engine.supply.entry import Entry
from engine.supply.ports import Ability, Good, StatementRow, Told
from engine.supply.suppliers import Idempotency
from tests.unit.supplier_street import ACME, CAUTION, START_MS, Manner, Street, attempt, entry_of, virtual

A = AttemptId("a")
HOUR_MS = 3_600_000


@pytest.fixture
def street(tmp_path: Path) -> Street:
    """A street whose supplier buys twice if it is asked twice, and cannot be asked how things stand."""
    street = Street(tmp_path, Idempotency.NONE)
    street.abilities = frozenset({Ability.REVERSE, Ability.STATEMENT})
    return street


async def _in_doubt(street: Street, *, arrives: bool = True, kind: Kind = Kind.CODES) -> SupplierDesk:
    street.supplier.manner = lambda _: Manner(answers=False, is_willing=arrives)
    desk = await street.opened()
    assert (await desk.buy(attempt("a", 2 if kind is Kind.CODES else 1, kind), "P-1")).standing is Standing.IN_DOUBT
    return desk


@virtual
async def test_a_persons_word_settles_what_nobody_else_can(street: Street) -> None:
    """With the codes that were read out; the journal has the name, and no code in plain."""
    desk = await _in_doubt(street)
    await asyncio.sleep(HOUR_MS / 1_000)
    assert entry_of(desk).is_open
    found = Delivered("S-1", 2, Money(200, "CNY"))
    bought = await desk.settle(A, found, "ann", note="ticket 7", goods=[Good("X-1"), Good("X-2")])
    assert bought == Bought(Standing.DELIVERED, "", Shelved(2, 0))
    assert street.shelf.stock == {"X-1": "a", "X-2": "a"}
    (vouched,) = [event for event in await street.events() if isinstance(event, Vouched)]
    assert (vouched.who, vouched.note) == ("ann", "ticket 7")
    assert b"X-1" not in b"".join((await street.store.read(ACME.book)).records)
    with pytest.raises(AttemptUnknown):
        await desk.settle(AttemptId("nobody"), Failed("no"), "ann")
    await desk.close()


@virtual
async def test_codes_that_a_person_tells_come_in_by_that_name(street: Street) -> None:
    """Whichever copy of the desk puts them into stock; what the supplier delivers itself comes by the refill."""
    desk = await _in_doubt(street)
    street.shelf.ails = repeat(StoreUnavailable("away"), 3)
    told = await desk.settle(A, Delivered("S-1", 2, Money(200, "CNY")), "ann", goods=[Good("X-1"), Good("X-2")])
    assert told == Bought(Standing.DELIVERED, "", None)
    await desk.close()
    desk = await street.opened()
    await asyncio.sleep(60)
    assert street.shelf.stock == {"X-1": "a", "X-2": "a"}
    assert set(street.shelf.importers) == {"ann"}
    street.supplier.manner = lambda _order: Manner()
    await desk.buy(attempt("b"), "P-1")
    assert street.shelf.importers[-1] == "refill"
    await desk.close()


@virtual
async def test_codes_that_are_told_after_they_came_are_not_dropped_without_a_word(street: Street) -> None:
    """Whoever tells them hears that they were not taken; with a number that is new they are one more delivery."""
    desk = await street.opened()
    assert (await desk.buy(attempt("a", 2), "P-1")).standing is Standing.DELIVERED
    (first,) = street.supplier.sales
    for order_no in ("", first.order_no):
        with pytest.raises(AttemptDelivered):
            await desk.settle(A, Delivered(order_no, 1, Money(100, "CNY")), "ann", goods=[Good("X-1")])
    assert "X-1" not in street.shelf.stock
    again = await desk.settle(A, Delivered("", 1, Money(100, "CNY")), "ann", goods=[Good(first.codes[0])])
    assert again == Bought(Standing.DELIVERED, "", Shelved(2, 0))
    await desk.settle(A, Delivered("S-2", 1, Money(100, "CNY")), "ann", goods=[Good("X-1")])
    assert street.shelf.stock["X-1"] == "a~2"
    assert entry_of(desk).disputes == [Dispute.DELIVERED_TWICE]
    await desk.close()


@virtual
async def test_why_an_attempt_came_to_nothing_is_kept(street: Street) -> None:
    """In the ledger and its snapshot, as far as a page shows it; a delivery has no such reason."""
    street.supplier.manner = lambda order: Manner(is_willing=order.attempt == "well")
    desk = await street.opened()
    for name in ("well", "refused"):
        await desk.buy(attempt(name), "P-1")
    whys = {record.attempt.attempt: record.why for record in desk.attempts(Wanted.ALL, Page(10, 0)).attempts}
    assert whys == {"well": "", "refused": "out of stock"}
    assert Entry.of(entry_of(desk, "refused").record()).why == "out of stock"
    await desk.close()


@virtual
async def test_a_person_may_say_that_it_was_delivered_elsewhere(street: Street) -> None:
    """Without codes: nothing waits for stock, and nothing is missing."""
    desk = await _in_doubt(street)
    found = Delivered("S-1", 2, Money(200, "CNY"))
    assert await desk.settle(A, found, "ann") == Bought(Standing.DELIVERED, "", Shelved(0, 0))
    assert entry_of(desk).disputes == []
    await desk.close()


@virtual
async def test_what_is_told_twice_is_one_delivery_and_another_order_is_another(street: Street) -> None:
    """A callback, the same again, and one under another number: its codes enter stock by themselves, once."""
    desk = await _in_doubt(street)
    first = Told(Delivered("S-1", 2, Money(200, "CNY")), [Good("X-1"), Good("X-2")])
    assert await desk.hear(A, first) == Bought(Standing.DELIVERED, "", Shelved(2, 0))
    assert await desk.hear(A, first) == Bought(Standing.DELIVERED, "", Shelved(2, 0))
    second = Told(Delivered("S-2", 2, Money(200, "CNY")), [Good("X-2"), Good("X-3")])
    assert await desk.hear(A, second) == Bought(Standing.DELIVERED, "", Shelved(3, 1))
    assert street.shelf.stock == {"X-1": "a", "X-2": "a", "X-3": "a~2"}
    assert entry_of(desk).disputes == [Dispute.DELIVERED_TWICE, Dispute.KNOWN_CODES]
    await desk.close()


@virtual
async def test_an_attempt_is_taken_back_where_the_supplier_does_that(street: Street) -> None:
    """Only what is open, and only once the order itself has been answered."""
    street.supplier.manner = lambda _: Manner(answers=False, takes_ms=1_000)
    desk = await street.opened()
    buying = asyncio.ensure_future(desk.buy(attempt(), "P-1"))
    await asyncio.sleep(0.1)
    with pytest.raises(SupplierNotAsked, match="UNDER_WAY"):
        await desk.reverse(A, "ann")
    await buying
    assert (await desk.reverse(A, "ann")).standing is Standing.REVERSED
    assert street.supplier.of("a") == []
    assert (await desk.reverse(A, "ann")).standing is Standing.REVERSED
    await desk.close()


@virtual
async def test_nothing_is_taken_back_where_the_supplier_does_not(street: Street) -> None:
    """It is said before anything is asked; and a reversal that is refused settles nothing."""
    desk = await _in_doubt(street, arrives=False)
    assert (await desk.reverse(A, "ann")).standing is Standing.IN_DOUBT
    await desk.close()
    street.abilities = frozenset()
    desk = await street.opened()
    with pytest.raises(SupplierNotAsked, match="NO_REVERSAL"):
        await desk.reverse(A, "ann")
    await desk.close()


@virtual
async def test_what_stays_in_doubt_waits_for_a_person_until_somebody_dealt_with_it(street: Street) -> None:
    """After the supplier's patience; on the page, and off it."""
    street.profile = street.profile._replace(caution=CAUTION._replace(patience_ms=300_000))
    desk = await _in_doubt(street)
    running = asyncio.ensure_future(desk.run())
    await asyncio.sleep(280)
    assert desk.attempts(Wanted.PERSON, Page(10)).attempts == []
    await asyncio.sleep(20)
    (shown,) = desk.attempts(Wanted.PERSON, Page(10)).attempts
    assert shown.disputes == (Dispute.UNSETTLED,)
    assert await desk.resolve(Resolved(0, "a", "", "ann", "written off"))
    assert not await desk.resolve(Resolved(0, "a", "", "ann", "written off"))
    assert desk.attempts(Wanted.PERSON, Page(10)).attempts == []
    assert len(desk.attempts(Wanted.OPEN, Page(10)).attempts) == 1
    running.cancel()
    await desk.close()


@virtual
async def test_attempts_are_shown_a_page_at_a_time(street: Street) -> None:
    """The oldest first; 0 says that there is no more."""
    desk = await street.opened()
    for number in range(5):
        await desk.buy(attempt(f"a-{number}"), "P-1")
    first = desk.attempts(Wanted.ALL, Page(3))
    second = desk.attempts(Wanted.ALL, Page(3, first.next_start))
    assert [record.attempt.attempt for page in (first, second) for record in page.attempts] == [
        f"a-{number}" for number in range(5)
    ]
    assert (first.next_start, second.next_start) == (3, 0)
    await desk.close()


@virtual
async def test_a_statement_settles_what_never_got_an_answer(street: Street) -> None:
    """A row names an attempt: its codes are fetched by the number in it. Another has no row: it was not bought."""
    street.abilities = frozenset({Ability.LOOK_UP, Ability.STATEMENT})
    street.supplier.question = lambda _: Manner(answers=asyncio.get_running_loop().time() > 7_200)
    street.supplier.manner = lambda order: Manner(answers=False, arrives=True, is_willing=order.attempt == "a")
    desk = await street.opened()
    await asyncio.sleep(3_600)
    await asyncio.gather(desk.buy(attempt(), "P-1"), desk.buy(attempt("b"), "P-1"))
    await asyncio.sleep(3_600)
    street.supplier.refused.clear()
    report = await desk.reconcile(START_MS, START_MS + 3 * HOUR_MS)
    assert (report.rows, report.matched, report.settled, list(report.differences)) == (1, 1, 2, [])
    assert (entry_of(desk).standing, entry_of(desk, "b").standing) == (Standing.DELIVERED, Standing.FAILED)
    assert street.shelf.stock == {"00001-0": "a", "00001-1": "a"}
    await desk.close()


@virtual
async def test_differences_are_told_once_and_rows_may_come_from_a_file(street: Street) -> None:
    """Run over the same days again, before and after somebody dealt with them."""
    desk = await street.opened()
    await asyncio.sleep(3_600)
    await desk.buy(attempt(), "P-1")
    await asyncio.sleep(3_600)
    rows = [
        StatementRow("S-1", "", 2, Money(250, "CNY"), START_MS + HOUR_MS),
        StatementRow("S-77", "", 5, Money(900, "CNY"), START_MS + HOUR_MS),
    ]
    span = START_MS, START_MS + 3 * HOUR_MS
    first = await desk.reconcile(*span, rows)
    kinds = [DifferenceKind.UNKNOWN_CHARGE, DifferenceKind.OTHER_COST]
    assert [each.kind for each in first.told] == kinds
    again = await desk.reconcile(*span, rows)
    assert ([each.kind for each in again.differences], list(again.told)) == (kinds, [])
    assert desk.view().tasks == 2
    await desk.resolve(Resolved(0, "", "S-77", "ann", "a test of theirs"))
    assert [noted.difference.order_no for noted in desk.differences()] == ["S-1"]
    assert list((await desk.reconcile(*span, rows)).told) == []
    await desk.close()
    reopened = await street.opened()
    assert list((await reopened.reconcile(*span, rows)).told) == []
    await reopened.close()


@virtual
async def test_a_statement_is_compared_with_what_was_forgotten_too(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By our id or by the supplier's number; and what had failed, and is charged, is back on the page."""
    desk = await street.opened()
    await desk.buy(attempt(), "P-1")
    street.supplier.manner = lambda _: Manner(is_willing=False)
    await desk.buy(attempt("failed"), "P-1")
    street.supplier.manner = lambda _: Manner()
    await asyncio.sleep(1)
    before_ms = START_MS + 1_000
    monkeypatch.setattr(ledger_archivist, "_forgettable_before_ms", lambda _ledger: before_ms)
    assert await LedgerArchivist(street.store, street.store).fold(ACME.book) == before_ms
    written = desk._written
    await written.write(written.ledger.forget(before_ms, written.now_ms()))
    assert not written.ledger.entries
    rows = [
        StatementRow("S-1", "", 2, Money(200, "CNY"), START_MS),
        StatementRow("S-9", "failed", 2, Money(200, "CNY"), START_MS),
    ]
    report = await desk.reconcile(START_MS - HOUR_MS, START_MS + HOUR_MS, rows)
    assert [(each.kind, each.attempt) for each in report.told] == [(DifferenceKind.CHARGED_FOR_NOTHING, "failed")]
    assert (report.matched, report.complete_from_ms) == (2, before_ms)
    assert entry_of(desk, "failed").order_nos == ["S-9"]
    await desk.close()


@virtual
async def test_no_statement_is_said_as_what_it_is(street: Street) -> None:
    """The supplier is away, or gives none: then asking again is of no use."""
    desk = await street.opened()
    street.supplier.is_away = True
    with pytest.raises(NoStatement, match="does not answer") as away:
        await desk.reconcile(START_MS, START_MS + 1)
    assert not isinstance(away.value, StatementNotOffered)
    await desk.close()
    street.abilities = frozenset()
    desk = await street.opened()
    with pytest.raises(StatementNotOffered, match="gives none"):
        await desk.reconcile(START_MS, START_MS + 1)
    await desk.close()


@virtual
async def test_a_recharge_in_doubt_is_settled_by_its_row_and_never_by_its_absence(street: Street) -> None:
    """Another supplier may be asked only when it has surely come to nothing."""
    desk = await _in_doubt(street, kind=Kind.RECHARGE)
    await asyncio.sleep(7_200)
    await desk.reconcile(START_MS - HOUR_MS, START_MS + 2 * HOUR_MS, [])
    assert entry_of(desk).standing is Standing.IN_DOUBT
    await desk.hear(A, Told(Silent("again")))
    await desk.reconcile(START_MS - HOUR_MS, START_MS + 2 * HOUR_MS)
    assert entry_of(desk).standing is Standing.DELIVERED
    await desk.hear(A, Told(Reversed()))
    assert entry_of(desk).standing is Standing.DELIVERED
    await desk.close()


@virtual
async def test_codes_of_a_second_order_are_fetched_when_a_statement_tells_of_it(street: Street) -> None:
    """It charged twice and told of one: the paid codes enter stock, and a person hears of a delivery, not of a cost."""
    street.abilities = frozenset({Ability.LOOK_UP, Ability.STATEMENT})
    desk = await street.opened()
    await asyncio.sleep(3_600)
    await desk.buy(attempt(), "P-1")
    (first,) = street.supplier.sales
    twin = first._replace(order_no="S-twin", codes=("T-1", "T-2"))
    street.supplier.sales.insert(0, twin)
    await asyncio.sleep(3_600)
    report = await desk.reconcile(START_MS, START_MS + 3 * HOUR_MS)
    assert (report.rows, report.matched, list(report.told)) == (2, 2, [])
    assert entry_of(desk).disputes == [Dispute.DELIVERED_TWICE]
    assert street.shelf.stock == {"00001-0": "a", "00001-1": "a", "T-1": "a~2", "T-2": "a~2"}
    assert entry_of(desk).costs == [Money(200, "CNY"), Money(200, "CNY")]
    await desk.close()
