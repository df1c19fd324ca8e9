"""From gRPC statuses and batch refusals to errors. Pure: knows no channel and no clock."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, cast

import grpc
from google.rpc import error_details_pb2, status_pb2

from cardkeep_client.errors import (
    AlreadyExists,
    CardkeepError,
    CardUnreadable,
    DeadlinePassed,
    Facts,
    InvalidRequest,
    LimitReached,
    NoAnswer,
    NotAllowed,
    NotFound,
    OutcomeUnknown,
    OutOfStock,
    PoolStopped,
    Unavailable,
    WrongState,
)
from cardkeep_client.v1 import types_pb2

DETAILS_KEY = "grpc-status-details-bin"
PUSHBACK_KEY = "grpc-retry-pushback-ms"

_BY_REASON: Mapping[str, type[CardkeepError]] = {
    "OUT_OF_STOCK": OutOfStock,
    "OUT_OF_STOCK_LATE": OutOfStock,
    "DEADLINE_PASSED": DeadlinePassed,
    "POOL_STOPPED": PoolStopped,
    "CARD_UNREADABLE": CardUnreadable,
    "OUTCOME_UNKNOWN": OutcomeUnknown,
}

#: What a code means when the server gave a reason with it.
_BY_CODE: Mapping[str, type[CardkeepError]] = {
    "INVALID_ARGUMENT": InvalidRequest,
    "UNAUTHENTICATED": NotAllowed,
    "PERMISSION_DENIED": NotAllowed,
    "NOT_FOUND": NotFound,
    "ALREADY_EXISTS": AlreadyExists,
    "RESOURCE_EXHAUSTED": LimitReached,
    "FAILED_PRECONDITION": WrongState,
    "UNAVAILABLE": Unavailable,
}

#: Codes that mean a definite no even from something between us and the server, which gives no reason.
_NO_WITHOUT_REASON: Mapping[str, type[CardkeepError]] = {
    "UNIMPLEMENTED": InvalidRequest,
    "UNAUTHENTICATED": NotAllowed,
    "PERMISSION_DENIED": NotAllowed,
}

#: Codes gRPC itself answers with when nothing, or nothing whole, came from the server.
_SILENT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.INTERNAL)


class Asked(NamedTuple):
    """What the call was: whether it could change anything, under which id, and what to do after a doubt.

    `resumes` is true of an import: it may be sent again whatever the connection died of.
    """

    is_write: bool
    request_id: str = ""
    next_step: str = ""
    resumes: bool = False


def error_of_status(asked: Asked, failure: grpc.RpcError) -> CardkeepError:
    """The error a failed RPC means. Every RpcError a call raises is that call, so it knows its status."""
    call = cast("grpc.Call", failure)
    code, details = call.code(), call.details() or ""
    trailers: Iterable[tuple[str, str | bytes]] = call.trailing_metadata() or ()
    reason, forbidden, delay_s = "", False, None
    metadata: dict[str, str] = {}
    for key, value in trailers:
        if key == DETAILS_KEY and isinstance(value, bytes):
            reason, metadata, advised_s = _read_details(value)
            delay_s = advised_s if delay_s is None else delay_s
        elif key == PUSHBACK_KEY:
            # gRPC's rule: a negative or unreadable pushback means "do not retry".
            pushback = str(value)
            forbidden = not pushback.isdecimal()
            delay_s = None if forbidden else int(pushback) / 1_000
    # grpc.aio answers INTERNAL, and hides the server's status, when a stream ends under a message on its way.
    broken = asked.resumes and code is grpc.StatusCode.INTERNAL and not reason
    may_retry = (code is grpc.StatusCode.UNAVAILABLE or broken) and not forbidden
    facts = Facts(reason or _no_reason(code), code.name, metadata, asked.request_id, delay_s, may_retry)
    return sorted_error(asked, details or code.name, facts, has_reason=bool(reason))


def error_of_refusal(asked: Asked, refusal: types_pb2.Refusal) -> CardkeepError:
    """The error one item of a batch means: the same as the single call's."""
    code = _code(refusal.code)
    delay_s = refusal.retry_after.ToTimedelta().total_seconds() if refusal.HasField("retry_after") else None
    facts = Facts(
        refusal.reason or _no_reason(code),
        code.name,
        dict(refusal.metadata),
        asked.request_id,
        delay_s,
        code is grpc.StatusCode.UNAVAILABLE,
    )
    return sorted_error(asked, refusal.message or code.name, facts, has_reason=bool(refusal.reason))


def outcome_unknown(asked: Asked, message: str, facts: Facts) -> OutcomeUnknown:
    """A doubt, with the next step in its text."""
    same = f"request_id={asked.request_id!r}" if asked.request_id else "the same items, which carry their request ids"
    again = asked.next_step or f"Send it again with {same} (that never acts twice), or look with get_hold."
    return OutcomeUnknown(f"{message.rstrip('.')}. It may have happened. {again}", facts)


def sorted_error(asked: Asked, message: str, facts: Facts, *, has_reason: bool) -> CardkeepError:
    """The class of the tree that answers *did it happen?*; what cannot be known is a doubt, for a write."""
    known = _NO_WITHOUT_REASON.get(facts.code)
    if has_reason:
        known = _BY_REASON.get(facts.reason) or _BY_CODE.get(facts.code)
    if known is not None and known is not OutcomeUnknown:
        return known(message, facts)
    return outcome_unknown(asked, message, facts) if asked.is_write else NoAnswer(message, facts)


def _read_details(packed: bytes) -> tuple[str, dict[str, str], float | None]:
    """Reason, metadata and retry delay of a google.rpc.Status."""
    reason, metadata, delay_s = "", {}, None
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    for detail in status_pb2.Status.FromString(packed).details:
        if detail.Unpack(info):
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(retry):
            delay_s = retry.retry_delay.ToTimedelta().total_seconds()
    return reason, metadata, delay_s


def _no_reason(code: grpc.StatusCode) -> str:
    """Our own word where the server said none."""
    return "NO_ANSWER" if code in _SILENT else code.name


def _code(number: int) -> grpc.StatusCode:
    return next((code for code in grpc.StatusCode if code.value[0] == number), grpc.StatusCode.UNKNOWN)
