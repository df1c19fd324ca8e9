"""From whom to buy: the suppliers of one SKU in the order of trying them.

Formula. A supplier is left out while its breaker is open, its exposure full, its stock or balance known to be too
small, its cost above what the purchase may cost, or staff say so. The others are ranked by priority, the lowest number
first; within a priority by

    score = weight × P × speed × (cheapest ÷ cost)²

    P      = (successes + 3.6) ÷ (purchases + 4) of its last 100: nine in ten until it has shown otherwise
    speed  = 1 ÷ (1 + latency ÷ 2,000 ms), latency being the median of its last 100 successes, 500 ms when it has none
    cost   = landed cost of a unit: price, fees, and the exchange at its dated rate

So a supplier that fails one time in two is worth half; one that takes two seconds where another takes none, half; one
that is 10 % dearer, 83 %. Each 20th purchase goes first to the one that was tried longest ago, so that what was judged
then is judged again.

Source: the Hyperswitch Decision Engine ranks gateways by success rate over a bucket of payments, hedges a share of them
elsewhere, and takes slow answers into account.
"""

from collections import deque
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from engine.names import SupplierName

purchases_seen_max = 100
prior_purchases = 4.0
prior_successes = 3.6
latency_prior_ms = 500.0
latency_half_ms = 2_000.0
explore_every = 20


class Record:
    """How one supplier did for one SKU: its last purchases."""

    def __init__(self) -> None:
        self._successes: deque[bool] = deque(maxlen=purchases_seen_max)
        self._latencies_ms: deque[int] = deque(maxlen=purchases_seen_max)

    def note(self, *, is_success: bool, latency_ms: int) -> None:
        """A purchase ended."""
        self._successes.append(is_success)
        if is_success:
            self._latencies_ms.append(latency_ms)

    @property
    def success_rate(self) -> float:
        """P of the formula."""
        return (sum(self._successes) + prior_successes) / (len(self._successes) + prior_purchases)

    @property
    def successes(self) -> int:
        """How many succeeded."""
        return len(self._latencies_ms)

    @property
    def latency_usual_ms(self) -> float:
        """What 95 of 100 of its successes did not exceed."""
        ordered = sorted(self._latencies_ms)
        return ordered[(95 * len(ordered) - 1) // 100] if ordered else latency_prior_ms

    @property
    def latency_ms(self) -> float:
        """The median of its successes."""
        return median(self._latencies_ms) if self._latencies_ms else latency_prior_ms


class Offer(NamedTuple):
    """A supplier as it stands for one SKU. Costs are of a unit, landed, in minor units of the SKU's cost currency.

    `stock` and `balance_units` (how many units its balance pays for) are None where nobody knows.
    `tried_at_ms` is when it was last asked for this SKU.
    """

    supplier: SupplierName
    unit_cost_minor: int
    record: Record
    priority: int = 0
    weight: float = 1.0
    stock: int | None = None
    balance_units: int | None = None
    is_closed: bool = True
    has_room: bool = True
    is_paused: bool = False
    tried_at_ms: int = 0


class Wish(NamedTuple):
    """What is to be bought: so many units, each for at most so much; the how-manieth purchase of its SKU it is."""

    quantity: int
    unit_cost_max_minor: int
    number: int


def excluded_for(offer: Offer, wish: Wish) -> str:
    """Why a supplier is left out; empty when it is not. For the page where staff look."""
    faults = {
        "PAUSED": offer.is_paused,
        "BREAKER_OPEN": not offer.is_closed,
        "EXPOSURE_FULL": not offer.has_room,
        "OUT_OF_STOCK": offer.stock is not None and offer.stock < wish.quantity,
        "OUT_OF_BALANCE": offer.balance_units is not None and offer.balance_units < wish.quantity,
        "TOO_DEAR": offer.unit_cost_minor > wish.unit_cost_max_minor,
    }
    return next((reason for reason, is_so in faults.items() if is_so), "")


def score(offer: Offer, cheapest_minor: int) -> float:
    """What a supplier is worth beside the cheapest; see the formula."""
    speed = 1 / (1 + offer.record.latency_ms / latency_half_ms)
    dearness = max(1, cheapest_minor) / max(1, offer.unit_cost_minor)
    return offer.weight * offer.record.success_rate * speed * dearness**2


def ranked(offers: Sequence[Offer], wish: Wish) -> Sequence[Offer]:
    """Whom to ask, the best first; nobody when all are left out. Equals keep the order of their names."""
    able = [offer for offer in offers if not excluded_for(offer, wish)]
    if not able:
        return []
    cheapest = min(offer.unit_cost_minor for offer in able)
    order = sorted(able, key=lambda offer: (offer.priority, -score(offer, cheapest), offer.supplier))
    if wish.number % explore_every == explore_every - 1:
        longest_ago = min(order, key=lambda offer: (offer.tried_at_ms, offer.supplier))
        order.sort(key=lambda offer: offer is not longest_ago)
    return order
