"""Void, quarantine, restore: taking cards out of the sale while it runs, and putting them back.

A void is for good; a quarantine can be restored. A held card stays with its hold, marked: it will not
be sold, and goes aside when it comes back. A sold card is the buyer's; it is listed, to be replaced.
"""

from engine import limits
from engine.names import Card, batch_of, serial_of
from engine.stock.batch import Batch
from engine.stock.commands import QUARANTINE, RESTORE, VOID, Withdraw
from engine.stock.events import Answered, CardsWithdrawn
from engine.stock.outcomes import Outcome, Reason, Withdrawn
from engine.stock.state import State, Turn


def withdraw(turn: Turn, command: Withdraw) -> Outcome:
    """Decide a Withdraw of a whole batch or of single cards."""
    batch = turn.state.batches.get(command.batch)
    if batch is None:
        return turn.refuse(command, Reason.BATCH_NOT_FOUND)
    for card in command.cards:
        if batch_of(card) != batch.number or serial_of(card) >= batch.received:
            return turn.refuse(command, Reason.CARD_NOT_FOUND, card=f"{batch_of(card)}-{serial_of(card)}")
    # What is past its deadline is free, and moves like any other.
    while turn.end_due(limits.expire_per_step_max):
        pass
    held = held_cards(turn.state, batch) if command.cards else set()
    cards = tuple(
        card
        for card in dict.fromkeys(command.cards)
        if (_marks(batch, card) if card in held else _moves(batch, card, command.action))
    )
    turn.emit(CardsWithdrawn(turn.now_ms, command, cards))
    return turn.answer(command)


def held_cards(state: State, batch: Batch) -> set[Card]:
    """Cards of this batch that active holds have."""
    if not batch.held:
        return set()
    return {card for hold in state.holds.active.values() for card in hold.cards if batch_of(card) == batch.number}


def apply_withdrawn(state: State, event: CardsWithdrawn) -> None:
    """Move or mark the cards, and remember what could not be moved."""
    command = event.command
    batch = state.batches[command.batch]
    if not command.cards:
        outcome = _withdraw_batch(state, batch, command.action, event.at_ms)
        state.memory.remember(Answered(event.at_ms, command, outcome))
        return
    held = held_cards(state, batch)
    for card in event.cards:
        if card not in held:
            batch.withdraw_card(card, command.action, state.shelf)
        elif command.action == RESTORE:
            batch.marked.pop(serial_of(card), None)
        else:
            batch.marked[serial_of(card)] = command.action
    moved = [card for card in event.cards if card not in held]
    named = dict.fromkeys(command.cards)
    outcome = Withdrawn(
        batch.view(event.at_ms),
        len(moved),
        tuple(card for card in named if card in held),
        tuple(card for card in named if card not in held and _is_sold(batch, card)),
    )
    state.memory.remember(Answered(event.at_ms, command, outcome))


def _withdraw_batch(state: State, batch: Batch, action: str, at_ms: int) -> Withdrawn:
    before = batch.view(at_ms)
    if batch.withdrawn != VOID:
        batch.withdraw(action, state.shelf)
    after = batch.view(at_ms)
    moved = abs(after.void - before.void) if action == VOID else abs(after.available - before.available)
    return Withdrawn(after, moved, tuple(sorted(held_cards(state, batch))), ())


def _marks(batch: Batch, card: Card) -> bool:
    """Whether what becomes of a held card can still be changed: a void is for good."""
    return batch.marked.get(serial_of(card)) != VOID


def _moves(batch: Batch, card: Card, action: str) -> bool:
    if batch.withdrawn == VOID:
        return False
    aside = batch.aside.get(serial_of(card))
    if action == RESTORE:
        return aside == QUARANTINE
    if aside == QUARANTINE:
        return action == VOID
    return aside is None and batch.is_in_lot(card)


def _is_sold(batch: Batch, card: Card) -> bool:
    return serial_of(card) not in batch.aside and not batch.is_in_lot(card)
