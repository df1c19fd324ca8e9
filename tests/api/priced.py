"""What tests of prices ask of a house."""

from typing import Any

from protos.cardkeep.v1 import pricing_pb2
from tests.api.small_house import PATIENCE_S, SmallHouse, money, new_id


async def set_price(house: SmallHouse, sku: str, minor: int, channel: str = "") -> pricing_pb2.Prices:
    """Set one price, in yuan."""
    prices = [pricing_pb2.ChannelPrice(channel=channel, price=money(minor))]
    request = pricing_pb2.SetPricesRequest(parent=sku, prices=prices, who="ann", note="new", request_id=new_id())
    found: pricing_pb2.Prices = await house.pricing.SetPrices(request, timeout=PATIENCE_S)
    return found


async def set_rule(house: SmallHouse, sku: str, channel: str = "", **rule: Any) -> pricing_pb2.Prices:
    """Set a rule in yuan, unless it says otherwise."""
    bounds = pricing_pb2.PriceRule(**{"currency": "CNY", **rule})
    request = pricing_pb2.SetPriceRuleRequest(parent=sku, channel=channel, rule=bounds, who="ann", request_id=new_id())
    found: pricing_pb2.Prices = await house.pricing.SetPriceRule(request, timeout=PATIENCE_S)
    return found


async def suggestions(house: SmallHouse, sku: str) -> list[pricing_pb2.PriceSuggestion]:
    """What waits for staff."""
    request = pricing_pb2.ListSuggestionsRequest(parent=sku)
    return list((await house.pricing.ListSuggestions(request, timeout=PATIENCE_S)).suggestions)


async def decide(house: SmallHouse, sku: str, number: int, *, approve: bool = True) -> pricing_pb2.Prices:
    """Approve a suggestion, or turn it down."""
    request = pricing_pb2.DecideSuggestionRequest(
        parent=sku, number=number, approve=approve, who="bob", request_id=new_id()
    )
    found: pricing_pb2.Prices = await house.pricing.DecideSuggestion(request, timeout=PATIENCE_S)
    return found


async def history(house: SmallHouse, sku: str, **page: Any) -> pricing_pb2.GetPriceHistoryResponse:
    """A page of what changed."""
    request = pricing_pb2.GetPriceHistoryRequest(parent=sku, **page)
    found: pricing_pb2.GetPriceHistoryResponse = await house.pricing.GetPriceHistory(request, timeout=PATIENCE_S)
    return found
