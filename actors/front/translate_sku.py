"""A SKU's terms: protobuf ↔ engine. A field that is unset falls back to what an engine without settings does."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from actors.front import checks
from actors.front.refusals import Refusal
from actors.front.translate import from_money
from engine import limits
from engine.money import Money
from engine.names import PoolName
from engine.stock.terms import HeldQuotas, Terms
from protos.cardkeep.v1 import inventory_pb2, types_pb2

_USUAL = Terms()


class Change(NamedTuple):
    """What Configure takes: the terms, and which of their fields count."""

    terms: Terms
    fields: tuple[str, ...]


def to_change(sku: inventory_pb2.Sku, paths: Iterable[str]) -> Change:
    """The fields of `sku` that `paths` name, each with its value or, where that is unset, its default."""
    read: dict[str, Any] = {}
    fields = []
    for path in paths:
        if path not in _FIELDS:
            raise Refusal("INVALID_FIELD", {"field": "update_mask"}, f"{path[:80]!r} names no field of a SKU.")
        term, value = _FIELDS[path]
        read[term.partition(".")[0]] = value(sku)
        fields.append(term)
    return Change(_USUAL._replace(**read), tuple(fields))


def set_paths(sku: inventory_pb2.Sku) -> Sequence[str]:
    """The fields that have a value, the name aside."""
    return [field.name for field, _ in sku.ListFields() if field.name != "name"]


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
        expiry_warning_days=terms.warn_days,
        wait_max=terms.wait_max,
    )
    sku.hold_for.FromMilliseconds(min(terms.hold_for_ms, terms.hold_for_ms_max, terms.hold_lifetime_ms_max))
    sku.hold_for_max.FromMilliseconds(terms.hold_for_ms_max)
    sku.hold_lifetime_max.FromMilliseconds(terms.hold_lifetime_ms_max)
    sku.late_window.FromMilliseconds(terms.late_window_ms)
    if terms.price is not None:
        sku.unit_price.CopyFrom(from_money(terms.price))
    if terms.face_value is not None:
        sku.face_value.CopyFrom(from_money(terms.face_value))
    return sku


def _money(field: Any) -> Callable[[inventory_pb2.Sku], Money | None]:
    return lambda sku: checks.money(getattr(sku, field), field) if sku.HasField(field) else None


def _duration(field: Any, usual_ms: int, least_ms: int, most_ms: int) -> Callable[[inventory_pb2.Sku], int]:
    def read(sku: inventory_pb2.Sku) -> int:
        if not sku.HasField(field):
            return usual_ms
        return checks.duration_ms(getattr(sku, field), field, least_ms=least_ms, most_ms=most_ms)

    return read


def _currency(sku: inventory_pb2.Sku) -> str:
    if sku.cost_currency:
        checks.money(types_pb2.Money(currency=sku.cost_currency), "cost_currency")
    return sku.cost_currency


def _cards_per_hold(sku: inventory_pb2.Sku) -> int:
    most = checks.quantity(sku.cards_per_hold_max, least=0, most=limits.cards_per_hold_max)
    return most or _USUAL.cards_per_hold_max


def _quotas(sku: inventory_pb2.Sku) -> HeldQuotas:
    quotas = sku.held_quotas
    given = HeldQuotas(quotas.user, quotas.device, quotas.ip, quotas.payment_instrument)
    if min(given) < 0:
        raise Refusal("INVALID_FIELD", {"field": "held_quotas"}, "A quota is 0 for no bound, or how many cards.")
    return given


def _warn_days(sku: inventory_pb2.Sku) -> tuple[int, ...]:
    days = tuple(sorted(set(sku.expiry_warning_days), reverse=True))
    checks.item_count(len(days) or 1, "expiry_warning_days", limits.warn_steps_max)
    if days and not 1 <= days[-1] <= days[0] <= limits.warn_days_max:
        text = f"Each step is 1 to {limits.warn_days_max} days."
        raise Refusal("INVALID_FIELD", {"field": "expiry_warning_days"}, text)
    return days or _USUAL.warn_days


def _wait_max(sku: inventory_pb2.Sku) -> int:
    if not 0 <= sku.wait_max <= limits.wait_max:
        text = f"Nobody waits with 0, and {limits.wait_max} may at most."
        raise Refusal("INVALID_FIELD", {"field": "wait_max"}, text)
    return sku.wait_max


_LEAST_MS = limits.hold_for_ms_min

_FIELDS: Mapping[str, tuple[str, Callable[[inventory_pb2.Sku], object]]] = {
    "title": ("title", lambda sku: checks.free_text(sku.title, "title")),
    "unit_price": ("price", _money("unit_price")),
    "face_value": ("face_value", _money("face_value")),
    "cost_currency": ("cost_currency", _currency),
    "hold_for": ("hold_for_ms", _duration("hold_for", _USUAL.hold_for_ms, _LEAST_MS, limits.hold_for_ms_max)),
    "hold_for_max": (
        "hold_for_ms_max",
        _duration("hold_for_max", _USUAL.hold_for_ms_max, _LEAST_MS, limits.hold_for_ms_max),
    ),
    "hold_lifetime_max": (
        "hold_lifetime_ms_max",
        _duration("hold_lifetime_max", _USUAL.hold_lifetime_ms_max, _LEAST_MS, limits.hold_lifetime_ms_max),
    ),
    "cards_per_hold_max": ("cards_per_hold_max", _cards_per_hold),
    "late_window": ("late_window_ms", _duration("late_window", _USUAL.late_window_ms, 0, limits.late_window_ms_max)),
    "held_quotas": ("quotas", _quotas),
    "held_quotas.user": ("quotas.user", _quotas),
    "held_quotas.device": ("quotas.device", _quotas),
    "held_quotas.ip": ("quotas.ip", _quotas),
    "held_quotas.payment_instrument": ("quotas.instrument", _quotas),
    "paused": ("paused", lambda sku: sku.paused),
    "expiry_warning_days": ("warn_days", _warn_days),
    "wait_max": ("wait_max", _wait_max),
}
