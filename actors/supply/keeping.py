"""What a desk does beside buying, once a second: follow the profile, tell of what is late, fold the journal."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from actors.supply.counter import Counter
from actors.supply.written_ledger import WrittenLedger
from engine.errors import CardkeepError, InDoubt, StoreUnavailable
from engine.names import PoolName
from engine.supply.breaker import Breaker
from engine.supply.settling import caution

#: Between two rounds: a profile that staff changed counts after so long at the latest.
round_every_s = 1.0

#: A ledger's journal is folded when it has at least this many events beyond the snapshot: replayed in a third of a
#: second. A purchase is four or five.
fold_after_events_min = 20_000

#: … and one for every attempt in memory, so that a fold costs a constant share of what made it necessary.
fold_share = 1

#: Pause after a fold that came to nothing.
fold_again_s = 10.0

_log = logging.getLogger(__name__)


class Keeping:
    """One desk's."""

    def __init__(
        self,
        counter: Counter,
        written: WrittenLedger,
        breaker: Breaker,
        fold: Callable[[PoolName], Awaitable[int | None]],
    ) -> None:
        self._counter = counter
        self._written = written
        self._breaker = breaker
        self._fold = fold
        self._folding: asyncio.Task[None] | None = None
        self._fold_at_s = 0.0
        #: Why the supplier is not spoken to as the profile says that staff entered last; empty when it is.
        self.unheeded = ""

    def follow_profile(self) -> None:
        """Be as careful, and as open, as staff say now."""
        self._breaker.override = self._counter.supplier.override

    async def run(self) -> None:
        """Round after round, until cancelled or the ledger is another copy's."""
        written = self._written
        try:
            while written.failure is None:
                try:
                    await self._round()
                except CardkeepError as failure:
                    _log.warning("keeping_failed cause=%s", failure)
                except Exception as mistake:  # noqa: BLE001 - a desk that stopped keeping would grow for ever
                    _log.error("keeping_failed cause=%s", type(mistake).__name__)
                await asyncio.sleep(round_every_s)
        finally:
            if self._folding is not None:
                self._folding.cancel()

    async def _round(self) -> None:
        written = self._written
        await written.write(written.ledger.watch(written.now_ms()))  # Without events, a proof that it is still ours.
        await self._heed_staff()
        if self._folding is None and self._is_long():
            self._folding = asyncio.get_running_loop().create_task(self._fold_and_forget())
            self._folding.add_done_callback(self._folded)

    async def _heed_staff(self) -> None:
        """Deal by what staff entered last, as far as that can be. Raises StoreUnavailable or InDoubt."""
        unheeded = ""
        try:
            has_changed = await self._counter.refresh()
        except (StoreUnavailable, InDoubt):
            raise
        except CardkeepError as failure:
            has_changed, unheeded = True, str(failure)
        if unheeded and unheeded != self.unheeded:
            _log.warning("profile_not_in_force supplier=%s cause=%s", self._counter.supplier.name, unheeded)
        self.unheeded = unheeded
        if has_changed:
            self.follow_profile()
            self._written.ledger.caution = caution(self._counter.supplier)

    def _is_long(self) -> bool:
        ledger = self._written.ledger
        long = max(fold_after_events_min, len(ledger.entries) // fold_share)
        is_time = asyncio.get_running_loop().time() >= self._fold_at_s
        return is_time and self._written.seq - self._written.snapshot_seq > long

    async def _fold_and_forget(self) -> None:
        written = self._written
        seq = written.seq
        before_ms = await self._fold(self._counter.supplier.name.book)
        if before_ms is None:
            self._fold_at_s = asyncio.get_running_loop().time() + fold_again_s
            return
        written.snapshot_seq = seq
        if written.ledger.over_before(before_ms):
            await written.write(written.ledger.forget(before_ms, written.now_ms()))

    def _folded(self, task: "asyncio.Task[None]") -> None:
        self._folding = None
        failure = None if task.cancelled() else task.exception()
        if failure is not None:
            self._fold_at_s = asyncio.get_running_loop().time() + fold_again_s
            _log.error("ledger_fold_failed cause=%r", failure)
