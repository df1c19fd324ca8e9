"""From messages to results: one function per message, nothing else."""

from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from cardkeep_client import results, stock_results
from cardkeep_client.v1 import allocation_pb2, inventory_pb2, operations_pb2, types_pb2

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(message: Timestamp) -> datetime:
    """Whole microseconds; what is finer is cut off."""
    return _EPOCH + timedelta(seconds=message.seconds, microseconds=message.nanos // 1_000)


def span(message: Duration) -> timedelta:
    """Whole microseconds; what is finer is cut off."""
    return timedelta(seconds=message.seconds, microseconds=message.nanos // 1_000)


def money(message: types_pb2.Money) -> results.Money | None:
    """None for an amount that is not there: a real one has a currency."""
    return results.Money(message.minor, message.currency) if message.currency else None


def card(message: types_pb2.Card) -> results.Card:
    """One card."""
    expire_time = moment(message.expire_time) if message.HasField("expire_time") else None
    return results.Card(message.name, message.batch, expire_time, message.mask)


def delivered(message: types_pb2.DeliveredCard) -> results.DeliveredCard:
    """One card with its code."""
    return results.DeliveredCard(card(message.card), message.code)


def refund_due(message: types_pb2.RefundDue) -> results.RefundDue:
    """One payment to be given back."""
    return results.RefundDue(message.payment_ref, message.reason, money(message.paid_amount))


def hold(message: types_pb2.Hold) -> results.Hold:
    """One hold."""
    return results.Hold(
        name=message.name,
        state=results.HoldState(types_pb2.HoldState.Name(message.state).removeprefix("HOLD_STATE_")),
        cards=tuple(map(card, message.cards)),
        order_ref=message.order_ref,
        create_time=moment(message.create_time),
        expire_time=moment(message.expire_time),
        end_time=moment(message.end_time) if message.HasField("end_time") else None,
        unit_price=money(message.unit_price),
        quantity=message.quantity,
        payment_ref=message.payment_ref,
        refunds_due=tuple(map(refund_due, message.refunds_due)),
        epoch=message.epoch,
        sequence=message.sequence,
        replayed=message.replayed,
        replacements=tuple(results.Replacement(pair.bad, pair.fresh) for pair in message.replacements),
        channel=message.channel,
    )


def confirmed(message: allocation_pb2.ConfirmResponse) -> results.Confirmed:
    """A sale."""
    outcome = allocation_pb2.ConfirmOutcome.Name(message.outcome).removeprefix("CONFIRM_OUTCOME_")
    return results.Confirmed(
        hold(message.hold), results.ConfirmOutcome(outcome), tuple(map(delivered, message.delivered))
    )


def availability(message: allocation_pb2.Availability) -> results.Availability:
    """What could be had."""
    return results.Availability(message.sku, message.available, money(message.unit_price), message.paused)


def allocate_result(message: allocation_pb2.AllocateResult) -> results.Hold | types_pb2.Refusal:
    """One item of a batch."""
    return message.refusal if message.HasField("refusal") else hold(message.hold)


def confirm_result(message: allocation_pb2.ConfirmResult) -> results.Confirmed | types_pb2.Refusal:
    """One item of a batch."""
    return message.refusal if message.HasField("refusal") else confirmed(message.response)


def release_result(message: allocation_pb2.ReleaseResult) -> results.Hold | types_pb2.Refusal:
    """One item of a batch."""
    return message.refusal if message.HasField("refusal") else hold(message.hold)


def sku(message: inventory_pb2.Sku) -> stock_results.Sku:
    """The terms of a SKU."""
    quotas = message.held_quotas
    return stock_results.Sku(
        name=message.name,
        title=message.title,
        unit_price=money(message.unit_price),
        face_value=money(message.face_value),
        cost_currency=message.cost_currency,
        hold_for=span(message.hold_for),
        hold_for_max=span(message.hold_for_max),
        hold_lifetime_max=span(message.hold_lifetime_max),
        cards_per_hold_max=message.cards_per_hold_max,
        late_window=span(message.late_window),
        held_quotas=stock_results.HeldQuotas(
            user=quotas.user, device=quotas.device, ip=quotas.ip, payment_instrument=quotas.payment_instrument
        ),
        paused=message.paused,
        expiry_warning_days=tuple(message.expiry_warning_days),
        wait_max=message.wait_max,
    )


def card_counts(message: types_pb2.CardCounts) -> stock_results.CardCounts:
    """Where cards are."""
    return stock_results.CardCounts(
        received=message.received,
        available=message.available,
        on_shelf=message.on_shelf,
        withheld=message.withheld,
        held=message.held,
        sold=message.sold,
        void=message.void,
    )


def batch(message: inventory_pb2.Batch) -> stock_results.Batch:
    """One batch."""
    return stock_results.Batch(
        name=message.name,
        import_id=message.import_id,
        source=message.source,
        importer=message.importer,
        unit_cost=money(message.unit_cost),
        expire_time=moment(message.expire_time) if message.HasField("expire_time") else None,
        create_time=moment(message.create_time),
        importing=message.importing,
        quarantined=message.quarantined,
        cards=card_counts(message.cards),
        landed_unit_cost=money(message.landed_unit_cost),
    )


def refused_line(message: inventory_pb2.RefusedLine) -> stock_results.RefusedLine:
    """One line that was not taken."""
    return stock_results.RefusedLine(message.line_no, message.reason, message.message)


def withdrawn(message: inventory_pb2.WithdrawResponse) -> stock_results.Withdrawn:
    """What became of withdrawn cards."""
    return stock_results.Withdrawn(batch(message.batch), message.moved, tuple(message.held), tuple(message.sold))


def recalled(message: inventory_pb2.RecallBatchResponse) -> stock_results.Recalled:
    """One page of a recall."""
    sold = tuple(stock_results.SoldCard(pair.card, pair.hold) for pair in message.sold)
    return stock_results.Recalled(batch(message.batch), message.moved, sold)


def replaced(message: inventory_pb2.ReplaceCardResponse) -> results.Replaced:
    """A replacement."""
    return results.Replaced(hold(message.hold), message.bad, delivered(message.fresh))


def audit(message: inventory_pb2.SkuAudit) -> stock_results.SkuAudit:
    """The count of everything."""
    return stock_results.SkuAudit(
        sku=message.sku,
        ok=message.ok,
        violations=tuple(message.violations),
        cards=card_counts(message.cards),
        batches={line.batch: card_counts(line.cards) for line in message.batches},
        holds_active=message.holds_active,
        audit_time=moment(message.audit_time),
        epoch=message.epoch,
        sequence=message.sequence,
    )


def status(message: operations_pb2.GetStatusResponse) -> stock_results.Status:
    """The house at one moment."""
    store, pools = message.store, message.pools
    return stock_results.Status(
        version=message.version,
        now=moment(message.now),
        ready=message.ready,
        store=stock_results.StoreStatus(store.reachable, store.kind, store.server, store.durability),
        owners=message.owners,
        front_ends=message.front_ends,
        pools_open=pools.open,
        pools_recovering=pools.recovering,
        pools_stopped=pools.stopped,
        cards=card_counts(pools.cards),
        holds_active=pools.holds_active,
    )


def pool(message: operations_pb2.Pool) -> stock_results.Pool:
    """One SKU as its owner sees it."""
    return stock_results.Pool(
        name=message.name,
        state=operations_pb2.PoolState.Name(message.state).removeprefix("POOL_STATE_"),
        owner=message.owner,
        epoch=message.epoch,
        sequence=message.sequence,
        cards=card_counts(message.cards),
        holds_active=message.holds_active,
        commands_waiting=message.commands_waiting,
        stopped_because=message.stopped_because,
    )


def owner(message: operations_pb2.Owner) -> stock_results.Owner:
    """One owner actor."""
    start_time = moment(message.start_time)
    return stock_results.Owner(
        message.name, message.node, message.process_id, start_time, message.pools, message.reachable
    )
