"""The hot replies, written straight into protobuf's wire format: making generated objects costs ten times as much.

What is written is to the byte what `SerializeToString` gives; a test compares the two. A message is its fields in
the order of their numbers, each a key (number × 8 + kind) and then either a varint or a length and so many
bytes; a field that has its default value is left out. See https://protobuf.dev/programming-guides/encoding/.

Holds of one moment have nearly all in common, so a reply is put together from parts that are kept: all of a name
but its number, all of a card but its serial, all from the moments to the epoch.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from actors.asking import Answer
from actors.front.translate import from_view
from engine import limits
from engine.money import Money
from engine.names import SERIAL_BITS, SERIAL_MAX, BatchNo, Card, HoldNo, PoolName, batch_name
from engine.stock.outcomes import Held, HoldState, HoldView
from protos.cardkeep.v1 import types_pb2

#: The fields that this file knows, by message. A field that is added to the protos belongs here too, and is either
#: written or never set in these replies; a test compares.
FIELDS_KNOWN: Mapping[str, frozenset[int]] = {
    "Hold": frozenset(range(1, 17)),
    "Card": frozenset(range(1, 5)),
    "Money": frozenset({1, 2}),
    "AllocateResult": frozenset({1, 2}),
    "ReleaseResult": frozenset({1, 2}),
    "BatchAllocateResponse": frozenset({1}),
    "BatchReleaseResponse": frozenset({1}),
}

#: Parts kept of each kind, about 400 bytes each: a few for each of some thousand SKUs; 10 MB in all at most.
_kept_max = 8_192

#: Moments pass and do not come back: what is kept of them only has to serve the calls that are under way.
_moments_kept_max = 256


def hold_reply(pool: PoolName, held: Held, epoch: int, seq: int, replayed: bool) -> bytes:
    """A hold just made, as a `Hold`."""
    hold, cards, order_ref, created_at_ms, expires_at_ms, price, ends_at_ms, channel = held
    if len(cards) == 1:
        shown = _card(pool, cards[0], ends_at_ms[0])
    else:
        shown = b"".join([_card(pool, card, end_ms) for card, end_ms in zip(cards, ends_at_ms, strict=True)])
    deal = _deal(created_at_ms, expires_at_ms, price, len(cards), epoch)
    written = _hold(pool, hold, _ACTIVE + shown + _order(order_ref) + deal, seq, replayed)
    return written + _channel(channel) if channel else written


def released_reply(pool: PoolName, view: HoldView, epoch: int, seq: int, replayed: bool) -> bytes:
    """A hold that has ended unsold, as a `Hold`."""
    if view.refunds_due or view.payment_ref:  # Rare, and not worth a page of its own.
        return from_view(pool, view, Answer(epoch, seq, replayed, None)).SerializeToString()
    moments = _moments(view.created_at_ms, view.expires_at_ms, view.ended_at_ms)
    terms = _terms(view.price, len(view.cards), epoch)
    written = _hold(pool, view.hold, _ENDED[view.state] + _order(view.order_ref) + moments + terms, seq, replayed)
    return written + _channel(view.channel) if view.channel else written


def batch_reply(results: Iterable[bytes | types_pb2.Refusal]) -> bytes:
    """A `BatchAllocateResponse` of written holds and of refusals; a `BatchReleaseResponse` reads the same."""
    parts: list[bytes] = []
    for result in results:
        if isinstance(result, bytes):
            parts += _before_result(1, len(result)), result
        else:
            refusal = result.SerializeToString()
            parts += _before_result(2, len(refusal)), refusal
    return b"".join(parts)


def _hold(pool: PoolName, hold: HoldNo, state_to_epoch: bytes, seq: int, replayed: bool) -> bytes:
    number = b"%d" % hold
    name = _before_hold(pool, len(number)) + number
    return name + state_to_epoch + _number(13, seq) + (_REPLAYED if replayed else b"")


@lru_cache(_kept_max)
def _before_hold(pool: PoolName, digits: int) -> bytes:
    """A hold's first field up to its number of so many digits."""
    name = f"{pool}/holds/".encode()
    return _before_bytes(1, len(name) + digits) + name


def _card(pool: PoolName, card: Card, expires_at_ms: int | None) -> bytes:
    """A card as a hold's field."""
    serial = b"%d" % (card & SERIAL_MAX)
    before, after = _around_serial(pool, card >> SERIAL_BITS, len(serial), expires_at_ms)
    return before + serial + after


@lru_cache(_kept_max)
def _around_serial(pool: PoolName, batch: int, digits: int, expires_at_ms: int | None) -> tuple[bytes, bytes]:
    """A card in a hold: what stands before its serial of so many digits, and what after."""
    name = f"{pool}/cards/{batch}-".encode()
    before = _before_bytes(1, len(name) + digits) + name
    after = _bytes(2, batch_name(pool, BatchNo(batch)).encode())
    if expires_at_ms is not None:
        after += _moment(3, expires_at_ms)
    return _before_bytes(3, len(before) + digits + len(after)) + before, after


def _order(order_ref: str) -> bytes:
    order = order_ref.encode()
    return _BEFORE_ORDER[len(order)] + order


@lru_cache(_kept_max)
def _channel(channel: str) -> bytes:
    return _bytes(16, channel.encode())


@lru_cache(_moments_kept_max)
def _deal(created_at_ms: int, expires_at_ms: int, price: Money | None, quantity: int, epoch: int) -> bytes:
    """A hold's fields from its moments to the epoch: the same for all that were made at one moment."""
    return _moments(created_at_ms, expires_at_ms, 0) + _terms(price, quantity, epoch)


@lru_cache(_moments_kept_max)
def _moments(created_at_ms: int, expires_at_ms: int, ended_at_ms: int) -> bytes:
    lasted = _moment(5, created_at_ms) + _moment(6, expires_at_ms)
    return lasted + _moment(7, ended_at_ms) if ended_at_ms else lasted


@lru_cache(_kept_max)
def _terms(price: Money | None, quantity: int, epoch: int) -> bytes:
    return _price(price) + _number(9, quantity) + _number(12, epoch)


@lru_cache(_kept_max)
def _before_result(field: int, length: int) -> bytes:
    """What stands before a hold or refusal of this length in a batch's answer: the result around it, and itself."""
    before = _before_bytes(field, length)
    return _before_bytes(1, len(before) + length) + before


def _price(price: Money | None) -> bytes:
    if price is None:
        return b""
    currency = price.currency.encode()
    return _bytes(8, _number(1, price.minor) + (_bytes(2, currency) if currency else b""))


def _moment(field: int, moment_ms: int) -> bytes:
    """A Timestamp."""
    seconds, milliseconds = divmod(moment_ms, 1000)
    return _bytes(field, _seconds(seconds) + _nanos(milliseconds))


@lru_cache(_moments_kept_max)
def _seconds(seconds: int) -> bytes:
    return _number(1, seconds)


@lru_cache(1_000)
def _nanos(milliseconds: int) -> bytes:
    """What is over the whole second; never negative."""
    return _number(2, milliseconds * 1_000_000)


def _bytes(field: int, content: bytes) -> bytes:
    """A text or message that is there, be it empty."""
    return _before_bytes(field, len(content)) + content


@lru_cache(_kept_max)
def _before_bytes(field: int, length: int) -> bytes:
    return _varint(field << 3 | 2) + _varint(length)


def _number(field: int, number: int) -> bytes:
    """A number of up to 64 bits, or nothing for 0. Its key is one byte: that does for fields up to 15."""
    if 0 < number < 128:
        return _KEYS[field] + _LAST[number]
    return _KEYS[field] + _MORE[number & 127] + _upper(number >> 7 & _UPPER_BITS) if number else b""


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; all but the last byte have the eighth bit set."""
    return _LAST[number] if number < 128 else _MORE[number & 127] + _varint(number >> 7)


#: The upper bits of a varint, kept: a journal's positions have them in common 128 by 128, moments for two minutes.
_upper = lru_cache(_kept_max)(_varint)

_KEYS = tuple(bytes((field << 3,)) for field in range(16))
_LAST = tuple(bytes((number,)) for number in range(128))
_MORE = tuple(bytes((number | 128,)) for number in range(128))

#: A negative number is written as its two's complement of 64 bits.
_UPPER_BITS = (1 << 57) - 1

_ACTIVE = _number(2, types_pb2.HOLD_STATE_ACTIVE)
_ENDED = {
    HoldState.RELEASED: _number(2, types_pb2.HOLD_STATE_RELEASED),
    HoldState.EXPIRED: _number(2, types_pb2.HOLD_STATE_EXPIRED),
}
_REPLAYED = _number(14, 1)

#: By the bytes of an order_ref; an empty one is left out.
_BEFORE_ORDER = (b"", *(_before_bytes(4, length) for length in range(1, limits.id_chars_max * 4 + 1)))
