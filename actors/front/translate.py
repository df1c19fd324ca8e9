"""Protobuf ↔ engine: one function per message, nothing else. The only file where both vocabularies meet."""

from collections.abc import Sequence

from google.protobuf.timestamp_pb2 import Timestamp

from actors.asking import Answer
from actors.front import checks
from actors.front.refusals import Refusal
from engine import limits
from engine.money import Money
from engine.names import Card, PoolName, batch_name, batch_of, card_name, hold_name
from engine.stock import commands as ask
from engine.stock import outcomes as said
from protos.cardkeep.v1 import allocation_pb2, inventory_pb2, types_pb2

_HOLD_STATES = {
    said.HoldState.ACTIVE: types_pb2.HOLD_STATE_ACTIVE,
    said.HoldState.CONFIRMED: types_pb2.HOLD_STATE_CONFIRMED,
    said.HoldState.RELEASED: types_pb2.HOLD_STATE_RELEASED,
    said.HoldState.EXPIRED: types_pb2.HOLD_STATE_EXPIRED,
}

_NOBODY = ask.Principal()


def to_allocate(request: allocation_pb2.AllocateRequest) -> tuple[PoolName, ask.Allocate]:
    """An Allocate, checked. Runs for every item of a batch: made as plain tuples, which takes half the time."""
    order_ref = request.order_ref
    if not order_ref:
        raise Refusal("ORDER_REF_REQUIRED")
    is_set = request.HasField
    pool = checks.pool(request.parent)
    fields = (
        checks.request_id(request.request_id),
        checks.identifier(order_ref, "order_ref"),
        checks.quantity(request.quantity, least=1, most=limits.cards_per_hold_max),
        checks.hold_for_ms(request.hold_for) if is_set("hold_for") else 0,
        _to_principal(request.principal) if is_set("principal") else _NOBODY,
        to_life_ms(request) if is_set("min_remaining_life") else 0,
        checks.money(request.expected_unit_price, "expected_unit_price") if is_set("expected_unit_price") else None,
        request.allow_partial,
        checks.identifier(request.channel, "channel"),
    )
    return pool, tuple.__new__(ask.Allocate, fields)


def _to_principal(who: types_pb2.Principal) -> ask.Principal:
    parts = user, device, ip, instrument = who.user, who.device, who.ip, who.payment_instrument
    if len(user) + len(device) + len(ip) + len(instrument) > limits.id_chars_max:  # Else each is short enough, too.
        checks.identifier(user, "principal.user")
        checks.identifier(device, "principal.device")
        checks.identifier(ip, "principal.ip")
        checks.identifier(instrument, "principal.payment_instrument")
    return tuple.__new__(ask.Principal, parts)


def to_confirm(request: allocation_pb2.ConfirmRequest) -> tuple[PoolName, ask.Confirm]:
    """A Confirm, checked."""
    pool, hold = checks.hold(request.name)
    if not request.payment_ref:
        raise Refusal("PAYMENT_REF_REQUIRED")
    has_window = request.HasField("late_window")
    window_ms = _to_window_ms(request) if has_window else 0
    # A window of no length is a payment that must not be late.
    never_late = has_window and not window_ms
    is_reacquire = request.late_policy == allocation_pb2.LATE_POLICY_REACQUIRE and not never_late
    return pool, ask.Confirm(
        checks.request_id(request.request_id),
        hold,
        checks.identifier(request.payment_ref, "payment_ref"),
        checks.money(request.paid_amount, "paid_amount") if request.HasField("paid_amount") else None,
        checks.quantity(request.quantity, least=0, most=limits.cards_per_hold_max),
        ask.REACQUIRE if is_reacquire else ask.STRICT,
        window_ms,
    )


def _to_window_ms(request: allocation_pb2.ConfirmRequest) -> int:
    return checks.duration_ms(request.late_window, "late_window", least_ms=0, most_ms=limits.late_window_ms_max)


def to_release(request: allocation_pb2.ReleaseRequest) -> tuple[PoolName, ask.Release]:
    """A Release, checked."""
    pool, hold = checks.hold(request.name)
    return pool, ask.Release(checks.request_id(request.request_id), hold)


def to_extend(request: allocation_pb2.ExtendRequest) -> tuple[PoolName, ask.Extend]:
    """An Extend, checked; here a duration that is not set is refused, as no time at all."""
    pool, hold = checks.hold(request.name)
    return pool, ask.Extend(checks.request_id(request.request_id), hold, checks.hold_for_ms(request.hold_for))


def to_life_ms(request: allocation_pb2.AllocateRequest | allocation_pb2.GetAvailabilityRequest) -> int:
    """The remaining life asked for; unset is none."""
    return checks.duration_ms(request.min_remaining_life, "min_remaining_life", least_ms=0, most_ms=limits.life_ms_max)


def from_view(
    pool: PoolName, view: said.HoldView, answer: Answer, cards_expire_at_ms: Sequence[int | None] = ()
) -> types_pb2.Hold:
    """A hold with its cards' names and expiries; masks are added by who has them."""
    live = view.state in {said.HoldState.ACTIVE, said.HoldState.CONFIRMED}
    hold = types_pb2.Hold(
        name=hold_name(pool, view.hold),
        state=_HOLD_STATES[view.state],
        order_ref=view.order_ref,
        create_time=from_ms(view.created_at_ms),
        expire_time=from_ms(view.expires_at_ms),
        quantity=len(view.cards),
        payment_ref=view.payment_ref,
        channel=view.channel,
        refunds_due=[_from_due(due) for due in view.refunds_due],
        epoch=answer.epoch,
        sequence=answer.seq,
        replayed=answer.replayed,
    )
    if view.ended_at_ms:
        hold.end_time.CopyFrom(from_ms(view.ended_at_ms))
    if view.price is not None:
        hold.unit_price.CopyFrom(from_money(view.price))
    if live:
        hold.cards.extend(
            from_card(pool, card, expires_at_ms)
            for card, expires_at_ms in zip(view.cards, cards_expire_at_ms, strict=True)
        )
    return hold


def _from_due(due: said.RefundDue) -> types_pb2.RefundDue:
    paid = None if due.paid is None else from_money(due.paid)
    return types_pb2.RefundDue(payment_ref=due.payment_ref, reason=due.reason or "", paid_amount=paid)


def from_card(pool: PoolName, card: Card, expires_at_ms: int | None) -> types_pb2.Card:
    """A card by name."""
    shown = types_pb2.Card(name=card_name(pool, card), batch=batch_name(pool, batch_of(card)))
    if expires_at_ms is not None:
        shown.expire_time.CopyFrom(from_ms(expires_at_ms))
    return shown


def from_batch(pool: PoolName, view: said.BatchView) -> inventory_pb2.Batch:
    """A batch and where its cards are."""
    batch = inventory_pb2.Batch(
        name=batch_name(pool, view.batch),
        import_id=view.import_id,
        source=view.source,
        importer=view.importer,
        create_time=from_ms(view.opened_at_ms),
        importing=view.is_open,
        quarantined=view.is_quarantined,
        cards=from_counts(view),
    )
    if view.unit_cost is not None:
        batch.unit_cost.CopyFrom(from_money(view.unit_cost))
    if view.landed is not None:
        batch.landed_unit_cost.CopyFrom(from_money(view.landed))
    if view.expires_at_ms is not None:
        batch.expire_time.CopyFrom(from_ms(view.expires_at_ms))
    return batch


def from_counts(counted: said.BatchView | said.Shelf) -> types_pb2.CardCounts:
    """Where the cards are."""
    return types_pb2.CardCounts(
        received=counted.received,
        available=counted.available,
        on_shelf=counted.on_shelf,
        withheld=counted.on_shelf - counted.available,
        held=counted.held,
        sold=counted.sold,
        void=counted.void,
    )


def from_money(money: Money) -> types_pb2.Money:
    """An amount."""
    return types_pb2.Money(minor=money.minor, currency=money.currency)


def from_ms(moment_ms: int) -> Timestamp:
    """A moment."""
    return Timestamp(seconds=moment_ms // 1000, nanos=moment_ms % 1000 * 1_000_000)
