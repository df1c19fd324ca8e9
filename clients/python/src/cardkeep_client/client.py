"""The client for ordinary code: a call blocks until there is an answer, a refusal or a doubt. Threads may share it."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar, Unpack

import grpc
from google.protobuf.message import Message

from cardkeep_client.allocation_calls import AllocationCalls, name_of
from cardkeep_client.channels import Habits
from cardkeep_client.errors import CardkeepError
from cardkeep_client.importing import CHUNK_ROWS, Importing
from cardkeep_client.journeys import Retry
from cardkeep_client.pricing import Pricing
from cardkeep_client.reports import Wish
from cardkeep_client.request_ids import new_request_id
from cardkeep_client.results import Availability, Confirmed, Hold, LatePolicy, Money, Principal, Replaced
from cardkeep_client.sender import Sender
from cardkeep_client.stock_calls import StockCalls, named, whole_recall
from cardkeep_client.stock_results import (
    Batch,
    ImportProgress,
    ImportReport,
    Owner,
    Pool,
    Recalled,
    Sku,
    SkuAudit,
    Status,
    Withdrawn,
)
from cardkeep_client.wishes import Allocate, Confirm, ImportRow, ImportSource, Release, SkuTerms

Answer = TypeVar("Answer")


class Client(Sender):
    """Talks to Cardkeep at `target` (`host:port`, or `unix:path`). Close it, or use it in a `with`.

    `tenant` is put before bare SKU ids. `channels` connections share the load. `timeout_s` bounds each call,
    retries included, unless the call says otherwise. `metadata` goes with every call (tokens);
    `credentials` turn on TLS.

    Every method raises a `CardkeepError`; its class tells whether it happened, see `cardkeep_client.errors`.
    Writes make a request_id by themselves. Give one of your own (`new_request_id()`) and store it before the
    call if your process may die in the middle: the same id later gets the same answer.
    """

    def __init__(
        self,
        target: str,
        *,
        tenant: str = "default",
        channels: int = 4,
        timeout_s: float = 10.0,
        retry: Retry | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        metadata: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._tenant = tenant
        self._sales, self._stock = AllocationCalls(tenant), StockCalls(tenant)
        #: Prices, rules, suggestions, clearances.
        self.pricing = Pricing(tenant, self._send, self._pages)
        super().__init__(target, channels, Habits(timeout_s, retry or Retry(), tuple(metadata)), credentials)

    def allocate(
        self,
        sku: str,
        quantity: int = 1,
        *,
        order_ref: str,
        hold_for: timedelta | None = None,
        principal: Principal | None = None,
        min_remaining_life: timedelta | None = None,
        expected_unit_price: Money | None = None,
        allow_partial: bool = False,
        channel: str = "",
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Hold:
        """Set `quantity` cards of a SKU aside for your order `order_ref` (one hold per order and SKU, for ever).

        `hold_for` defaults to the SKU's. `min_remaining_life` refuses cards that end too soon. With
        `expected_unit_price` a changed price is refused. All or none, unless `allow_partial`.
        Raises OutOfStock, LimitReached, WrongState (paused, price changed), AlreadyExists (order has a hold).
        """
        wish = Allocate(
            sku=sku,
            order_ref=order_ref,
            quantity=quantity,
            hold_for=hold_for,
            principal=principal,
            min_remaining_life=min_remaining_life,
            expected_unit_price=expected_unit_price,
            allow_partial=allow_partial,
            channel=channel,
            request_id=request_id or new_request_id(),
        )
        return self._send(self._sales.allocate(wish), timeout_s)

    def confirm(
        self,
        hold: str | Hold,
        *,
        payment_ref: str,
        paid_amount: Money | None = None,
        quantity: int = 0,
        late_policy: LatePolicy = LatePolicy.STRICT,
        late_window: timedelta | None = None,
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Confirmed:
        """Sell a hold whose money has arrived, and get the codes. `quantity` 0 sells all of it.

        `paid_amount` must be unit price × quantity when the hold has a price. With REACQUIRE a payment up to
        `late_window` after the hold's end takes fresh cards. The same `payment_ref` again gets the same cards.
        Raises WrongState (expired, released, amount wrong, already confirmed), OutOfStock (paid too late,
        nothing left), CardUnreadable. When `error.refund_due`, the payment bought nothing: pay it back.
        """
        wish = Confirm(
            hold=name_of(hold),
            payment_ref=payment_ref,
            paid_amount=paid_amount,
            quantity=quantity,
            late_policy=late_policy,
            late_window=late_window,
            request_id=request_id or new_request_id(),
        )
        return self._send(self._sales.confirm(wish), timeout_s)

    def release(self, hold: str | Hold, *, request_id: str | None = None, timeout_s: float | None = None) -> Hold:
        """Give a hold back. One that was released or has expired before is success. Raises WrongState if sold."""
        wish = Release(hold=name_of(hold), request_id=request_id or new_request_id())
        return self._send(self._sales.release(wish), timeout_s)

    def extend(
        self, hold: str | Hold, hold_for: timedelta, *, request_id: str | None = None, timeout_s: float | None = None
    ) -> Hold:
        """Keep a hold until at least `hold_for` from now; never shortens it. Raises WrongState if it has ended."""
        return self._send(self._sales.extend(hold, hold_for, request_id or new_request_id()), timeout_s)

    def get_hold(
        self,
        hold: str | Hold | None = None,
        *,
        sku: str | None = None,
        order_ref: str | None = None,
        timeout_s: float | None = None,
    ) -> Hold:
        """Look at a hold: by name, or by `sku` and `order_ref`. What to do after OutcomeUnknown. Raises NotFound."""
        return self._send(self._sales.get_hold(hold, sku, order_ref), timeout_s)

    def allocate_many(
        self, wishes: Sequence[Allocate], *, timeout_s: float | None = None
    ) -> list[Hold | CardkeepError]:
        """Up to 1,000 allocates over any SKUs; one hold or error per wish, in their order. Raises if none has one."""
        return self._send_many(self._sales.allocate_many(wishes), timeout_s)

    def confirm_many(
        self, wishes: Sequence[Confirm], *, timeout_s: float | None = None
    ) -> list[Confirmed | CardkeepError]:
        """Up to 1,000 confirms; one sale or error per wish, in their order. Raises if none has one."""
        return self._send_many(self._sales.confirm_many(wishes), timeout_s)

    def release_many(self, wishes: Sequence[Release], *, timeout_s: float | None = None) -> list[Hold | CardkeepError]:
        """Up to 1,000 releases; one hold or error per wish, in their order. Raises if none has one."""
        return self._send_many(self._sales.release_many(wishes), timeout_s)

    def availability(
        self,
        sku: str,
        *,
        min_remaining_life: timedelta | None = None,
        channel: str = "",
        timeout_s: float | None = None,
    ) -> Availability:
        """How many cards could be had now, and for how much. A look, not a promise."""
        return self._send(self._sales.availability(sku, min_remaining_life, channel), timeout_s)

    def create_sku(
        self, sku: str, *, request_id: str | None = None, timeout_s: float | None = None, **terms: Unpack[SkuTerms]
    ) -> Sku:
        """Put a new SKU on sale under `terms` (see `SkuTerms`). Raises AlreadyExists."""
        return self._send(self._stock.create_sku(sku, terms, request_id or new_request_id()), timeout_s)

    def update_sku(
        self, sku: str, *, request_id: str | None = None, timeout_s: float | None = None, **terms: Unpack[SkuTerms]
    ) -> Sku:
        """Change exactly the given terms of a SKU; None sets one back to its default. Holds keep their price."""
        return self._send(self._stock.update_sku(sku, terms, request_id or new_request_id()), timeout_s)

    def get_sku(self, sku: str, *, timeout_s: float | None = None) -> Sku:
        """The terms of a SKU. Raises NotFound."""
        return self._send(self._stock.get_sku(sku), timeout_s)

    def list_skus(self, *, timeout_s: float | None = None) -> list[Sku]:
        """All SKUs of the tenant, by name."""
        return [row for page in self._pages(self._stock.list_skus, timeout_s) for row in page]

    def import_cards(
        self,
        sku: str,
        rows: Iterable[ImportRow | str],
        *,
        import_id: str,
        source: str = "",
        unit_cost: Money | None = None,
        landed_unit_cost: Money | None = None,
        expire_time: datetime | None = None,
        importer: str = "",
        chunk_rows: int = CHUNK_ROWS,
        on_progress: Callable[[ImportProgress], None] | None = None,
        timeout_s: float | None = None,
    ) -> ImportReport:
        """Import one batch of cards (rows, or bare codes) while the sale goes on; no time limit by default.

        Broken off, it resumes: call it again with the same `import_id` (a hash of the file is a good one), the
        same rows and the same `chunk_rows`. Lines that cannot be taken are in the report; they stop nothing.
        Raises WrongState (import complete, wrong cost currency), NotFound (create the SKU first), OutcomeUnknown.
        """
        header = ImportSource(
            sku=sku,
            import_id=import_id,
            source=source,
            unit_cost=unit_cost,
            landed_unit_cost=landed_unit_cost,
            expire_time=expire_time,
            importer=importer,
        )
        importing = Importing(self._tenant, header, rows, chunk_rows=chunk_rows, on_progress=on_progress)
        return self._import(importing, timeout_s)

    def batch(self, batch: str, *, timeout_s: float | None = None) -> Batch:
        """One batch, by name. Raises NotFound."""
        return self._send(self._stock.get_batch(batch), timeout_s)

    def batches(self, sku: str, *, timeout_s: float | None = None) -> list[Batch]:
        """All batches of a SKU, oldest first."""
        pages = self._pages(lambda token: self._stock.list_batches(sku, token), timeout_s)
        return [row for page in pages for row in page]

    def void(
        self,
        target: str | Sequence[str],
        *,
        reason: str,
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Withdrawn:
        """Withdraw for ever what is on the shelf of a batch, or up to 1,000 cards of one batch, by name."""
        return self._send(self._stock.withdraw("Void", target, reason, request_id or new_request_id()), timeout_s)

    def quarantine(
        self,
        target: str | Sequence[str],
        *,
        reason: str,
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Withdrawn:
        """Take a batch, or up to 1,000 cards of one batch, off sale until `restore`."""
        return self._send(self._stock.withdraw("Quarantine", target, reason, request_id or new_request_id()), timeout_s)

    def restore(
        self,
        target: str | Sequence[str],
        *,
        reason: str,
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Withdrawn:
        """Put a quarantined batch, or quarantined cards of one batch, back on sale."""
        return self._send(self._stock.withdraw("Restore", target, reason, request_id or new_request_id()), timeout_s)

    def recall(
        self, batch: str, *, reason: str, request_id: str | None = None, timeout_s: float | None = None
    ) -> Recalled:
        """Quarantine what is left of a batch, and list every card sold of it, for `replace`."""
        same_id = request_id or new_request_id()
        pages = self._pages(lambda token: self._stock.recall(batch, reason, same_id, token), timeout_s)
        return whole_recall(pages)

    def replace(
        self,
        hold: str | Hold,
        card: str,
        *,
        reason: str,
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Replaced:
        """Give the buyer a fresh card for a bad one of a sold hold. Raises OutOfStock, WrongState (already done)."""
        return self._send(self._stock.replace(hold, card, reason, request_id or new_request_id()), timeout_s)

    def audit(self, sku: str, *, timeout_s: float | None = None) -> SkuAudit:
        """Count every card of a SKU again. `ok` is False when a law is broken. Slow on large SKUs."""
        return self._send(self._stock.audit(sku), timeout_s)

    def status(self, *, timeout_s: float | None = None) -> Status:
        """The whole house on one page. Answers also while the store is away."""
        return self._send(self._stock.status(), timeout_s)

    def pools(self, *, timeout_s: float | None = None) -> list[Pool]:
        """Every open pool with its owner and counts."""
        return [row for page in self._pages(self._stock.list_pools, timeout_s) for row in page]

    def owners(self, *, timeout_s: float | None = None) -> list[Owner]:
        """Every owner actor."""
        return self._send(self._stock.list_owners(), timeout_s)

    def report(self, wish: Wish[Answer], *, timeout_s: float | None = None) -> Answer:
        """A report, or the trace of a card: see `cardkeep_client.reports`."""
        return self._send(self._stock.report(wish), timeout_s)

    def call(
        self, service: str, method: str, request: Message, *, request_id: str = "", timeout_s: float | None = None
    ) -> Any:
        """Any call by its name, for what has no method here; a write says its request id. Answers the message."""
        return self._send(named(service, method, request, request_id), timeout_s)
