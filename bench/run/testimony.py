"""From what clients wrote down to what the audit hears: one call of the history is as many as it has items."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cardkeep_client import CardkeepError, Hold
from google.protobuf.timestamp_pb2 import Timestamp

from bench.audit import OK, Call
from bench.load import history
from protos.cardkeep.v1 import allocation_pb2, types_pb2

_FOREVER = float("inf")

#: gRPC statuses that say nothing about what happened, when no ErrorInfo does.
_STATUS_NAMES = {1: "CANCELLED", 2: "UNKNOWN", 4: "DEADLINE_EXCEEDED", 13: "INTERNAL", 14: "UNAVAILABLE"}

_STATES = {number: name.removeprefix("HOLD_STATE_") for name, number in types_pb2.HoldState.items()}


class Told(NamedTuple):
    """What one item came to: the last fields of a Call, see there."""

    answer: str
    hold: str = ""
    cards: tuple[str, ...] = ()
    expires_ms: float = _FOREVER
    state: str = ""
    epoch: int = 0
    seq: int = 0
    replayed: bool = False
    made_ms: float = 0.0
    ended_ms: float = 0.0


def read_calls(paths: Sequence[str]) -> Iterator[Call]:
    """Every item of every history, in the files' order."""
    wall_ahead_ms = wall_clock_ahead_ms()
    for path in paths:
        for call in history.read(Path(path)):
            sent_ms = call.invoked_ns / 1e6 + wall_ahead_ms
            answered_ms = _FOREVER if call.completed_ns is None else call.completed_ns / 1e6 + wall_ahead_ms
            kind = call.method.removeprefix("Batch").lower()
            for item, told in zip(call.items, _told(call), strict=True):
                yield Call(kind, item.request_id, item.subject, item.ref, sent_ms, answered_ms, *told)


def wall_clock_ahead_ms() -> float:
    """By how much the wall clock, which houses go by, is ahead of the monotonic one, which clients go by.

    To be asked once for all calls of a history: a clock that is set meanwhile would put them in another order.
    """
    return (time.time_ns() - time.monotonic_ns()) / 1e6


def told_by_client(hold: Hold) -> Told:
    """An OK that is a hold, as the Python client gives it."""
    return Told(
        OK,
        hold.name,
        tuple([card.name for card in hold.cards]),
        hold.expire_time.timestamp() * 1000,
        hold.state.value,
        hold.epoch,
        hold.sequence,
        hold.replayed,
        hold.create_time.timestamp() * 1000,
        0.0 if hold.end_time is None else hold.end_time.timestamp() * 1000,
    )


def told_by_failure(failure: CardkeepError) -> Told:
    """What the Python client raised when it had tried often enough."""
    return Told("OUTCOME_UNKNOWN" if failure.did_it_happen == "unknown" else failure.reason)


def told_of_hold(hold: types_pb2.Hold) -> Told:
    """An OK that is a hold."""
    return Told(
        OK,
        hold.name,
        tuple([card.name for card in hold.cards]),
        _ms(hold.expire_time),
        _STATES[hold.state],
        hold.epoch,
        hold.sequence,
        hold.replayed,
        _ms(hold.create_time),
        _ms(hold.end_time),
    )


def _ms(moment: Timestamp) -> float:
    return moment.seconds * 1000 + moment.nanos / 1e6


def told_of_results(reply: Any) -> list[Told]:
    """The results of a batch reply."""
    return [_told_of_result(result) for result in reply.results]


def _told_of_result(result: Any) -> Told:
    match result.WhichOneof("result"):
        case "hold":
            return told_of_hold(result.hold)
        case "response":
            return told_of_hold(result.response.hold)
        case _:
            return Told(result.refusal.reason)


def _told(call: history.Call) -> Sequence[Told]:
    if call.status == 0:
        return _READERS[call.method](call.reply)
    reason = call.reason or _STATUS_NAMES.get(call.status or 0, "" if call.status is None else f"STATUS_{call.status}")
    return [Told(reason)] * len(call.items)


def _of_confirm(reply: bytes) -> list[Told]:
    return [told_of_hold(allocation_pb2.ConfirmResponse.FromString(reply).hold)]


def _of_hold(reply: bytes) -> list[Told]:
    return [told_of_hold(types_pb2.Hold.FromString(reply))]


_READERS: Mapping[str, Callable[[bytes], Sequence[Told]]] = {
    "Allocate": _of_hold,
    "Release": _of_hold,
    "Extend": _of_hold,
    "Confirm": _of_confirm,
    "BatchAllocate": lambda reply: told_of_results(allocation_pb2.BatchAllocateResponse.FromString(reply)),
    "BatchRelease": lambda reply: told_of_results(allocation_pb2.BatchReleaseResponse.FromString(reply)),
}
