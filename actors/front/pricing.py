"""PricingService: what staff ask of prices, expiry and clearances."""

from actors.front import checks
from actors.front.paging import page_by_number
from actors.front.reception import Context, Reception, ends_well
from actors.front.translate_pricing import (
    from_aged,
    from_change,
    from_clearance,
    from_lot,
    from_prices,
    from_simulated,
    from_suggestion,
    to_bounds,
    to_prices,
    to_propose,
    to_rule,
    to_sales,
)
from engine import limits
from engine.names import PoolName
from engine.pricing.simulating import simulate
from engine.stock import commands as ask
from engine.stock import outcomes as said
from protos.cardkeep.v1 import pricing_pb2, pricing_pb2_grpc


class PricingServicer(pricing_pb2_grpc.PricingServiceServicer):
    """Prices, rules, suggestions, expiry, clearances, history."""

    def __init__(self, reception: Reception) -> None:
        self.reception = reception

    @ends_well
    async def SetPrices(self, request: pricing_pb2.SetPricesRequest, context: Context) -> pricing_pb2.Prices:  # noqa: N802
        """Set prices."""
        pool = checks.pool(request.parent)
        command = ask.SetPrices(
            checks.request_id(request.request_id),
            to_prices(request),
            checks.free_text(request.who, "who"),
            checks.free_text(request.note, "note"),
        )
        return await self._prices(pool, command, context)

    @ends_well
    async def GetPrices(self, request: pricing_pb2.GetPricesRequest, context: Context) -> pricing_pb2.Prices:  # noqa: N802
        """All about prices."""
        return await self._prices(checks.pool(request.parent), ask.GetPrices(), context)

    @ends_well
    async def SetPriceRule(self, request: pricing_pb2.SetPriceRuleRequest, context: Context) -> pricing_pb2.Prices:  # noqa: N802
        """Set a rule, or take it away."""
        pool = checks.pool(request.parent)
        command = ask.SetPriceRule(
            checks.request_id(request.request_id),
            checks.identifier(request.channel, "channel"),
            to_rule(request.rule) if request.HasField("rule") else None,
            checks.free_text(request.who, "who"),
        )
        return await self._prices(pool, command, context)

    @ends_well
    async def ListSuggestions(  # noqa: N802
        self, request: pricing_pb2.ListSuggestionsRequest, context: Context
    ) -> pricing_pb2.ListSuggestionsResponse:
        """What waits, after a look at what changed."""
        pool = checks.pool(request.parent)
        deadline_ms = self.reception.deadline_ms(context)
        await self.reception.ask(pool, ask.Review(), deadline_ms)
        _, found = await self.reception.ask(pool, ask.GetPrices(), deadline_ms)
        assert isinstance(found, said.PricesNow)
        return pricing_pb2.ListSuggestionsResponse(suggestions=[from_suggestion(each) for each in found.suggestions])

    @ends_well
    async def DecideSuggestion(  # noqa: N802
        self, request: pricing_pb2.DecideSuggestionRequest, context: Context
    ) -> pricing_pb2.Prices:
        """Approve a price, or turn it down."""
        pool = checks.pool(request.parent)
        request_id, who = checks.request_id(request.request_id), checks.free_text(request.who, "who")
        return await self._prices(pool, ask.DecideSuggestion(request_id, request.number, request.approve, who), context)

    @ends_well
    async def SimulateRule(  # noqa: N802
        self, request: pricing_pb2.SimulateRuleRequest, _context: Context
    ) -> pricing_pb2.SimulateRuleResponse:
        """Try a rule on the past."""
        checks.item_count(len(request.sales), "sales", limits.simulated_sales_max)
        return from_simulated(simulate(to_sales(request.sales), to_rule(request.rule).rules))

    @ends_well
    async def ListExpiring(  # noqa: N802
        self, request: pricing_pb2.ListExpiringRequest, context: Context
    ) -> pricing_pb2.ListExpiringResponse:
        """What stands on the ladder."""
        pool = checks.pool(request.parent)
        question = ask.ListExpiring(limits.page_rows_max)
        _, found = await self.reception.ask(pool, question, self.reception.deadline_ms(context))
        assert isinstance(found, said.Expiring)
        return pricing_pb2.ListExpiringResponse(lots=[from_lot(pool, lot) for lot in found.lots], more=found.more)

    @ends_well
    async def GetAgeing(self, request: pricing_pb2.GetAgeingRequest, context: Context) -> pricing_pb2.Ageing:  # noqa: N802
        """What lies too long."""
        pool = checks.pool(request.parent)
        question = ask.GetAgeing(to_bounds(request))
        _, found = await self.reception.ask(pool, question, self.reception.deadline_ms(context))
        assert isinstance(found, said.Ageing)
        return pricing_pb2.Ageing(batches=[from_aged(pool, line) for line in found.lines], rate_milli=found.rate_milli)

    @ends_well
    async def ProposeClearance(  # noqa: N802
        self, request: pricing_pb2.ProposeClearanceRequest, context: Context
    ) -> pricing_pb2.Clearance:
        """Make a plan."""
        return await self._clearance(*to_propose(request), context)

    @ends_well
    async def AcceptClearance(  # noqa: N802
        self, request: pricing_pb2.AcceptClearanceRequest, context: Context
    ) -> pricing_pb2.Clearance:
        """Go by a plan."""
        pool = checks.pool(request.parent)
        request_id, who = checks.request_id(request.request_id), checks.free_text(request.who, "who")
        return await self._clearance(pool, ask.AcceptClearance(request_id, request.number, who), context)

    @ends_well
    async def EndClearance(  # noqa: N802
        self, request: pricing_pb2.EndClearanceRequest, context: Context
    ) -> pricing_pb2.Clearance:
        """Drop a plan."""
        pool = checks.pool(request.parent)
        request_id, who = checks.request_id(request.request_id), checks.free_text(request.who, "who")
        note = checks.free_text(request.note, "note")
        return await self._clearance(pool, ask.EndClearance(request_id, request.number, who, note), context)

    @ends_well
    async def GetPriceHistory(  # noqa: N802
        self, request: pricing_pb2.GetPriceHistoryRequest, context: Context
    ) -> pricing_pb2.GetPriceHistoryResponse:
        """One page of what changed."""
        pool = checks.pool(request.parent)
        asked, before = page_by_number(f"GetPriceHistory {pool}", request.page_size, request.page_token)
        question = ask.ListPriceChanges(max(before, 0), asked.rows)
        _, found = await self.reception.ask(pool, question, self.reception.deadline_ms(context))
        assert isinstance(found, said.PriceChanges)
        return pricing_pb2.GetPriceHistoryResponse(
            changes=[from_change(pool, change) for change in found.changes],
            next_page_token=asked.token_after(str(found.changes[-1].number)) if found.more else "",
        )

    async def _prices(self, pool: PoolName, command: ask.Command, context: Context) -> pricing_pb2.Prices:
        _, found = await self.reception.ask(pool, command, self.reception.deadline_ms(context))
        assert isinstance(found, said.PricesNow)
        return from_prices(pool, found)

    async def _clearance(self, pool: PoolName, command: ask.Command, context: Context) -> pricing_pb2.Clearance:
        _, found = await self.reception.ask(pool, command, self.reception.deadline_ms(context))
        assert isinstance(found, said.ClearanceFound)
        return from_clearance(pool, found.clearance)
