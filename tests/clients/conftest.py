"""A real gRPC server that says what a test tells it to, and both clients behind one way of asking."""

import asyncio
import threading
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from cardkeep_client import AsyncClient, Client, Retry
from cardkeep_client.v1 import (
    allocation_pb2,
    allocation_pb2_grpc,
    inventory_pb2_grpc,
    operations_pb2_grpc,
    pricing_pb2_grpc,
    reports_pb2_grpc,
    types_pb2,
)
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

Ask = Callable[..., Awaitable[Any]]

#: Short waits, so that retries cost a test nothing.
QUICK = Retry(tries=4, first_delay_s=0.001, longest_delay_s=0.002)


class ScriptedServer:
    """Answers each RPC from a list of steps; a step is an answer, or a function of request and context."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []
        self.peers: list[str] = []
        self.arrivals_s: list[float] = []
        self.closing = threading.Event()
        self._steps: defaultdict[str, deque[Any]] = defaultdict(deque)
        self._server = grpc.server(ThreadPoolExecutor(8))
        for module, service in (
            (allocation_pb2_grpc, "AllocationService"),
            (inventory_pb2_grpc, "InventoryService"),
            (operations_pb2_grpc, "OperationsService"),
            (reports_pb2_grpc, "ReportsService"),
            (pricing_pb2_grpc, "PricingService"),
        ):
            getattr(module, f"add_{service}Servicer_to_server")(self, self._server)
        self.target = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def will(self, method: str, *steps: Any) -> None:
        """The next answers of `method`, in order."""
        self._steps[method].extend(steps)

    def requests(self, method: str) -> list[Any]:
        """What was asked of `method` so far."""
        return [request for name, request in self.seen if name == method]

    def close(self) -> None:
        """Let go of every waiting call and stop."""
        self.closing.set()
        self._server.stop(None).wait()

    def __getattr__(self, method: str) -> Callable[[Any, grpc.ServicerContext], Any]:
        def answer(request: Any, context: grpc.ServicerContext) -> Any:
            self.seen.append((method, request))
            self.peers.append(context.peer())
            self.arrivals_s.append(time.monotonic())
            step = self._steps[method].popleft()
            return step(request, context) if callable(step) else step

        return answer


def refusal(
    code: grpc.StatusCode, reason: str, *, retry_ms: int | None = None, pushback: str = "", **metadata: str
) -> Callable[[Any, grpc.ServicerContext], Any]:
    """A step that fails as the server does: ErrorInfo, and RetryInfo and pushback where given."""
    details = [any_pb2.Any(), any_pb2.Any()][: 1 if retry_ms is None else 2]
    details[0].Pack(error_details_pb2.ErrorInfo(reason=reason, domain="cardkeep", metadata=metadata))
    if retry_ms is not None:
        delay = duration_pb2.Duration(nanos=retry_ms * 1_000_000)
        details[1].Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    status = status_pb2.Status(code=code.value[0], message=f"it is {reason}", details=details)
    trailers: list[tuple[str, str | bytes]] = [("grpc-status-details-bin", status.SerializeToString())]
    if pushback:
        trailers.append(("grpc-retry-pushback-ms", pushback))

    def fail(_request: Any, context: grpc.ServicerContext) -> Any:
        context.set_trailing_metadata(tuple(trailers))
        context.abort(code, f"it is {reason}")

    return fail


def hold_of(request: allocation_pb2.AllocateRequest, _context: object = None) -> types_pb2.Hold:
    """A step that grants what Allocate asks for."""
    return types_pb2.Hold(
        name=f"{request.parent}/holds/1",
        state=types_pb2.HOLD_STATE_ACTIVE,
        order_ref=request.order_ref,
        quantity=request.quantity,
    )


@pytest.fixture(name="refusal")
def _refusal() -> Callable[..., Any]:
    return refusal


@pytest.fixture(name="hold_of")
def _hold_of() -> Callable[..., Any]:
    return hold_of


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server on loopback, stopped afterwards."""
    scripted = ScriptedServer()
    yield scripted
    scripted.close()


@pytest.fixture(params=["sync", "asyncio"])
async def ask(request: pytest.FixtureRequest, server: ScriptedServer) -> AsyncIterator[Ask]:
    """A client method by name, to be awaited. Each test runs with the one client and with the other."""
    if request.param == "asyncio":
        async with AsyncClient(server.target, tenant="acme", retry=QUICK) as client:
            yield lambda method, *args, **options: getattr(client, method)(*args, **options)
        return
    with Client(server.target, tenant="acme", retry=QUICK) as blocking:
        yield lambda method, *args, **options: asyncio.to_thread(getattr(blocking, method), *args, **options)
