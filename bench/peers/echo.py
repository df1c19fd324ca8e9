"""Echo: parses the request, does nothing, and answers with a hold as Cardkeep would. The ceiling of a front.

Promises nothing: nothing is kept, so one card is "given" to everybody. What remains is the cost of gRPC, of parsing
and of a reply of the same shape and size, built and serialised anew for each call.

Tried: see `shop.py` for how the reply is built, which is all there is to tune. A reply serialised once and sent to
everybody would measure the transport alone, and is not what a server can do.
"""

from collections.abc import Sequence
from itertools import count
from pathlib import Path

from bench.peers.stock import Held, Wish, now_ms


class EchoStock:
    """Says yes."""

    def __init__(self) -> None:
        self._numbers = count(1)

    async def open(self, folder: Path, skus: Sequence[str], cards: int) -> None:
        """See Stock."""

    async def close(self) -> None:
        """See Stock."""

    async def allocate(self, wish: Wish) -> Held:
        """See Stock."""
        return self._held(wish, now_ms())

    async def allocate_all(self, wishes: Sequence[Wish]) -> Sequence[Held]:
        """See Stock."""
        moment_ms = now_ms()
        return [self._held(wish, moment_ms) for wish in wishes]

    async def release_all(self, holds: Sequence[tuple[str, int]]) -> Sequence[Held]:
        """See Stock."""
        moment_ms = now_ms()
        return [Held(sku, hold, (hold,), "", moment_ms, moment_ms, "RELEASED", moment_ms) for sku, hold in holds]

    async def expire(self, now_ms: int) -> int:  # noqa: ARG002 - nothing was held
        """See Stock."""
        return 0

    def _held(self, wish: Wish, moment_ms: int) -> Held:
        number = next(self._numbers)
        return Held(wish.sku, number, (number,), wish.order_ref, moment_ms, moment_ms + wish.hold_for_ms)
