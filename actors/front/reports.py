"""ReportsService: what staff ask of the past. The work is done in another process, see actors/history/."""

from collections.abc import Callable
from typing import Any, TypeVar

from google.protobuf.duration_pb2 import Duration

from actors.front import checks
from actors.front.reception import Context, Reception, ends_well
from actors.front.refusals import Refusal
from actors.front.translate import from_batch, from_money, from_ms
from actors.front.translate_pricing import from_why
from actors.history import reports
from actors.history.questions import Asked
from actors.history.reporting import Makes
from engine import limits
from engine.limits import DAY_MS, HOUR_MS, SECOND_MS
from engine.money import Money
from engine.names import BatchNo, Card, HoldNo, PoolName, batch_name, batch_of, card_name, hold_name, serial_of
from engine.pricing.repricing import Why
from engine.stock import commands as ask
from engine.stock import outcomes as said
from protos.cardkeep.v1 import reports_pb2, reports_pb2_grpc, types_pb2

#: Rows unless the caller says otherwise.
_ROWS_USUAL = 1_000

#: Days looked over unless the caller says otherwise.
_DAYS_USUAL = 30

#: What we keep of a caller's deadline for the answer's way back.
_TRAVELS_S = 0.2

_UTC_OFFSET_MAX_MS = 14 * HOUR_MS

_BY = {reports_pb2.ReportDimension.Value(f"REPORT_DIMENSION_{name.upper()}"): name for name in reports.DIMENSIONS}

_Reply = TypeVar("_Reply")


class ReportsServicer(reports_pb2_grpc.ReportsServiceServicer):
    """Reports, and the way of single cards."""

    def __init__(self, reception: Reception, reporting: Makes) -> None:
        self.reception = reception
        self._reporting = reporting

    @ends_well
    async def ReportMargin(self, request: reports_pb2.ReportRequest, context: Context) -> reports_pb2.MarginReport:  # noqa: N802
        """What cards shipped brought in, and what they cost."""
        return await self._made("margin", request, context, reports_pb2.MarginReport, _margin)

    @ends_well
    async def ReportSales(self, request: reports_pb2.ReportRequest, context: Context) -> reports_pb2.SalesReport:  # noqa: N802
        """What was sold."""
        return await self._made("sales", request, context, reports_pb2.SalesReport, _sales)

    @ends_well
    async def ReportPurchases(  # noqa: N802
        self, request: reports_pb2.ReportRequest, context: Context
    ) -> reports_pb2.PurchasesReport:
        """What arrived."""
        return await self._made("purchases", request, context, reports_pb2.PurchasesReport, _purchases)

    @ends_well
    async def ReportDemand(self, request: reports_pb2.ReportRequest, context: Context) -> reports_pb2.DemandReport:  # noqa: N802
        """How holds began and ended."""
        return await self._made("demand", request, context, reports_pb2.DemandReport, _demand)

    @ends_well
    async def ReportPrices(self, request: reports_pb2.ReportRequest, context: Context) -> reports_pb2.PricesReport:  # noqa: N802
        """Every price that was set."""
        return await self._made("prices", request, context, reports_pb2.PricesReport, _price)

    @ends_well
    async def ReportAgeing(self, request: reports_pb2.ReportRequest, context: Context) -> reports_pb2.AgeingReport:  # noqa: N802
        """What is in stock, how old it is, and how long it lasts."""
        return await self._made("ageing", request, context, reports_pb2.AgeingReport, _ageing)

    @ends_well
    async def TraceCard(self, request: reports_pb2.TraceCardRequest, context: Context) -> reports_pb2.CardTrace:  # noqa: N802
        """Where a card came from, and to whom it went."""
        pool, card = await self._meant(request)
        deadline_ms = self.reception.deadline_ms(context)
        _, found = await self.reception.ask(pool, ask.ListBatches(batch_of(card) - 1, 1), deadline_ms)
        assert isinstance(found, said.Batches)
        batches = [view for view in found.views if view.batch == batch_of(card)]
        if not batches or serial_of(card) >= batches[0].received:
            raise Refusal("CARD_NOT_FOUND", {"name": request.name})
        trace = reports_pb2.CardTrace(name=card_name(pool, card), batch=from_batch(pool, batches[0]))
        _, sold = await self.reception.ask(pool, ask.ListSold(BatchNo(batch_of(card)), card - 1, 1), deadline_ms)
        assert isinstance(sold, said.Sold)
        for one, hold in sold.cards:
            if one == card and hold:
                trace.sale.CopyFrom(await self._sale(pool, card, hold, deadline_ms))
        return trace

    async def _meant(self, request: reports_pb2.TraceCardRequest) -> tuple[PoolName, Card]:
        """The card of that name or code."""
        if not request.code:
            return checks.card(request.name, "name")
        if len(request.code) > limits.code_chars_max:
            raise Refusal("FIELD_TOO_LONG", {"field": "code", "max": limits.code_chars_max})
        pool = checks.pool(request.parent)
        [card] = await self.reception.cards.trace(pool, await self.reception.vault.fingerprint(pool, [request.code]))
        if card is None:
            raise Refusal("CARD_NOT_FOUND", {"name": pool}, "No card of this SKU has that code; check it and the SKU.")
        return pool, card

    async def _sale(self, pool: PoolName, card: Card, number: HoldNo, deadline_ms: int) -> reports_pb2.CardSale:
        _, found = await self.reception.ask(pool, ask.GetHold(number), deadline_ms)
        assert isinstance(found, said.HoldFound)
        view = found.view
        freshes = dict(found.replaced)
        bads = {fresh: bad for bad, fresh in found.replaced}
        return reports_pb2.CardSale(
            hold=hold_name(pool, number),
            order_ref=view.order_ref,
            payment_ref=view.payment_ref,
            sell_time=from_ms(view.ended_at_ms),
            unit_price=_money(view.price),
            replaced_by=card_name(pool, freshes[card]) if card in freshes else "",
            replaces=card_name(pool, bads[card]) if card in bads else "",
        )

    async def _made(
        self,
        name: str,
        request: reports_pb2.ReportRequest,
        context: Context,
        reply: Callable[..., _Reply],
        row: Callable[[str, Any], Any],
    ) -> _Reply:
        """A report as its reply, which has `rows` and `notes`."""
        asked = self._asked(name, request)
        within_s = _within_s(context.time_remaining())
        report = await self._reporting.make(asked, within_s, self.reception.clock.now_ms())
        tenant = asked.tenant
        notes = reports_pb2.ReportNotes(
            start_time=from_ms(asked.from_ms),
            end_time=from_ms(asked.to_ms),
            has_more=report.has_more,
            incomplete_skus=[str(PoolName(tenant, sku)) for sku in report.incomplete],
        )
        return reply(rows=[row(tenant, each) for each in report.rows], notes=notes)

    def _asked(self, name: str, request: reports_pb2.ReportRequest) -> Asked:
        tenant = checks.tenant(request.parent)
        pool = checks.pool(request.sku, "sku") if request.sku else PoolName(tenant, "")
        if pool.tenant != tenant:
            raise Refusal("INVALID_FIELD", {"field": "sku"}, "The SKU is another tenant's; make parent its own.")
        by = [_BY.get(dimension, "") for dimension in request.group_by]
        if not set(by) <= set(reports.MAY_GROUP_BY[name]):
            names = ", ".join(each.upper() for each in reports.MAY_GROUP_BY[name]) or "nothing"
            raise Refusal("INVALID_FIELD", {"field": "group_by"}, f"Ask to group this report by {names}.")
        to_ms = self.reception.clock.now_ms()
        if request.HasField("end_time"):
            to_ms = checks.moment_ms(request.end_time, "end_time")
        from_ms = to_ms - _DAYS_USUAL * DAY_MS
        if request.HasField("start_time"):
            from_ms = checks.moment_ms(request.start_time, "start_time")
        most_ms = reports.range_days_max * DAY_MS
        if not 0 <= to_ms - from_ms <= most_ms:
            facts = {"field": "start_time", "minMs": to_ms - most_ms, "maxMs": to_ms}
            raise Refusal("INVALID_DURATION", facts, "Ask for a time that ends after it begins, of at most ten years.")
        offset_ms = checks.duration_ms(
            request.utc_offset, "utc_offset", least_ms=-_UTC_OFFSET_MAX_MS, most_ms=_UTC_OFFSET_MAX_MS
        )
        rows = checks.quantity(request.row_count_max or _ROWS_USUAL, least=1, most=reports.rows_max)
        return Asked(name, tenant, pool.sku, tuple(dict.fromkeys(by)), from_ms, to_ms, offset_ms, rows)


def _within_s(remaining_s: float | None) -> float:
    """How long a report may take whose caller waits for so long (None: for ever)."""
    return reports.report_s_max if remaining_s is None else min(reports.report_s_max, remaining_s - _TRAVELS_S)


def _group(tenant: str, group: reports.Group) -> reports_pb2.ReportGroup:
    sku = str(PoolName(tenant, group.sku)) if group.sku else ""
    return reports_pb2.ReportGroup(**{**group._asdict(), "sku": sku})


def _margin(tenant: str, row: reports.Margin) -> reports_pb2.MarginRow:
    return reports_pb2.MarginRow(
        group=_group(tenant, row.group),
        units=row.units,
        replaced=row.replaced,
        revenue=_amount(row.revenue_minor, row.revenue_currency),
        cost=_amount(row.cost_minor, row.cost_currency),
        margin=_amount(row.margin_minor, row.cost_currency),
    )


def _sales(tenant: str, row: reports.Sales) -> reports_pb2.SalesRow:
    revenue = _amount(row.revenue_minor, row.currency)
    return reports_pb2.SalesRow(group=_group(tenant, row.group), orders=row.orders, units=row.units, revenue=revenue)


def _purchases(tenant: str, row: reports.Purchases) -> reports_pb2.PurchasesRow:
    cost = _amount(row.cost_minor, row.currency)
    return reports_pb2.PurchasesRow(group=_group(tenant, row.group), batches=row.batches, units=row.units, cost=cost)


def _demand(tenant: str, row: reports.Demand) -> reports_pb2.DemandRow:
    return reports_pb2.DemandRow(**{**row._asdict(), "group": _group(tenant, row.group)})


def _price(tenant: str, row: reports.Price) -> reports_pb2.PriceRow:
    pool = PoolName(tenant, row.sku)
    return reports_pb2.PriceRow(
        sku=str(pool),
        time=from_ms(row.at_ms),
        price=_amount(row.price_minor, row.currency),
        channel=row.channel,
        batch=batch_name(pool, BatchNo(row.batch)) if row.batch else "",
        before=_amount(row.before_minor, row.before_currency),
        who=row.who,
        reasons=from_why(Why(word) for word in row.reasons.split(",") if word),
    )


def _ageing(tenant: str, row: reports.Ageing) -> reports_pb2.AgeingRow:
    return reports_pb2.AgeingRow(
        group=_group(tenant, row.group),
        units=row.units,
        available=row.available,
        value=_amount(row.value_minor, row.currency),
        units_by_age=row.by_age,
        oldest=Duration(seconds=row.oldest_ms // SECOND_MS),
        next_expire_time=None if row.next_expires_at_ms is None else from_ms(row.next_expires_at_ms),
        sold=row.sold,
        days_of_cover=row.days_of_cover,
    )


def _amount(minor: int | None, currency: str) -> types_pb2.Money | None:
    return None if minor is None else types_pb2.Money(minor=minor, currency=currency)


def _money(money: Money | None) -> types_pb2.Money | None:
    return None if money is None else from_money(money)
