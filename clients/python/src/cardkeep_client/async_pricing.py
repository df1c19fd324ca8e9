"""Prices for asyncio: what `AsyncClient.pricing` offers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from cardkeep_client.journeys import Call
from cardkeep_client.pricing_calls import PricingCalls
from cardkeep_client.pricing_results import (
    AgeingBatch,
    Clearance,
    ExpiringLot,
    PastSale,
    PriceChange,
    PriceRule,
    Prices,
    PriceSuggestion,
    Simulated,
)
from cardkeep_client.request_ids import new_request_id
from cardkeep_client.results import Money
from cardkeep_client.stock_calls import Page

Answer = TypeVar("Answer")
Part = TypeVar("Part")


class Send(Protocol):
    """How the client sends a call."""

    async def __call__(self, call: Call[Answer], timeout_s: float | None) -> Answer:
        """Answers, or raises a CardkeepError."""


class Pages(Protocol):
    """How the client reads a list to its end."""

    async def __call__(self, call: Callable[[str], Call[Page[Part]]], timeout_s: float | None) -> list[Part]:
        """All pages."""


class AsyncPricing:
    """`Pricing` for asyncio: same methods, same results."""

    def __init__(self, tenant: str, send: Send, pages: Pages) -> None:
        self._calls = PricingCalls(tenant)
        self._send = send
        self._pages = pages

    async def set(
        self,
        sku: str,
        prices: Mapping[str, Money | None],
        *,
        who: str,
        note: str = "",
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Prices:
        """As `Pricing.set`."""
        return await self._send(
            self._calls.set_prices(sku, prices, who=who, note=note, request_id=request_id or new_request_id()),
            timeout_s,
        )

    async def get(self, sku: str, *, timeout_s: float | None = None) -> Prices:
        """As `Pricing.get`."""
        return await self._send(self._calls.get_prices(sku), timeout_s)

    async def set_rule(
        self,
        sku: str,
        rule: PriceRule | None,
        *,
        who: str,
        channel: str = "",
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Prices:
        """As `Pricing.set_rule`."""
        return await self._send(
            self._calls.set_rule(sku, channel, rule, who=who, request_id=request_id or new_request_id()), timeout_s
        )

    async def suggestions(self, sku: str, *, timeout_s: float | None = None) -> list[PriceSuggestion]:
        """As `Pricing.suggestions`."""
        return await self._send(self._calls.suggestions(sku), timeout_s)

    async def decide(
        self,
        sku: str,
        number: int,
        *,
        approve: bool,
        who: str,
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Prices:
        """As `Pricing.decide`."""
        return await self._send(
            self._calls.decide(sku, number, approve=approve, who=who, request_id=request_id or new_request_id()),
            timeout_s,
        )

    async def simulate(
        self, rule: PriceRule, sales: Sequence[PastSale], *, timeout_s: float | None = None
    ) -> Simulated:
        """As `Pricing.simulate`."""
        return await self._send(self._calls.simulate(rule, sales), timeout_s)

    async def expiring(self, sku: str, *, timeout_s: float | None = None) -> list[ExpiringLot]:
        """As `Pricing.expiring`."""
        return await self._send(self._calls.expiring(sku), timeout_s)

    async def ageing(
        self, sku: str, *, max_age_days: int = 0, max_cover_days: int = 0, timeout_s: float | None = None
    ) -> list[AgeingBatch]:
        """As `Pricing.ageing`."""
        return await self._send(self._calls.ageing(sku, max_age_days, max_cover_days), timeout_s)

    async def propose(
        self,
        batch: str,
        *,
        floor_minor: int,
        who: str,
        channel: str = "",
        elasticity_milli: int = 0,
        rate_milli: int = 0,
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Clearance:
        """As `Pricing.propose`."""
        return await self._send(
            self._calls.propose(
                batch,
                channel,
                floor_minor=floor_minor,
                elasticity_milli=elasticity_milli,
                rate_milli=rate_milli,
                who=who,
                request_id=request_id or new_request_id(),
            ),
            timeout_s,
        )

    async def accept(
        self, sku: str, number: int, *, who: str, request_id: str | None = None, timeout_s: float | None = None
    ) -> Clearance:
        """As `Pricing.accept`."""
        return await self._send(
            self._calls.accept(sku, number, who=who, request_id=request_id or new_request_id()), timeout_s
        )

    async def end(
        self,
        sku: str,
        number: int,
        *,
        who: str,
        note: str = "",
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Clearance:
        """As `Pricing.end`."""
        return await self._send(
            self._calls.end(sku, number, who=who, note=note, request_id=request_id or new_request_id()), timeout_s
        )

    async def history(self, sku: str, *, timeout_s: float | None = None) -> list[PriceChange]:
        """As `Pricing.history`."""
        pages = await self._pages(lambda token: self._calls.history(sku, token), timeout_s)
        return [row for page in pages for row in page]
