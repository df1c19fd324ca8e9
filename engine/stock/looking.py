"""Questions: they change nothing (but see deadlines that have come), and are answered like everything else."""

from collections.abc import Iterator, Mapping
from itertools import islice

from engine import limits
from engine.names import BatchNo, Card, HoldNo, batch_of, card_at, serial_of
from engine.stock.batch import Batch
from engine.stock.commands import Audit, GetAvailable, GetHold, GetShelf, ListBatches, ListSold
from engine.stock.offering import price_of
from engine.stock.outcomes import (
    Audited,
    Available,
    Batches,
    BatchView,
    HoldFound,
    HoldState,
    Outcome,
    Reason,
    Refused,
    Sold,
)
from engine.stock.outcomes import Shelf as ShelfView
from engine.stock.state import State, Turn
from engine.stock.withdrawing import held_cards


def get_hold(turn: Turn, question: GetHold) -> Outcome:
    """One hold, by number or by order_ref."""
    number = question.hold or turn.state.memory.orders.get(question.order_ref)
    number = number or turn.holder("order/" + question.order_ref)
    hold = turn.hold(number) if number else None
    if hold is None:
        return Refused(Reason.HOLD_NOT_FOUND)
    return HoldFound(hold.view(), hold.replaced, turn.state.expiries_ms(hold.cards))


def get_shelf(turn: Turn, question: GetShelf) -> Outcome:
    """The pool's counts. What is past its deadline counts as free, as far as one step may sweep."""
    turn.end_due(limits.expire_per_step_max)
    state = turn.state
    after_ms = turn.now_ms + question.life_ms_min
    view = shelf_view(state, turn.now_ms, question.life_ms_min)
    return view._replace(price=price_of(state, state.shelf.pick(1, after_ms), question.channel))


def get_available(turn: Turn, _question: GetAvailable) -> Outcome:
    """How many cards could be allocated. What is past its deadline counts as free, as far as one step may sweep."""
    turn.end_due(limits.expire_per_step_max)
    return Available(turn.state.shelf.available(turn.now_ms))


def list_batches(turn: Turn, question: ListBatches) -> Outcome:
    """One page of batches, in order of arrival."""
    later = (batch for number, batch in turn.state.batches.items() if number > question.after)
    page = [batch.view(turn.now_ms) for batch in islice(later, question.rows + 1)]
    return Batches(tuple(page[: question.rows]), len(page) > question.rows)


def list_sold(turn: Turn, question: ListSold) -> Outcome:
    """One page of a batch's sold cards; holds that left memory are looked up in the archive."""
    batch = turn.state.batches.get(question.batch)
    if batch is None:
        return Refused(Reason.BATCH_NOT_FOUND)
    page = list(sold_to(turn.state, batch, question))
    pairs = tuple((card, hold or turn.holder(f"card/{card}") or HoldNo(0)) for card, hold in page[: question.rows])
    return Sold(pairs, len(page) > question.rows)


def sold_to(state: State, batch: Batch, question: ListSold) -> Iterator[tuple[Card, HoldNo | None]]:
    """A page of sold cards and one more, with their holds as far as memory has them."""
    buyers = [hold for hold in state.holds.ended.values() if hold.state is HoldState.CONFIRMED]
    holder = {card: hold.hold for hold in buyers for card in hold.cards}
    holder.update((bad, hold.hold) for hold in buyers for bad, _ in hold.replaced)
    sold = batch.sold_after(question.after, held_cards(state, batch))
    return ((card, holder.get(card)) for card in islice(sold, question.rows + 1))


def audit(turn: Turn, _question: Audit) -> Outcome:
    """Count everything again from the structures themselves, after deadlines, as far as one step may sweep."""
    turn.end_due(limits.expire_per_step_max)
    return Audited(shelf_view(turn.state, turn.now_ms, 0), tuple(violations(turn.state)), turn.now_ms)


def shelf_view(state: State, now_ms: int, life_ms_min: int) -> ShelfView:
    """The pool's counts at one moment."""
    views = [batch.view(now_ms) for batch in state.batches.values()]
    return ShelfView(
        terms=state.terms,
        received=sum(view.received for view in views),
        available=state.shelf.available(now_ms + life_ms_min),
        on_shelf=sum(view.on_shelf for view in views),
        held=sum(view.held for view in views),
        sold=sum(view.sold for view in views),
        void=sum(view.void for view in views),
        holds_active=len(state.holds.active),
        batches=len(views),
    )


def miscounts(state: State) -> list[str]:
    """The law of conservation by the running counts alone: a millisecond, where `violations` looks at every card."""
    views = [batch.view(state.last_ms) for batch in state.batches.values()]
    held = sum(view.held for view in views)
    broken = [] if held == state.holds.units else [f"batches count {held} held, holds {state.holds.units}"]
    return broken + [
        f"batch {view.batch}: received {view.received} is not on the shelf {view.on_shelf} + held {view.held}"
        f" + sold {view.sold} + void {view.void}"
        for view in views
        if view.received != view.on_shelf + view.held + view.sold + view.void
    ]


def violations(state: State) -> list[str]:
    """Every law of conservation that does not hold, in words; empty when all is well."""
    broken: list[str] = []
    held = [card for hold in state.holds.active.values() for card in hold.cards]
    held_by_batch: dict[BatchNo, set[int]] = {number: set() for number in state.batches}
    for card in held:
        held_by_batch[batch_of(card)].add(serial_of(card))
    if sum(len(serials) for serials in held_by_batch.values()) != len(held):
        broken.append("a card is in two active holds")
    if len(held) != state.holds.units:
        broken.append(f"active holds have {len(held)} cards but count {state.holds.units}")
    for number, batch in state.batches.items():
        laws = _laws(batch.view(state.last_ms), batch, held_by_batch[number])
        broken.extend(f"batch {number}: {law}" for law, holds in laws.items() if not holds)
    return broken


def _laws(view: BatchView, batch: Batch, held: set[int]) -> Mapping[str, bool]:
    """What must be true of a batch whose `held` serials are in active holds."""
    returned = {serial for lot in batch.lots for serial in lot.returned}
    taken = held | batch.aside.keys()
    fresh = sum(end - start for lot in batch.lots for start, end in lot.fresh)
    return {
        f"received {view.received} = on the shelf {view.on_shelf} + held {view.held} + sold {view.sold}"
        f" + void {view.void}": view.received == view.on_shelf + view.held + view.sold + view.void,
        f"counts {batch.held} held, holds have {len(held)}": batch.held == len(held),
        "a held card is not aside at the same time": held.isdisjoint(batch.aside),
        "a free card is not held or aside at the same time": taken.isdisjoint(returned)
        and all(batch.lot_of(card_at(batch.number, serial)).run_end(serial) is None for serial in taken | returned),
        "lots are as large as they say": sum(lot.size for lot in batch.lots) == fresh + len(returned),
        "only held cards are marked": held.issuperset(batch.marked),
    }
