"""The AllocationService over a `Stock`: the same requests in, the same replies out as Cardkeep's.

Replies are built from nested dicts in one constructor call. Measured for one hold with one card: 4.6 µs, serialising
included; nested messages 10.5 µs, messages filled field by field 12.2 µs, one message filled anew each time 5.0 µs.
"""

from collections.abc import Sequence
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from actors.front.refusals import Refusal, status_of
from bench.peers.stock import ACTIVE, CARDS_EXPIRE_AT_MS, EXPIRED, HOLD_FOR_MS, RELEASED, Held, Stock, Wish
from engine.limits import batch_items_max, cards_per_hold_max
from engine.names import parse_hold
from protos.cardkeep.v1 import allocation_pb2, allocation_pb2_grpc, types_pb2

Context = grpc.aio.ServicerContext[Any, Any]

_STATES = {
    ACTIVE: types_pb2.HOLD_STATE_ACTIVE,
    RELEASED: types_pb2.HOLD_STATE_RELEASED,
    EXPIRED: types_pb2.HOLD_STATE_EXPIRED,
}
_CARDS_EXPIRE_TIME = Timestamp(seconds=CARDS_EXPIRE_AT_MS // 1000)


class Shop(allocation_pb2_grpc.AllocationServiceServicer):
    """Checks, asks the stock, answers."""

    def __init__(self, stock: Stock, skus: Sequence[str]) -> None:
        self._stock = stock
        self._skus = frozenset(skus)

    async def Allocate(self, request: allocation_pb2.AllocateRequest, context: Context) -> types_pb2.Hold:  # noqa: N802
        """Set cards aside."""
        wish = self._wish(request)
        answer = await self._stock.allocate(wish) if isinstance(wish, Wish) else wish
        if isinstance(answer, Refusal):
            await context.abort_with_status(status_of(answer))
        return types_pb2.Hold(**fields_of(answer))

    async def Release(self, request: allocation_pb2.ReleaseRequest, context: Context) -> types_pb2.Hold:  # noqa: N802
        """Give a hold back."""
        [answer] = await self._release([request])
        if isinstance(answer, Refusal):
            await context.abort_with_status(status_of(answer))
        return types_pb2.Hold(**fields_of(answer))

    async def BatchAllocate(  # noqa: N802
        self, request: allocation_pb2.BatchAllocateRequest, context: Context
    ) -> allocation_pb2.BatchAllocateResponse:
        """Many Allocates."""
        await _check_count(len(request.items), context)
        wishes = [self._wish(item) for item in request.items]
        answers = iter(await self._stock.allocate_all([wish for wish in wishes if isinstance(wish, Wish)]))
        results = [result_of(next(answers) if isinstance(wish, Wish) else wish) for wish in wishes]
        return allocation_pb2.BatchAllocateResponse(results=results)

    async def BatchRelease(  # noqa: N802
        self, request: allocation_pb2.BatchReleaseRequest, context: Context
    ) -> allocation_pb2.BatchReleaseResponse:
        """Many Releases."""
        await _check_count(len(request.items), context)
        answers = await self._release(request.items)
        return allocation_pb2.BatchReleaseResponse(results=[result_of(answer) for answer in answers])

    def _wish(self, request: allocation_pb2.AllocateRequest) -> Wish | Refusal:
        sku, request_id, order_ref, quantity = request.parent, request.request_id, request.order_ref, request.quantity
        if sku not in self._skus:
            return Refusal("SKU_NOT_FOUND", {"name": sku})
        if not request_id:
            return Refusal("REQUEST_ID_REQUIRED", {"field": "request_id"})
        if not order_ref:
            return Refusal("ORDER_REF_REQUIRED")
        if not 1 <= quantity <= cards_per_hold_max:
            return Refusal("INVALID_QUANTITY", {"quantity": quantity, "min": 1, "max": cards_per_hold_max})
        hold_for_ms = request.hold_for.ToMilliseconds() if request.HasField("hold_for") else HOLD_FOR_MS
        return Wish(sku, request_id, order_ref, quantity, hold_for_ms)

    async def _release(self, requests: Sequence[allocation_pb2.ReleaseRequest]) -> Sequence[Held | Refusal]:
        names = [self._hold(request.name) for request in requests]
        answers = iter(await self._stock.release_all([name for name in names if not isinstance(name, Refusal)]))
        return [name if isinstance(name, Refusal) else next(answers) for name in names]

    def _hold(self, name: str) -> tuple[str, int] | Refusal:
        found = parse_hold(name)
        if found is None:
            return Refusal("INVALID_NAME", {"field": "name", "value": name})
        sku = str(found[0])
        return (sku, found[1]) if sku in self._skus else Refusal("SKU_NOT_FOUND", {"name": sku})


def fields_of(held: Held) -> dict[str, Any]:
    """A hold as `types_pb2.Hold` takes it."""
    sku = held.sku
    batch = f"{sku}/batches/1"
    fields: dict[str, Any] = {
        "name": f"{sku}/holds/{held.hold}",
        "state": _STATES[held.state],
        "order_ref": held.order_ref,
        "create_time": _moment(held.created_at_ms),
        "expire_time": _moment(held.expires_at_ms),
        "quantity": len(held.cards),
        "epoch": 1,
        "sequence": held.hold,
        "replayed": held.replayed,
    }
    if held.state == ACTIVE:
        fields["cards"] = [
            {"name": f"{sku}/cards/1-{card}", "batch": batch, "expire_time": _CARDS_EXPIRE_TIME} for card in held.cards
        ]
    else:
        fields["end_time"] = _moment(held.ended_at_ms)
    return fields


def result_of(answer: Held | Refusal) -> Any:
    """One item of a batch as a dict: the constructor of a batch reply takes it, though its stub does not say so."""
    if isinstance(answer, Held):
        return {"hold": fields_of(answer)}
    return {
        "refusal": {
            "code": answer.code,
            "reason": answer.reason,
            "message": answer.text,
            "metadata": answer.facts,
        }
    }


def _moment(moment_ms: int) -> dict[str, int]:
    return {"seconds": moment_ms // 1000, "nanos": moment_ms % 1000 * 1_000_000}


async def _check_count(items: int, context: Context) -> None:
    if not 1 <= items <= batch_items_max:
        refusal = Refusal("TOO_MANY_ITEMS", {"field": "items", "count": items, "max": batch_items_max})
        await context.abort_with_status(status_of(refusal))
