"""Questions: they change nothing (but see deadlines that have come), and are answered like everything else."""

from itertools import islice

from engine import limits
from engine.names import HoldNo
from engine.stock.commands import Audit, GetHold, GetShelf, ListBatches, ListSold
from engine.stock.outcomes import Audited, Batches, HoldFound, Outcome, Reason, Refused, Sold
from engine.stock.outcomes import Shelf as ShelfView
from engine.stock.state import State, Turn
from engine.stock.withdrawing import held_cards


def get_hold(turn: Turn, question: GetHold) -> Outcome:
    """One hold, by number or by order_ref."""
    number = question.hold or turn.state.memory.orders.get(question.order_ref)
    number = number or turn.holder("order/" + question.order_ref)
    hold = turn.hold(number) if number else None
    return Refused(Reason.HOLD_NOT_FOUND) if hold is None else HoldFound(hold.view(), hold.replaced)


def get_shelf(turn: Turn, question: GetShelf) -> Outcome:
    """The pool's counts. What is past its deadline counts as free, as far as one step may sweep."""
    turn.end_due(limits.expire_per_step_max)
    return shelf_view(turn.state, turn.now_ms, question.life_ms_min)


def list_batches(turn: Turn, question: ListBatches) -> Outcome:
    """One page of batches, in order of arrival."""
    later = (batch for number, batch in turn.state.batches.items() if number > question.after)
    page = [batch.view(turn.now_ms) for batch in islice(later, question.rows + 1)]
    return Batches(tuple(page[: question.rows]), len(page) > question.rows)


def list_sold(turn: Turn, question: ListSold) -> Outcome:
    """One page of a batch's sold cards; holds that left memory are 0, for the owner to look up."""
    state = turn.state
    batch = state.batches.get(question.batch)
    if batch is None:
        return Refused(Reason.BATCH_NOT_FOUND)
    holder = {card: hold.hold for hold in state.holds.ended.values() for card in hold.cards}
    holder.update((bad, hold.hold) for hold in state.holds.ended.values() for bad, _ in hold.replaced)
    page = list(islice(batch.sold_after(question.after, held_cards(state, batch)), question.rows + 1))
    pairs = tuple((card, holder.get(card, HoldNo(0))) for card in page[: question.rows])
    return Sold(pairs, len(page) > question.rows)


def audit(turn: Turn, _question: Audit) -> Outcome:
    """Count everything again from the structures themselves."""
    return Audited(shelf_view(turn.state, turn.now_ms, 0), tuple(violations(turn.state)))


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


def violations(state: State) -> list[str]:
    """Every law of conservation that does not hold, in words; empty when all is well."""
    broken: list[str] = []
    held = [card for hold in state.holds.active.values() for card in hold.cards]
    if len(set(held)) != len(held):
        broken.append("a card is in two active holds")
    if len(held) != state.holds.units:
        broken.append(f"active holds have {len(held)} cards but count {state.holds.units}")
    for batch in state.batches.values():
        view = batch.view(state.last_ms)
        if view.received != view.on_shelf + view.held + view.sold + view.void:
            broken.append(
                f"batch {batch.number}: received {view.received} is not on the shelf {view.on_shelf}"
                f" + held {view.held} + sold {view.sold} + void {view.void}"
            )
        mine = held_cards(state, batch)
        if len(mine) != batch.held:
            broken.append(f"batch {batch.number}: holds have {len(mine)} cards but it counts {batch.held} held")
        if any(batch.is_in_lot(card) for card in mine):
            broken.append(f"batch {batch.number}: a held card is free at the same time")
    return broken
