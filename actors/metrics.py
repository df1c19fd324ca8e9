"""Counters of owners and front ends, in each process's own registry. Children are kept, not looked up.

One endpoint per machine gathers all of them (`scrape.py`). Labels never carry orders, users or cards.
"""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from engine.names import PoolName
from engine.stock.events import Event
from engine.stock.looking import shelf_view
from engine.stock.pool import Pool

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)


class OwnerMetrics:
    """What an owner counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._appends = Histogram("cardkeep_append_seconds", "One group append.", buckets=_SECONDS, registry=registry)
        self._events = Histogram("cardkeep_append_events", "Events in one append.", buckets=_SIZES, registry=registry)
        self._pools = Histogram("cardkeep_append_pools", "Pools in one append.", buckets=_SIZES, registry=registry)
        self._happened = Counter("cardkeep_events", "Events by kind.", ["sku", "event"], registry=registry)
        self._fenced = Counter("cardkeep_fenced", "Pools lost to a newer epoch.", ["sku"], registry=registry)
        self._stopped = Counter("cardkeep_stopped", "Pools stopped by a broken invariant.", ["sku"], registry=registry)
        self._recovery = Gauge("cardkeep_recovery_seconds", "Latest recovery.", ["sku"], registry=registry)
        self._cards = Gauge("cardkeep_cards", "Cards by place.", ["sku", "place"], registry=registry)
        self._holds = Gauge("cardkeep_holds_active", "Active holds.", ["sku"], registry=registry)

    def appended(self, pools: int, events: int, seconds: float) -> None:
        """A group was written."""
        self._appends.observe(seconds)
        self._events.observe(events)
        self._pools.observe(pools)

    def happened(self, pool: PoolName, events: Sequence[Event]) -> None:
        """Events became durable."""
        for event in events:
            self._happened.labels(pool.sku, type(event).__name__).inc()

    def fenced(self, pool: PoolName) -> None:
        """A pool was lost to a newer epoch."""
        self._fenced.labels(pool.sku).inc()

    def stopped(self, pool: PoolName) -> None:
        """A pool was stopped by a broken invariant."""
        self._stopped.labels(pool.sku).inc()

    def recovered(self, pool: PoolName, seconds: float) -> None:
        """A pool serves again."""
        self._recovery.labels(pool.sku).set(seconds)

    def stocked(self, pool: Pool) -> None:
        """Where a pool's cards are now."""
        shelf = shelf_view(pool.state, pool.state.last_ms, 0)
        for place in ("available", "on_shelf", "held", "sold", "void"):
            self._cards.labels(pool.state.name.sku, place).set(getattr(shelf, place))
        self._holds.labels(pool.state.name.sku).set(shelf.holds_active)


class FrontMetrics:
    """What a front end counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._requests = Counter("cardkeep_requests", "Calls by end.", ["method", "outcome"], registry=registry)
        self._seconds = Histogram(
            "cardkeep_request_seconds", "Calls by length.", ["method"], buckets=_SECONDS, registry=registry
        )
        self._under_way = Gauge("cardkeep_calls_under_way", "Calls being answered.", registry=registry)
        self._waiting = Gauge("cardkeep_commands_waiting", "Commands waiting for owners.", registry=registry)
        self._imported = Counter("cardkeep_import_lines", "Import lines by end.", ["outcome"], registry=registry)

    def answered(self, method: str, outcome: str, seconds: float) -> None:
        """A call ended."""
        self._requests.labels(method, outcome).inc()
        self._seconds.labels(method).observe(seconds)

    def imported(self, outcome: str, lines: int) -> None:
        """Lines of an import were taken or refused."""
        self._imported.labels(outcome).inc(lines)

    def depth(self, under_way: int, waiting: int) -> None:
        """How much is going on right now."""
        self._under_way.set(under_way)
        self._waiting.set(waiting)
