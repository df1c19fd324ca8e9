"""From wishes to calls of PricingService. Pure: both clients make the same messages."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from google.protobuf.message import Message

from cardkeep_client import pricing_answers as answers
from cardkeep_client.allocation_calls import money, sku_name, timestamp
from cardkeep_client.journeys import Call
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
from cardkeep_client.results import Money
from cardkeep_client.statuses import Asked
from cardkeep_client.stock_calls import PAGE_ROWS, Page
from cardkeep_client.v1 import pricing_pb2

PRICING = "PricingService"


class PricingCalls:
    """Makes calls for one tenant: a bare SKU id is one of this tenant's."""

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant

    def set_prices(
        self, sku: str, prices: Mapping[str, Money | None], *, who: str, note: str, request_id: str
    ) -> Call[Prices]:
        """SetPrices."""
        each = [
            pricing_pb2.ChannelPrice(channel=channel, price=money(price)) for channel, price in sorted(prices.items())
        ]
        request = pricing_pb2.SetPricesRequest(
            parent=self._sku(sku), prices=each, who=who, note=note, request_id=request_id
        )
        return Call(PRICING, "SetPrices", request, answers.prices, Asked(True, request_id))

    def get_prices(self, sku: str) -> Call[Prices]:
        """GetPrices."""
        return Call(PRICING, "GetPrices", pricing_pb2.GetPricesRequest(parent=self._sku(sku)), answers.prices)

    def set_rule(self, sku: str, channel: str, rule: PriceRule | None, *, who: str, request_id: str) -> Call[Prices]:
        """SetPriceRule."""
        request = pricing_pb2.SetPriceRuleRequest(
            parent=self._sku(sku), channel=channel, rule=_rule(rule), who=who, request_id=request_id
        )
        return Call(PRICING, "SetPriceRule", request, answers.prices, Asked(True, request_id))

    def suggestions(self, sku: str) -> Call[list[PriceSuggestion]]:
        """ListSuggestions."""
        request = pricing_pb2.ListSuggestionsRequest(parent=self._sku(sku))
        return Call(PRICING, "ListSuggestions", request, lambda r: list(answers.suggestions(r.suggestions)))

    def decide(self, sku: str, number: int, *, approve: bool, who: str, request_id: str) -> Call[Prices]:
        """DecideSuggestion."""
        request = pricing_pb2.DecideSuggestionRequest(
            parent=self._sku(sku), number=number, approve=approve, who=who, request_id=request_id
        )
        return Call(PRICING, "DecideSuggestion", request, answers.prices, Asked(True, request_id))

    def simulate(self, rule: PriceRule, sales: Sequence[PastSale]) -> Call[Simulated]:
        """SimulateRule."""
        past = [
            pricing_pb2.PastSale(
                time=timestamp(sale.time), units=sale.units, price_minor=sale.price_minor, cost_minor=sale.cost_minor
            )
            for sale in sales
        ]
        request = pricing_pb2.SimulateRuleRequest(rule=_rule(rule), sales=past)
        return Call(PRICING, "SimulateRule", request, answers.simulated)

    def expiring(self, sku: str) -> Call[list[ExpiringLot]]:
        """ListExpiring."""
        request = pricing_pb2.ListExpiringRequest(parent=self._sku(sku))
        return Call(PRICING, "ListExpiring", request, lambda r: [answers.lot(lot) for lot in r.lots])

    def ageing(self, sku: str, max_age_days: int, max_cover_days: int) -> Call[list[AgeingBatch]]:
        """GetAgeing."""
        request = pricing_pb2.GetAgeingRequest(
            parent=self._sku(sku), max_age_days=max_age_days, max_cover_days=max_cover_days
        )
        return Call(PRICING, "GetAgeing", request, lambda r: [answers.aged(line) for line in r.batches])

    def propose(
        self,
        batch: str,
        channel: str,
        *,
        floor_minor: int,
        elasticity_milli: int,
        rate_milli: int,
        who: str,
        request_id: str,
    ) -> Call[Clearance]:
        """ProposeClearance."""
        request = pricing_pb2.ProposeClearanceRequest(
            name=batch,
            channel=channel,
            floor_minor=floor_minor,
            elasticity_milli=elasticity_milli,
            rate_milli=rate_milli,
            who=who,
            request_id=request_id,
        )
        return Call(PRICING, "ProposeClearance", request, answers.clearance, Asked(True, request_id))

    def accept(self, sku: str, number: int, *, who: str, request_id: str) -> Call[Clearance]:
        """AcceptClearance."""
        request: Message = pricing_pb2.AcceptClearanceRequest(
            parent=self._sku(sku), number=number, who=who, request_id=request_id
        )
        return Call(PRICING, "AcceptClearance", request, answers.clearance, Asked(True, request_id))

    def end(self, sku: str, number: int, *, who: str, note: str, request_id: str) -> Call[Clearance]:
        """EndClearance."""
        request = pricing_pb2.EndClearanceRequest(
            parent=self._sku(sku), number=number, who=who, note=note, request_id=request_id
        )
        return Call(PRICING, "EndClearance", request, answers.clearance, Asked(True, request_id))

    def history(self, sku: str, token: str) -> Call[Page[list[PriceChange]]]:
        """One page of GetPriceHistory."""
        request = pricing_pb2.GetPriceHistoryRequest(parent=self._sku(sku), page_size=PAGE_ROWS, page_token=token)
        return Call(
            PRICING,
            "GetPriceHistory",
            request,
            lambda r: ([answers.change(row) for row in r.changes], r.next_page_token),
        )

    def _sku(self, sku: str) -> str:
        return sku_name(self._tenant, sku)


def _rule(rule: PriceRule | None) -> pricing_pb2.PriceRule | None:
    """The fields are called the same."""
    return None if rule is None else pricing_pb2.PriceRule(**asdict(rule))
