"""Gives every supplier in the book a desk, and SKUs that are bought their refills: a house that buys nothing has none.

An actor that ended is started again by Ray, and goes on by itself.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from engine.errors import InDoubt, StoreUnavailable
from engine.names import SupplierName
from engine.supply.ports import SupplierBook

#: Between two looks at the book: a new supplier waits about half of this for its desk.
look_every_s = 1.0

#: Desks of one machine at most: each is a process of about 100 MB.
desks_max = 64

_log = logging.getLogger(__name__)

EnsureDesk = Callable[[SupplierName], Awaitable[None]]
"""Starts the actor of a desk if it has none; returns at once if it has. Raises nothing."""


EnsureRefills = Callable[[], Awaitable[None]]
"""The same for the refills."""


class DeskSteward:
    """One house's."""

    def __init__(self, book: SupplierBook, ensure_desk: EnsureDesk, ensure_refills: EnsureRefills) -> None:
        self._book = book
        self._ensure_desk = ensure_desk
        self._ensure_refills = ensure_refills
        self._has_refills = False
        self._version = 0
        self._ensured: set[SupplierName] = set()

    async def run(self) -> None:
        """Look, and look again, until cancelled."""
        while True:
            try:
                await self.look()
            except (StoreUnavailable, InDoubt) as away:
                _log.warning("book_unread cause=%s", away)
            except Exception:  # noqa: BLE001 - a top loop
                # Without the steward no new supplier would ever get a desk: whatever it is, look once more.
                _log.exception("look_failed")
            await asyncio.sleep(look_every_s)

    async def look(self) -> None:
        """Start the desks that are missing, if the book has changed. Raises StoreUnavailable or InDoubt."""
        version = await self._book.version()
        if version == self._version:
            return
        for name in sorted((await self._book.suppliers()).keys() - self._ensured):
            if len(self._ensured) >= desks_max:
                _log.error("too_many_suppliers at_most=%d", desks_max)
                break
            await self._ensure_desk(name)
            self._ensured.add(name)
        if not self._has_refills and await self._book.sourcings():
            await self._ensure_refills()
            self._has_refills = True
        self._version = version
