"""What a pool has in stock at a moment, a batch a row. No history, but reports lay them side by side."""

from typing import NamedTuple

from engine.stock.shelf import NEVER_MS
from engine.stock.state import State


class InStock(NamedTuple):
    """The cards of one batch that nobody has bought. `units` = `available` + held + withheld or expired.

    `unit_cost_minor` is what one cost, landed. `next_expires_at_ms` is when the first of its free cards expires; None
    when none ever does.
    """

    tenant: str
    sku: str
    batch: int
    source: str
    received_at_ms: int
    next_expires_at_ms: int | None
    units: int
    available: int
    unit_cost_minor: int | None
    unit_cost_currency: str


def in_stock(state: State, now_ms: int) -> list[InStock]:
    """Every batch that has any."""
    rows = []
    for batch in state.batches.values():
        view = batch.view(now_ms)
        units = view.on_shelf + view.held
        if units:
            first = min((lot.expires_at_ms for lot in batch.lots if lot.size), default=NEVER_MS)
            cost = (None, "") if view.landed is None else view.landed
            expires_at_ms = None if first == NEVER_MS else first
            place = (*state.name, batch.number, view.source, view.opened_at_ms, expires_at_ms)
            rows.append(InStock(*place, units, view.available, *cost))
    return rows
