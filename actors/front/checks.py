"""Shape and bounds of what callers send. Each check returns the checked value or raises a Refusal."""

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from actors.front.refusals import Refusal
from engine import limits
from engine.money import Money, is_currency
from engine.names import BatchNo, Card, HoldNo, PoolName, is_name_part, parse_batch, parse_card, parse_hold, parse_pool
from protos.cardkeep.v1 import types_pb2


def pool(name: str, field: str = "parent") -> PoolName:
    """`tenants/t/skus/s`."""
    found = parse_pool(name)
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
    return _short(text, field, limits.id_chars_max)


def free_text(text: str, field: str) -> str:
    """Text for people."""
    return _short(text, field, limits.text_chars_max)


def duration_ms(duration: Duration, field: str, *, least_ms: int, most_ms: int) -> int:
    """Whole milliseconds within bounds; unset is 0, and 0 is allowed to mean the default."""
    if not duration.ByteSize():
        return 0
    milliseconds = duration.seconds * 1000 + duration.nanos // 1_000_000
    if not least_ms <= milliseconds <= most_ms:
        raise Refusal("INVALID_DURATION", {"field": field, "minMs": least_ms, "maxMs": most_ms})
    return milliseconds


def moment_ms(moment: Timestamp) -> int:
    """Milliseconds since 1970."""
    return moment.seconds * 1000 + moment.nanos // 1_000_000


def money(amount: types_pb2.Money, field: str) -> Money:
    """A whole, non-negative amount of a currency."""
    if not 0 <= amount.minor <= limits.money_minor_max or not is_currency(amount.currency):
        raise Refusal("INVALID_MONEY", {"field": field})
    return Money(amount.minor, amount.currency)


def quantity(asked: int, *, least: int, most: int) -> int:
    """How many cards."""
    if not least <= asked <= most:
        raise Refusal("INVALID_QUANTITY", {"quantity": asked, "min": least, "max": most})
    return asked


def item_count(items: int, field: str = "items") -> None:
    """A batch call's length."""
    if not 1 <= items <= limits.batch_items_max:
        raise Refusal("TOO_MANY_ITEMS", {"field": field, "count": items, "max": limits.batch_items_max})


def page(page_size: int, page_token: str) -> tuple[int, int]:
    """How many rows, after which number. Our tokens are plain numbers: nothing is secret about a place."""
    rows = min(page_size or 100, limits.page_rows_max)
    if rows < 0 or (page_token and not (page_token.isascii() and page_token.isdigit() and len(page_token) < 16)):
        raise Refusal("BAD_PAGE_TOKEN")
    return rows, int(page_token or -1)


def _short(text: str, field: str, most: int) -> str:
    if len(text) > most:
        raise Refusal("FIELD_TOO_LONG", {"field": field, "max": most})
    return text


def _shown(text: str) -> str:
    return text if len(text) <= 80 else text[:80] + "…"
