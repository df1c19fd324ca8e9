"""How calls fail: what every error must say, checked wherever one is met."""

import re
from collections.abc import Awaitable, Mapping
from typing import Any, NamedTuple

import grpc
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status


class Failure(NamedTuple):
    """How a call failed. `retry_ms` is 0 when the caller is not told to retry."""

    code: grpc.StatusCode
    reason: str
    facts: Mapping[str, str]
    message: str
    retry_ms: int


async def failure(call: Awaitable[Any]) -> Failure:
    """How a call failed, after checking what holds for every error: see "Errors" in types.proto."""
    try:
        reply = await call
    except grpc.aio.AioRpcError as error:
        return read_failure(error)
    raise AssertionError(f"this should have been refused, but: {reply}")


def read_failure(error: grpc.aio.AioRpcError) -> Failure:
    """The same for an error that was caught."""
    trailers = dict(error.trailing_metadata() or ())
    assert "grpc-status-details-bin" in trailers, f"no details: {error.code()} {error.details()}"
    status = Status.FromString(trailers["grpc-status-details-bin"])
    infos = [_unpacked(detail, ErrorInfo()) for detail in status.details if detail.Is(ErrorInfo.DESCRIPTOR)]
    retries = [_unpacked(detail, RetryInfo()) for detail in status.details if detail.Is(RetryInfo.DESCRIPTOR)]
    assert len(infos) == 1, infos
    [info] = infos
    assert info.domain == "cardkeep"
    assert (status.code, status.message) == (error.code().value[0], error.details())
    assert re.fullmatch(r"[A-Z][A-Z_]{2,62}", info.reason)
    retry_ms = retries[0].retry_delay.ToMilliseconds() if retries else 0
    assert trailers.get("grpc-retry-pushback-ms", str(retry_ms)) == str(retry_ms)
    assert (error.code() is grpc.StatusCode.UNAVAILABLE) == bool(retry_ms)
    return Failure(error.code(), info.reason, dict(info.metadata), status.message, retry_ms)


def _unpacked(detail: Any, into: Any) -> Any:
    detail.Unpack(into)
    return into
