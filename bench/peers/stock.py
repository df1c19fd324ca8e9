"""The words the peers share: what is wished, what is answered, and what a stock of cards must be able to do.

All peers sell on the same terms, in the words of the public API: one batch of cards that all end on one day, no price,
no quotas. That is less than Cardkeep decides, and in their favour.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from actors.front.refusals import Refusal

#: How long a hold lasts when the request does not say: as a SKU of Cardkeep that was told nothing.
HOLD_FOR_MS = 15 * 60 * 1000

#: How long an answer is kept for its request_id: as long as Cardkeep keeps it.
ANSWERS_KEEP_MS = 7 * 24 * 60 * 60 * 1000

#: When the cards themselves end: the last day of 2030, UTC.
CARDS_EXPIRE_AT_MS = 1_924_905_600_000

#: Holds that one sweep ends, so that a mass expiry does not stop the sale.
EXPIRE_PER_STEP_MAX = 1_000

ACTIVE, RELEASED, EXPIRED = "ACTIVE", "RELEASED", "EXPIRED"


class Wish(NamedTuple):
    """One Allocate. `sku` is the whole name, `tenants/*/skus/*`."""

    sku: str
    request_id: str
    order_ref: str
    quantity: int
    hold_for_ms: int


class Held(NamedTuple):
    """A hold as it was when it was answered. `cards` are serials of the one batch, from 0."""

    sku: str
    hold: int
    cards: Sequence[int]
    order_ref: str
    created_at_ms: int
    expires_at_ms: int
    state: str = ACTIVE
    ended_at_ms: int = 0
    replayed: bool = False


class Stock(Protocol):
    """The cards of some SKUs and who holds them. What is answered is on disk."""

    async def open(self, folder: Path, skus: Sequence[str], cards: int) -> None:
        """Start on a data folder. A SKU that is not in it yet gets that many cards."""

    async def close(self) -> None:
        """Stop, and leave no process behind."""

    async def allocate(self, wish: Wish) -> Held | Refusal:
        """Set cards aside, all or none. The same request_id gets the same answer, while the first is under way too."""

    async def allocate_all(self, wishes: Sequence[Wish]) -> Sequence[Held | Refusal]:
        """Many of them together; each is answered on its own, in the order of asking."""

    async def release_all(self, holds: Sequence[tuple[str, int]]) -> Sequence[Held | Refusal]:
        """Give the cards of these (SKU, hold) back. What has ended already stays as it ended."""

    async def expire(self, now_ms: int) -> int:
        """End up to EXPIRE_PER_STEP_MAX holds whose time is over, and say how many that were."""


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def out_of_stock(requested: int, available: int) -> Refusal:
    """Fewer cards than asked for."""
    return Refusal("OUT_OF_STOCK", {"requested": requested, "available": available})


def no_such_hold(sku: str, hold: int) -> Refusal:
    """Nobody made this hold."""
    return Refusal("HOLD_NOT_FOUND", {"name": f"{sku}/holds/{hold}"})


def order_taken(wish: Wish, held: Held, quantity: int) -> Held | Refusal:
    """The order has a hold already: on the same terms it is the answer while it lives, else a refusal."""
    name = f"{wish.sku}/holds/{held.hold}"
    if quantity != wish.quantity:
        return Refusal("ORDER_REF_EXISTS", {"hold": name})
    if held.state != ACTIVE:
        return Refusal(f"HOLD_{held.state}", {"hold": name, "state": held.state, "endedAtMs": held.ended_at_ms})
    return held


def same_wish(wish: Wish, order_ref: str, quantity: int) -> Refusal | None:
    """None when a remembered request was the same wish; else the refusal that names the first difference."""
    if order_ref == wish.order_ref and quantity == wish.quantity:
        return None
    field = "order_ref" if order_ref != wish.order_ref else "quantity"
    return Refusal("IDEMPOTENCY_KEY_REUSED", {"field": field})
