"""Counters of owners and front ends, in each process's own registry. What is counted at every call or event is a tally.

One endpoint per machine gathers all of them (`scrape.py`). Labels never carry orders, users or cards; only
SKUs, and of those as many as a person can look at: the others are counted together.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Info,
    ProcessCollector,
    disable_created_metrics,
)

from actors.tally import Spread, Tally
from engine.names import PoolName
from engine.stock.events import Answered, Event, HoldConfirmed, HoldExpired, HoldReleased, RefundRaised
from engine.stock.outcomes import HoldState, Reason, Refused, Shelf
from engine.stock.prices import ExpiringLot

_SECONDS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)

#: SKUs an owner names: those of a small house all, of a large one those that something happened to first. A SKU that
#: gets hot gets an owner of its own, and has its name there.
skus_named_max = 200

#: Stands for all SKUs without a name of their own; no SKU is called so.
OTHERS = "(others)"

_ENDS = {
    HoldConfirmed: HoldState.CONFIRMED.value,
    HoldReleased: HoldState.RELEASED.value,
    HoldExpired: HoldState.EXPIRED.value,
}

#: Refusals that kept a card from being sold at a loss.
_NO_LOSS = frozenset((Reason.PRICE_BELOW_COST, Reason.PRICE_BELOW_FLOOR, Reason.COST_UNKNOWN))


class Kept(NamedTuple):
    """A pool's lots that end soon, and how many suggested prices wait there."""

    pool: PoolName
    lots: Sequence[ExpiringLot]
    waiting: int


disable_created_metrics()  # type: ignore[no-untyped-call]


class _ProcessMetrics:
    """What every process tells of itself: CPU, memory, files, version, and whether it reaches the store.

    Two in one process share a registry, and the first tells.
    """

    def __init__(self, registry: CollectorRegistry, first: "_ProcessMetrics | None" = None) -> None:
        self.registry = registry
        self._reachable: Gauge
        if first is not None:
            self._reachable = first._reachable  # noqa: SLF001 - of our own kind
            return
        ProcessCollector(registry=registry)
        Info("cardkeep_build", "The version that runs.", registry=registry).info({"version": version("cardkeep")})
        self._reachable = Gauge("cardkeep_store_reachable", "1 when the store answered just now.", registry=registry)

    def reached_store(self, *, is_reachable: bool) -> None:
        """Whether the store answered when the metrics were asked for."""
        self._reachable.set(is_reachable)


class OwnerMetrics(_ProcessMetrics):
    """What an owner counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)

        def spread(name: str, text: str, bounds: Sequence[float]) -> Spread:
            return Spread(name, text, bounds=bounds, registry=registry)

        def tally(name: str, text: str, *labels: str) -> Tally:
            return Tally(name, text, labels, registry=registry)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, registry=registry)

        self._appends = spread("cardkeep_append_seconds", "Seconds until the store had a group of events.", _SECONDS)
        self._events = spread("cardkeep_append_events", "Events in one group written at once.", _SIZES)
        self._pools = spread("cardkeep_append_pools", "SKUs in one group written at once.", _SIZES)
        self._checks = tally("cardkeep_position_checks", "Groups that wrote nothing and only proved ownership.")
        self._happened = tally("cardkeep_events", "Durable events by kind.", "sku", "event")
        self._ended = tally("cardkeep_holds_ended", "Holds that came to this end; a late sale twice.", "sku", "state")
        self._refunds = tally("cardkeep_refunds_due", "Payments that bought nothing, by why.", "sku", "reason")
        self._fenced = counter("cardkeep_fenced", "Times a newer owner took this SKU over.", "sku")
        self._stopped = counter("cardkeep_stopped", "Times this SKU stopped on a broken law: act on any.", "sku")
        self._recovery = gauge("cardkeep_recovery_seconds", "Seconds the latest opening took, waiting included.", "sku")
        self._states = gauge("cardkeep_pools", "SKUs of this owner by state.", "state")
        self._cards = gauge("cardkeep_cards", "Cards by place; on_shelf = available + withheld.", "sku", "place")
        self._waiting = gauge("cardkeep_waiting_for_cards", "Allocates that wait for cards just now.")
        self._holds = gauge("cardkeep_holds_active", "Holds that are neither paid nor over.", "sku")
        self._no_loss = tally(
            "cardkeep_floor_refusals", "Allocates refused so as not to sell at a loss.", "sku", "reason"
        )
        self._risk = gauge("cardkeep_value_at_risk", "What cards cost that end soon.", "sku", "days", "currency")
        self._ending = gauge("cardkeep_cards_expiring", "Cards on sale that end soon, by step of days.", "sku", "days")
        self._suggested = gauge("cardkeep_suggestions_waiting", "Prices that wait for staff.", "sku")
        self._named: set[str] = set()
        self._tail = gauge("cardkeep_events_since_snapshot", "Events that a restart would replay.", "sku")

    def appended(self, pools: int, events: int, seconds: float) -> None:
        """A group was written; one without events only asked for the position, and says nothing of writing."""
        if not events:
            self._checks.add()
            return
        self._appends.observe(seconds)
        self._events.observe(events)
        self._pools.observe(pools)

    def happened(self, pool: PoolName, events: Sequence[Event]) -> None:
        """Events became durable."""
        times_by_kind: dict[type[Event], int] = {}
        for event in events:
            kind = type(event)
            times_by_kind[kind] = times_by_kind.get(kind, 0) + 1
        sku = self._name(pool)
        for kind, times in times_by_kind.items():
            self._happened.add((sku, kind.__name__), times)
            if kind in _ENDS:
                self._ended.add((sku, _ENDS[kind]), times)
        if Answered in times_by_kind:
            for event in events:
                if type(event) is Answered and type(event.outcome) is Refused and event.outcome.reason in _NO_LOSS:
                    self._no_loss.add((sku, str(event.outcome.reason)))
        if RefundRaised in times_by_kind:
            for event in events:
                if isinstance(event, RefundRaised):
                    self._refunds.add((sku, str(event.reason or "")))

    def fenced(self, pool: PoolName) -> None:
        """A pool was lost to a newer epoch."""
        self._fenced.labels(self._name(pool)).inc()

    def stopped(self, pool: PoolName) -> None:
        """A pool was stopped by a broken invariant: its name is told in any case."""
        self._stopped.labels(pool.sku).inc()

    def recovered(self, pool: PoolName, seconds: float) -> None:
        """A pool serves again. What may come to it is counted from 0, so that the first time is seen to happen."""
        sku = self._name(pool, at_most=skus_named_max // 2)
        self._recovery.labels(sku).set(seconds)
        self._fenced.labels(sku)
        self._stopped.labels(sku)
        for state in _ENDS.values():
            self._ended.add((sku, state), 0)

    def left(self, pool: PoolName) -> None:
        """A pool is not here any more; another may be named instead of it."""
        self._named.discard(pool.sku)

    def hosts(
        self, by_state: Mapping[str, int], serving: Sequence[tuple[PoolName, Shelf, int]], waiting: int = 0
    ) -> None:
        """What the owner has now: pools by state, those that serve with their events since the snapshot, who waits.

        What it had before is forgotten: a pool that moved away is counted by its new owner.
        """
        for gauge in (self._cards, self._holds, self._tail):
            gauge.clear()
        self._waiting.set(waiting)
        for state, pools in by_state.items():
            self._states.labels(state).set(pools)
        for pool, shelf, events in serving:
            sku = pool.sku if pool.sku in self._named else OTHERS
            for place in ("available", "on_shelf", "held", "sold", "void"):
                self._cards.labels(sku, place).inc(getattr(shelf, place))
            self._cards.labels(sku, "withheld").inc(shelf.on_shelf - shelf.available)
            self._holds.labels(sku).inc(shelf.holds_active)
            self._tail.labels(sku).inc(events)

    def keeps(self, kept: Sequence[Kept]) -> None:
        """What the owner's pools have that ends soon, and what waits for staff; SKUs without either are left out."""
        for gauge in (self._risk, self._ending, self._suggested):
            gauge.clear()
        for pool, lots, waiting in kept:
            sku = pool.sku if pool.sku in self._named else OTHERS
            for days, lapse, _ in lots:
                self._ending.labels(sku, str(days)).inc(lapse.cards)
                if lapse.at_risk is not None:
                    self._risk.labels(sku, str(days), lapse.at_risk.currency).inc(lapse.at_risk.minor)
            if waiting:
                self._suggested.labels(sku).inc(waiting)

    def _name(self, pool: PoolName, at_most: int = skus_named_max) -> str:
        """What a pool is called here: by its SKU while there is room for one more name."""
        if pool.sku not in self._named:
            if len(self._named) >= at_most:
                return OTHERS
            self._named.add(pool.sku)
        return pool.sku


class FrontMetrics(_ProcessMetrics):
    """What a front end counts; `owner` is the one it shares its process with, if it does."""

    def __init__(self, registry: CollectorRegistry, owner: OwnerMetrics | None = None) -> None:
        super().__init__(registry, owner)
        self._requests = Tally(
            "cardkeep_requests", "Calls by end: OK, CANCELLED or a reason.", ["method", "outcome"], registry=registry
        )
        self._seconds = Spread(
            "cardkeep_request_seconds",
            "Seconds from a call's arrival to its answer.",
            ["method"],
            bounds=_SECONDS,
            registry=registry,
        )
        self._under_way = Gauge("cardkeep_calls_under_way", "Calls without an answer yet.", registry=registry)
        self._waiting = Gauge("cardkeep_commands_waiting", "Commands that owners have not answered.", registry=registry)
        self._imported = Counter(
            "cardkeep_import_lines", "Lines of imports: accepted, or why not.", ["outcome"], registry=registry
        )

    def answered(self, method: str, outcome: str, seconds: float) -> None:
        """A call ended."""
        self._requests.add((method, outcome))
        self._seconds.observe(seconds, (method,))

    def imported(self, outcome: str, lines: int) -> None:
        """Lines of an import were taken or refused."""
        self._imported.labels(outcome).inc(lines)

    def depth(self, under_way: int, waiting: int) -> None:
        """How much is going on right now."""
        self._under_way.set(under_way)
        self._waiting.set(waiting)


class HistoryMetrics(_ProcessMetrics):
    """What the archivist's process counts of the history it writes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self._rows = Counter(
            "cardkeep_history_rows", "Rows of history written, by table.", ["table"], registry=registry
        )
        self._failures = Counter(
            "cardkeep_history_failures", "Times history could not be written: folds are put off.", registry=registry
        )

    def wrote(self, rows_by_table: Mapping[str, int]) -> None:
        """Rows are on disk."""
        for table, rows in rows_by_table.items():
            self._rows.labels(table).inc(rows)

    def failed(self) -> None:
        """History could not be written, and a fold was put off."""
        self._failures.inc()
