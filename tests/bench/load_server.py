# ruff: noqa: N802, ARG002, D102 - methods are called and documented as in the .proto
"""A server for tests of the load generator: `python -m tests.bench.load_server DOOR SEEN`. Its SKUs are its habits.

Holds are numbered; a request_id that comes again gets the hold it had. Every id that arrives is appended to the file
SEEN before it is answered, so that it is there even when the process is killed.
"""

import asyncio
import os
import sys
import time
from collections import Counter
from typing import Any

import grpc
import uvloop
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from actors.front.doors import Door, new_server
from protos.cardkeep.v1 import allocation_pb2 as api
from protos.cardkeep.v1 import allocation_pb2_grpc
from protos.cardkeep.v1.types_pb2 import Hold as HoldMessage
from protos.cardkeep.v1.types_pb2 import HoldState, Refusal

GOOD, EMPTY, BARE, BIG = "GOOD", "EMPTY", "BARE", "BIG"
STALL_ONE, STALL_OTHER = "STALL-ONE", "STALL-OTHER"

#: Which call of each stalling SKU stops the whole server, and for how long.
STALL_AT, STALL_S = 50, 0.3

#: A reply for BIG is some 1.1 MB, far more than any default window.
BIG_CARDS = 20_000


class Shop(allocation_pb2_grpc.AllocationServiceServicer):
    """Answers by habit."""

    def __init__(self, seen: str) -> None:
        self._seen = os.open(seen, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._holds: dict[str, Any] = {}
        self._stalling: Counter[str] = Counter()

    async def Allocate(self, request: Any, context: Any) -> Any:
        self._note(request)
        match request.parent.rpartition("/")[2]:
            case "EMPTY":
                detail = AnyMessage()
                detail.Pack(ErrorInfo(reason="OUT_OF_STOCK", domain="cardkeep", metadata={"requested": "1"}))
                status = Status(code=8, message="There are not enough cards; §", details=[detail])
                await context.abort_with_status(rpc_status.to_status(status))
            case "BARE":
                await context.abort(grpc.StatusCode.UNAVAILABLE, "no details")
            case "STALL-ONE" | "STALL-OTHER":
                self._stalling[request.parent] += 1
                if self._stalling[request.parent] == STALL_AT:
                    time.sleep(STALL_S)  # noqa: ASYNC251 - the whole server stands still
        return self._hold(request)

    async def Confirm(self, request: Any, context: Any) -> Any:
        self._note(request)
        hold = HoldMessage(name=request.name, state=HoldState.HOLD_STATE_CONFIRMED, payment_ref=request.payment_ref)
        return api.ConfirmResponse(hold=hold)

    async def Release(self, request: Any, context: Any) -> Any:
        self._note(request)
        return HoldMessage(name=request.name, state=HoldState.HOLD_STATE_RELEASED)

    async def BatchAllocate(self, request: Any, context: Any) -> Any:
        """Of EMPTY, every second item is refused."""
        results = []
        for number, item in enumerate(request.items):
            self._note(item)
            if item.parent.endswith("/EMPTY") and number % 2:
                results.append(api.AllocateResult(refusal=Refusal(code=8, reason="OUT_OF_STOCK")))
            else:
                results.append(api.AllocateResult(hold=self._hold(item)))
        return api.BatchAllocateResponse(results=results)

    async def BatchRelease(self, request: Any, context: Any) -> Any:
        return api.BatchReleaseResponse(
            results=[api.ReleaseResult(hold=await self.Release(item, context)) for item in request.items]
        )

    def _note(self, request: Any) -> None:
        os.write(self._seen, f"{request.request_id}\n".encode())

    def _hold(self, request: Any) -> Any:
        hold = self._holds.get(request.request_id)
        if hold is not None:
            return HoldMessage(name=hold.name, state=hold.state, order_ref=hold.order_ref, replayed=True)
        number = len(self._holds) + 1
        hold = HoldMessage(
            name=f"{request.parent}/holds/{number}",
            state=HoldState.HOLD_STATE_ACTIVE,
            order_ref=request.order_ref,
            quantity=request.quantity,
        )
        for serial in range(BIG_CARDS if request.parent.endswith("/BIG") else 1):
            hold.cards.add(name=f"{request.parent}/cards/{number}-{serial}")
        self._holds[request.request_id] = hold
        return hold


async def serve(door: Door, seen: str) -> None:
    """Print the target, and serve until killed."""
    server = new_server(door)
    allocation_pb2_grpc.add_AllocationServiceServicer_to_server(Shop(seen), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"127.0.0.1:{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(Door(sys.argv[1]), sys.argv[2]))
