"""AllocationService: what a storefront asks."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from actors.asking import Answer
from actors.front import checks
from actors.front.express import Route
from actors.front.http2.server import Server
from actors.front.reception import Context, Reception, ends_well, why
from actors.front.refusals import Refusal
from actors.front.replies import hold_reply, released_reply
from actors.front.together import ask_together, refused
from actors.front.translate import (
    from_money,
    from_view,
    to_allocate,
    to_confirm,
    to_extend,
    to_life_ms,
    to_release,
)
from engine.names import HoldNo, PoolName, card_name
from engine.secrecy.masks import mask
from engine.stock import commands as ask
from engine.stock import outcomes as said
from protos.cardkeep.v1 import allocation_pb2, types_pb2

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


class AllocationServicer:
    """Holds: begin, sell, give back, extend, look."""

    def __init__(self, reception: Reception) -> None:
        self.reception = reception

    @ends_well
    async def Allocate(self, request: allocation_pb2.AllocateRequest, context: Context) -> bytes:  # noqa: N802
        """Set cards aside."""
        pool, command = to_allocate(request)
        answer, outcome = await self.reception.ask(pool, command, self.reception.deadline_ms(context))
        return _allocated(pool, answer, outcome)

    @ends_well
    async def Confirm(  # noqa: N802
        self, request: allocation_pb2.ConfirmRequest, context: Context
    ) -> allocation_pb2.ConfirmResponse:
        """Sell a hold."""
        return await self._confirm(request, self.reception.deadline_ms(context))

    @ends_well
    async def Release(self, request: allocation_pb2.ReleaseRequest, context: Context) -> bytes:  # noqa: N802
        """Give a hold back."""
        pool, command = to_release(request)
        answer, outcome = await self.reception.ask(pool, command, self.reception.deadline_ms(context))
        return _released(pool, answer, outcome)

    @ends_well
    async def Extend(self, request: allocation_pb2.ExtendRequest, context: Context) -> types_pb2.Hold:  # noqa: N802
        """Keep a hold for longer."""
        pool, command = to_extend(request)
        answer, outcome = await self.reception.ask(pool, command, self.reception.deadline_ms(context))
        assert isinstance(outcome, said.Extended)
        return from_view(pool, outcome.view, answer, outcome.cards_expire_at_ms)

    @ends_well
    async def GetHold(self, request: allocation_pb2.GetHoldRequest, context: Context) -> types_pb2.Hold:  # noqa: N802
        """Look at a hold, with masks."""
        pool, question = _to_get_hold(request)
        answer, outcome = await self.reception.ask(pool, question, self.reception.deadline_ms(context))
        assert isinstance(outcome, said.HoldFound)
        hold = from_view(pool, outcome.view, answer, outcome.cards_expire_at_ms)
        if hold.cards:
            for card, shown in zip(hold.cards, await self.reception.masks(pool, outcome.view.cards), strict=True):
                card.mask = shown
        hold.replacements.extend(
            types_pb2.Replacement(bad=card_name(pool, bad), fresh=card_name(pool, fresh))
            for bad, fresh in outcome.replaced
        )
        return hold

    @ends_well
    async def BatchAllocate(self, request: allocation_pb2.BatchAllocateRequest, context: Context) -> bytes:  # noqa: N802
        """Many Allocates; each owner gets its share in one piece."""
        return await ask_together(
            self.reception, request.items, to_allocate, _allocated, self.reception.deadline_ms(context)
        )

    @ends_well
    async def BatchConfirm(  # noqa: N802
        self, request: allocation_pb2.BatchConfirmRequest, context: Context
    ) -> allocation_pb2.BatchConfirmResponse:
        """Many Confirms."""

        def answered(result: allocation_pb2.ConfirmResponse | types_pb2.Refusal) -> allocation_pb2.ConfirmResult:
            if isinstance(result, types_pb2.Refusal):
                return allocation_pb2.ConfirmResult(refusal=result)
            return allocation_pb2.ConfirmResult(response=result)

        results = await self._each(request.items, self._confirm, self.reception.deadline_ms(context))
        return allocation_pb2.BatchConfirmResponse(results=[answered(result) for result in results])

    @ends_well
    async def BatchRelease(self, request: allocation_pb2.BatchReleaseRequest, context: Context) -> bytes:  # noqa: N802
        """Many Releases; each owner gets its share in one piece."""
        return await ask_together(
            self.reception, request.items, to_release, _released, self.reception.deadline_ms(context)
        )

    @ends_well
    async def GetAvailability(  # noqa: N802
        self, request: allocation_pb2.GetAvailabilityRequest, context: Context
    ) -> allocation_pb2.Availability:
        """How many there are right now."""
        pool = checks.pool(request.parent)
        life_ms = to_life_ms(request)
        channel = checks.identifier(request.channel, "channel")
        _, shelf = await self.reception.ask(pool, ask.GetShelf(life_ms, channel), self.reception.deadline_ms(context))
        assert isinstance(shelf, said.Shelf)
        price = None if shelf.price is None else from_money(shelf.price)
        return allocation_pb2.Availability(
            sku=str(pool),
            available=0 if shelf.terms.paused else shelf.available,
            unit_price=price,
            paused=shelf.terms.paused,
        )

    async def _confirm(
        self, request: allocation_pb2.ConfirmRequest, deadline_ms: int
    ) -> allocation_pb2.ConfirmResponse:
        pool, command = to_confirm(request)
        answer, outcome = await self.reception.ask(pool, command, deadline_ms)
        assert isinstance(outcome, said.Confirmed)
        hold = from_view(pool, outcome.view, answer, outcome.cards_expire_at_ms)
        delivered = []
        for card, code in zip(hold.cards, await self.reception.codes(pool, outcome.view.cards), strict=True):
            card.mask = mask(code)
            delivered.append(types_pb2.DeliveredCard(card=card, code=code))
        return allocation_pb2.ConfirmResponse(hold=hold, outcome=_sold_how(outcome), delivered=delivered)

    async def _each(
        self, items: Sequence[_Item], one: Callable[[_Item, int], Awaitable[_Answer]], deadline_ms: int
    ) -> Sequence[_Answer | types_pb2.Refusal]:
        """Answer every item on its own, however one of them fails; all are asked at once and ride the same batches."""
        checks.item_count(len(items))

        async def answered(item: _Item) -> _Answer | types_pb2.Refusal:
            try:
                return await one(item, deadline_ms)
            except Exception as failure:  # noqa: BLE001 - see above
                return refused(why(failure, getattr(item, "request_id", ""), type(item).__name__))

        return await asyncio.gather(*(answered(item) for item in items))


def add_allocation(servicer: AllocationServicer, server: grpc.aio.Server) -> None:
    """Serve it: as the generated `add_…_to_server` would, but an answer may be written already."""
    service = allocation_pb2.DESCRIPTOR.services_by_name["AllocationService"]
    handlers = {
        method.name: grpc.unary_unary_rpc_method_handler(
            getattr(servicer, method.name),
            request_deserializer=getattr(allocation_pb2, method.input_type.name).FromString,
            response_serializer=_written,
        )
        for method in service.methods
    }
    server.add_registered_method_handlers(service.full_name, handlers)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))
    if isinstance(server, Server):
        reception, path = servicer.reception, f"/{service.full_name}/"
        allocate = Route(reception, "Allocate", allocation_pb2.AllocateRequest, to_allocate, _allocated)
        release = Route(reception, "Release", allocation_pb2.ReleaseRequest, to_release, _released)
        server.add_express(path + "Allocate", allocate)
        server.add_express(path + "Release", release)


def _written(reply: Message | bytes) -> bytes:
    return reply if isinstance(reply, bytes) else reply.SerializeToString()


def _allocated(pool: PoolName, answer: Answer, outcome: said.Outcome) -> bytes:
    if isinstance(outcome, said.Held):
        return hold_reply(pool, outcome, answer.epoch, answer.seq, answer.replayed)
    assert isinstance(outcome, said.HoldFound)
    return from_view(pool, outcome.view, answer, outcome.cards_expire_at_ms).SerializeToString()


def _released(pool: PoolName, answer: Answer, outcome: said.Outcome) -> bytes:
    assert isinstance(outcome, said.Released)
    return released_reply(pool, outcome.view, answer.epoch, answer.seq, answer.replayed)


def _to_get_hold(request: allocation_pb2.GetHoldRequest) -> tuple[PoolName, ask.GetHold]:
    if request.HasField("order"):
        if not request.order.order_ref:
            raise Refusal("ORDER_REF_REQUIRED")
        order_ref = checks.identifier(request.order.order_ref, "order.order_ref")
        return checks.pool(request.order.parent, "order.parent"), ask.GetHold(HoldNo(0), order_ref)
    pool, hold = checks.hold(request.name)
    return pool, ask.GetHold(hold)


def _sold_how(confirmed: said.Confirmed) -> allocation_pb2.ConfirmOutcome.ValueType:
    if confirmed.reacquired:
        return allocation_pb2.CONFIRM_OUTCOME_REACQUIRED
    if confirmed.returned:
        return allocation_pb2.CONFIRM_OUTCOME_PARTIALLY_POSTED
    return allocation_pb2.CONFIRM_OUTCOME_POSTED
