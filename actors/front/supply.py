"""SupplyService: what staff say and ask of suppliers, of how SKUs are bought, and of single purchases."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from actors.front import checks
from actors.front.adapter_check import check_adapter
from actors.front.paging import page, page_by_number
from actors.front.reception import Context, Reception, ends_well
from actors.front.refusals import Refusal
from actors.front.translate_rates import from_rate, from_rates, left_out, to_rate
from actors.front.translate_supply import (
    from_attempt,
    from_difference,
    from_recharged,
    from_report,
    from_sourcing,
    from_standing,
    from_supplier,
    required,
    to_recharge,
    to_rows,
    to_sourcing,
    to_supplier,
    to_supplier_name,
    to_word,
)
from actors.supply.counter import sealed_credentials
from actors.supply.pages import AttemptPage, DeskView, Page, Report, Wanted
from actors.supply.ports import Bought
from actors.supply.recharger import Recharged
from actors.supply.recollection import AttemptDelivered, AttemptUnknown
from actors.supply.reconciler import NoStatement, StatementNotOffered
from engine import limits
from engine.errors import InDoubt, NotDone
from engine.names import SupplierName, parse_pool
from engine.pricing.rates import Rates, jumps
from engine.supply.attempts import AttemptId, Finding, Resolved
from engine.supply.differences import Noted
from engine.supply.ports import Good, StatementRow, SupplierBook
from engine.supply.recharging import Recharge as RechargeOrder
from engine.supply.suppliers import Sourcing, speaks_otherwise
from protos.cardkeep.v1 import supply_pb2, supply_pb2_grpc

#: How long a listing waits for a desk: staff look because something is slow.
_PATIENCE_S = 1.0

#: Secrets of one supplier, and characters of one: a private key has 4,000.
_SECRETS_MAX = 20
_SECRET_CHARS_MAX = 8_192

_DELIVERED_ALREADY = (
    "The attempt has been delivered meanwhile, and none of these codes was taken in: ListAttempts says how many came. "
    "If they are of one more order of the supplier's, send them with its order_number."
)

_FILTERS = {
    supply_pb2.ATTEMPT_FILTER_UNSPECIFIED: Wanted.ALL,
    supply_pb2.ATTEMPT_FILTER_OPEN: Wanted.OPEN,
    supply_pb2.ATTEMPT_FILTER_WAITING: Wanted.WAITING,
    supply_pb2.ATTEMPT_FILTER_PERSON: Wanted.PERSON,
}


class StaffDesks(Protocol):
    """Every supplier's desk, as staff ask it. Each raises NotDone or InDoubt as `SupplierDesk` does, or when away."""

    async def view(self, supplier: SupplierName) -> DeskView:
        """How it does."""

    async def attempts(self, supplier: SupplierName, wanted: Wanted, page: Page) -> AttemptPage:
        """One page of attempts."""

    async def differences(self, supplier: SupplierName) -> Sequence[Noted]:
        """What statements said otherwise, and nobody has dealt with."""

    async def settle(
        self,
        supplier: SupplierName,
        attempt: AttemptId,
        finding: Finding,
        who: str,
        *,
        note: str,
        goods: Sequence[Good],
    ) -> Bought:
        """A person's word."""

    async def resolve(self, supplier: SupplierName, resolved: Resolved) -> bool:
        """A person has dealt with it."""

    async def reconcile(
        self, supplier: SupplierName, from_ms: int, to_ms: int, rows: Sequence[StatementRow] | None
    ) -> Report:
        """Compare with a statement. Raises NoStatement, too."""


class Recharges(Protocol):
    """Whoever gives recharges to suppliers. Each raises NotDone or InDoubt as `Recharger` does, or when away."""

    async def recharge(self, order: RechargeOrder) -> Recharged:
        """Have it done, or find out how it stands."""

    async def give_up(self, order: RechargeOrder) -> Recharged:
        """Have it never done, if it surely was not."""


class Buyers(NamedTuple):
    """Who buys, as a front end reaches them."""

    desks: StaffDesks
    recharges: Recharges


class SupplyServicer(supply_pb2_grpc.SupplyServiceServicer):
    """Suppliers, sourcing, attempts, reconciliation."""

    def __init__(self, reception: Reception, book: SupplierBook, buyers: Buyers) -> None:
        self.reception = reception
        self._book = book
        self._desks, self._recharges = buyers

    @ends_well
    async def PutSupplier(  # noqa: N802
        self, request: supply_pb2.PutSupplierRequest, _context: Context
    ) -> supply_pb2.Supplier:
        """Enter a supplier, or change it."""
        profile = request.supplier
        name = to_supplier_name(profile.name, "supplier.name")
        known = (await self._book.suppliers()).get(name)
        if profile.credentials:
            sealed = await sealed_credentials(self.reception.vault, name, _checked(profile.credentials))
        else:
            sealed = b"" if known is None else known.credentials
        supplier = to_supplier(profile, sealed)
        if known is not None and known.currency != supplier.currency:
            text = f"The ledger of {name} is in {known.currency}; enter it under another name."
            raise Refusal("INVALID_FIELD", {"field": "supplier.currency"}, text)
        if known is None or speaks_otherwise(known, supplier):
            # Of what it took before nothing is asked: one that is wrong already must be paused all the same.
            await check_adapter(supplier, profile.credentials, self.reception.vault, self.reception.clock)
        if known != supplier:
            await self._book.put_supplier(supplier)
        return from_supplier(supplier, None)

    @ends_well
    async def ListSuppliers(  # noqa: N802
        self, request: supply_pb2.ListSuppliersRequest, _context: Context
    ) -> supply_pb2.ListSuppliersResponse:
        """All of a tenant's, each as it does now."""
        tenant = checks.tenant(request.parent)
        suppliers = [each for name, each in sorted((await self._book.suppliers()).items()) if name.tenant == tenant]
        views = await asyncio.gather(*(self._view(each.name) for each in suppliers))
        return supply_pb2.ListSuppliersResponse(
            suppliers=[from_supplier(supplier, view) for supplier, view in zip(suppliers, views, strict=True)]
        )

    @ends_well
    async def PutSourcing(  # noqa: N802
        self, request: supply_pb2.PutSourcingRequest, _context: Context
    ) -> supply_pb2.Sourcing:
        """Say how a SKU is bought."""
        sourcing = to_sourcing(request.sourcing)
        if sourcing.pool not in await self.reception.registry.pools():
            raise Refusal("SKU_NOT_FOUND", {"name": sourcing.pool})
        suppliers = await self._book.suppliers()
        for source in sourcing.sources:
            supplier = suppliers.get(source.supplier)
            if supplier is None:
                raise Refusal("SUPPLIER_NOT_FOUND", {"name": source.supplier})
            if supplier.currency != source.unit_cost.currency:
                text = f"{source.supplier} sells in {supplier.currency}; give the unit cost in that."
                raise Refusal("INVALID_FIELD", {"field": "sourcing.sources.unit_cost"}, text)
        await self._book.put_sourcing(sourcing)
        return self._told(sourcing, Rates(await self._book.rates()))

    @ends_well
    async def ListSourcings(  # noqa: N802
        self, request: supply_pb2.ListSourcingsRequest, _context: Context
    ) -> supply_pb2.ListSourcingsResponse:
        """One page, by name of the SKU."""
        tenant = checks.tenant(request.parent)
        asked = page(f"ListSourcings {tenant}", request.page_size, request.page_token)
        last = parse_pool(asked.after)
        known = sorted((await self._book.sourcings()).items())
        rows = [each for pool, each in known if pool.tenant == tenant and (last is None or pool > last)]
        shown, rates = rows[: asked.rows], Rates(await self._book.rates())
        return supply_pb2.ListSourcingsResponse(
            sourcings=[self._told(sourcing, rates) for sourcing in shown],
            next_page_token=asked.token_after(str(shown[-1].pool)) if len(rows) > asked.rows else "",
        )

    @ends_well
    async def EnterRate(  # noqa: N802
        self, request: supply_pb2.EnterRateRequest, _context: Context
    ) -> supply_pb2.ExchangeRate:
        """Enter a rate of exchange."""
        now_ms = self.reception.clock.now_ms()
        rate, rates = to_rate(request, now_ms), Rates(await self._book.rates())
        before = rates.counts_at(*rate.pair, rate.from_ms)
        if before is not None:
            if before.says_as(rate):
                return from_rate(before, now_ms, is_counting=rates.counts_at(*rate.pair, now_ms) == before)
            if jumps(before, rate) and not request.accept_jump:
                raise Refusal("RATE_JUMPS", {"before": before.figures, "rate": rate.figures})
            rate = rate.after(before)
        if not rates.has_room_for(rate):
            raise Refusal("TOO_MANY_ITEMS", {"field": "rate.source_currency", "max": limits.rate_pairs_max})
        await self._book.enter_rate(rate, rates.surplus(*rate.pair, now_ms))
        rates = Rates(await self._book.rates())
        return from_rate(rate, now_ms, is_counting=rates.counts_at(*rate.pair, now_ms) == rate)

    @ends_well
    async def ListRates(  # noqa: N802
        self, request: supply_pb2.ListRatesRequest, _context: Context
    ) -> supply_pb2.ListRatesResponse:
        """All of a tenant's."""
        tenant, rates = checks.tenant(request.parent), Rates(await self._book.rates())
        return supply_pb2.ListRatesResponse(rates=from_rates(tenant, rates, self.reception.clock.now_ms()))

    @ends_well
    async def ListAttempts(  # noqa: N802
        self, request: supply_pb2.ListAttemptsRequest, _context: Context
    ) -> supply_pb2.ListAttemptsResponse:
        """One page of a supplier's attempts."""
        name = await self._known(request.parent, "parent")
        listing = f"ListAttempts {name} {request.filter}"
        asked, shown = page_by_number(listing, request.page_size, request.page_token)
        found = await self._desks.attempts(name, _FILTERS[request.filter], Page(asked.rows, shown + 1))
        differences = await self._desks.differences(name) if shown < 0 else ()
        return supply_pb2.ListAttemptsResponse(
            attempts=[from_attempt(record) for record in found.attempts],
            next_page_token=asked.token_after(str(found.next_start - 1)) if found.next_start else "",
            differences=[from_difference(noted.difference) for noted in differences[: limits.page_rows_max]],
        )

    @ends_well
    async def SettleAttempt(  # noqa: N802
        self, request: supply_pb2.SettleAttemptRequest, _context: Context
    ) -> supply_pb2.SettleAttemptResponse:
        """A person's word for how an attempt stands."""
        name = await self._known(request.supplier, "supplier")
        attempt, finding, goods = to_word(request)
        who = checks.identifier(required(request.who, "who"), "who")
        try:
            bought = await self._desks.settle(name, attempt, finding, who, note=request.note, goods=goods)
        except AttemptUnknown:
            raise Refusal("ATTEMPT_NOT_FOUND", {"name": attempt}) from None
        except AttemptDelivered:
            raise Refusal("INVALID_FIELD", {"field": "order_number"}, _DELIVERED_ALREADY) from None
        return supply_pb2.SettleAttemptResponse(
            standing=from_standing(bought.standing),
            codes_fresh=0 if bought.shelved is None else bought.shelved.fresh,
        )

    @ends_well
    async def ResolveTask(  # noqa: N802
        self, request: supply_pb2.ResolveTaskRequest, _context: Context
    ) -> supply_pb2.ResolveTaskResponse:
        """A person has dealt with a dispute or a difference."""
        name = await self._known(request.supplier, "supplier")
        resolved = Resolved(
            0,
            checks.identifier(request.attempt, "attempt"),
            checks.identifier(request.order_number, "order_number"),
            checks.identifier(required(request.who, "who"), "who"),
            checks.free_text(request.note, "note"),
        )
        return supply_pb2.ResolveTaskResponse(resolved=await self._desks.resolve(name, resolved))

    @ends_well
    async def Reconcile(  # noqa: N802
        self, request: supply_pb2.ReconcileRequest, _context: Context
    ) -> supply_pb2.ReconcileResponse:
        """Compare a supplier's statement with our ledger."""
        name = await self._known(request.supplier, "supplier")
        from_ms = checks.moment_ms(request.start_time, "start_time")
        to_ms = checks.moment_ms(request.end_time, "end_time")
        if from_ms >= to_ms:
            raise Refusal("INVALID_FIELD", {"field": "end_time"}, "end_time comes after start_time; check both.")
        rows = to_rows(request.rows) if request.with_rows or request.rows else None
        try:
            return from_report(await self._desks.reconcile(name, from_ms, to_ms, rows))
        except StatementNotOffered as never:
            raise Refusal("STATEMENT_NOT_OFFERED", {"name": name}) from never
        except NoStatement as none:
            raise Refusal("SUPPLIER_AWAY", {"name": name}) from none

    @ends_well
    async def Recharge(  # noqa: N802
        self, request: supply_pb2.RechargeRequest, _context: Context
    ) -> supply_pb2.RechargeResponse:
        """Top an account up, for one order, once."""
        return from_recharged(await self._recharges.recharge(await self._order(request)))

    @ends_well
    async def GiveUpRecharge(  # noqa: N802
        self, request: supply_pb2.RechargeRequest, _context: Context
    ) -> supply_pb2.RechargeResponse:
        """Have an order never done, if it surely was not."""
        return from_recharged(await self._recharges.give_up(await self._order(request)))

    def _told(self, sourcing: Sourcing, rates: Rates) -> supply_pb2.Sourcing:
        now_ms = self.reception.clock.now_ms()
        return from_sourcing(sourcing, [left_out(source, sourcing, rates, now_ms) for source in sourcing.sources])

    async def _order(self, request: supply_pb2.RechargeRequest) -> RechargeOrder:
        order = to_recharge(request)
        if order.pool not in await self.reception.registry.pools():
            raise Refusal("SKU_NOT_FOUND", {"name": order.pool})
        return order

    async def _known(self, name: str, field: str) -> SupplierName:
        supplier = to_supplier_name(name, field)
        if supplier not in await self._book.suppliers():
            raise Refusal("SUPPLIER_NOT_FOUND", {"name": supplier})
        return supplier

    async def _view(self, supplier: SupplierName) -> DeskView | None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await self._desks.view(supplier)
        except (NotDone, InDoubt, TimeoutError):
            return None


def _checked(credentials: Mapping[str, str]) -> Mapping[str, str]:
    checks.item_count(len(credentials), "supplier.credentials", _SECRETS_MAX)
    if any(len(secret) > _SECRET_CHARS_MAX for secret in credentials.values()):
        raise Refusal("FIELD_TOO_LONG", {"field": "supplier.credentials", "max": _SECRET_CHARS_MAX})
    return credentials
