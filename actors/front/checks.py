"""Shape and bounds of what callers send. Each check returns the checked value or raises a Refusal."""

from functools import lru_cache

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from actors.front.moments import is_moment, whole_ms
from actors.front.refusals import Refusal
from engine import limits
from engine.money import Money, is_currency
from engine.names import BatchNo, Card, HoldNo, PoolName, is_name_part, parse_batch, parse_card, parse_hold, parse_pool
from protos.cardkeep.v1 import types_pb2

#: Pools whose names are kept as read, about 400 bytes each: in a sale the same few come with every call.
_pools_kept_max = 8_192

#: No pool's name is longer, so that nobody can fill the memory with what is kept.
_pool_name_chars_max = len("tenants//skus/") + 2 * 63

_known_pool = lru_cache(_pools_kept_max)(parse_pool)


def pool(name: str, field: str = "parent") -> PoolName:
    """`tenants/t/skus/s`."""
    found = _known_pool(name) if len(name) <= _pool_name_chars_max else None
    if found is None:
        raise Refusal("INVALID_NAME", {"field": field, "value": _shown(name)})
    return found


def hold(name: str) -> tuple[PoolName, HoldNo]:
    """`tenants/t/skus/s/holds/17`."""
    found = parse_hold(name)
    if found is None:
        raise Refusal("INVALID_NAME", {"field": "name", "value": _shown(name)})
    return found


def batch(name: str) -> tuple[PoolName, BatchNo]:
    """`tenants/t/skus/s/batches/3`."""
    found = parse_batch(name)
    if found is None:
        raise Refusal("INVALID_NAME", {"field": "name", "value": _shown(name)})
    return found


def card(name: str, field: str = "names") -> tuple[PoolName, Card]:
    """`tenants/t/skus/s/cards/3-17`."""
    found = parse_card(name)
    if found is None:
        raise Refusal("INVALID_NAME", {"field": field, "value": _shown(name)})
    return found


def tenant(parent: str) -> str:
    """`tenants/t`."""
    head, _, part = parent.partition("/")
    if head != "tenants" or not is_name_part(part):
        raise Refusal("INVALID_NAME", {"field": "parent", "value": _shown(parent)})
    return part


def request_id(text: str, field: str = "request_id") -> str:
    """The caller's name for a write."""
    if not text:
        raise Refusal("REQUEST_ID_REQUIRED", {"field": field})
    return identifier(text, field)


def identifier(text: str, field: str) -> str:
    """Any id a caller makes; may be empty."""
    if len(text) > limits.id_chars_max:
        raise Refusal("FIELD_TOO_LONG", {"field": field, "max": limits.id_chars_max})
    return text


def free_text(text: str, field: str) -> str:
    """Text for people."""
    if len(text) > limits.text_chars_max:
        raise Refusal("FIELD_TOO_LONG", {"field": field, "max": limits.text_chars_max})
    return text


def duration_ms(duration: Duration, field: str, *, least_ms: int, most_ms: int) -> int:
    """Whole milliseconds within bounds. Whether it is set at all is the caller's to ask."""
    milliseconds = duration.seconds * 1000 + duration.nanos // 1_000_000
    if not least_ms <= milliseconds <= most_ms:
        raise Refusal("INVALID_DURATION", {"field": field, "minMs": least_ms, "maxMs": most_ms})
    return milliseconds


def hold_for_ms(duration: Duration) -> int:
    """Whole milliseconds. Outside of what any SKU allows it is cut to just outside: the SKU names its own bounds."""
    milliseconds = duration.seconds * 1000 + duration.nanos // 1_000_000
    if milliseconds < limits.hold_for_ms_min:
        return limits.hold_for_ms_min - 1
    return milliseconds if milliseconds <= limits.hold_for_ms_max else limits.hold_for_ms_max + 1


def moment_ms(moment: Timestamp, field: str) -> int:
    """Milliseconds since 1970, of a moment that a Timestamp may stand for."""
    if not is_moment(moment):
        text = "A moment lies between the years 1 and 9999; its nanos between 0 and 999,999,999."
        raise Refusal("INVALID_FIELD", {"field": field}, text)
    return whole_ms(moment)


def money(amount: types_pb2.Money, field: str) -> Money:
    """A whole, non-negative amount of a currency."""
    minor, currency = amount.minor, amount.currency
    if not 0 <= minor <= limits.money_minor_max or not is_currency(currency):
        raise Refusal("INVALID_MONEY", {"field": field})
    return Money(minor, currency)


def quantity(asked: int, *, least: int, most: int) -> int:
    """How many cards."""
    if not least <= asked <= most:
        raise Refusal("INVALID_QUANTITY", {"quantity": asked, "min": least, "max": most})
    return asked


def item_count(items: int, field: str = "items", most: int = limits.batch_items_max) -> None:
    """The length of a list that may be neither empty nor too long."""
    if not 1 <= items <= most:
        raise Refusal("TOO_MANY_ITEMS", {"field": field, "count": items, "max": most})


def card_count(cards: int) -> None:
    """The cards that one batch call asks for, all items together."""
    if cards > limits.batch_call_cards_max:
        facts = {"field": "items.quantity", "count": cards, "max": limits.batch_call_cards_max}
        raise Refusal("TOO_MANY_ITEMS", facts, "The items ask for more than max cards together; split the call.")


def _shown(text: str) -> str:
    return text if len(text) <= 80 else text[:80] + "…"
