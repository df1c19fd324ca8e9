"""Asking again with the same request ids, as a shop does that got no answer, and as a sceptic does that got one."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration

from bench.audit import NOT_DONE, Call
from bench.load.plan import Journeys, Plan, Work
from bench.run.testimony import Told, told_of_results
from protos.cardkeep.v1 import allocation_pb2, allocation_pb2_grpc, types_pb2

#: Items of one question, and how long its answer may take.
_ITEMS_MAX = 500
_PATIENCE_S = 30.0

#: How often one item is asked while nothing happens: its owner may be coming back.
_TRIES_MAX = 40
_BETWEEN_TRIES_S = 0.25

#: A pool that stopped stays stopped: it is asked once.
_PASSING = NOT_DONE - {"POOL_STOPPED"}

_SILENCE = Told("UNAVAILABLE")


def ask_again(target: str, plan: Plan, calls: Sequence[Call]) -> Iterator[Call]:
    """Send each call's wish once more, as it was, and give the answers as further calls."""
    by_kind: dict[str, list[Call]] = {}
    for call in calls:
        by_kind.setdefault(call.kind, []).append(call)
    with grpc.insecure_channel(target) as channel:
        stub = allocation_pb2_grpc.AllocationServiceStub(channel)
        for kind, same in by_kind.items():
            for first in range(0, len(same), _ITEMS_MAX):
                yield from _ask(stub, plan.work, kind, same[first : first + _ITEMS_MAX])


def _ask(stub: Any, work: Work, kind: str, calls: Sequence[Call]) -> Iterator[Call]:
    """Ask until each has an answer that is not "nothing happened"."""
    # A journey's Allocate was sent in one of two wordings, by what was to follow; the other one is tried second.
    waiting = [(call, False) for call in calls]
    for _ in range(_TRIES_MAX):
        sent_ms = time.time_ns() / 1e6
        answers = _answers(stub, kind, [_BODIES[kind](call, work, expiring) for call, expiring in waiting])
        answered_ms = time.time_ns() / 1e6
        rest = []
        for (call, expiring), told in zip(waiting, answers, strict=True):
            if told[0] == "IDEMPOTENCY_KEY_REUSED" and isinstance(work, Journeys) and not expiring:
                rest.append((call, True))
            elif told[0] in _PASSING or told is _SILENCE:
                rest.append((call, expiring))
            else:
                yield Call(call.kind, call.request_id, call.subject, call.ref, sent_ms, answered_ms, *told)
        if not rest:
            return
        if any(told[0] in _PASSING or told is _SILENCE for told in answers):
            time.sleep(_BETWEEN_TRIES_S)
        waiting = rest


def _answers(stub: Any, kind: str, items: list[Any]) -> Sequence[Told]:
    method, request = _BATCHES[kind]
    try:
        return told_of_results(getattr(stub, method)(request(items=items), timeout=_PATIENCE_S))
    except grpc.RpcError:
        return [_SILENCE] * len(items)


def _allocate(call: Call, work: Work, expiring: bool) -> allocation_pb2.AllocateRequest:
    span_ms = work.expiring_hold_for_ms if expiring and isinstance(work, Journeys) else work.hold_for_ms
    return allocation_pb2.AllocateRequest(
        parent=call.subject,
        quantity=work.quantity,
        hold_for=None if span_ms is None else Duration(seconds=span_ms // 1000, nanos=span_ms % 1000 * 1_000_000),
        order_ref=call.ref,
        request_id=call.request_id,
    )


def _confirm(call: Call, work: Work, _expiring: bool) -> allocation_pb2.ConfirmRequest:
    assert isinstance(work, Journeys)
    minor = work.unit_price_minor
    paid = None if minor is None else types_pb2.Money(minor=minor * work.quantity, currency=work.currency)
    return allocation_pb2.ConfirmRequest(
        name=call.subject, payment_ref=call.ref, paid_amount=paid, request_id=call.request_id
    )


def _release(call: Call, _work: Work, _expiring: bool) -> allocation_pb2.ReleaseRequest:
    return allocation_pb2.ReleaseRequest(name=call.subject, request_id=call.request_id)


_BODIES = {"allocate": _allocate, "confirm": _confirm, "release": _release}
_BATCHES = {
    "allocate": ("BatchAllocate", allocation_pb2.BatchAllocateRequest),
    "confirm": ("BatchConfirm", allocation_pb2.BatchConfirmRequest),
    "release": ("BatchRelease", allocation_pb2.BatchReleaseRequest),
}
