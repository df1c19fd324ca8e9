"""A pool ↔ bytes: what stands in for all its events up to one seq.

A head, then parts of so many things each, so that a pool can be read a little at a time. What the rest says already is
not written: holds know their orders and payments, and a hold that is as it began is what its answer says.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from engine.errors import InvariantBroken
from engine.framing import pack, unpack_each
from engine.names import BatchNo, HoldNo, PoolName
from engine.stock.batch import Batch
from engine.stock.codec import READ_HOLD, READ_PRICES, read_answer, read_command
from engine.stock.codec import plain as tagged
from engine.stock.commands import Configure, OpenBatch
from engine.stock.events import CardsHeld
from engine.stock.hold import Hold, Holds
from engine.stock.holding import begun
from engine.stock.memory import Answer
from engine.stock.prices import prices_of
from engine.stock.serials import Serials
from engine.stock.shelf import NEVER_MS, Lot
from engine.stock.sieve import Sieve
from engine.stock.state import State

#: Written into every snapshot; a version that knows only other shapes refuses by this number.
SHAPE = 4

#: Shapes that are read. 3 has no prices and no ladder.
_SHAPES = frozenset((3, SHAPE))

#: Things in one part: read in two or three milliseconds.
_PART_MAX = 500

_BATCHES, _ANSWERS, _ACTIVE, _ENDED, _TOLD, _PRICES = range(6)


def dump(state: State) -> bytes:
    """The whole pool as bytes."""
    memory, holds = state.memory, state.holds
    begins = [answer for answer in memory.answers.values() if type(answer) is CardsHeld]
    said = {answer.hold for answer in begins if _says_all(answer, holds)}
    answers = ((tagged(answer), _hold_of(answer) in said) for answer in memory.answers.values())
    active = (holds.active[number].record() for number in sorted(holds.active.keys() - said))
    parts = [
        *_parts(_BATCHES, (_dump_batch(batch) for batch in state.batches.values())),
        *_parts(_ANSWERS, answers),
        *_parts(_ACTIVE, active),
        *_parts(_ENDED, (hold.record() for hold in holds.ended.values())),
        *_parts(_TOLD, ((*key, days) for key, days in state.ladder.told.items())),
        *_parts(_PRICES, () if state.prices is None else (state.prices.record(),)),
    ]
    head = (
        SHAPE,
        len(parts),
        state.seq,
        state.last_ms,
        tagged(Configure("", state.terms)),
        holds.last,
        memory.forgotten_before_ms,
        memory.sieved_until_ms,
        memory.sieve.layers(),
    )
    return b"".join((pack(head), *parts))


def load(name: PoolName, snapshot: bytes) -> State:
    """The pool that was dumped. Raises InvariantBroken when the bytes are not such a snapshot."""
    state = State(name)
    for _ in fill(state, snapshot):
        pass
    return state


def fill(state: State, snapshot: bytes) -> Iterator[None]:
    """Put into a new state what was dumped, a few milliseconds' work between two yields. See `load`."""
    things = unpack_each(snapshot)
    head = next(things, None)
    if not isinstance(head, tuple) or head[0] not in _SHAPES:
        raise InvariantBroken(f"the snapshot of {state.name} has a shape this version does not read")
    memory = state.memory
    _, parts, state.seq, state.last_ms, terms, last_hold, *of_memory = head
    memory.forgotten_before_ms, memory.sieved_until_ms, layers = of_memory
    configured = read_command(terms)
    assert isinstance(configured, Configure)
    state.terms = configured.terms
    state.ladder.set_days(state.terms.warn_days)
    state.holds.count_for(state.terms.quotas)
    memory.sieve = Sieve(layers)
    for _ in range(parts):
        part = next(things, None)
        if part is None:
            raise InvariantBroken(f"the snapshot of {state.name} was cut")
        section, items = part
        read = _READ[section]
        for item in items:
            read(state, item)
        yield
    state.holds.last = last_hold


def _parts(section: int, things: Iterable[Any]) -> Iterator[bytes]:
    rest = iter(things)
    while part := list(islice(rest, _PART_MAX)):
        yield pack((section, part))


def _hold_of(answer: Answer) -> HoldNo | None:
    return answer.hold if type(answer) is CardsHeld else None


def _says_all(answer: CardsHeld, holds: Holds) -> bool:
    """Whether the hold that began then is still as it began."""
    hold = holds.active.get(answer.hold)
    return hold is not None and hold.record() == begun(answer).record()


def _read_answer(state: State, fields: Any) -> None:
    packed, says_all = fields
    answer = read_answer(packed)
    state.memory.remember(answer)
    if says_all:
        assert type(answer) is CardsHeld
        _take_active(state, begun(answer))


def _read_active(state: State, fields: Any) -> None:
    _take_active(state, Hold(*READ_HOLD(fields)))


def _take_active(state: State, hold: Hold) -> None:
    state.holds.begin(hold)
    state.memory.refer_to(hold)


def _read_ended(state: State, fields: Any) -> None:
    hold = Hold(*READ_HOLD(fields))
    state.holds.ended[hold.hold] = hold
    state.memory.refer_to(hold)


def _read_told(state: State, fields: Any) -> None:
    batch, expires_at_ms, days = fields
    state.ladder.recall(BatchNo(batch), expires_at_ms, days)


def _read_prices(state: State, fields: Any) -> None:
    state.prices = prices_of(READ_PRICES(fields))


def _dump_batch(batch: Batch) -> tuple[Any, ...]:
    cost, ends_at_ms, landed = batch.unit_cost, batch.expires_at_ms, batch.landed
    opened = OpenBatch("", batch.import_id, batch.source, batch.importer, cost, ends_at_ms, b"", landed)
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
        [(lot.expires_at_ms, lot.fresh, lot.returned.pages() if lot.returned else ()) for lot in batch.lots],
        [(start, ordinal[lot]) for start, lot in batch.stretches],
        list(batch.aside.items()),
        list(batch.marked.items()),
    )


def _read_batch(state: State, fields: Any) -> None:
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
        lot.returned = Serials(returned) if returned else ()
        lot.size = sum(end - start for start, end in fresh) + len(lot.returned)
        batch.add_lot(lot)
        if not withdrawn:
            state.shelf.show(lot)
    batch.stretches = [(start, batch.lots[at]) for start, at in stretches]
    batch.aside, batch.marked = dict(aside), dict(marked)
    state.batches[batch.number] = batch
    state.imports[batch.import_id] = batch.number


_READ: Mapping[int, Callable[[State, Any], None]] = {
    _BATCHES: _read_batch,
    _ANSWERS: _read_answer,
    _ACTIVE: _read_active,
    _ENDED: _read_ended,
    _TOLD: _read_told,
    _PRICES: _read_prices,
}
