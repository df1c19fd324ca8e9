"""How cards arrive: a batch is opened, receives its chunks one after another, and is closed.

A chunk has no request_id: its number is its name. A chunk that came before is answered as such, one
that comes too early is refused with the number that is next. So an import that broke off goes on
where it was, and no card is ever received twice.
"""

from collections.abc import Set as AbstractSet

from engine import limits
from engine.names import BatchNo
from engine.pricing.repricing import Why
from engine.stock.batch import Batch
from engine.stock.commands import CloseBatch, Configure, OpenBatch, Receive
from engine.stock.events import Answered, BatchClosed, BatchOpened, CardsReceived, TermsSet
from engine.stock.outcomes import Configured, ImportReady, ImportWhole, Outcome, Reason, Received, Refused
from engine.stock.prices import NO_BATCH, PriceChange
from engine.stock.sealing import attachments
from engine.stock.state import State, Turn
from engine.stock.terms import Terms, changed


def open_batch(turn: Turn, command: OpenBatch) -> Outcome:
    """Decide an OpenBatch: a known import_id resumes its batch, under the data key it already has."""
    state = turn.state
    known = state.imports.get(command.import_id)
    plain = command._replace(data_key=b"")
    if known is not None:
        return turn.settle(plain, ImportReady(state.batches[known].view(turn.now_ms)))
    currency, cost = state.terms.cost_currency, command.landed or command.unit_cost
    if cost is not None and cost.currency != (currency or cost.currency):
        return turn.refuse(plain, Reason.COST_CURRENCY_MISMATCH, expected=currency)
    number = BatchNo(len(state.batches) + 1)
    turn.emit(BatchOpened(turn.now_ms, plain, number))
    turn.attach(attachments(number, 0, (), (), command.data_key))
    return turn.answer(plain)


def receive(turn: Turn, command: Receive) -> Outcome:
    """Decide a Receive: in step, or already here, or refused with what is expected next."""
    batch = turn.state.batches.get(command.batch)
    if batch is None:
        return Refused(Reason.BATCH_NOT_FOUND)
    if command.chunk < batch.next_chunk:
        return Received(batch.next_chunk, batch.received, again=True)
    if not batch.is_open:
        return Refused(Reason.IMPORT_CLOSED)
    if command.chunk > batch.next_chunk or command.first_serial != batch.received:
        facts = (("nextChunk", str(batch.next_chunk)), ("nextSerial", str(batch.received)))
        return Refused(Reason.IMPORT_OUT_OF_STEP, facts)
    assert all(cards > 0 for cards, _ in command.lots)
    assert sum(cards for cards, _ in command.lots) == len(command.sealed) == len(command.prints)
    turn.emit(CardsReceived(turn.now_ms, command.batch, command.chunk, command.lots))
    turn.attach(attachments(command.batch, command.first_serial, command.sealed, command.prints, None))
    return Received(batch.next_chunk, batch.received, again=False)


def duplicates(state: State, command: Receive, prints: AbstractSet[bytes]) -> Refused | None:
    """The refusal of a chunk that is next in line and brings codes that are in stock, which `prints` are of."""
    batch = state.batches.get(command.batch)
    places = [str(place) for place, print_ in enumerate(command.prints) if print_ in prints]
    if batch is None or command.chunk != batch.next_chunk or not places:
        return None
    return Refused(Reason.DUPLICATES_IN_STOCK, (("places", ",".join(places)),))


def close_batch(turn: Turn, command: CloseBatch) -> Outcome:
    """Decide a CloseBatch; closing twice is success."""
    batch = turn.state.batches.get(command.batch)
    if batch is None:
        return Refused(Reason.BATCH_NOT_FOUND)
    if batch.is_open:
        turn.emit(BatchClosed(turn.now_ms, command.batch))
    return ImportWhole(batch.view(turn.now_ms))


def configure(turn: Turn, command: Configure) -> Outcome:
    """Set the terms, as long as a hold may last as long as holds usually do."""
    before = turn.state.terms
    if command.creates and before.revision:
        return turn.refuse(command, Reason.SKU_EXISTS)
    after = changed(before, command.terms, command.fields)
    if "hold_for_ms" in (command.fields or Terms._fields) and after.hold_for_ms > after.hold_for_ms_max:
        bounds = {"minMs": limits.hold_for_ms_min, "maxMs": after.hold_for_ms_max}
        return turn.refuse(command, Reason.INVALID_DURATION, field="hold_for", **bounds)
    prices, price = turn.state.prices, after.price
    if prices is not None and price is not None:
        expected = prices.currency_of("", price.currency)
        if expected != price.currency:
            return turn.refuse(command, Reason.PRICE_CURRENCY_MISMATCH, expected=expected)
    turn.emit(TermsSet(turn.now_ms, command))
    return turn.answer(command)


def apply_opened(state: State, event: BatchOpened) -> None:
    """A new, empty batch; the first that has a cost decides the currency of all."""
    batch = Batch(event.batch, event.command, event.at_ms)
    if batch.landed is not None and not state.terms.cost_currency:
        state.terms = state.terms._replace(cost_currency=batch.landed.currency)
    state.batches[event.batch] = batch
    state.imports[event.command.import_id] = event.batch
    state.memory.remember(Answered(event.at_ms, event.command, ImportReady(batch.view(event.at_ms))))


def apply_received(state: State, event: CardsReceived) -> None:
    """The chunk's cards are on the shelf."""
    batch = state.batches[event.batch]
    assert event.chunk == batch.next_chunk
    for lot in batch.receive(event.lots):
        if not batch.withdrawn:
            state.shelf.show(lot)


def apply_closed(state: State, event: BatchClosed) -> None:
    """No more chunks."""
    state.batches[event.batch].is_open = False


def apply_terms(state: State, event: TermsSet) -> None:
    """New terms, for holds that begin from now on."""
    before = state.terms.price
    state.terms = changed(state.terms, event.command.terms, event.command.fields)
    if state.terms.price != before and state.prices is not None:
        after = state.terms.price
        change = PriceChange(0, event.at_ms, "", NO_BATCH, before, after, "", (Why.STAFF,), "")
        state.prices.change(change, state.seq + 1)
    state.ladder.set_days(state.terms.warn_days)
    state.holds.count_for(state.terms.quotas)
    state.memory.remember(Answered(event.at_ms, event.command, Configured(state.terms)))
