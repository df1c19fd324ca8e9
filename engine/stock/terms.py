"""The terms a SKU is sold on: what staff may set, and what an engine without settings does."""

from typing import NamedTuple

from engine import limits
from engine.money import Money
from engine.pricing.ladder import days_default


class HeldQuotas(NamedTuple):
    """Most units one principal may hold at once, unpaid; 0 means no bound."""

    user: int = 0
    device: int = 0
    ip: int = 0
    instrument: int = 0


class Terms(NamedTuple):
    """How one SKU is sold. Times in milliseconds; a price of None means amounts are not checked.

    A late window of 0 means never. `warn_days` are the steps of the expiry ladder, none of them meaning no warnings.
    `revision` counts how often terms were set; 0 means never yet. `wait_max` is how many Allocates may wait for cards
    when there are none, each until its caller's deadline; 0 means nobody waits.
    """

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
    revision: int = 0
    warn_days: tuple[int, ...] = days_default
    wait_max: int = 0


def changed(before: Terms, terms: Terms, fields: tuple[str, ...]) -> Terms:
    """`before` with the named fields of `terms`, all of them when none is named; `quotas.user` names a part."""
    quotas = {field.partition(".")[2]: field for field in fields if field.startswith("quotas.")}
    whole = [field for field in fields or Terms._fields if field not in quotas.values()]
    after = before._replace(**{field: getattr(terms, field) for field in whole})
    parts = {part: getattr(terms.quotas, part) for part in quotas}
    return after._replace(quotas=after.quotas._replace(**parts), revision=before.revision + 1)
