"""Prices, rules, suggestions and clearances: what `Client.pricing` offers."""

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

    def __call__(self, call: Call[Answer], timeout_s: float | None) -> Answer:
        """Answers, or raises a CardkeepError."""


class Pages(Protocol):
    """How the client reads a list to its end."""

    def __call__(self, call: Callable[[str], Call[Page[Part]]], timeout_s: float | None) -> list[Part]:
        """All pages."""


class Pricing:
    """What staff do with prices. Every method raises a `CardkeepError`; writes make a request_id unless given one."""

    def __init__(self, tenant: str, send: Send, pages: Pages) -> None:
        self._calls = PricingCalls(tenant)
        self._send = send
        self._pages = pages

    def set(
        self,
        sku: str,
        prices: Mapping[str, Money | None],
        *,
        who: str,
        note: str = "",
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Prices:
        """Set prices by channel; "" is the SKU's own, None none of its own. From then on nothing is sold at a loss."""
        return self._send(
            self._calls.set_prices(sku, prices, who=who, note=note, request_id=request_id or new_request_id()),
            timeout_s,
        )

    def get(self, sku: str, *, timeout_s: float | None = None) -> Prices:
        """Prices, rules, suggestions and clearances."""
        return self._send(self._calls.get_prices(sku), timeout_s)

    def set_rule(
        self,
        sku: str,
        rule: PriceRule | None,
        *,
        who: str,
        channel: str = "",
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Prices:
        """Bound a channel's price by a rule; None takes the rule away."""
        return self._send(
            self._calls.set_rule(sku, channel, rule, who=who, request_id=request_id or new_request_id()), timeout_s
        )

    def suggestions(self, sku: str, *, timeout_s: float | None = None) -> list[PriceSuggestion]:
        """Prices that wait for staff, with their reasons."""
        return self._send(self._calls.suggestions(sku), timeout_s)

    def decide(
        self,
        sku: str,
        number: int,
        *,
        approve: bool,
        who: str,
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Prices:
        """Let a suggested price hold, or turn it down. Raises NotFound when it waits no more."""
        return self._send(
            self._calls.decide(sku, number, approve=approve, who=who, request_id=request_id or new_request_id()),
            timeout_s,
        )

    def simulate(self, rule: PriceRule, sales: Sequence[PastSale], *, timeout_s: float | None = None) -> Simulated:
        """What a rule would have done to up to 2,000 past sales."""
        return self._send(self._calls.simulate(rule, sales), timeout_s)

    def expiring(self, sku: str, *, timeout_s: float | None = None) -> list[ExpiringLot]:
        """Cards on sale that stand on the expiry ladder, those that end first at the beginning."""
        return self._send(self._calls.expiring(sku), timeout_s)

    def ageing(
        self, sku: str, *, max_age_days: int = 0, max_cover_days: int = 0, timeout_s: float | None = None
    ) -> list[AgeingBatch]:
        """How long batches on sale have lain and will last, and which are slow; 0 is the usual 90 and 60 days."""
        return self._send(self._calls.ageing(sku, max_age_days, max_cover_days), timeout_s)

    def propose(
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
        """Make a plan for the batch's cards that end first, which waits to be accepted. 0: the usual, or as seen."""
        return self._send(
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

    def accept(
        self, sku: str, number: int, *, who: str, request_id: str | None = None, timeout_s: float | None = None
    ) -> Clearance:
        """Go by a plan from now on."""
        return self._send(
            self._calls.accept(sku, number, who=who, request_id=request_id or new_request_id()), timeout_s
        )

    def end(
        self,
        sku: str,
        number: int,
        *,
        who: str,
        note: str = "",
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Clearance:
        """Drop a plan; the batch costs what its channel costs again."""
        return self._send(
            self._calls.end(sku, number, who=who, note=note, request_id=request_id or new_request_id()), timeout_s
        )

    def history(self, sku: str, *, timeout_s: float | None = None) -> list[PriceChange]:
        """Every change of a price that the pool keeps, the latest first."""
        pages = self._pages(lambda token: self._calls.history(sku, token), timeout_s)
        return [row for page in pages for row in page]
