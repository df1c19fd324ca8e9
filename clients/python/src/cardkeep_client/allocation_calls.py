"""From wishes to calls of AllocationService. Pure: both clients make the same messages."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from cardkeep_client import answers
from cardkeep_client.journeys import BatchCall, Call
from cardkeep_client.results import Availability, Confirmed, Hold, Money
from cardkeep_client.statuses import Asked
from cardkeep_client.v1 import allocation_pb2, types_pb2
from cardkeep_client.wishes import Allocate, Confirm, Release

SERVICE = "AllocationService"


class AllocationCalls:
    """Makes calls for one tenant: a bare SKU id is one of this tenant's."""

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant

    def allocate(self, wish: Allocate) -> Call[Hold]:
        """Allocate."""
        return Call(SERVICE, "Allocate", self._allocate(wish), answers.hold, Asked(True, wish.request_id))

    def confirm(self, wish: Confirm) -> Call[Confirmed]:
        """Confirm."""
        return Call(SERVICE, "Confirm", _confirm(wish), answers.confirmed, Asked(True, wish.request_id))

    def release(self, wish: Release) -> Call[Hold]:
        """Release."""
        return Call(SERVICE, "Release", _release(wish), answers.hold, Asked(True, wish.request_id))

    def extend(self, hold: str | Hold, hold_for: timedelta, request_id: str) -> Call[Hold]:
        """Extend."""
        request = allocation_pb2.ExtendRequest(name=name_of(hold), hold_for=duration(hold_for), request_id=request_id)
        return Call(SERVICE, "Extend", request, answers.hold, Asked(True, request_id))

    def get_hold(self, hold: str | Hold | None, sku: str | None, order_ref: str | None) -> Call[Hold]:
        """GetHold, by name or by SKU and order."""
        if hold is not None and sku is None and order_ref is None:
            request = allocation_pb2.GetHoldRequest(name=name_of(hold))
        elif hold is None and sku is not None and order_ref is not None:
            order = allocation_pb2.HoldOfOrder(parent=sku_name(self._tenant, sku), order_ref=order_ref)
            request = allocation_pb2.GetHoldRequest(order=order)
        else:
            raise TypeError("get_hold wants either the hold, or sku= and order_ref=")
        return Call(SERVICE, "GetHold", request, answers.hold)

    def allocate_many(self, wishes: Sequence[Allocate]) -> BatchCall[Hold]:
        """BatchAllocate."""
        return BatchCall(
            SERVICE,
            "BatchAllocate",
            [self._allocate(wish) for wish in wishes],
            [Asked(True, wish.request_id) for wish in wishes],
            lambda items: allocation_pb2.BatchAllocateRequest(items=items),
            answers.allocate_result,
        )

    def confirm_many(self, wishes: Sequence[Confirm]) -> BatchCall[Confirmed]:
        """BatchConfirm."""
        return BatchCall(
            SERVICE,
            "BatchConfirm",
            [_confirm(wish) for wish in wishes],
            [Asked(True, wish.request_id) for wish in wishes],
            lambda items: allocation_pb2.BatchConfirmRequest(items=items),
            answers.confirm_result,
        )

    def release_many(self, wishes: Sequence[Release]) -> BatchCall[Hold]:
        """BatchRelease."""
        return BatchCall(
            SERVICE,
            "BatchRelease",
            [_release(wish) for wish in wishes],
            [Asked(True, wish.request_id) for wish in wishes],
            lambda items: allocation_pb2.BatchReleaseRequest(items=items),
            answers.release_result,
        )

    def availability(self, sku: str, min_remaining_life: timedelta | None, channel: str) -> Call[Availability]:
        """GetAvailability."""
        request = allocation_pb2.GetAvailabilityRequest(
            parent=sku_name(self._tenant, sku), min_remaining_life=duration(min_remaining_life), channel=channel
        )
        return Call(SERVICE, "GetAvailability", request, answers.availability)

    def _allocate(self, wish: Allocate) -> allocation_pb2.AllocateRequest:
        principal = wish.principal
        return allocation_pb2.AllocateRequest(
            parent=sku_name(self._tenant, wish.sku),
            quantity=wish.quantity,
            hold_for=duration(wish.hold_for),
            order_ref=wish.order_ref,
            principal=None
            if principal is None
            else types_pb2.Principal(
                user=principal.user,
                device=principal.device,
                ip=principal.ip,
                payment_instrument=principal.payment_instrument,
            ),
            min_remaining_life=duration(wish.min_remaining_life),
            expected_unit_price=money(wish.expected_unit_price),
            allow_partial=wish.allow_partial,
            channel=wish.channel,
            request_id=wish.request_id,
        )


def sku_name(tenant: str, sku: str) -> str:
    """A whole name stays as it is; a bare id is put under the tenant."""
    return sku if "/" in sku else f"tenants/{tenant}/skus/{sku}"


def name_of(hold: str | Hold) -> str:
    """A hold's name, from itself or from the name."""
    return hold if isinstance(hold, str) else hold.name


def duration(span: timedelta | None) -> Duration | None:
    """None stays unset."""
    if span is None:
        return None
    message = Duration()
    message.FromTimedelta(span)
    return message


def timestamp(moment: datetime | None) -> Timestamp | None:
    """None stays unset. A moment without a time zone could mean anything, so it is refused with ValueError."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone; give it one, such as datetime.UTC")
    message = Timestamp()
    message.FromDatetime(moment.astimezone(UTC))
    return message


def money(amount: Money | None) -> types_pb2.Money | None:
    """None stays unset."""
    return None if amount is None else types_pb2.Money(minor=amount.minor, currency=amount.currency)


def _confirm(wish: Confirm) -> allocation_pb2.ConfirmRequest:
    return allocation_pb2.ConfirmRequest(
        name=wish.hold,
        payment_ref=wish.payment_ref,
        paid_amount=money(wish.paid_amount),
        quantity=wish.quantity,
        late_policy=allocation_pb2.LatePolicy.Value(f"LATE_POLICY_{wish.late_policy}"),
        late_window=duration(wish.late_window),
        request_id=wish.request_id,
    )


def _release(wish: Release) -> allocation_pb2.ReleaseRequest:
    return allocation_pb2.ReleaseRequest(name=wish.hold, request_id=wish.request_id)
