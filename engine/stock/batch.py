"""A batch: cards that arrived together, with source, cost and importer, and where each of them is now.

A card is in exactly one place, so it carries no state: it is in a lot (free), set aside (void or
quarantined), held, or else sold. Held and sold are counted; which hold has a card, the hold knows.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from engine import limits
from engine.names import SERIAL_MAX, BatchNo, Card, card_at, serial_of
from engine.stock.commands import QUARANTINE, RESTORE, VOID, OpenBatch
from engine.stock.outcomes import BatchView
from engine.stock.shelf import NEVER_MS, Lot, Shelf


class Batch:
    """One batch and its lots. `withdrawn` is empty, VOID or QUARANTINE for the batch as a whole."""

    def __init__(self, number: BatchNo, command: OpenBatch, opened_at_ms: int) -> None:
        self.number = number
        self.import_id = command.import_id
        self.source = command.source
        self.importer = command.importer
        self.unit_cost = command.unit_cost
        #: What a card really cost, in the currency it is sold in; None when nobody knows.
        self.landed = command.landed or command.unit_cost
        self.expires_at_ms = command.expires_at_ms
        self.opened_at_ms = opened_at_ms
        self.is_open = True
        self.withdrawn = ""
        self.next_chunk = 0
        self.received = 0
        self.held = 0
        self.sold = 0
        self.lots: list[Lot] = []
        self._lot_by_expiry: dict[int, Lot] = {}
        #: First serial of each stretch of cards, and the lot the stretch belongs to.
        self.stretches: list[tuple[int, Lot]] = []
        #: Cards out of their lot: serial → VOID or QUARANTINE.
        self.aside: dict[int, str] = {}
        #: Held cards that must not be sold: serial → what becomes of them when they come back.
        self.marked: dict[int, str] = {}

    def receive(self, lots: Iterable[tuple[int, int | None]]) -> Iterator[Lot]:
        """Take in one chunk, and name the lots that grew."""
        self.next_chunk += 1
        for cards, expires_at_ms in lots:
            lot = self._lot(expires_at_ms)
            if not self.stretches or self.stretches[-1][1] is not lot:
                self.stretches.append((self.received, lot))
            lot.add_fresh(self.received, self.received + cards)
            self.received += cards
            yield lot

    def add_lot(self, lot: Lot) -> None:
        """Take a new lot in."""
        self.lots.append(lot)
        self._lot_by_expiry[lot.expires_at_ms] = lot

    def lot_of(self, card: Card) -> Lot:
        """The lot a card came in."""
        return self._lot_of(card & SERIAL_MAX)

    def is_recalled(self, card: Card) -> bool:
        """Whether a held card of this batch was voided or quarantined meanwhile."""
        return bool(self.withdrawn) or serial_of(card) in self.marked

    def may_be_sold(self, card: Card, now_ms: int) -> bool:
        """Whether a held card of this batch may be sold at this moment."""
        serial = card & SERIAL_MAX
        return not self.withdrawn and serial not in self.marked and self._lot_of(serial).expires_at_ms > now_ms

    def give_back(self, card: Card, shelf: Shelf) -> None:
        """A held card is free again: to its lot, or aside if it was withdrawn meanwhile."""
        serial = card & SERIAL_MAX
        if serial in self.marked:
            self.aside[serial] = self.marked.pop(serial)
        else:
            self._return_to_lot(serial, shelf)

    def withdraw(self, action: str, shelf: Shelf) -> None:
        """VOID, QUARANTINE or RESTORE the batch as a whole. A void is for good, and ends the import."""
        if action == RESTORE:
            self.withdrawn = ""
            for serial in [serial for serial, was in self.aside.items() if was == QUARANTINE]:
                del self.aside[serial]
                self._return_to_lot(serial, shelf)
            for serial in [serial for serial, was in self.marked.items() if was == QUARANTINE]:
                del self.marked[serial]
            for lot in self.lots:
                shelf.show(lot)
            return
        self.withdrawn = action
        self.is_open = self.is_open and action != VOID
        for lot in self.lots:
            shelf.hide(lot)

    def withdraw_card(self, card: Card, action: str, shelf: Shelf) -> None:
        """The same for one card that is in a lot or aside."""
        serial = serial_of(card)
        if action == RESTORE:
            del self.aside[serial]
            self._return_to_lot(serial, shelf)
            return
        if serial not in self.aside:
            self.take(card, shelf)
        self.aside[serial] = action

    def take(self, card: Card, shelf: Shelf) -> None:
        """Take a card out of its lot."""
        serial = card & SERIAL_MAX
        lot = self._lot_of(serial)
        lot.remove(serial)
        if not lot.size:
            # An empty lot sorts as before, so it can still be found.
            shelf.hide(lot)

    def is_in_lot(self, card: Card) -> bool:
        """Whether a card is free, on sale or not."""
        return serial_of(card) in self.lot_of(card)

    def sold_after(self, after: int, held: set[Card]) -> Iterator[Card]:
        """Sold cards that come after card `after` (0 = all), in order, given which cards are `held` now."""
        free = {serial for lot in self.lots for serial in lot.returned}.union(self.aside)
        serial = max(0, after + 1 - card_at(self.number, 0))
        while serial < self.received:
            card = card_at(self.number, serial)
            run_end = self.lot_of(card).run_end(serial)
            if run_end is None and serial not in free and card not in held:
                yield card
            serial = run_end or serial + 1

    def view(self, now_ms: int) -> BatchView:
        """The batch at one moment."""
        in_lots = sum(lot.size for lot in self.lots)
        living = sum(lot.size for lot in self.lots if lot.expires_at_ms > now_ms)
        quarantined = sum(1 for action in self.aside.values() if action == QUARANTINE)
        is_void = self.withdrawn == VOID
        void = len(self.aside) + in_lots if is_void else len(self.aside) - quarantined
        return BatchView(
            batch=self.number,
            import_id=self.import_id,
            source=self.source,
            importer=self.importer,
            unit_cost=self.unit_cost,
            expires_at_ms=self.expires_at_ms,
            opened_at_ms=self.opened_at_ms,
            is_open=self.is_open,
            is_quarantined=self.withdrawn == QUARANTINE,
            next_chunk=self.next_chunk,
            received=self.received,
            available=0 if self.withdrawn else living,
            on_shelf=0 if is_void else in_lots + quarantined,
            held=self.held,
            sold=self.sold,
            void=void,
            landed=self.landed,
        )

    @property
    def cost(self) -> int:
        """Landed cost in minor units; an unknown one sorts after all others, for nobody can say that it is low."""
        return self.landed.minor if self.landed else limits.money_minor_max + 1

    def _lot_of(self, serial: int) -> Lot:
        if len(self.stretches) == 1:
            return self.stretches[0][1]
        # A pair sorts after its own beginning, so lots are never compared here.
        return self.stretches[bisect_left(self.stretches, (serial + 1,)) - 1][1]

    def _lot(self, expires_at_ms: int | None) -> Lot:
        expires = NEVER_MS if expires_at_ms is None else expires_at_ms
        lot = self._lot_by_expiry.get(expires)
        if lot is None:
            lot = Lot(self.number, len(self.lots), cost=self.cost, expires_at_ms=expires_at_ms)
            self.add_lot(lot)
        return lot

    def _return_to_lot(self, serial: int, shelf: Shelf) -> None:
        lot = self._lot_of(serial)
        lot.add_back(serial)
        if lot.size == 1 and not self.withdrawn:
            shelf.show(lot)
