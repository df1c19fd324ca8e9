"""Buyers as storefronts write them: the Python client with its usual retries, and a list of what each was told."""

import threading
import time
from itertools import count

from cardkeep_client import CardkeepError, Client, Hold, Money

#: What a card costs them.
PRICE = Money(100, "CNY")

#: How long a buyer's call may take in all, retries included: longer than a house takes to come back.
_PATIENCE_S = 120.0


class Buyers:
    """One thread a SKU: allocates and confirms, one after the other, and keeps what it was told."""

    def __init__(self, targets: str, skus: list[str], patience_s: float = _PATIENCE_S) -> None:
        self._targets = targets
        self._patience_s = patience_s
        self._is_over = threading.Event()
        self._orders = count()
        self.failures: list[str] = []
        self.bought: dict[str, list[Hold]] = {sku: [] for sku in skus}
        #: When each call began, and how long it took.
        self.calls: list[tuple[float, float]] = []
        self._threads = [threading.Thread(target=self._buy, args=(sku,), daemon=True) for sku in skus]

    def start(self) -> None:
        """Let them buy."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let them finish what they are at."""
        self._is_over.set()
        for thread in self._threads:
            thread.join(2 * self._patience_s)

    def _buy(self, sku: str) -> None:
        with Client(self._targets, channels=1, timeout_s=self._patience_s) as client:
            while not self._is_over.is_set():
                began_s = time.monotonic()
                try:
                    hold = client.allocate(sku, order_ref=f"{sku}/{next(self._orders)}")
                    client.confirm(hold, payment_ref=hold.name, paid_amount=PRICE)
                except CardkeepError as failure:
                    self.failures.append(f"{sku}: {failure}")
                else:
                    self.bought[sku].append(hold)
                self.calls.append((began_s, time.monotonic() - began_s))
