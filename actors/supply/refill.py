"""The refill: watches the shelves of a group of SKUs and buys before they are empty. No sale ever waits for it.

Rules.
1. A shelf is looked at as often as it needs (engine/supply/looking.py), and at once when its owner says that it ran
   dry. What is to buy follows from the last look and from what is on its way (refilling.py, coming.py).
2. Whatever becomes known (a refusal, doubt, lateness, a delivery, a look) leads to a new plan in the same turn of the
   loop, from what is known already: so between a refusal and the next supplier being asked nothing is waited for.
3. What is late or in doubt is not counted on, and others are asked: a shelf may end above its high mark by that.
4. Nothing is remembered here that would be missed: every purchase is in its desk's ledger before a byte of it leaves,
   and a refill that starts anew asks the desks what is open before it plans anything.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from heapq import heappop, heappush
from time import perf_counter, time
from typing import Any, NamedTuple
from uuid import uuid4

from actors.asking import Answer
from actors.supply.market import Deal, Market, state_age_max_s
from actors.supply.ports import Bought, Desks
from actors.supply.refill_metrics import RefillMetrics
from engine.errors import CardkeepError, InDoubt, NotDone
from engine.names import PoolName, SupplierName
from engine.ports import Clock
from engine.pricing.rates import Rates
from engine.stock.commands import Command, GetAvailable
from engine.stock.outcomes import Available
from engine.supply.attempts import Attempt, AttemptId, Kind, Standing
from engine.supply.coming import PASSED_OVER, Coming, Stage
from engine.supply.hedging import accepted_late_ms, late_after_ms, may_pass_over
from engine.supply.looking import Drain, look_after_ms, look_last_ms
from engine.supply.refilling import to_buy
from engine.supply.suppliers import Sourcing, Supplier

#: Purchases of one SKU that may be under way: at 100 cards each, a second's worth of a rush at a slow supplier.
purchases_per_pool_max = 8

#: The same of all SKUs of one refill: each is a task, a few KB, and a call to a desk.
purchases_max = 128

#: Shelves that are looked at at the same moment: a look is one command, and a sale should not meet a crowd of them.
looks_max = 32

#: How old a desk's word may be when something is to be bought.
state_age_s = 0.5

#: How long an owner may take to say how many cards there are.
look_patience_ms = 2_000

#: Between two looks at a shelf for which nobody can sell, at the least: what a desk said is asked anew by then, and
#: whatever becomes known in between leads to a plan without a look.
_UNMET_PAUSE_MS = int(state_age_s * 1_000)

_log = logging.getLogger(__name__)

Ask = Callable[[PoolName, Command, int], Awaitable[Answer]]
"""`Dispatch.ask`."""


class _Known(NamedTuple):
    """Since when it is known that another supplier is to be asked, by `perf_counter`: at its desk, and here."""

    at_desk_s: float
    here_s: float


class _Shelf:
    """One shelf that is watched."""

    __slots__ = (
        *("available", "came", "drain", "due_s", "is_filling", "is_looked_at", "looked_at", "number", "rests_until_s"),
        *("sourcing", "wants_look"),
    )

    def __init__(self, sourcing: Sourcing) -> None:
        self.sourcing = sourcing
        self.drain = Drain()
        #: What the last look found, and the moment it was begun; None before the first.
        self.available: int | None = None
        self.looked_at = 0
        #: Cards that came since the last look.
        self.came = 0
        #: Purchases so far.
        self.number = 0
        self.due_s = 0.0
        #: Nobody can sell until then, so a look would be for nothing.
        self.rests_until_s = 0.0
        #: It was below its low mark, and not all is on its way that fills it up to its high one.
        self.is_filling = False
        self.is_looked_at = False
        #: Somebody asked for a look while one was under way.
        self.wants_look = False


class Refill:
    """See above. `ask` leads to the owners of pools; `new_id` makes names that never were before."""

    def __init__(
        self,
        desks: Desks,
        ask: Ask,
        clock: Clock,
        *,
        metrics: RefillMetrics,
        rates: Rates,
        new_id: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self._desks = desks
        self._ask = ask
        self._clock = clock
        self._metrics = metrics
        self._new_id = new_id
        self._coming = Coming()
        self.market = Market(desks, self._coming, clock, rates)
        self._shelves: dict[PoolName, _Shelf] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way = 0
        self._looks = 0
        self._woken = asyncio.Event()
        #: When each shelf is looked at next; what its shelf knows otherwise is out of date.
        self._due: list[tuple[float, PoolName]] = []
        self._next_s = 0.0

    def set_book(self, suppliers: Mapping[SupplierName, Supplier], sourcings: Mapping[PoolName, Sourcing]) -> None:
        """Watch these shelves from now on; what is on its way to others arrives all the same."""
        self.market.set_book(suppliers)
        before, self._shelves = self._shelves, {}
        for pool, sourcing in sourcings.items():
            if sourcing.marks.are_sound and not sourcing.is_paused:
                shelf = self._shelves[pool] = before.get(pool) or _Shelf(sourcing)
                shelf.sourcing = sourcing
        self._coming.watch(self._shelves)
        self._due.clear()
        for shelf in self._shelves.values():
            shelf.rests_until_s = 0.0
            shelf.wants_look = shelf.is_looked_at
            self._look_at(shelf, 0.0)

    def nudge(self, pool: PoolName) -> bool:
        """Look at a shelf at once: its owner says that it is dry or soon will be, or that somebody waits for cards.

        Not while nobody can sell. False when it is not watched here.
        """
        shelf = self._shelves.get(pool)
        if shelf is None:
            return False
        shelf.wants_look = shelf.is_looked_at
        if shelf.due_s > shelf.rests_until_s:
            self._look_at(shelf, shelf.rests_until_s)
        return True

    async def run(self) -> None:
        """Watch, until cancelled. What is under way then, desks bring to its end."""
        try:
            await self._hear_desks()
            self._start(self._keep_fresh())
            while True:
                self._woken.clear()
                next_s = self._look_at_due()
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(next_s):
                        await self._woken.wait()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep_fresh(self) -> None:
        """Know how every desk stands, also while nothing is bought: then a shelf that runs dry need not wait for it."""
        while True:
            await asyncio.sleep(state_age_max_s / 3)
            await self._hear_desks()

    async def _hear_desks(self) -> None:
        used = {source.supplier: None for shelf in self._shelves.values() for source in shelf.sourcing.sources}
        await self.market.refresh(used, 0.0)

    def _look_at(self, shelf: _Shelf, due_s: float) -> None:
        shelf.due_s = due_s
        heappush(self._due, (due_s, shelf.sourcing.pool))
        if due_s <= self._next_s:
            self._woken.set()

    def _look_at_due(self) -> float:
        """Begin the looks that are due, as many as may be at once; answers when the next one is."""
        now_s = asyncio.get_running_loop().time()
        while self._due and self._due[0][0] <= now_s and self._looks < looks_max:
            due_s, pool = heappop(self._due)
            shelf = self._shelves.get(pool)
            if shelf is not None and shelf.due_s == due_s and not shelf.is_looked_at:
                self._looks += 1
                shelf.is_looked_at = True
                self._start(self._look(shelf))
        is_full = self._looks >= looks_max
        self._next_s = now_s + look_last_ms / 1_000 if is_full or not self._due else self._due[0][0]
        return self._next_s

    async def _look(self, shelf: _Shelf) -> None:
        """See how many cards are there, and plan. What desks have open is asked before, for what comes in between."""
        pool, after_ms, is_unmet = shelf.sourcing.pool, look_last_ms // 10, False
        try:
            if self._is_short(shelf):
                await self.market.refresh([source.supplier for source in shelf.sourcing.sources], state_age_s)
            began, came = self._coming.moment(), shelf.came
            now_ms = self._clock.now_ms()
            answer = await self._ask(pool, GetAvailable(), now_ms + look_patience_ms)
            if isinstance(answer.outcome, Available):
                self._metrics.looked()
                available = answer.outcome.cards
                shelf.drain.note(available, came, now_ms)
                shelf.came -= came
                shelf.available, shelf.looked_at = available, began
                self._coming.forget_before(pool, began)
                self._pass_over_slow(shelf, now_ms)
                is_unmet = self._plan(shelf)
                after_ms = look_after_ms(available, shelf.sourcing.marks.low, shelf.drain.per_s)
                if is_unmet:
                    rest_ms = self.market.rest_over_ms(shelf.sourcing, now_ms)
                    after_ms = max(after_ms, _UNMET_PAUSE_MS, min(rest_ms, look_last_ms))
        except CardkeepError as away:
            _log.warning("shelf_unseen pool=%s cause=%s", pool, away)
        finally:
            if self._looks == looks_max:
                self._woken.set()
            self._looks -= 1
            shelf.is_looked_at = False
            due_s = asyncio.get_running_loop().time() + after_ms / 1_000
            shelf.rests_until_s = due_s if is_unmet else 0.0
            self._look_at(shelf, shelf.rests_until_s if shelf.wants_look else due_s)
            shelf.wants_look = False

    def _is_short(self, shelf: _Shelf) -> bool:
        """Whether the last look leaves something to buy, or could by the next; also before the first one."""
        if shelf.available is None or shelf.is_filling:
            return True
        left = shelf.available - shelf.drain.per_s * state_age_s
        return left + self._coming.on_the_way(shelf.sourcing.pool, shelf.looked_at) < shelf.sourcing.marks.low

    def _plan(self, shelf: _Shelf, known: _Known | None = None) -> bool:
        """Begin the purchases that are to be made, by what is known now. Answers whether nobody can sell them.

        `known` is given when another supplier is to be asked.
        """
        sourcing = shelf.sourcing
        pool = sourcing.pool
        if shelf.available is None or self._shelves.get(pool) is not shelf:
            return False
        marks = sourcing.marks
        if shelf.is_filling or known:
            marks = marks._replace(low=marks.high)
        while wanted := to_buy(marks, shelf.available, self._coming.on_the_way(pool, shelf.looked_at)):
            shelf.is_filling = True
            marks = marks._replace(low=marks.high)
            asked, _ = self._coming.count(pool, {Stage.ASKED})
            if self._under_way >= purchases_max or asked >= purchases_per_pool_max:
                return False
            deal = self.market.choose(sourcing, wanted[0], shelf.number, self._clock.now_ms())
            if deal is None:
                self._metrics.unmet()
                return True
            shelf.number += 1
            self._begin(shelf, deal)
            if known:
                now_s = perf_counter()
                self._metrics.failed_over(now_s - known.at_desk_s, now_s - known.here_s)
                known = None
        shelf.is_filling = False
        return False

    def _begin(self, shelf: _Shelf, deal: Deal) -> None:
        cost_max = deal.unit_cost_max.times(deal.units)
        attempt = Attempt(AttemptId(self._new_id()), shelf.sourcing.pool, Kind.CODES, deal.units, cost_max)
        self._coming.asked(attempt, deal.source.supplier, self._clock.now_ms())
        self._under_way += 1
        self._start(self._buy(shelf, deal, attempt))

    async def _buy(self, shelf: _Shelf, deal: Deal, attempt: Attempt) -> None:
        """One purchase, until its desk has answered."""
        supplier, product, _ = deal.source
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        late = loop.call_later(late_after_ms(deal.record) / 1_000, self._pass_over, shelf, attempt, supplier)
        refused_units = 0
        try:
            bought = await self._desks.buy(supplier, attempt, product, "")
            refused_units = attempt.quantity
        except NotDone as failure:
            bought = Bought(Standing.FAILED, str(failure))
        except InDoubt as failure:
            bought = Bought(Standing.IN_DOUBT, str(failure))
        except Exception as mistake:  # noqa: BLE001 - nobody knows what it did before
            _log.exception("purchase_broke attempt=%s supplier=%s", attempt.attempt, supplier)
            bought = Bought(Standing.IN_DOUBT, repr(mistake))
        finally:
            late.cancel()
            self._under_way -= 1
        here_s = perf_counter()
        known = _Known(here_s - _travelled_s(bought), here_s)
        seconds = loop.time() - began_s
        self._metrics.bought(supplier, bought.standing.value, seconds)
        stage, units, is_well = _judged(attempt, bought)
        pool, now_ms = attempt.pool, self._clock.now_ms()
        self._coming.became(attempt, stage, units, now_ms)
        shelf.came += units if stage is Stage.SETTLED else 0
        if is_well:
            self.market.went_well(shelf.sourcing, supplier, int(seconds * 1_000))
        elif stage is not Stage.PENDING:
            refused_units = refused_units if bought.standing is Standing.FAILED else 0
            self.market.went_badly(pool, supplier, now_ms, refused_units=refused_units)
        self._plan(shelf, None if is_well or stage is Stage.PENDING else known)

    def _pass_over(self, shelf: _Shelf, attempt: Attempt, supplier: SupplierName) -> None:
        """A purchase takes longer than usual: ask others, too, where that is safe."""
        late = self._coming.count(attempt.pool, PASSED_OVER)
        if may_pass_over(attempt.kind, attempt.quantity, late, shelf.sourcing.marks.high):
            self._coming.became(attempt, Stage.LATE, attempt.quantity, self._clock.now_ms())
            self._metrics.late(supplier)
            now_s = perf_counter()
            self._plan(shelf, _Known(now_s, now_s))

    def _pass_over_slow(self, shelf: _Shelf, now_ms: int) -> None:
        """The same for what a supplier has accepted and works on for too long."""
        pool, high = shelf.sourcing.pool, shelf.sourcing.marks.high
        for attempt, units in self._coming.pending_before(pool, now_ms - accepted_late_ms):
            if may_pass_over(Kind.CODES, units, self._coming.count(pool, PASSED_OVER), high):
                self._coming.pass_over(pool, attempt)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _travelled_s(bought: Bought) -> float:
    """How long an answer took from its desk to here, as far as the clocks of both agree."""
    return min(1.0, max(0.0, time() - bought.known_at_s)) if bought.known_at_s else 0.0


def _judged(attempt: Attempt, bought: Bought) -> tuple[Stage, int, bool]:
    """How far a purchase is once its desk has answered, the units it brings or brought, and whether it succeeded.

    A delivery of which more than half was in stock already, or is no code, did not: who sells that is not asked next.
    """
    if bought.standing is Standing.DELIVERED and bought.shelved is not None:
        fresh = bought.shelved.fresh
        return Stage.SETTLED, fresh, 2 * fresh >= attempt.quantity
    if bought.standing in {Standing.FAILED, Standing.REVERSED}:
        return Stage.SETTLED, 0, False
    is_coming = bought.standing in {Standing.PENDING, Standing.DELIVERED}
    stage = Stage.PENDING if is_coming else Stage.IN_DOUBT
    return stage, attempt.quantity, bought.standing is Standing.DELIVERED
