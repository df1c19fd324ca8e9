"""The suppliers as one refill sees them: how their desks stand, how each did for each SKU, who had better rest.

A supplier that just failed for a SKU rests for it: a quarter of a second, and twice as long each time, half a minute at
most; a purchase that succeeds ends that. What it refused may have been too much at once: the next time it is asked for
half of that, one purchase at a time, and only when it has none to give it rests for longer.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from math import inf
from typing import NamedTuple

from actors.supply.ports import Desks, DeskState
from engine.errors import InDoubt, NotDone
from engine.money import Money
from engine.names import PoolName, SupplierName
from engine.ports import Clock
from engine.pricing.landing import landed
from engine.pricing.rates import Rates, RateUnusable
from engine.supply.choosing import Candidate, Choice, choose
from engine.supply.coming import PASSED_OVER, Coming, OpenUnits, Stage
from engine.supply.costing import affordable
from engine.supply.routing import Offer, Record, Wish
from engine.supply.suppliers import Source, Sourcing, Supplier

#: How long a desk may take to say how it stands; whoever waits longer is without it.
state_patience_s = 0.5

#: A desk's word that is older says nothing any more.
state_age_max_s = 10.0

rest_first_ms = 250
rest_last_ms = 30_000

_log = logging.getLogger(__name__)


class Deal(NamedTuple):
    """What was chosen: a source, how many units, and what one may cost there."""

    source: Source
    units: int
    unit_cost_max: Money
    record: Record


class _Habit:
    """How one supplier did for one SKU, and until when it rests."""

    __slots__ = ("portion", "record", "rest_ms", "rests_until_ms", "tried_at_ms", "unrated")

    def __init__(self) -> None:
        self.record = Record()
        self.tried_at_ms = 0
        self.rest_ms = rest_first_ms
        self.rests_until_ms = 0
        #: The most it is asked for at once; None when it never refused.
        self.portion: int | None = None
        #: Why no rate can be used for it; empty while one can, or none is needed.
        self.unrated = ""

    def left_out(self, source: Source, unusable: RateUnusable | None) -> None:
        """Say once that there is no rate for it, and once that there is."""
        before, self.unrated = self.unrated, "" if unusable is None else unusable.why
        if self.unrated and self.unrated != before:
            _log.warning("source_left_out supplier=%s product=%s cause=%s", source.supplier, source.product, unusable)
        elif before and not self.unrated:
            _log.info("source_back supplier=%s product=%s", source.supplier, source.product)


class Market:
    """See above. `rates` may be replaced at any time."""

    def __init__(self, desks: Desks, coming: Coming, clock: Clock, rates: Rates) -> None:
        self.rates = rates
        self._clock = clock
        self._desks = desks
        self._coming = coming
        self._suppliers: Mapping[SupplierName, Supplier] = {}
        self._states: dict[SupplierName, DeskState] = {}
        #: When a desk last spoke, and when it was last asked.
        self._read_at_s: dict[SupplierName, float] = {}
        self._asked_at_s: dict[SupplierName, float] = {}
        self._reading: dict[SupplierName, asyncio.Task[None]] = {}
        self._habits: dict[tuple[PoolName, SupplierName], _Habit] = {}

    def set_book(self, suppliers: Mapping[SupplierName, Supplier]) -> None:
        """Deal with these from now on."""
        self._suppliers = suppliers
        for gone in self._states.keys() - suppliers.keys():
            del self._states[gone]

    async def refresh(self, suppliers: Iterable[SupplierName], age_max_s: float) -> None:
        """Ask those desks how they stand whose word is older than that; wait only for those never asked before."""
        oldest_s = asyncio.get_running_loop().time() - age_max_s
        old = [name for name in suppliers if name in self._suppliers and self._asked_at_s.get(name, -inf) <= oldest_s]
        new = [name for name in old if name not in self._asked_at_s]
        reading = {name: self._read_once(name) for name in old}
        if new:
            await asyncio.wait([reading[name] for name in new], timeout=state_patience_s)

    def choose(self, sourcing: Sourcing, quantity: int, number: int, now_ms: int) -> Deal | None:
        """From whom to buy this many at most, as far as is known now; None when nobody can sell."""
        pool = sourcing.pool
        late, asked = self._coming.suppliers_at(pool, PASSED_OVER), self._coming.suppliers_at(pool, {Stage.ASKED})
        dealt: dict[SupplierName, tuple[Source, Money]] = {}
        candidates: list[Candidate] = []
        for source in sourcing.sources:
            habit = self._habit(pool, source.supplier)
            is_trying = habit.portion is not None and source.supplier in asked
            if source.supplier in late or is_trying or habit.rests_until_ms > now_ms:
                continue
            found = self._candidate(sourcing, source, habit, now_ms)
            if found is not None:
                candidate, unit_cost_max = found
                candidates.append(candidate)
                dealt[source.supplier] = source, unit_cost_max
        choice: Choice | None = choose(candidates, Wish(quantity, sourcing.unit_cost_max.minor, number))
        if choice is None:
            return None
        source, unit_cost_max = dealt[choice.offer.supplier]
        self._habit(pool, source.supplier).tried_at_ms = now_ms
        return Deal(source, choice.units, unit_cost_max, choice.offer.record)

    def went_well(self, sourcing: Sourcing, supplier: SupplierName, latency_ms: int) -> None:
        """A purchase succeeded."""
        habit = self._habit(sourcing.pool, supplier)
        habit.record.note(is_success=True, latency_ms=latency_ms)
        habit.rest_ms, habit.rests_until_ms = rest_first_ms, 0
        if habit.portion is not None:
            habit.portion = 2 * habit.portion if 2 * habit.portion < sourcing.marks.per_purchase_max else None

    def went_badly(self, pool: PoolName, supplier: SupplierName, now_ms: int, *, refused_units: int = 0) -> None:
        """A purchase failed or is in doubt; `refused_units` were refused, if that is how it failed."""
        habit = self._habit(pool, supplier)
        habit.record.note(is_success=False, latency_ms=0)
        if now_ms < habit.rests_until_ms:
            return  # Purchases that were under way together failed for one reason.
        habit.rests_until_ms = now_ms + habit.rest_ms
        if refused_units > 1:
            habit.portion = refused_units // 2
        else:
            habit.rest_ms = min(rest_last_ms, 2 * habit.rest_ms)

    def rest_over_ms(self, sourcing: Sourcing, now_ms: int) -> int:
        """How long until the first of a SKU's suppliers has rested; 0 when none rests."""
        ends_ms = [self._habit(sourcing.pool, source.supplier).rests_until_ms for source in sourcing.sources]
        return max(0, min(ends_ms, default=0) - now_ms)

    def _habit(self, pool: PoolName, supplier: SupplierName) -> _Habit:
        return self._habits.get((pool, supplier)) or self._habits.setdefault((pool, supplier), _Habit())

    def _candidate(
        self, sourcing: Sourcing, source: Source, habit: _Habit, now_ms: int
    ) -> tuple[Candidate, Money] | None:
        """A source as an offer, with what a unit may cost; None when it cannot be one: unknown, or no rate for it."""
        supplier, state = self._suppliers.get(source.supplier), self._state(source.supplier)
        if supplier is None or state is None:
            return None
        ware = state.wares.get(source.product)
        unit_cost = source.unit_cost if ware is None or ware.unit_cost is None else ware.unit_cost
        try:
            rate = self.rates.between(sourcing.pool.tenant, unit_cost.currency, sourcing.unit_cost_max.currency, now_ms)
        except RateUnusable as unusable:
            habit.left_out(source, unusable)
            return None
        habit.left_out(source, None)
        unit_cost_max = affordable(sourcing.unit_cost_max, supplier.fees, rate)
        if unit_cost_max.currency != state.room.currency:
            return None
        untold_units, untold_minor = self._coming.untold_at(source.supplier)
        room_units = min(
            state.room_units - untold_units, (state.room.minor - untold_minor) // max(1, unit_cost_max.minor)
        )
        offer = Offer(
            source.supplier,
            landed(unit_cost, supplier.fees, rate).minor,
            habit.record,
            supplier.priority,
            supplier.weight,
            None if ware is None else ware.stock,
            _balance_units(state.balance, unit_cost),
            is_closed=state.lets_through,
            has_room=room_units > 0,
            is_paused=supplier.is_paused,
            tried_at_ms=habit.tried_at_ms,
        )
        units_max = room_units if habit.portion is None else min(room_units, habit.portion)
        return Candidate(offer, units_max), unit_cost_max

    def _state(self, supplier: SupplierName) -> DeskState | None:
        oldest_s = asyncio.get_running_loop().time() - state_age_max_s
        return self._states.get(supplier) if self._read_at_s.get(supplier, oldest_s) > oldest_s else None

    def _read_once(self, supplier: SupplierName) -> asyncio.Task[None]:
        """One question to a desk at a time, shared by all who want to know."""
        task = self._reading.get(supplier)
        if task is None or task.done():
            self._asked_at_s[supplier] = asyncio.get_running_loop().time()
            task = self._reading[supplier] = asyncio.get_running_loop().create_task(self._read(supplier))
        return task

    async def _read(self, supplier: SupplierName) -> None:
        since = self._coming.moment()
        try:
            state = await self._desks.state(supplier)
        except (NotDone, InDoubt) as away:
            _log.warning("desk_away supplier=%s cause=%s", supplier, away)
            self._states.pop(supplier, None)
            return
        self._states[supplier] = state
        self._read_at_s[supplier] = asyncio.get_running_loop().time()
        open_ = {each.attempt: OpenUnits(each.pool, each.units, each.is_in_doubt) for each in state.open}
        self._coming.told(supplier, since, open_, self._clock.now_ms())


def _balance_units(balance: Money | None, unit_cost: Money) -> int | None:
    """How many units a balance pays for; None where that is not known."""
    if balance is None or balance.currency != unit_cost.currency:
        return None
    return balance.minor // max(1, unit_cost.minor)
