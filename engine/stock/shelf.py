"""The shelf: cards free to be held, in giving-out order, as ranges and bits rather than as a list of cards.

A lot is the part of a batch that expires at one moment. What nobody ever took is a few runs of
serials; what came back is a bit for each. First expired goes first, then cheapest (unknown cost
last), then first arrived.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from itertools import chain, islice, starmap

from engine.names import BatchNo, Card, card_at
from engine.stock.serials import Serials

NEVER_MS = 1 << 62
"""Sorts after every moment: the expiry of what lives for ever."""


class Lot:
    """Cards of one batch with one expiry. `fresh` runs are [start, end); `returned` came back, in any order."""

    __slots__ = ("batch", "card_0", "expires_at_ms", "fresh", "key", "returned", "size")

    def __init__(self, batch: BatchNo, ordinal: int, *, cost: int, expires_at_ms: int | None) -> None:
        self.batch = batch
        self.card_0 = card_at(batch, 0)
        self.expires_at_ms = NEVER_MS if expires_at_ms is None else expires_at_ms
        self.key = (self.expires_at_ms, cost, batch, ordinal)
        self.fresh: list[list[int]] = []
        #: Made when the first card comes back: most lots never need one.
        self.returned: Serials | tuple[()] = ()
        self.size = 0

    def __lt__(self, other: "Lot") -> bool:
        return self.key < other.key

    def __contains__(self, serial: int) -> bool:
        return self.run_end(serial) is not None or serial in self.returned

    def run_end(self, serial: int) -> int | None:
        """Where the fresh run with this serial ends; None when no fresh run has it."""
        at = self._run_at(serial)
        return None if at is None else self.fresh[at][1]

    def add_fresh(self, start: int, end: int) -> None:
        """Cards that just arrived; serials only grow."""
        if self.fresh and self.fresh[-1][1] == start:
            self.fresh[-1][1] = end
        else:
            self.fresh.append([start, end])
        self.size += end - start

    def add_back(self, serial: int) -> None:
        """A card that was taken came back."""
        if not isinstance(self.returned, Serials):
            self.returned = Serials()
        self.returned.add(serial)
        self.size += 1

    def first(self, wanted: int) -> Sequence[int]:
        """The next `wanted` serials (or all, if fewer) in giving-out order, without taking them."""
        fresh = self.fresh
        if not self.returned:
            if fresh and fresh[0][1] - fresh[0][0] >= wanted:
                # Whole ranges of what nobody ever took, which is most of a sale.
                start = fresh[0][0]
                return range(start, start + wanted)
            return list(islice(self._fresh_serials(), wanted))
        returned = list(islice(self.returned, wanted))
        if len(returned) == wanted and (not fresh or returned[-1] < fresh[0][0]):
            return returned
        return sorted(chain(returned, islice(self._fresh_serials(), wanted)))[:wanted]

    def remove(self, serial: int) -> None:
        """Take exactly this card, which must be here."""
        fresh = self.fresh
        if fresh and fresh[0][0] == serial and fresh[0][1] > serial + 1:
            fresh[0][0] = serial + 1
        elif (at := self._run_at(serial)) is not None:
            self._cut(at, serial)
        else:
            was_here = isinstance(self.returned, Serials) and self.returned.discard(serial)
            assert was_here, f"serial {serial} of batch {self.batch} is not on the shelf"
        self.size -= 1

    def _fresh_serials(self) -> Iterator[int]:
        return chain.from_iterable(starmap(range, self.fresh))

    def _run_at(self, serial: int) -> int | None:
        if not self.fresh or serial < self.fresh[0][0]:
            return None
        at = bisect_left(self.fresh, [serial + 1]) - 1
        return at if serial < self.fresh[at][1] else None

    def _cut(self, at: int, serial: int) -> None:
        start, end = self.fresh[at]
        if start == serial and end == serial + 1:
            del self.fresh[at]
        elif start == serial:
            self.fresh[at][0] = serial + 1
        elif end == serial + 1:
            self.fresh[at][1] = serial
        else:
            self.fresh[at : at + 1] = [[start, serial], [serial + 1, end]]


class Shelf:
    """The lots on sale that are not empty, in giving-out order."""

    def __init__(self) -> None:
        self._order: list[Lot] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing is on sale, not even cards that have expired."""
        return not self._order

    def show(self, lot: Lot) -> None:
        """Put a lot on sale. An empty one waits until a card comes back."""
        if lot.size and lot not in self:
            insort(self._order, lot)

    def hide(self, lot: Lot) -> None:
        """Take a lot off sale, with all its cards."""
        if lot in self:
            del self._order[bisect_left(self._order, lot)]

    def __contains__(self, lot: Lot) -> bool:
        at = bisect_left(self._order, lot)
        return at < len(self._order) and self._order[at] is lot

    def pick(self, wanted: int, after_ms: int) -> tuple[Card, ...]:
        """The next `wanted` cards (or fewer) that expire after `after_ms`, without taking them."""
        order = self._order
        if order and order[0].expires_at_ms > after_ms:
            # One lot has them all, which is most of a sale.
            card_0, serials = order[0].card_0, order[0].first(wanted)
            if len(serials) == wanted:
                return tuple([card_0 + serial for serial in serials])  # type: ignore[misc] # Card(…) is a call
        cards: list[int] = []
        for lot in self._living(after_ms):
            card_0 = lot.card_0
            cards += [card_0 + serial for serial in lot.first(wanted - len(cards))]
            if len(cards) == wanted:
                break
        return tuple(cards)  # type: ignore[arg-type] # see above

    def available(self, after_ms: int) -> int:
        """How many cards expire after `after_ms`."""
        return sum(lot.size for lot in self._living(after_ms))

    def lots(self, after_ms: int, until_ms: int) -> Sequence[Lot]:
        """The lots that end after `after_ms` and not after `until_ms`, the first to end first."""
        return self._order[self._first(after_ms) : self._first(until_ms)]

    def _first(self, after_ms: int) -> int:
        return bisect_right(self._order, after_ms, key=lambda lot: lot.expires_at_ms)

    def _living(self, after_ms: int) -> Iterator[Lot]:
        if not self._order or self._order[0].expires_at_ms > after_ms:
            return iter(self._order)
        return islice(self._order, self._first(after_ms), None)
