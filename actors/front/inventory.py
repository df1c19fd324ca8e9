"""InventoryService: what the back office asks of SKUs, batches and cards."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from actors.front import checks
from actors.front.importing import Import
from actors.front.reception import Context, Reception, ends_well
from actors.front.refusals import Refusal, refusal_for, status_of
from actors.front.translate import from_batch, from_card, from_counts, from_ms, from_view
from actors.front.translate_sku import SKU_FIELDS, from_terms, to_terms
from engine import limits
from engine.errors import CardkeepError
from engine.names import BatchNo, Card, PoolName, batch_name, card_name, hold_name, is_name_part, serial_of
from engine.secrecy.masks import mask
from engine.stock import commands as ask
from engine.stock import outcomes as said
from engine.stock.terms import Terms
from protos.cardkeep.v1 import inventory_pb2, inventory_pb2_grpc, types_pb2

_log = logging.getLogger(__name__)

Place = Callable[[PoolName], Awaitable[None]]
"""Gives a new pool an owner, and waits until it is announced."""


class InventoryServicer(inventory_pb2_grpc.InventoryServiceServicer):
    """SKUs, imports, batches, withdrawals, replacements, audits."""

    def __init__(self, reception: Reception, place: Place) -> None:
        self.reception = reception
        self._place = place

    @ends_well
    async def CreateSku(self, request: inventory_pb2.CreateSkuRequest, context: Context) -> inventory_pb2.Sku:  # noqa: N802
        """Make a SKU known, give it an owner, set its terms."""
        tenant = checks.tenant(request.parent)
        if not is_name_part(request.sku_id):
            raise Refusal("INVALID_NAME", {"field": "sku_id", "value": request.sku_id[:80]})
        request_id = checks.request_id(request.request_id)
        terms = to_terms(request.sku, Terms(), SKU_FIELDS)
        pool = PoolName(tenant, request.sku_id)
        is_new = await self.reception.registry.add_pool(pool)
        await self._place(pool)
        deadline_ms = self.reception.deadline_ms(context)
        if not is_new and not await self._is_mine(pool, request_id, terms, deadline_ms):
            raise Refusal("SKU_EXISTS", {"name": pool})
        _, outcome = await self.reception.ask(pool, ask.Configure(request_id, terms), deadline_ms)
        assert isinstance(outcome, said.Configured)
        return from_terms(pool, outcome.terms)

    @ends_well
    async def UpdateSku(self, request: inventory_pb2.UpdateSkuRequest, context: Context) -> inventory_pb2.Sku:  # noqa: N802
        """Change the named terms; without a mask, all of them."""
        pool = checks.pool(request.sku.name, "sku.name")
        request_id = checks.request_id(request.request_id)
        deadline_ms = self.reception.deadline_ms(context)
        shelf = await self._shelf(pool, deadline_ms)
        terms = to_terms(request.sku, shelf.terms, list(request.update_mask.paths) or SKU_FIELDS)
        _, outcome = await self.reception.ask(pool, ask.Configure(request_id, terms), deadline_ms)
        assert isinstance(outcome, said.Configured)
        return from_terms(pool, outcome.terms)

    @ends_well
    async def GetSku(self, request: inventory_pb2.GetSkuRequest, context: Context) -> inventory_pb2.Sku:  # noqa: N802
        """A SKU's terms."""
        pool = checks.pool(request.name, "name")
        return from_terms(pool, (await self._shelf(pool, self.reception.deadline_ms(context))).terms)

    @ends_well
    async def ListSkus(  # noqa: N802
        self, request: inventory_pb2.ListSkusRequest, context: Context
    ) -> inventory_pb2.ListSkusResponse:
        """One page of a tenant's SKUs, by name; the token is the number of the last one shown."""
        tenant = checks.tenant(request.parent)
        rows, after = checks.page(request.page_size, request.page_token)
        pools = [pool for pool in await self.reception.registry.pools() if pool.tenant == tenant]
        deadline_ms = self.reception.deadline_ms(context)
        page = pools[after + 1 : after + 1 + rows]
        skus = [from_terms(pool, (await self._shelf(pool, deadline_ms)).terms) for pool in page]
        more = after + 1 + rows < len(pools)
        return inventory_pb2.ListSkusResponse(skus=skus, next_page_token=str(after + rows) if more else "")

    async def ImportCards(  # noqa: N802
        self, requests: AsyncIterator[inventory_pb2.ImportCardsRequest], context: Context
    ) -> AsyncIterator[inventory_pb2.ImportCardsResponse]:
        """Stream cards in; see importing.py."""
        outcome = "OK"
        try:
            self.reception.admit()
            async for response in Import(self.reception).run(requests):
                yield response
        except (CardkeepError, Refusal) as failure:
            refusal = refusal_for(failure, "")
        except Exception as mistake:  # noqa: BLE001 - the last door: nothing may leak to the caller
            refusal = refusal_for(mistake, "")
            _log.exception("mistake method=ImportCards correlation_id=%s", refusal.facts["correlationId"])
        else:
            self.reception.metrics.answered("ImportCards", outcome, 0.0)
            return
        self.reception.metrics.answered("ImportCards", refusal.reason, 0.0)
        await context.abort_with_status(status_of(refusal))

    @ends_well
    async def GetBatch(self, request: inventory_pb2.GetBatchRequest, context: Context) -> inventory_pb2.Batch:  # noqa: N802
        """One batch."""
        pool, number = checks.batch(request.name)
        return from_batch(pool, await self._batch(pool, number, self.reception.deadline_ms(context)))

    @ends_well
    async def ListBatches(  # noqa: N802
        self, request: inventory_pb2.ListBatchesRequest, context: Context
    ) -> inventory_pb2.ListBatchesResponse:
        """One page of batches, in order of arrival."""
        pool = checks.pool(request.parent)
        rows, after = checks.page(request.page_size, request.page_token)
        question = ask.ListBatches(max(after, 0), rows)
        _, page = await self.reception.ask(pool, question, self.reception.deadline_ms(context))
        assert isinstance(page, said.Batches)
        return inventory_pb2.ListBatchesResponse(
            batches=[from_batch(pool, view) for view in page.views],
            next_page_token=str(page.views[-1].batch) if page.more else "",
        )

    @ends_well
    async def QuarantineBatch(  # noqa: N802
        self, request: inventory_pb2.QuarantineBatchRequest, context: Context
    ) -> inventory_pb2.WithdrawResponse:
        """Take a batch off sale for a while."""
        return await self._withdraw_batch(request, ask.QUARANTINE, context)

    @ends_well
    async def RestoreBatch(  # noqa: N802
        self, request: inventory_pb2.RestoreBatchRequest, context: Context
    ) -> inventory_pb2.WithdrawResponse:
        """Put a quarantined batch back on sale."""
        return await self._withdraw_batch(request, ask.RESTORE, context)

    @ends_well
    async def VoidBatch(  # noqa: N802
        self, request: inventory_pb2.VoidBatchRequest, context: Context
    ) -> inventory_pb2.WithdrawResponse:
        """Withdraw a batch for good."""
        return await self._withdraw_batch(request, ask.VOID, context)

    @ends_well
    async def VoidCards(  # noqa: N802
        self, request: inventory_pb2.VoidCardsRequest, context: Context
    ) -> inventory_pb2.WithdrawResponse:
        """Withdraw single cards for good."""
        return await self._withdraw_cards(request, ask.VOID, context)

    @ends_well
    async def QuarantineCards(  # noqa: N802
        self, request: inventory_pb2.QuarantineCardsRequest, context: Context
    ) -> inventory_pb2.WithdrawResponse:
        """Take single cards off sale for a while."""
        return await self._withdraw_cards(request, ask.QUARANTINE, context)

    @ends_well
    async def RestoreCards(  # noqa: N802
        self, request: inventory_pb2.RestoreCardsRequest, context: Context
    ) -> inventory_pb2.WithdrawResponse:
        """Put quarantined cards back on sale."""
        return await self._withdraw_cards(request, ask.RESTORE, context)

    @ends_well
    async def RecallBatch(  # noqa: N802
        self, request: inventory_pb2.RecallBatchRequest, context: Context
    ) -> inventory_pb2.RecallBatchResponse:
        """Quarantine what is left, and list what is sold, a page at a time."""
        pool, number = checks.batch(request.name)
        rows, after = checks.page(request.page_size, request.page_token)
        deadline_ms = self.reception.deadline_ms(context)
        request_id = checks.request_id(request.request_id)
        command = ask.Withdraw(request_id, ask.QUARANTINE, number, (), checks.free_text(request.reason, "reason"))
        _, withdrawn = await self.reception.ask(pool, command, deadline_ms)
        _, sold = await self.reception.ask(pool, ask.ListSold(number, after, rows), deadline_ms)
        assert isinstance(withdrawn, said.Withdrawn)
        assert isinstance(sold, said.Sold)
        return inventory_pb2.RecallBatchResponse(
            batch=from_batch(pool, withdrawn.view),
            moved=withdrawn.moved,
            sold=[
                inventory_pb2.SoldCard(card=card_name(pool, card), hold=hold_name(pool, hold) if hold else "")
                for card, hold in sold.cards
            ],
            next_page_token=str(serial_of(sold.cards[-1][0])) if sold.more else "",
        )

    @ends_well
    async def ReplaceCard(  # noqa: N802
        self, request: inventory_pb2.ReplaceCardRequest, context: Context
    ) -> inventory_pb2.ReplaceCardResponse:
        """A fresh card for a bad sold one."""
        pool, hold = checks.hold(request.name)
        card_pool, bad = checks.card(request.card, "card")
        if card_pool != pool:
            raise Refusal("CARD_NOT_SOLD", {"name": request.card})
        command = ask.Replace(
            checks.request_id(request.request_id), hold, bad, checks.free_text(request.reason, "reason")
        )
        answer, replaced = await self.reception.ask(pool, command, self.reception.deadline_ms(context))
        assert isinstance(replaced, said.Replaced)
        [code] = await self.reception.codes(pool, [replaced.fresh])
        card = from_card(pool, replaced.fresh)
        card.mask = mask(code)
        return inventory_pb2.ReplaceCardResponse(
            hold=from_view(pool, replaced.view, answer),
            bad=request.card,
            fresh=types_pb2.DeliveredCard(card=card, code=code),
        )

    @ends_well
    async def AuditSku(self, request: inventory_pb2.AuditSkuRequest, context: Context) -> inventory_pb2.SkuAudit:  # noqa: N802
        """Count every card again."""
        pool = checks.pool(request.name, "name")
        deadline_ms = self.reception.deadline_ms(context)
        answer, audited = await self.reception.ask(pool, ask.Audit(), deadline_ms)
        assert isinstance(audited, said.Audited)
        _, page = await self.reception.ask(pool, ask.ListBatches(0, limits.page_rows_max), deadline_ms)
        assert isinstance(page, said.Batches)
        return inventory_pb2.SkuAudit(
            sku=str(pool),
            ok=not audited.violations,
            violations=audited.violations,
            cards=from_counts(audited.shelf),
            batches=[
                inventory_pb2.BatchAudit(batch=batch_name(pool, view.batch), cards=from_counts(view))
                for view in page.views
            ],
            holds_active=audited.shelf.holds_active,
            audit_time=from_ms(self.reception.clock.now_ms()),
            epoch=answer.epoch,
            sequence=answer.seq,
        )

    async def _is_mine(self, pool: PoolName, request_id: str, terms: Terms, deadline_ms: int) -> bool:
        """Whether an existing SKU is what an earlier try of this very request left, finished or not."""
        shelf = await self._shelf(pool, deadline_ms)
        if shelf.terms == Terms() and not shelf.received:
            return True
        return shelf.terms == terms and await self._was_asked(pool, request_id, terms, deadline_ms)

    async def _was_asked(self, pool: PoolName, request_id: str, terms: Terms, deadline_ms: int) -> bool:
        answer = await self.reception.dispatch.ask(pool, ask.Configure(request_id, terms), deadline_ms)
        return answer.replayed

    async def _shelf(self, pool: PoolName, deadline_ms: int) -> said.Shelf:
        _, shelf = await self.reception.ask(pool, ask.GetShelf(), deadline_ms)
        assert isinstance(shelf, said.Shelf)
        return shelf

    async def _batch(self, pool: PoolName, number: BatchNo, deadline_ms: int) -> said.BatchView:
        _, page = await self.reception.ask(pool, ask.ListBatches(number - 1, 1), deadline_ms)
        assert isinstance(page, said.Batches)
        if not page.views or page.views[0].batch != number:
            raise Refusal("BATCH_NOT_FOUND", {"name": batch_name(pool, number)})
        return page.views[0]

    async def _withdraw_batch(
        self,
        request: inventory_pb2.QuarantineBatchRequest
        | inventory_pb2.RestoreBatchRequest
        | inventory_pb2.VoidBatchRequest,
        action: str,
        context: Context,
    ) -> inventory_pb2.WithdrawResponse:
        pool, number = checks.batch(request.name)
        return await self._withdraw(pool, number, (), request, action=action, context=context)

    async def _withdraw_cards(
        self,
        request: inventory_pb2.VoidCardsRequest
        | inventory_pb2.QuarantineCardsRequest
        | inventory_pb2.RestoreCardsRequest,
        action: str,
        context: Context,
    ) -> inventory_pb2.WithdrawResponse:
        checks.item_count(len(request.names), "names")
        found = [checks.card(name) for name in request.names]
        pool, first = found[0]
        number = BatchNo(first >> 32)
        if any(other != pool or card >> 32 != number for other, card in found):
            raise Refusal("INVALID_FIELD", {"field": "names"}, "All cards of one call must be of one batch.")
        cards = tuple(card for _, card in found)
        return await self._withdraw(pool, number, cards, request, action=action, context=context)

    async def _withdraw(
        self, pool: PoolName, number: BatchNo, cards: Sequence[Card], request: object, *, action: str, context: Context
    ) -> inventory_pb2.WithdrawResponse:
        command = ask.Withdraw(
            checks.request_id(request.request_id),  # type: ignore[attr-defined]
            action,
            number,
            tuple(cards),
            checks.free_text(request.reason, "reason"),  # type: ignore[attr-defined]
        )
        _, withdrawn = await self.reception.ask(pool, command, self.reception.deadline_ms(context))
        assert isinstance(withdrawn, said.Withdrawn)
        return inventory_pb2.WithdrawResponse(
            batch=from_batch(pool, withdrawn.view),
            moved=withdrawn.moved,
            held=[card_name(pool, card) for card in withdrawn.held],
            sold=[card_name(pool, card) for card in withdrawn.sold],
        )
