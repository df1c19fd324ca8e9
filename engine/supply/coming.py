"""What is on its way to each shelf: purchases that were asked for, by whom, and how far they are counted on.

Rules.
1. A purchase counts from the moment it is decided on, and until its units are on the shelf or it came to nothing.
2. One that is passed over as late, or in doubt, does not count: it may never come.
3. A look at a shelf takes time. What ends while somebody looks counts in that look still: its units may not have been
   there yet. So a look may count some units twice, and buy too little for a moment; it never buys too much. What came
   to nothing is forgotten at once.
4. A desk's word on what is open replaces ours, but for what has happened since it was asked.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from enum import Enum
from typing import NamedTuple

from engine.names import PoolName, SupplierName
from engine.supply.attempts import Attempt, AttemptId


class Stage(Enum):
    """How far a purchase is."""

    #: Its desk has been asked and has not answered.
    ASKED = "ASKED"
    #: The same, for longer than usual: passed over.
    LATE = "LATE"
    #: The supplier works on it, or it is delivered and not yet on the shelf.
    PENDING = "PENDING"
    #: The same, for too long: passed over.
    SLOW = "SLOW"
    IN_DOUBT = "IN_DOUBT"
    #: What it brought is on the shelf.
    SETTLED = "SETTLED"


COUNTED = frozenset((Stage.ASKED, Stage.PENDING))
UNDER_WAY = frozenset((Stage.ASKED, Stage.LATE))
PASSED_OVER = frozenset((Stage.LATE, Stage.SLOW))
_ANSWERED = frozenset((Stage.PENDING, Stage.SLOW, Stage.IN_DOUBT))

Moment = int
"""What happened later has the higher one."""


class Purchase(NamedTuple):
    """One purchase as it stands since `at`, by the clock since `at_ms`.

    `cost_minor` is what it may cost at most, in its supplier's currency.
    """

    supplier: SupplierName
    units: int
    cost_minor: int
    stage: Stage
    at: Moment
    at_ms: int


class OpenUnits(NamedTuple):
    """A purchase as its desk has it."""

    pool: PoolName
    units: int
    is_in_doubt: bool


class Coming:
    """See above, for the shelves of one refill."""

    def __init__(self) -> None:
        self._now: Moment = 0
        self._watched: frozenset[PoolName] = frozenset()
        self._purchases: dict[PoolName, dict[AttemptId, Purchase]] = {}
        #: Whose desks have not answered, by supplier.
        self._under_way: dict[SupplierName, dict[AttemptId, Purchase]] = {}
        self._told: dict[SupplierName, frozenset[AttemptId]] = {}

    def moment(self) -> Moment:
        """Now: what a look or a question to a desk is as old as."""
        self._now += 1
        return self._now

    def watch(self, pools: Iterable[PoolName]) -> None:
        """Count for these shelves from now on, and forget the others, but for what is under way there."""
        self._watched = frozenset(pools)
        for pool in [pool for pool in self._purchases if pool not in self._watched]:
            self._keep(pool, lambda purchase: purchase.stage in UNDER_WAY)

    def asked(self, attempt: Attempt, supplier: SupplierName, now_ms: int) -> None:
        """A purchase was decided on."""
        purchase = Purchase(supplier, attempt.quantity, attempt.cost_max.minor, Stage.ASKED, self.moment(), now_ms)
        self._purchases.setdefault(attempt.pool, {})[attempt.attempt] = purchase
        self._under_way.setdefault(supplier, {})[attempt.attempt] = purchase

    def became(self, attempt: Attempt, stage: Stage, units: int, now_ms: int) -> None:
        """A purchase that was under way is further, and brings or brought so many units; none: it is forgotten."""
        purchases, name = self._purchases[attempt.pool], attempt.attempt
        if stage not in UNDER_WAY:
            del self._under_way[purchases[name].supplier][name]
        if units:
            purchases[name] = purchases[name]._replace(stage=stage, units=units, at=self.moment(), at_ms=now_ms)
        else:
            del purchases[name]

    def told(self, supplier: SupplierName, since: Moment, open_: Mapping[AttemptId, OpenUnits], now_ms: int) -> None:
        """A desk that was asked at `since` has these open."""
        self._told[supplier] = frozenset(open_)
        now = self.moment()
        for purchases in self._purchases.values():
            for attempt, purchase in purchases.items():
                is_over = purchase.stage in _ANSWERED and purchase.at < since
                if is_over and purchase.supplier == supplier and attempt not in open_:
                    purchases[attempt] = purchase._replace(stage=Stage.SETTLED, at=now)
        for attempt, (pool, units, is_in_doubt) in open_.items():
            known = self._purchases.get(pool, {}).get(attempt)
            stage = Stage.IN_DOUBT if is_in_doubt else Stage.PENDING
            if pool in self._watched and (known is None or _is_news(known, stage, since)):
                self._purchases.setdefault(pool, {})[attempt] = Purchase(supplier, units, 0, stage, now, now_ms)

    def pending_before(self, pool: PoolName, before_ms: int) -> list[tuple[AttemptId, int]]:
        """What has been pending since before that moment, and its units."""
        return [
            (attempt, purchase.units)
            for attempt, purchase in self._purchases.get(pool, {}).items()
            if purchase.stage is Stage.PENDING and purchase.at_ms < before_ms
        ]

    def pass_over(self, pool: PoolName, attempt: AttemptId) -> None:
        """Count no longer on what is pending."""
        purchases = self._purchases[pool]
        purchases[attempt] = purchases[attempt]._replace(stage=Stage.SLOW, at=self.moment())

    def on_the_way(self, pool: PoolName, since: Moment) -> int:
        """Units that a look begun at `since` counts on."""
        return sum(
            purchase.units
            for purchase in self._purchases.get(pool, {}).values()
            if purchase.stage in COUNTED or (purchase.stage is Stage.SETTLED and purchase.at > since)
        )

    def forget_before(self, pool: PoolName, since: Moment) -> None:
        """No look older than this is of interest any more."""
        if pool in self._purchases:
            self._keep(pool, lambda purchase: purchase.stage is not Stage.SETTLED or purchase.at > since)

    def count(self, pool: PoolName, stages: Collection[Stage]) -> tuple[int, int]:
        """How many purchases of a shelf are so far, and their units."""
        units = [purchase.units for purchase in self._purchases.get(pool, {}).values() if purchase.stage in stages]
        return len(units), sum(units)

    def suppliers_at(self, pool: PoolName, stages: Collection[Stage]) -> frozenset[SupplierName]:
        """Whose purchases for a shelf are so far."""
        purchases = self._purchases.get(pool, {}).values()
        return frozenset(purchase.supplier for purchase in purchases if purchase.stage in stages)

    def untold_at(self, supplier: SupplierName) -> tuple[int, int]:
        """Units, and what they may cost, that are under way at a supplier whose desk has not told of them yet."""
        told = self._told.get(supplier, frozenset())
        under_way = self._under_way.get(supplier, {})
        untold = [purchase for attempt, purchase in under_way.items() if attempt not in told]
        return sum(purchase.units for purchase in untold), sum(purchase.cost_minor for purchase in untold)

    def _keep(self, pool: PoolName, is_kept: Callable[[Purchase], bool]) -> None:
        kept = {attempt: purchase for attempt, purchase in self._purchases[pool].items() if is_kept(purchase)}
        if kept:
            self._purchases[pool] = kept
        else:
            del self._purchases[pool]


def _is_news(known: Purchase, stage: Stage, since: Moment) -> bool:
    """Whether a desk that was asked at `since` knows better than we that a purchase stands so."""
    if known.stage in UNDER_WAY or known.at >= since:
        return False
    return known.stage is not stage and not (known.stage is Stage.SLOW and stage is Stage.PENDING)
