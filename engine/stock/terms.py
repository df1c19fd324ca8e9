"""The terms a SKU is sold on: what staff may set, and what an engine without settings does."""

from typing import NamedTuple

from engine import limits
from engine.money import Money


class HeldQuotas(NamedTuple):
    """Most units one principal may hold at once, unpaid; 0 means no bound."""

    user: int = 0
    device: int = 0
    ip: int = 0
    instrument: int = 0


class Terms(NamedTuple):
    """How one SKU is sold. Times in milliseconds; a price of None means amounts are not checked."""

    title: str = ""
    price: Money | None = None
    cost_currency: str = ""
    face_value: Money | None = None
    hold_for_ms: int = 15 * limits.MINUTE_MS
    hold_for_ms_max: int = 2 * limits.HOUR_MS
    hold_lifetime_ms_max: int = limits.DAY_MS
    cards_per_hold_max: int = 100
    late_window_ms: int = 12 * limits.HOUR_MS
    quotas: HeldQuotas = HeldQuotas()
    paused: bool = False
