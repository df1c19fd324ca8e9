"""What a refill counts. SKUs are not named: there may be ten thousand."""

from prometheus_client import CollectorRegistry

from actors.tally import Spread, Tally
from engine.names import SupplierName

_DECISION_SECONDS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
_PURCHASE_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0)


class RefillMetrics:
    """One refill's."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._failovers = Spread(
            "cardkeep_failover_decision_seconds",
            "Seconds from when a refusal, doubt or lateness is known at its desk to when the next supplier is asked.",
            bounds=_DECISION_SECONDS,
            registry=registry,
        )
        self._choices = Spread(
            "cardkeep_failover_choice_seconds",
            "The same, from when it is known here: without the answer's way from its desk.",
            bounds=_DECISION_SECONDS,
            registry=registry,
        )
        self._purchases = Tally("cardkeep_purchases", "Purchases by end.", ["supplier", "standing"], registry=registry)
        self._seconds = Spread(
            "cardkeep_purchase_seconds",
            "Seconds from asking a desk to its answer.",
            ["supplier"],
            bounds=_PURCHASE_SECONDS,
            registry=registry,
        )
        self._hedged = Tally(
            "cardkeep_purchases_late", "Purchases passed over as late.", ["supplier"], registry=registry
        )
        self._looks = Tally("cardkeep_shelf_looks", "Looks at shelves.", registry=registry)
        self._unsold = Tally("cardkeep_refills_unmet", "Times nobody could sell what was wanted.", registry=registry)

    def failed_over(self, since_desk_s: float, since_here_s: float) -> None:
        """Another supplier was asked in place of one that failed, so long after its desk knew, and the refill."""
        self._failovers.observe(since_desk_s)
        self._choices.observe(since_here_s)

    def bought(self, supplier: SupplierName, standing: str, seconds: float) -> None:
        """A desk answered."""
        self._purchases.add((supplier.supplier, standing))
        self._seconds.observe(seconds, (supplier.supplier,))

    def late(self, supplier: SupplierName) -> None:
        """A purchase was passed over."""
        self._hedged.add((supplier.supplier,))

    def looked(self) -> None:
        """A shelf was looked at."""
        self._looks.add()

    def unmet(self) -> None:
        """Nobody could sell."""
        self._unsold.add()
