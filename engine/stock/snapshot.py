"""A pool ↔ bytes: what stands in for all its events up to one seq."""

from typing import Any

from engine.errors import InvariantBroken
from engine.names import BatchNo, PoolName
from engine.stock.batch import Batch
from engine.stock.codec import READ_HOLD, pack, read_answer, read_command, unpack
from engine.stock.codec import plain as tagged
from engine.stock.commands import Configure, OpenBatch
from engine.stock.hold import Hold
from engine.stock.shelf import NEVER_MS, Lot
from engine.stock.sieve import Sieve
from engine.stock.state import State

#: Written into every snapshot; a version that knows only other shapes refuses by this number.
SHAPE = 2


def dump(state: State) -> bytes:
    """The whole pool as bytes."""
    memory, holds = state.memory, state.holds
    return pack(
        (
            SHAPE,
            state.seq,
            state.last_ms,
            tagged(Configure("", state.terms)),
            [_dump_batch(batch) for batch in state.batches.values()],
            holds.last,
            [hold.record() for hold in holds.active.values()],
            [hold.record() for hold in holds.ended.values()],
            [tagged(answer) for answer in memory.answers.values()],
            list(memory.orders.items()),
            list(memory.payments.items()),
            memory.forgotten_before_ms,
            memory.sieve.layers(),
        )
    )


def load(name: PoolName, snapshot: bytes) -> State:
    """The pool that was dumped. Raises InvariantBroken when the bytes are not such a snapshot."""
    fields = unpack(snapshot)
    if not isinstance(fields, tuple) or fields[0] != SHAPE:
        raise InvariantBroken(f"the snapshot of {name} has a shape this version does not read")
    _, seq, last_ms, terms, batches, last_hold, active, ended, answers, orders, payments, forgotten, layers = fields
    state = State(name)
    state.seq, state.last_ms = seq, last_ms
    configured = read_command(terms)
    assert isinstance(configured, Configure)
    state.terms = configured.terms
    state.holds.count_for(state.terms.quotas)
    for batch_fields in batches:
        _load_batch(state, batch_fields)
    for record in active:
        state.holds.begin(Hold(*READ_HOLD(record)))
    for record in ended:
        hold = Hold(*READ_HOLD(record))
        state.holds.ended[hold.hold] = hold
    state.holds.last = last_hold
    memory = state.memory
    for answer in answers:
        memory.remember(read_answer(answer))
    memory.orders = dict(orders)
    memory.payments = dict(payments)
    memory.forgotten_before_ms = forgotten
    memory.sieve = Sieve(layers)
    return state


def _dump_batch(batch: Batch) -> tuple[Any, ...]:
    opened = OpenBatch("", batch.import_id, batch.source, batch.importer, batch.unit_cost, batch.expires_at_ms, b"")
    ordinal = {lot: at for at, lot in enumerate(batch.lots)}
    return (
        batch.number,
        tagged(opened),
        batch.opened_at_ms,
        batch.is_open,
        batch.withdrawn,
        batch.next_chunk,
        batch.received,
        batch.held,
        batch.sold,
        [(lot.expires_at_ms, lot.fresh, list(lot.returned)) for lot in batch.lots],
        [(start, ordinal[lot]) for start, lot in batch.stretches],
        list(batch.aside.items()),
        list(batch.marked.items()),
    )


def _load_batch(state: State, fields: Any) -> None:
    number, opened, opened_at_ms, is_open, withdrawn, next_chunk, received, held, sold, *rest = fields
    lots, stretches, aside, marked = rest
    command = read_command(opened)
    assert isinstance(command, OpenBatch)
    batch = Batch(BatchNo(number), command, opened_at_ms)
    batch.is_open, batch.withdrawn = is_open, withdrawn
    batch.next_chunk, batch.received, batch.held, batch.sold = next_chunk, received, held, sold
    for expires_at_ms, fresh, returned in lots:
        expires = None if expires_at_ms == NEVER_MS else expires_at_ms
        lot = Lot(batch.number, len(batch.lots), cost=batch.cost, expires_at_ms=expires)
        lot.fresh = [list(run) for run in fresh]
        lot.size = sum(end - start for start, end in fresh)
        lot.add_all_back(returned)
        batch.add_lot(lot)
        if not withdrawn:
            state.shelf.show(lot)
    batch.stretches = [(start, batch.lots[at]) for start, at in stretches]
    batch.aside, batch.marked = dict(aside), dict(marked)
    state.batches[batch.number] = batch
    state.imports[batch.import_id] = batch.number
