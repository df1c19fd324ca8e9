"""Questions, and the count that finds what is wrong (engine.stock.looking, alone)."""

from collections.abc import Callable

import pytest

from engine.errors import InvariantBroken
from engine.names import BatchNo, Card, HoldNo
from engine.stock.batch import Batch
from engine.stock.commands import Audit, GetAvailable, GetHold, ListSold
from engine.stock.events import HoldExpired
from engine.stock.outcomes import Available
from tests.unit.desk import MINUTE_MS, Desk, card, reason


def test_sold_cards_come_in_pages_with_their_holds() -> None:
    """Page after page, each after the last card of the one before."""
    desk = Desk(cards=6)
    desk.allocate(2)
    desk.confirm()
    desk.allocate(1)
    desk.allocate(2)
    desk.confirm(3)
    first = desk.ask(ListSold(BatchNo(1), 0, 3))
    assert first.cards == ((card(0), 1), (card(1), 1), (card(3), 3))
    assert first.more
    second = desk.ask(ListSold(BatchNo(1), card(3), 3))
    assert (second.cards, second.more) == (((card(4), 3),), False)


def test_a_sold_card_is_never_said_to_be_of_a_hold_that_lost_it() -> None:
    """The first hold had the card, expired, and was touched last; the second bought it."""
    desk = Desk(cards=1)
    desk.allocate()
    desk.now_ms += 10 * MINUTE_MS
    desk.allocate()
    desk.confirm(2)
    desk.confirm(1, payment_ref="too late")
    assert desk.ask(ListSold(BatchNo(1), 0, 9)).cards == ((card(0), 2),)


def test_a_sold_card_whose_hold_nobody_knows_has_none() -> None:
    """An archive that lost it is told by 0, not by a guess."""
    desk = Desk(cards=1)
    desk.allocate()
    desk.confirm()
    desk.now_ms += 1
    desk.forget()
    assert desk.ask(ListSold(BatchNo(1), 0, 9)).cards == ((card(0), 1),)
    desk.archive.clear()
    assert desk.ask(ListSold(BatchNo(1), 0, 9)).cards == ((card(0), 0),)


def test_a_look_at_nothing_finds_nothing() -> None:
    """Neither number nor order."""
    assert reason(Desk().ask(GetHold(HoldNo(0)))) == "HOLD_NOT_FOUND"


def test_a_look_ends_what_is_due_in_the_journal_too() -> None:
    """What a caller was told must survive a crash."""
    desk = Desk(cards=1)
    desk.allocate()
    desk.now_ms += 10 * MINUTE_MS
    assert desk.step(GetHold(HoldNo(1))).events == [HoldExpired(desk.now_ms, HoldNo(1))]


def test_an_audit_counts_no_hold_past_its_deadline_as_held() -> None:
    """Swept or not: a count that callers compare with what they were told must be true of its moment."""
    desk = Desk(cards=3)
    desk.allocate(2)
    desk.now_ms += 10 * MINUTE_MS
    counted = desk.ask(Audit())
    assert (counted.shelf.held, counted.shelf.on_shelf, counted.violations) == (0, 3, ())


@pytest.mark.parametrize(
    ("law", "damage"),
    [
        ("received", lambda desk: setattr(batch(desk), "sold", 7)),
        ("counts 9 held", lambda desk: setattr(batch(desk), "held", 9)),
        ("not aside at the same time", lambda desk: batch(desk).aside.update({0: "VOID"})),
        ("a free card is not held", lambda desk: batch(desk).lots[0].add_back(0)),
        ("lots are as large as they say", lambda desk: setattr(batch(desk).lots[0], "size", 1)),
        ("only held cards are marked", lambda desk: batch(desk).marked.update({2: "VOID"})),
        ("a card is in two active holds", lambda desk: hold_cards(desk, (card(0), card(0)))),
        ("active holds have 1 cards but count 2", lambda desk: hold_cards(desk, (card(0),))),
    ],
)
def test_the_count_finds_every_broken_law(law: str, damage: Callable[[Desk], None]) -> None:
    """Each structure damaged in its turn: the audit says which law, and the check stops the pool."""
    desk = Desk(cards=4)
    desk.allocate(2)
    assert desk.ask(Audit()).violations == ()
    damage(desk)
    assert any(law in said for said in desk.ask(Audit()).violations)
    with pytest.raises(InvariantBroken, match=law):
        desk.pool.check()


def test_the_running_counts_are_checked_by_themselves() -> None:
    """A lost card and a hold nobody counts are found without looking at every card."""
    desk = Desk(cards=4)
    desk.allocate(2)
    desk.pool.check_counts()
    batch(desk).sold += 1
    with pytest.raises(InvariantBroken, match=r"received 4 .* sold 1"):
        desk.pool.check_counts()
    batch(desk).sold -= 1
    desk.pool.state.holds.units += 1
    with pytest.raises(InvariantBroken, match="batches count 2 held, holds 3"):
        desk.pool.check_counts()


def batch(desk: Desk) -> Batch:
    """The first batch, to be damaged."""
    return desk.pool.state.batches[BatchNo(1)]


def hold_cards(desk: Desk, cards: tuple[Card, ...]) -> None:
    """Damage the first hold."""
    desk.pool.state.holds.active[HoldNo(1)].cards = cards


def test_what_is_available_is_what_could_be_held_now() -> None:
    """Not what is held, sold or past its own expiry; what is past its hold's deadline is free."""
    desk = Desk(cards=4)
    desk.receive(3, expires_at_ms=desk.now_ms + MINUTE_MS)
    desk.allocate(2)
    assert desk.ask(GetAvailable()) == Available(5)
    desk.now_ms += 10 * MINUTE_MS
    assert desk.ask(GetAvailable()) == Available(4)
