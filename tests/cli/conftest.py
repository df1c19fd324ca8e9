"""The command line against a real gRPC server that says what a test tells it to."""

import shlex
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from cardkeep_client.v1 import (
    allocation_pb2_grpc,
    inventory_pb2_grpc,
    operations_pb2_grpc,
    pricing_pb2_grpc,
    reports_pb2_grpc,
    supply_pb2_grpc,
)
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from typer.testing import CliRunner, Result

from clients.cli.main import app

Cardkeep = Callable[..., Result]


class ScriptedServer:
    """Answers each RPC from a list of steps; a step is an answer, or a function of request and context."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []
        self._steps: defaultdict[str, deque[Any]] = defaultdict(deque)
        self._server = grpc.server(ThreadPoolExecutor(4))
        for module, service in (
            (allocation_pb2_grpc, "AllocationService"),
            (inventory_pb2_grpc, "InventoryService"),
            (operations_pb2_grpc, "OperationsService"),
            (reports_pb2_grpc, "ReportsService"),
            (pricing_pb2_grpc, "PricingService"),
            (supply_pb2_grpc, "SupplyService"),
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
        """Stop at once."""
        self._server.stop(None).wait()

    def __getattr__(self, method: str) -> Callable[[Any, grpc.ServicerContext], Any]:
        def answer(request: Any, context: grpc.ServicerContext) -> Any:
            self.seen.append((method, request))
            step = self._steps[method].popleft()
            return step(request, context) if callable(step) else step

        return answer


def refusal(code: grpc.StatusCode, reason: str, **metadata: str) -> Callable[[Any, grpc.ServicerContext], Any]:
    """A step that fails as the server does: with one ErrorInfo."""
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="cardkeep", metadata=metadata))
    status = status_pb2.Status(code=code.value[0], message=f"it is {reason}", details=[detail])

    def fail(_request: Any, context: grpc.ServicerContext) -> Any:
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(code, f"it is {reason}")

    return fail


@pytest.fixture(name="refusal")
def _refusal() -> Callable[..., Any]:
    return refusal


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server on loopback, stopped afterwards."""
    scripted = ScriptedServer()
    yield scripted
    scripted.close()


@pytest.fixture
def cardkeep(server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cardkeep:
    """Run `cardkeep …` in this process, pointed at the server and at a data folder of the test's own."""
    monkeypatch.setenv("CARDKEEP_SERVER", server.target)
    monkeypatch.setenv("CARDKEEP_DATA", str(tmp_path / "data"))

    def run(*words: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["cardkeep", *words])
        return CliRunner().invoke(app, list(words))

    return run


@pytest.fixture
def run_line(cardkeep: Cardkeep) -> Callable[[str], Result]:
    """Run a line as a person would copy it from the screen."""

    def run(line: str) -> Result:
        words: Sequence[str] = shlex.split(line.strip())
        assert words[0] == "cardkeep"
        return cardkeep(*words[1:])

    return run


@pytest.fixture(autouse=True)
def in_shanghai(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clocks eight hours ahead of UTC, so that a forgotten zone is seen."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "CST-8")
        time.tzset()
        yield
    time.tzset()
