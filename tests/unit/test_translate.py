"""Requests as commands: every field in its place, every fault found, in one order (actors.front.translate, checks)."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration

from actors.front import checks
from actors.front.refusals import Refusal
from actors.front.translate import to_allocate
from engine.money import Money
from engine.names import PoolName
from engine.stock.commands import Allocate, Principal
from protos.cardkeep.v1 import allocation_pb2, types_pb2

TOO_LONG = "x" * 129
PARTS = ("user", "device", "ip", "payment_instrument")


def wish(**fields: Any) -> allocation_pb2.AllocateRequest:
    """A request that is right but for `fields`."""
    usual = {"parent": "tenants/t/skus/S", "quantity": 1, "order_ref": "order-1", "request_id": "request-1"}
    return allocation_pb2.AllocateRequest(**{**usual, **fields})


def refusal(request: allocation_pb2.AllocateRequest) -> tuple[str, str]:
    """The word of the refusal and the field that it names."""
    with pytest.raises(Refusal) as refused:
        to_allocate(request)
    return refused.value.reason, str(refused.value.facts.get("field", ""))


def test_what_is_not_said_has_its_default() -> None:
    """A wish of four words; the rest is the SKU's business or nobody's."""
    pool, command = to_allocate(wish())
    assert pool == PoolName("t", "S")
    assert command == Allocate("request-1", "order-1", 1, 0)
    assert (type(command), type(command.principal)) == (Allocate, Principal)


def test_every_field_arrives_in_its_place() -> None:
    """Each with a value of its own, so that none can be taken for another."""
    request = wish(
        quantity=7,
        hold_for=Duration(seconds=61, nanos=2_999_999),
        principal=types_pb2.Principal(user="ann", device="phone", ip="::1", payment_instrument="visa"),
        min_remaining_life=Duration(seconds=5),
        expected_unit_price=types_pb2.Money(minor=990, currency="CNY"),
        allow_partial=True,
        channel="taobao",
    )
    assert to_allocate(request)[1] == Allocate(
        request_id="request-1",
        order_ref="order-1",
        quantity=7,
        hold_for_ms=61_002,
        principal=Principal(user="ann", device="phone", ip="::1", instrument="visa"),
        life_ms_min=5_000,
        price=Money(990, "CNY"),
        partial=True,
        channel="taobao",
    )


@pytest.mark.parametrize(
    ("asked_ms", "passed_on_ms"),
    [(-1, 999), (0, 999), (1_000, 1_000), (86_400_000, 86_400_000), (86_400_001, 86_400_001), (10**14, 86_400_001)],
)
def test_a_hold_that_no_sku_allows_is_cut_to_just_outside(asked_ms: int, passed_on_ms: int) -> None:
    """The SKU refuses it then, naming its own bounds: a second to a day is what any SKU may allow."""
    hold_for = Duration()
    hold_for.FromMilliseconds(asked_ms)
    assert to_allocate(wish(hold_for=hold_for))[1].hold_for_ms == passed_on_ms


def test_each_part_of_a_principal_may_be_as_long_as_any_id() -> None:
    """The bound is each part's own, not that of all together."""
    who = types_pb2.Principal(**dict.fromkeys(PARTS, TOO_LONG[1:]))
    assert to_allocate(wish(principal=who))[1].principal == Principal(*[TOO_LONG[1:]] * 4)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_a_principal_that_is_too_long_is_named(part: str) -> None:
    """Also when the others are empty."""
    assert refusal(wish(principal=types_pb2.Principal(**{part: TOO_LONG}))) == ("FIELD_TOO_LONG", f"principal.{part}")


def test_of_many_faults_the_same_one_is_named_first() -> None:
    """Everything is wrong; put right what is named, and the next is named, to the end."""
    principal = types_pb2.Principal(**dict.fromkeys(PARTS, TOO_LONG))
    request = wish(
        parent="",
        quantity=0,
        order_ref="",
        principal=principal,
        min_remaining_life=Duration(seconds=-1),
        expected_unit_price=types_pb2.Money(minor=-1),
        channel=TOO_LONG,
        request_id="",
    )
    right = wish()
    put_right: list[tuple[tuple[str, str], Callable[[], Any]]] = [
        (("ORDER_REF_REQUIRED", ""), lambda: setattr(request, "order_ref", TOO_LONG)),
        (("INVALID_NAME", "parent"), lambda: setattr(request, "parent", right.parent)),
        (("REQUEST_ID_REQUIRED", "request_id"), lambda: setattr(request, "request_id", TOO_LONG)),
        (("FIELD_TOO_LONG", "request_id"), lambda: setattr(request, "request_id", "request-1")),
        (("FIELD_TOO_LONG", "order_ref"), lambda: setattr(request, "order_ref", "order-1")),
        (("INVALID_QUANTITY", ""), lambda: setattr(request, "quantity", 1)),
        (("FIELD_TOO_LONG", "principal.user"), lambda: request.principal.ClearField("user")),
        (("FIELD_TOO_LONG", "principal.device"), lambda: request.principal.ClearField("device")),
        (("FIELD_TOO_LONG", "principal.ip"), lambda: request.principal.ClearField("ip")),
        (("FIELD_TOO_LONG", "principal.payment_instrument"), lambda: request.ClearField("principal")),
        (("INVALID_DURATION", "min_remaining_life"), lambda: request.ClearField("min_remaining_life")),
        (("INVALID_MONEY", "expected_unit_price"), lambda: request.ClearField("expected_unit_price")),
        (("FIELD_TOO_LONG", "channel"), lambda: request.ClearField("channel")),
    ]
    for named, mend in put_right:
        assert refusal(request) == named
        mend()
    assert to_allocate(request) == to_allocate(right)


def test_the_longest_name_of_a_pool_is_read_and_a_longer_one_is_not_kept() -> None:
    """What callers send cannot fill the memory of names that were read."""
    longest = PoolName("t" * 63, "S" * 63)
    assert checks.pool(str(longest)) == longest
    kept = checks._known_pool.cache_info().currsize
    assert refusal(wish(parent=str(longest) + "x" * 1_000_000)) == ("INVALID_NAME", "parent")
    assert checks._known_pool.cache_info().currsize == kept
