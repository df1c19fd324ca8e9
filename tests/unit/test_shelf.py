"""The shelf against a sorted list: ranges, heaps and holes must give the same cards in the same order."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.names import BatchNo, Card, batch_of, card_at, serial_of
from engine.stock.shelf import NEVER_MS, Lot, Shelf
from tests.examples import examples

_EXPIRIES = [10, 20, 20, None]
_SIZE = 12


class Pair:
    """A shelf of four lots, and the sorted list it stands for."""

    def __init__(self) -> None:
        self.lots = [
            Lot(BatchNo(at + 1), 0, cost=100 - at, expires_at_ms=expiry) for at, expiry in enumerate(_EXPIRIES)
        ]
        self.shelf = Shelf()
        self.free: set[Card] = set()
        self.hidden: set[int] = set()
        for lot in self.lots:
            lot.add_fresh(0, _SIZE)
            self.shelf.show(lot)
            self.free |= {card_at(lot.batch, serial) for serial in range(_SIZE)}
        self.taken: list[Card] = []

    def lot(self, card: Card) -> Lot:
        """A card's lot."""
        return self.lots[batch_of(card) - 1]

    def in_order(self, after_ms: int) -> list[Card]:
        """What can be given out, by sorting everything."""
        able = [card for card in self.free if batch_of(card) not in self.hidden]
        return sorted(
            (card for card in able if self.lot(card).expires_at_ms > after_ms),
            key=lambda card: (self.lot(card).key, serial_of(card)),
        )

    def take(self, card: Card) -> None:
        """As a batch takes a card."""
        self.lot(card).remove(serial_of(card))
        if not self.lot(card).size:
            self.shelf.hide(self.lot(card))
        self.free.remove(card)
        self.taken.append(card)

    def give_back(self, card: Card) -> None:
        """As a batch gives one back."""
        self.lot(card).add_back(serial_of(card))
        if batch_of(card) not in self.hidden:
            self.shelf.show(self.lot(card))
        self.taken.remove(card)
        self.free.add(card)

    def toggle(self, batch: int) -> None:
        """Off sale, or on again."""
        lot = self.lots[batch - 1]
        (self.shelf.show if batch in self.hidden else self.shelf.hide)(lot)
        self.hidden ^= {batch}


@settings(max_examples=examples(60))
@given(st.data())
def test_a_shelf_gives_what_a_sorted_list_would(data: Any) -> None:
    """Through taking in order, taking from the middle, coming back, going off sale and on again."""
    pair = Pair()
    for _ in range(data.draw(st.integers(5, 25))):
        doing = data.draw(st.sampled_from(["pick", "pick", "pick", "one", "back", "back", "toggle"]))
        if doing == "pick":
            wanted, after_ms = data.draw(st.integers(1, 8)), data.draw(st.sampled_from([0, 10, 19, 20]))
            picked = pair.shelf.pick(wanted, after_ms)
            assert list(picked) == pair.in_order(after_ms)[:wanted]
            for card in picked:
                pair.take(card)
        elif doing == "one" and pair.free:
            pair.take(data.draw(st.sampled_from(sorted(pair.free))))
        elif doing == "back" and pair.taken:
            pair.give_back(data.draw(st.sampled_from(pair.taken)))
        elif doing == "toggle":
            pair.toggle(data.draw(st.integers(1, 4)))
        assert pair.shelf.available(10) == len(pair.in_order(10))
        for lot in pair.lots:
            mine = {serial_of(card) for card in pair.free if batch_of(card) == lot.batch}
            assert mine == {serial for serial in range(_SIZE) if serial in lot}
            assert lot.size == len(mine)


def test_looking_does_not_rearrange() -> None:
    """A look that moved the heap would part a live pool from its replay."""
    lot = Lot(BatchNo(1), 0, cost=0, expires_at_ms=None)
    for serial in (9, 3, 7, 1, 8, 2):
        lot.add_back(serial)
    before = list(lot.returned)
    assert lot.first(4) == [1, 2, 3, 7]
    assert list(lot.returned) == before


def test_cards_that_arrive_one_after_another_are_one_run() -> None:
    """A million cards are one range, however many chunks they came in."""
    lot = Lot(BatchNo(1), 0, cost=0, expires_at_ms=None)
    for chunk in range(1_000):
        lot.add_fresh(chunk * 1_000, chunk * 1_000 + 1_000)
    lot.add_fresh(2_000_000, 2_000_001)
    assert lot.fresh == [[0, 1_000_000], [2_000_000, 2_000_001]]
    assert lot.expires_at_ms == NEVER_MS


def test_a_card_can_be_cut_out_of_any_place_of_a_run() -> None:
    """The middle, the beginning and the end of a later run, and all that is left of one."""
    lot = Lot(BatchNo(1), 0, cost=0, expires_at_ms=None)
    lot.add_fresh(0, 9)
    for serial, runs in (
        (3, [[0, 3], [4, 9]]),
        (4, [[0, 3], [5, 9]]),
        (8, [[0, 3], [5, 8]]),
        (6, [[0, 3], [5, 6], [7, 8]]),
        (5, [[0, 3], [7, 8]]),
    ):
        lot.remove(serial)
        assert lot.fresh == runs


def test_a_card_that_is_not_there_cannot_be_taken() -> None:
    """Taking it would sell it twice: the lot breaks instead."""
    lot = Lot(BatchNo(1), 0, cost=0, expires_at_ms=None)
    lot.add_fresh(0, 2)
    lot.remove(0)
    with pytest.raises(AssertionError, match="serial 0 of batch 1 is not on the shelf"):
        lot.remove(0)


def test_an_empty_lot_waits_off_the_shelf() -> None:
    """Showing it changes nothing, and hiding what is hidden neither."""
    shelf, lot = Shelf(), Lot(BatchNo(1), 0, cost=0, expires_at_ms=None)
    shelf.show(lot)
    shelf.hide(lot)
    assert shelf.pick(1, 0) == ()
