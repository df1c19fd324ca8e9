"""InventoryService: what the back office asks of SKUs, batches and cards."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from time import perf_counter

from actors.front import checks
from actors.front.importing import Import
from actors.front.paging import page, page_by_number
from actors.front.reception import Context, Reception, ends_well, why
from actors.front.refusals import Refusal, status_of
from actors.front.translate import from_batch, from_counts, from_ms, from_view
from actors.front.translate_sku import from_terms, set_paths, to_change
from engine import limits
from engine.errors import InDoubt, InvariantBroken, NotDone
from engine.names import BatchNo, Card, PoolName, batch_name, card_at, card_name, hold_name, is_name_part, serial_of
from engine.secrecy.masks import mask
from engine.stock import commands as ask
from engine.stock import outcomes as said
from protos.cardkeep.v1 import inventory_pb2, inventory_pb2_grpc, types_pb2


class InventoryServicer(inventory_pb2_grpc.InventoryServiceServicer):
    """SKUs, imports, batches, withdrawals, replacements, audits."""

    def __init__(self, reception: Reception) -> None:
        self.reception = reception

    @ends_well
    async def CreateSku(self, request: inventory_pb2.CreateSkuRequest, context: Context) -> inventory_pb2.Sku:  # noqa: N802
        """Make a SKU known, give it an owner, set its terms."""
        tenant = checks.tenant(request.parent)
        if not is_name_part(request.sku_id):
            raise Refusal("INVALID_NAME", {"field": "sku_id", "value": request.sku_id[:80]})
        request_id = checks.request_id(request.request_id)
        change = to_change(request.sku, set_paths(request.sku))
        pool = PoolName(tenant, request.sku_id)
        deadline_ms = self.reception.deadline_ms(context)
        await self.reception.registry.add_pool(pool)
        command = ask.Configure(request_id, change.terms, change.fields, creates=True)
        _, outcome = await self.reception.ask(pool, command, deadline_ms)
        assert isinstance(outcome, said.Configured)
        return from_terms(pool, outcome.terms)

    @ends_well
    async def UpdateSku(self, request: inventory_pb2.UpdateSkuRequest, context: Context) -> inventory_pb2.Sku:  # noqa: N802
        """Change the named terms; without a mask, those that are set."""
        pool = checks.pool(request.sku.name, "sku.name")
        request_id = checks.request_id(request.request_id)
        paths = request.update_mask.paths or set_paths(request.sku)
        if not paths:
            raise Refusal("INVALID_FIELD", {"field": "update_mask"}, "It names no field, and no field is set.")
        command = ask.Configure(request_id, *to_change(request.sku, paths))
        _, outcome = await self.reception.ask(pool, command, self.reception.deadline_ms(context))
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
        """One page of a tenant's SKUs, by name."""
        tenant = checks.tenant(request.parent)
        asked = page(f"ListSkus {tenant}", request.page_size, request.page_token)
        known = await self.reception.registry.pools()
        pools = [pool for pool in known if pool.tenant == tenant and pool.sku > asked.after]
        deadline_ms = self.reception.deadline_ms(context)
        skus = await asyncio.gather(*(self._sku(pool, deadline_ms) for pool in pools[: asked.rows]))
        return inventory_pb2.ListSkusResponse(
            skus=skus,
            next_page_token=asked.token_after(pools[asked.rows - 1].sku) if len(pools) > asked.rows else "",
        )

    async def ImportCards(  # noqa: N802
        self, requests: AsyncIterator[inventory_pb2.ImportCardsRequest], context: Context
    ) -> AsyncIterator[inventory_pb2.ImportCardsResponse]:
        """Stream cards in; see importing.py."""
        stream = Import(self.reception)
        began_s = perf_counter()
        outcome = "OK"
        refusal: Refusal | None = None
        try:
            self.reception.admit()
            try:
                async for response in stream.run(requests):
                    yield response
            finally:
                self.reception.leave()
        except (asyncio.CancelledError, GeneratorExit):
            outcome = "CANCELLED"
            raise
        except Exception as failure:  # noqa: BLE001 - the last door: nothing may leak to the caller
            refusal = why(failure, stream.import_id, "ImportCards")
            outcome = refusal.reason
        finally:
            self.reception.metrics.answered("ImportCards", outcome, perf_counter() - began_s)
        if refusal is not None:
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
        asked, after = page_by_number(f"ListBatches {pool}", request.page_size, request.page_token)
        question = ask.ListBatches(max(after, 0), asked.rows)
        _, found = await self.reception.ask(pool, question, self.reception.deadline_ms(context))
        assert isinstance(found, said.Batches)
        return inventory_pb2.ListBatchesResponse(
            batches=[from_batch(pool, view) for view in found.views],
            next_page_token=asked.token_after(str(found.views[-1].batch)) if found.more else "",
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
        asked, after = page_by_number(f"RecallBatch {request.name}", request.page_size, request.page_token)
        deadline_ms = self.reception.deadline_ms(context)
        request_id = checks.request_id(request.request_id)
        command = ask.Withdraw(request_id, ask.QUARANTINE, number, (), checks.free_text(request.reason, "reason"))
        _, withdrawn = await self.reception.ask(pool, command, deadline_ms)
        question = ask.ListSold(number, 0 if after < 0 else card_at(number, after), asked.rows)
        try:
            _, sold = await self.reception.ask(pool, question, deadline_ms)
        except (NotDone, Refusal) as failure:
            raise InDoubt(f"{request.name} is quarantined, but what is sold of it could not be listed") from failure
        assert isinstance(withdrawn, said.Withdrawn)
        assert isinstance(sold, said.Sold)
        return inventory_pb2.RecallBatchResponse(
            batch=from_batch(pool, withdrawn.view),
            moved=withdrawn.moved,
            sold=[
                inventory_pb2.SoldCard(card=card_name(pool, card), hold=hold_name(pool, hold) if hold else "")
                for card, hold in sold.cards
            ],
            next_page_token=asked.token_after(str(serial_of(sold.cards[-1][0]))) if sold.more else "",
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
        hold_now = from_view(pool, replaced.view, answer, replaced.cards_expire_at_ms)
        card = next(card for card in hold_now.cards if card.name == card_name(pool, replaced.fresh))
        card.mask = mask(code)
        return inventory_pb2.ReplaceCardResponse(
            hold=hold_now,
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
        _, found = await self.reception.ask(pool, ask.ListBatches(0, limits.page_rows_max), deadline_ms)
        assert isinstance(found, said.Batches)
        return inventory_pb2.SkuAudit(
            sku=str(pool),
            ok=not audited.violations,
            violations=audited.violations,
            cards=from_counts(audited.shelf),
            batches=[
                inventory_pb2.BatchAudit(batch=batch_name(pool, view.batch), cards=from_counts(view))
                for view in found.views
            ],
            holds_active=audited.shelf.holds_active,
            audit_time=from_ms(audited.at_ms),
            epoch=answer.epoch,
            sequence=answer.seq,
        )

    async def _sku(self, pool: PoolName, deadline_ms: int) -> inventory_pb2.Sku:
        """A SKU for a listing: one that does not answer is there by its name, and hides no other."""
        try:
            return from_terms(pool, (await self._shelf(pool, deadline_ms)).terms)
        except (NotDone, InDoubt, InvariantBroken):
            return inventory_pb2.Sku(name=str(pool))

    async def _shelf(self, pool: PoolName, deadline_ms: int) -> said.Shelf:
        _, shelf = await self.reception.ask(pool, ask.GetShelf(), deadline_ms)
        assert isinstance(shelf, said.Shelf)
        return shelf

    async def _batch(self, pool: PoolName, number: BatchNo, deadline_ms: int) -> said.BatchView:
        _, found = await self.reception.ask(pool, ask.ListBatches(number - 1, 1), deadline_ms)
        assert isinstance(found, said.Batches)
        if not found.views:
            raise Refusal("BATCH_NOT_FOUND", {"name": batch_name(pool, number)})
        return found.views[0]

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
            raise Refusal("INVALID_FIELD", {"field": "names"}, "All cards of one call are of one batch: split them.")
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
            held=[card_name(pool, card) for card in withdrawn.held[: limits.page_rows_max]],
            sold=[card_name(pool, card) for card in withdrawn.sold[: limits.page_rows_max]],
        )
