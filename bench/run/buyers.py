"""Buyers as storefronts write them: the Python client with its usual retries, and a list of what each was told."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count

from cardkeep_client import CardkeepError, Client, Hold, Money, new_request_id

from bench.audit import UNKNOWN, Call
from bench.load.plan import Closed, Journeys, Plan, Skus
from bench.run.testimony import Told, told_by_client, told_by_failure, wall_clock_ahead_ms

#: What a card costs them.
PRICE = Money(100, "CNY")

#: How long a buyer's call may take in all, retries included: longer than a house takes to come back.
_PATIENCE_S = 120.0

#: A buyer makes two calls, and looks whether it is over; in the time of three, one that has not ended hangs.
_CALLS_AND_ONE = 3

_FOREVER = float("inf")


class Buyers:
    """One thread a SKU: allocates and confirms, one after the other, and keeps what it was told.

    A call is all of its tries, which have one id: it was sent when the first was, and answered when the last was.
    """

    #: Of all buyers there are, since whoever places an order again gets its old hold.
    _orders = count()

    def __init__(self, targets: str, skus: list[str], patience_s: float = _PATIENCE_S) -> None:
        self._targets = targets
        self._patience_s = patience_s
        self._is_over = threading.Event()
        self._wall_ahead_ms = wall_clock_ahead_ms()
        self._heard: list[Call] = []
        self.failures: list[str] = []
        self.bought: dict[str, list[Hold]] = {sku: [] for sku in skus}
        #: When each purchase began, in monotonic seconds, and how long it took.
        self.purchases: list[tuple[float, float]] = []
        self._ends: dict[str, Future[None]] = {sku: Future() for sku in skus}

    @property
    def plan(self) -> Plan:
        """What they do, for whoever asks again."""
        skus = Skus(tuple(self.bought))
        paying = Journeys(
            skus, confirm=1.0, release=0.0, expire=0.0, unit_price_minor=PRICE.minor, currency=PRICE.currency
        )
        return Plan(paying, Closed(in_flight=1))

    def heard(self) -> list[Call]:
        """What they were told until now, call by call, failures too."""
        return list(self._heard)

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
                    hold = self._buy_one(client, sku, f"{sku}/{next(self._orders)}")
                except CardkeepError as failure:
                    self.failures.append(f"{sku}: {failure}")
                else:
                    self.bought[sku].append(hold)
                self.purchases.append((began_s, time.monotonic() - began_s))

    def _buy_one(self, client: Client, sku: str, order: str) -> Hold:
        """Returns the hold that was sold, as it was before. Raises CardkeepError."""

        def allocate(request_id: str) -> Hold:
            return client.allocate(sku, order_ref=order, request_id=request_id)

        hold = self._ask(("allocate", f"tenants/default/skus/{sku}", order), allocate)

        def confirm(request_id: str) -> Hold:
            sale = client.confirm(hold, payment_ref=hold.name, paid_amount=PRICE, request_id=request_id)
            return sale.hold

        self._ask(("confirm", hold.name, hold.name), confirm)
        return hold

    def _ask(self, about: tuple[str, str, str], ask: Callable[[str], Hold]) -> Hold:
        """Make a call (its kind, subject and ref) under a new id, and write down what came. Raises CardkeepError."""
        kind, subject, ref = about
        request_id, sent_ms = new_request_id(), self._now_ms()

        def write_down(told: Told) -> None:
            answered_ms = _FOREVER if told.answer in UNKNOWN else self._now_ms()
            self._heard.append(Call(kind, request_id, subject, ref, sent_ms, answered_ms, *told))

        try:
            hold = ask(request_id)
        except CardkeepError as failure:
            write_down(told_by_failure(failure))
            raise
        write_down(told_by_client(hold))
        return hold

    def _now_ms(self) -> float:
        return time.monotonic_ns() / 1e6 + self._wall_ahead_ms
