"""Buyers as storefronts write them: the Python client with its usual retries, and a list of what each was told."""

import threading
import time
from concurrent.futures import Future
from itertools import count

from cardkeep_client import CardkeepError, Client, Hold, Money

#: What a card costs them.
PRICE = Money(100, "CNY")

#: How long a buyer's call may take in all, retries included: longer than a house takes to come back.
_PATIENCE_S = 120.0

#: A buyer makes two calls, and looks whether it is over; in the time of three, one that has not ended hangs.
_CALLS_AND_ONE = 3


class Buyers:
    """One thread a SKU: allocates and confirms, one after the other, and keeps what it was told."""

    #: Of all buyers there are, since whoever places an order again gets its old hold.
    _orders = count()

    def __init__(self, targets: str, skus: list[str], patience_s: float = _PATIENCE_S) -> None:
        self._targets = targets
        self._patience_s = patience_s
        self._is_over = threading.Event()
        self.failures: list[str] = []
        self.bought: dict[str, list[Hold]] = {sku: [] for sku in skus}
        #: When each call began, and how long it took.
        self.calls: list[tuple[float, float]] = []
        self._ends: dict[str, Future[None]] = {sku: Future() for sku in skus}

    def start(self) -> None:
        """Let them buy."""
        # Daemons, unlike the threads of an executor: a run that fails elsewhere does not wait for them.
        for sku in self._ends:
            threading.Thread(target=self._buy_and_tell, args=(sku,), daemon=True).start()

    def stop(self) -> None:
        """Let them finish what they are at. Raises what ended one of them before, and TimeoutError when one hangs."""
        self._is_over.set()
        for end in self._ends.values():
            end.result(_CALLS_AND_ONE * self._patience_s)

    def _buy_and_tell(self, sku: str) -> None:
        try:
            self._buy(sku)
        except BaseException as failure:  # noqa: BLE001 - whatever it is, `stop` raises it
            self._ends[sku].set_exception(failure)
        else:
            self._ends[sku].set_result(None)

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
