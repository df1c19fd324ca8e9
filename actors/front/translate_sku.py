"""A SKU's terms: protobuf ↔ engine. A field that is unset falls back to what an engine without settings does."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from actors.front import checks
from actors.front.refusals import Refusal
from actors.front.translate import from_money
from engine import limits
from engine.money import Money
from engine.names import PoolName
from engine.stock.terms import HeldQuotas, Terms
from protos.cardkeep.v1 import inventory_pb2, types_pb2

_USUAL = Terms()


def to_terms(sku: inventory_pb2.Sku, before: Terms, fields: Iterable[str]) -> Terms:
    """The terms `before` with the named fields of `sku`."""
    changed: dict[str, Any] = {}
    for field in fields:
        if field not in _FIELDS:
            raise Refusal("INVALID_FIELD", {"field": f"update_mask: {field}"})
        term, read = _FIELDS[field]
        changed[term] = read(sku)
    return before._replace(**changed)


def from_terms(pool: PoolName, terms: Terms) -> inventory_pb2.Sku:
    """A SKU as its terms say."""
    sku = inventory_pb2.Sku(
        name=str(pool),
        title=terms.title,
        cost_currency=terms.cost_currency,
        cards_per_hold_max=terms.cards_per_hold_max,
        held_quotas=inventory_pb2.HeldQuotas(
            user=terms.quotas.user,
            device=terms.quotas.device,
            ip=terms.quotas.ip,
            payment_instrument=terms.quotas.instrument,
        ),
        paused=terms.paused,
    )
    sku.hold_for.FromMilliseconds(terms.hold_for_ms)
    sku.hold_for_max.FromMilliseconds(terms.hold_for_ms_max)
    sku.hold_lifetime_max.FromMilliseconds(terms.hold_lifetime_ms_max)
    sku.late_window.FromMilliseconds(terms.late_window_ms)
    if terms.price is not None:
        sku.unit_price.CopyFrom(from_money(terms.price))
    if terms.face_value is not None:
        sku.face_value.CopyFrom(from_money(terms.face_value))
    return sku


def _money(sku: inventory_pb2.Sku, field: Any) -> Money | None:
    return checks.money(getattr(sku, field), field) if sku.HasField(field) else None


def _currency(sku: inventory_pb2.Sku) -> str:
    if sku.cost_currency:
        checks.money(types_pb2.Money(currency=sku.cost_currency), "cost_currency")
    return sku.cost_currency


def _duration(sku: inventory_pb2.Sku, field: Any, most_ms: int) -> int:
    return checks.duration_ms(getattr(sku, field), field, least_ms=limits.hold_for_ms_min, most_ms=most_ms)


def _cards_per_hold(sku: inventory_pb2.Sku) -> int:
    most = checks.quantity(sku.cards_per_hold_max, least=0, most=limits.cards_per_hold_max)
    return most or _USUAL.cards_per_hold_max


def _quotas(sku: inventory_pb2.Sku) -> HeldQuotas:
    quotas = sku.held_quotas
    given = HeldQuotas(quotas.user, quotas.device, quotas.ip, quotas.payment_instrument)
    if min(given) < 0:
        raise Refusal("INVALID_FIELD", {"field": "held_quotas"})
    return given


_FIELDS: Mapping[str, tuple[str, Callable[[inventory_pb2.Sku], object]]] = {
    "title": ("title", lambda sku: checks.free_text(sku.title, "title")),
    "unit_price": ("price", lambda sku: _money(sku, "unit_price")),
    "face_value": ("face_value", lambda sku: _money(sku, "face_value")),
    "cost_currency": ("cost_currency", _currency),
    "hold_for": ("hold_for_ms", lambda sku: _duration(sku, "hold_for", limits.hold_for_ms_max) or _USUAL.hold_for_ms),
    "hold_for_max": (
        "hold_for_ms_max",
        lambda sku: _duration(sku, "hold_for_max", limits.hold_for_ms_max) or _USUAL.hold_for_ms_max,
    ),
    "hold_lifetime_max": (
        "hold_lifetime_ms_max",
        lambda sku: _duration(sku, "hold_lifetime_max", limits.hold_lifetime_ms_max) or _USUAL.hold_lifetime_ms_max,
    ),
    "cards_per_hold_max": ("cards_per_hold_max", _cards_per_hold),
    "late_window": (
        "late_window_ms",
        lambda sku: _duration(sku, "late_window", limits.late_window_ms_max) or _USUAL.late_window_ms,
    ),
    "held_quotas": ("quotas", _quotas),
    "paused": ("paused", lambda sku: sku.paused),
}

SKU_FIELDS = tuple(_FIELDS)
