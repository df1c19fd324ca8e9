"""What a supplier's desk counts. Labels never carry attempts, accounts or codes; the process is the supplier's own."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from engine.supply.attempts import Dispute, Standing
from engine.supply.ledger import Ledger

_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0)
_APPEND_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)


class DeskMetrics:
    """One desk's counters, in a registry of its own."""

    def __init__(self, supplier: str) -> None:
        self.registry = CollectorRegistry()
        self._supplier = supplier

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, ["supplier", *labels], registry=self.registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, ["supplier", *labels], registry=self.registry)

        def spread(name: str, text: str, bounds: Sequence[float]) -> Histogram:
            return Histogram(name, text, ["supplier"], buckets=bounds, registry=self.registry)

        self._ended = counter("cardkeep_desk_purchases", "Purchases by how they stood when asked first.", "standing")
        self._not_asked = counter("cardkeep_desk_not_asked", "Purchases that were not made, by why.", "why")
        self._answered = spread("cardkeep_desk_order_seconds", "Seconds a supplier took for an order.", _SECONDS)
        self._appended = spread("cardkeep_desk_append_seconds", "Seconds until the store had events.", _APPEND_SECONDS)
        self._disputes = counter("cardkeep_desk_disputes", "Disputes that a person has to settle.", "dispute")
        self._open = gauge("cardkeep_desk_open", "Purchases that may still cost something.", "standing")
        self._waiting = gauge("cardkeep_desk_deliveries_waiting", "Purchases delivered and not all in stock.")
        self._tasks = gauge("cardkeep_desk_tasks", "Disputes and differences that nobody has dealt with.")
        self._exposure = gauge("cardkeep_desk_exposure_minor", "What open purchases may cost, in minor units.")
        self._balance = gauge("cardkeep_desk_balance_minor", "What is left to buy for, in minor units.")
        self._closed = gauge("cardkeep_desk_breaker_closed", "1 when purchases go out freely.")

    def ended(self, standing: Standing, seconds: float) -> None:
        """A supplier has answered an order, or had the time to."""
        self._ended.labels(self._supplier, standing.value).inc()
        self._answered.labels(self._supplier).observe(seconds)

    def not_asked(self, why: str) -> None:
        """A purchase was not made."""
        self._not_asked.labels(self._supplier, why).inc()

    def appended(self, _books: int, events: int, seconds: float) -> None:
        """A group was written; one without events says nothing of writing."""
        if events:
            self._appended.labels(self._supplier).observe(seconds)

    def disputed(self, dispute: Dispute) -> None:
        """A person has to look at something."""
        self._disputes.labels(self._supplier, dispute.value).inc()

    def stands(self, ledger: Ledger, *, tasks: int, is_closed: bool, balance_minor: int | None) -> None:
        """How things are now."""
        for standing in (Standing.BEGUN, Standing.PENDING, Standing.IN_DOUBT):
            count = sum(1 for entry in ledger.open.values() if entry.standing is standing)
            self._open.labels(self._supplier, standing.value).set(count)
        self._waiting.labels(self._supplier).set(len(ledger.waiting))
        self._tasks.labels(self._supplier).set(tasks)
        self._exposure.labels(self._supplier).set(ledger.exposure.minor)
        self._closed.labels(self._supplier).set(is_closed)
        if balance_minor is not None:
            self._balance.labels(self._supplier).set(balance_minor)
