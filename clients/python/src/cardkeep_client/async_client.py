"""The client for asyncio: the methods of `Client`, to be awaited. Tasks may share it."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import grpc

from cardkeep_client.allocation_calls import AllocationCalls, name_of
from cardkeep_client.async_pricing import AsyncPricing
from cardkeep_client.channels import Loads, Stubs, asyncio_channel
from cardkeep_client.errors import CardkeepError
from cardkeep_client.importing import CHUNK_ROWS, Importing
from cardkeep_client.journeys import BatchCall, BatchJourney, Call, Journey, Retry, SingleJourney, Tries
from cardkeep_client.request_ids import new_request_id
from cardkeep_client.results import Availability, Confirmed, Hold, LatePolicy, Money, Principal, Replaced
from cardkeep_client.statuses import error_of_status
from cardkeep_client.stock_calls import Page, StockCalls, whole_recall
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
Part = TypeVar("Part")


class AsyncClient:
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
        self._timeout_s = timeout_s
        self._retry = retry or Retry()
        self._metadata = tuple(metadata)
        self._sales, self._stock = AllocationCalls(tenant), StockCalls(tenant)
        #: Prices, rules, suggestions, clearances.
        self.pricing = AsyncPricing(tenant, self._send, self._pages)
        self._loads = Loads(channels)
        self._channels = [asyncio_channel(target, credentials) for _ in range(channels)]
        self._stubs = [Stubs(channel) for channel in self._channels]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """As `Client.close`."""
        for channel in self._channels:
            await channel.close()

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

    async def _send(self, call: Call[Answer], timeout_s: float | None) -> Answer:
        return await self._travel(SingleJourney(call, self._tries(timeout_s)))

    async def _send_many(self, call: BatchCall[Answer], timeout_s: float | None) -> list[Answer | CardkeepError]:
        return await self._travel(BatchJourney(call, self._tries(timeout_s)))

    async def _pages(self, call: Callable[[str], Call[Page[Part]]], timeout_s: float | None) -> list[Part]:
        page, token = await self._send(call(""), timeout_s)
        pages = [page]
        while token:
            page, token = await self._send(call(token), timeout_s)
            pages.append(page)
        return pages

    def _tries(self, timeout_s: float | None) -> Tries:
        return Tries(self._retry, time.monotonic() + (self._timeout_s if timeout_s is None else timeout_s))

    async def _travel(self, journey: Journey[Answer]) -> Answer:
        while (wait_s := await self._try(journey)) is not None:  # noqa: ASYNC110 - it waits for the server's time
            await asyncio.sleep(wait_s)
        return journey.answer

    async def _try(self, journey: Journey[Answer]) -> float | None:
        index = self._loads.take()
        rpc = getattr(getattr(self._stubs[index], journey.service), journey.method)
        left_s = journey.tries.time_left_s(time.monotonic())
        try:
            response = await rpc(journey.request, timeout=left_s, metadata=self._metadata)
        except grpc.RpcError as error:
            return journey.failed(error_of_status(journey.asked, error), time.monotonic())
        finally:
            self._loads.give_back(index)
        return journey.arrived(response, time.monotonic())

    async def _import(self, importing: Importing, timeout_s: float | None) -> ImportReport:
        tries = Tries(self._retry, None if timeout_s is None else time.monotonic() + timeout_s)
        while importing.report is None:
            try:
                await self._import_once(importing, tries)
            except grpc.RpcError as failure:
                error = error_of_status(importing.asked, failure)
                wait_s = tries.delay_s(error, time.monotonic())
                if wait_s is None:
                    raise importing.broken_off(error) from failure
                await asyncio.sleep(wait_s)
        return importing.report

    async def _import_once(self, importing: Importing, tries: Tries) -> None:
        """One connection of an import."""
        index = self._loads.take()
        rpc: Any = self._stubs[index].InventoryService.ImportCards
        stream = rpc(timeout=tries.time_left_s(time.monotonic()), metadata=self._metadata)
        try:
            await stream.write(importing.connect())
            while (answer := await stream.read()) is not grpc.aio.EOF:
                importing.incoming(answer)
                if answer.HasField("received"):
                    tries.start_over()
                for message in importing.outgoing():
                    await stream.write(message)
            importing.check_whole()
        except asyncio.InvalidStateError:
            # Written after the server had ended the call: its status says why.
            raise grpc.aio.AioRpcError(
                await stream.code(),
                await stream.initial_metadata(),
                await stream.trailing_metadata(),
                details=await stream.details(),
            ) from None
        finally:
            stream.cancel()
            self._loads.give_back(index)
