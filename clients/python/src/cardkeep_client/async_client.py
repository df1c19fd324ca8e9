"""The client for asyncio: the methods of `Client`, to be awaited. Tasks may share it."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar, Unpack

import grpc
from google.protobuf.message import Message

from cardkeep_client.allocation_calls import AllocationCalls, name_of
from cardkeep_client.async_pricing import AsyncPricing
from cardkeep_client.async_sender import AsyncSender
from cardkeep_client.channels import Habits
from cardkeep_client.errors import CardkeepError
from cardkeep_client.importing import CHUNK_ROWS, Importing
from cardkeep_client.journeys import Retry
from cardkeep_client.reports import Wish
from cardkeep_client.request_ids import new_request_id
from cardkeep_client.results import Availability, Confirmed, Hold, LatePolicy, Money, Principal, Replaced
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


class AsyncClient(AsyncSender):
    """`Client` for asyncio: same parameters, same methods, same results. Make it inside the running loop.

    Cancelling a call does not undo it: what has reached the server may still happen, under its request_id.
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
        self.pricing = AsyncPricing(tenant, self._send, self._pages)
        super().__init__(target, channels, Habits(timeout_s, retry or Retry(), tuple(metadata)), credentials)

    async def allocate(
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
        """As `Client.allocate`."""
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
        return await self._send(self._sales.allocate(wish), timeout_s)

    async def confirm(
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
        """As `Client.confirm`."""
        wish = Confirm(
            hold=name_of(hold),
            payment_ref=payment_ref,
            paid_amount=paid_amount,
            quantity=quantity,
            late_policy=late_policy,
            late_window=late_window,
            request_id=request_id or new_request_id(),
        )
        return await self._send(self._sales.confirm(wish), timeout_s)

    async def release(self, hold: str | Hold, *, request_id: str | None = None, timeout_s: float | None = None) -> Hold:
        """As `Client.release`."""
        wish = Release(hold=name_of(hold), request_id=request_id or new_request_id())
        return await self._send(self._sales.release(wish), timeout_s)

    async def extend(
        self, hold: str | Hold, hold_for: timedelta, *, request_id: str | None = None, timeout_s: float | None = None
    ) -> Hold:
        """As `Client.extend`."""
        return await self._send(self._sales.extend(hold, hold_for, request_id or new_request_id()), timeout_s)

    async def get_hold(
        self,
        hold: str | Hold | None = None,
        *,
        sku: str | None = None,
        order_ref: str | None = None,
        timeout_s: float | None = None,
    ) -> Hold:
        """As `Client.get_hold`."""
        return await self._send(self._sales.get_hold(hold, sku, order_ref), timeout_s)

    async def allocate_many(
        self, wishes: Sequence[Allocate], *, timeout_s: float | None = None
    ) -> list[Hold | CardkeepError]:
        """As `Client.allocate_many`."""
        return await self._send_many(self._sales.allocate_many(wishes), timeout_s)

    async def confirm_many(
        self, wishes: Sequence[Confirm], *, timeout_s: float | None = None
    ) -> list[Confirmed | CardkeepError]:
        """As `Client.confirm_many`."""
        return await self._send_many(self._sales.confirm_many(wishes), timeout_s)

    async def release_many(
        self, wishes: Sequence[Release], *, timeout_s: float | None = None
    ) -> list[Hold | CardkeepError]:
        """As `Client.release_many`."""
        return await self._send_many(self._sales.release_many(wishes), timeout_s)

    async def availability(
        self,
        sku: str,
        *,
        min_remaining_life: timedelta | None = None,
        channel: str = "",
        timeout_s: float | None = None,
    ) -> Availability:
        """As `Client.availability`."""
        return await self._send(self._sales.availability(sku, min_remaining_life, channel), timeout_s)

    async def create_sku(
        self, sku: str, *, request_id: str | None = None, timeout_s: float | None = None, **terms: Unpack[SkuTerms]
    ) -> Sku:
        """As `Client.create_sku`."""
        return await self._send(self._stock.create_sku(sku, terms, request_id or new_request_id()), timeout_s)

    async def update_sku(
        self, sku: str, *, request_id: str | None = None, timeout_s: float | None = None, **terms: Unpack[SkuTerms]
    ) -> Sku:
        """As `Client.update_sku`."""
        return await self._send(self._stock.update_sku(sku, terms, request_id or new_request_id()), timeout_s)

    async def get_sku(self, sku: str, *, timeout_s: float | None = None) -> Sku:
        """As `Client.get_sku`."""
        return await self._send(self._stock.get_sku(sku), timeout_s)

    async def list_skus(self, *, timeout_s: float | None = None) -> list[Sku]:
        """As `Client.list_skus`."""
        return [row for page in await self._pages(self._stock.list_skus, timeout_s) for row in page]

    async def import_cards(
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
        """As `Client.import_cards`."""
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
        return await self._import(importing, timeout_s)

    async def batch(self, batch: str, *, timeout_s: float | None = None) -> Batch:
        """As `Client.batch`."""
        return await self._send(self._stock.get_batch(batch), timeout_s)

    async def batches(self, sku: str, *, timeout_s: float | None = None) -> list[Batch]:
        """As `Client.batches`."""
        pages = await self._pages(lambda token: self._stock.list_batches(sku, token), timeout_s)
        return [row for page in pages for row in page]

    async def void(
        self,
        target: str | Sequence[str],
        *,
        reason: str,
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Withdrawn:
        """As `Client.void`."""
        return await self._send(self._stock.withdraw("Void", target, reason, request_id or new_request_id()), timeout_s)

    async def quarantine(
        self,
        target: str | Sequence[str],
        *,
        reason: str,
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Withdrawn:
        """As `Client.quarantine`."""
        return await self._send(
            self._stock.withdraw("Quarantine", target, reason, request_id or new_request_id()), timeout_s
        )

    async def restore(
        self,
        target: str | Sequence[str],
        *,
        reason: str,
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Withdrawn:
        """As `Client.restore`."""
        return await self._send(
            self._stock.withdraw("Restore", target, reason, request_id or new_request_id()), timeout_s
        )

    async def recall(
        self, batch: str, *, reason: str, request_id: str | None = None, timeout_s: float | None = None
    ) -> Recalled:
        """As `Client.recall`."""
        same_id = request_id or new_request_id()
        pages = await self._pages(lambda token: self._stock.recall(batch, reason, same_id, token), timeout_s)
        return whole_recall(pages)

    async def replace(
        self,
        hold: str | Hold,
        card: str,
        *,
        reason: str,
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Replaced:
        """As `Client.replace`."""
        return await self._send(self._stock.replace(hold, card, reason, request_id or new_request_id()), timeout_s)

    async def audit(self, sku: str, *, timeout_s: float | None = None) -> SkuAudit:
        """As `Client.audit`."""
        return await self._send(self._stock.audit(sku), timeout_s)

    async def status(self, *, timeout_s: float | None = None) -> Status:
        """As `Client.status`."""
        return await self._send(self._stock.status(), timeout_s)

    async def pools(self, *, timeout_s: float | None = None) -> list[Pool]:
        """As `Client.pools`."""
        return [row for page in await self._pages(self._stock.list_pools, timeout_s) for row in page]

    async def owners(self, *, timeout_s: float | None = None) -> list[Owner]:
        """As `Client.owners`."""
        return await self._send(self._stock.list_owners(), timeout_s)

    async def report(self, wish: Wish[Answer], *, timeout_s: float | None = None) -> Answer:
        """As `Client.report`."""
        return await self._send(self._stock.report(wish), timeout_s)

    async def call(
        self, service: str, method: str, request: Message, *, request_id: str = "", timeout_s: float | None = None
    ) -> Any:
        """Any call by its name, for what has no method here; a write says its request id. Answers the message."""
        return await self._send(named(service, method, request, request_id), timeout_s)
