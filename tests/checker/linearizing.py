"""The slow judge: tries every order in which a few calls can have happened, on a model of one SKU in twenty lines.

An order is possible when nothing comes before what had been answered before it was asked, and seqs grow along it. A
history is right when the model gives each answer in some possible order. No deadlines: nothing here lasts that long.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from tests.checker.lines import Line


class Shop(NamedTuple):
    """The model: cards on the shelf, and what became of each hold."""

    shelf: frozenset[str]
    holds: tuple[tuple[str, str, frozenset[str]], ...] = ()

    def find(self, hold: str) -> tuple[str, frozenset[str]]:
        """A hold's state and cards."""
        return next(((state, cards) for name, state, cards in self.holds if name == hold), ("NONE", frozenset()))

    def put(self, hold: str, state: str, cards: frozenset[str], shelf: frozenset[str]) -> "Shop":
        """The shop after a hold's change."""
        return Shop(shelf, (*(one for one in self.holds if one[0] != hold), (hold, state, cards)))


_REFUSALS = {"NONE": "HOLD_NOT_FOUND", "RELEASED": "HOLD_RELEASED", "CONFIRMED": "HOLD_ALREADY_CONFIRMED"}


def after(shop: Shop, call: Line) -> Iterator[Shop]:
    """Every shop that can be after this call with this answer: none where the answer would have been wrong."""
    if call["end"] == "info":
        yield shop
        yield from _unheard(shop, call)
        return
    cards = frozenset(call.get("cards", ()))
    state, has = shop.find(call.get("hold", ""))
    if call["kind"] == "allocate":
        if call["end"] == "fail" and len(shop.shelf) < call["quantity"]:
            yield shop
        elif call["end"] == "ok" and cards <= shop.shelf and state == "NONE" and len(cards) == call["quantity"]:
            yield shop.put(call["hold"], "ACTIVE", cards, shop.shelf - cards)
    elif call["end"] == "fail":
        is_settled = call["kind"] == "release" and state == "RELEASED"
        if _REFUSALS.get(state) == call["reason"] and not is_settled:
            yield shop
    elif call["kind"] == "release" and state in ("ACTIVE", "RELEASED"):
        yield shop.put(call["hold"], "RELEASED", has, shop.shelf | has) if state == "ACTIVE" else shop
    elif call["kind"] == "confirm" and state == "ACTIVE" and cards == has:
        yield shop.put(call["hold"], "CONFIRMED", has, shop.shelf)


def _unheard(shop: Shop, call: Line) -> Iterator[Shop]:
    """It happened, and nobody heard of it. Who asked as a7 would have got hold 7."""
    if call["kind"] == "allocate":
        if shop.find(call["request_id"][1:])[0] != "NONE":
            return
        for cards in combinations(sorted(shop.shelf), call["quantity"]):
            yield shop.put(call["request_id"][1:], "ACTIVE", frozenset(cards), shop.shelf.difference(cards))
        return
    state, has = shop.find(call["hold"])
    if state == "ACTIVE" and call["kind"] == "release":
        yield shop.put(call["hold"], "RELEASED", has, shop.shelf | has)
    elif state == "ACTIVE":
        yield shop.put(call["hold"], "CONFIRMED", has, shop.shelf)


def is_possible(shop: Shop, calls: Sequence[Line]) -> bool:
    """Whether there is an order of these calls in which the model gives all their answers."""
    if not calls:
        return True
    heard_ms = min(_heard_ms(call) for call in calls)
    next_seq = min((call["seq"] for call in calls if "seq" in call), default=0)
    for place, call in enumerate(calls):
        if call["invoked_at_ms"] > heard_ms or call.get("seq", next_seq) != next_seq:
            continue
        rest = [*calls[:place], *calls[place + 1 :]]
        if any(is_possible(then, rest) for then in after(shop, call)):
            return True
    return False


def _heard_ms(call: Line) -> float:
    return float("inf") if call["returned_at_ms"] is None or call["end"] == "info" else call["returned_at_ms"]
