"""Protobuf ↔ suppliers, sourcing and purchases: one function per message, checked on the way in."""

from collections.abc import Mapping, Sequence

from actors.front import checks
from actors.front.refusals import Refusal
from actors.front.translate import from_money, from_ms
from actors.supply.pages import DeskView, Report
from actors.supply.recharger import Recharged
from engine import limits
from engine.names import PoolName, SupplierName, parse_supplier
from engine.pricing.landing import MILLION, Fees
from engine.supply.attempts import (
    AttemptId,
    Delivered,
    EntryRecord,
    Failed,
    Finding,
    Kind,
    Reversed,
    Standing,
)
from engine.supply.breaker import Override
from engine.supply.differences import Difference
from engine.supply.ledger import Caution
from engine.supply.ports import Good, StatementRow
from engine.supply.recharging import Recharge
from engine.supply.refilling import Marks
from engine.supply.suppliers import Idempotency, Source, Sourcing, Supplier
from protos.cardkeep.v1 import supply_pb2

_IDEMPOTENCY = {
    supply_pb2.IDEMPOTENCY_REPLAY: Idempotency.REPLAY,
    supply_pb2.IDEMPOTENCY_REJECT_WITH_ID: Idempotency.REJECT_WITH_ID,
    supply_pb2.IDEMPOTENCY_REJECT_BLIND: Idempotency.REJECT_BLIND,
    supply_pb2.IDEMPOTENCY_REPLAY_UNLESS_FAILED: Idempotency.REPLAY_UNLESS_FAILED,
    supply_pb2.IDEMPOTENCY_NONE: Idempotency.NONE,
}
_OVERRIDES = {
    supply_pb2.BREAKER_OVERRIDE_UNSPECIFIED: Override.NONE,
    supply_pb2.BREAKER_OVERRIDE_HELD_OPEN: Override.HELD_OPEN,
    supply_pb2.BREAKER_OVERRIDE_HELD_CLOSED: Override.HELD_CLOSED,
}
_STANDINGS = {
    Standing.BEGUN: supply_pb2.ATTEMPT_STANDING_BEGUN,
    Standing.PENDING: supply_pb2.ATTEMPT_STANDING_PENDING,
    Standing.IN_DOUBT: supply_pb2.ATTEMPT_STANDING_IN_DOUBT,
    Standing.DELIVERED: supply_pb2.ATTEMPT_STANDING_DELIVERED,
    Standing.FAILED: supply_pb2.ATTEMPT_STANDING_FAILED,
    Standing.REVERSED: supply_pb2.ATTEMPT_STANDING_REVERSED,
}
_IDEMPOTENCY_BACK = {engine: proto for proto, engine in _IDEMPOTENCY.items()}
_OVERRIDES_BACK = {engine: proto for proto, engine in _OVERRIDES.items()}

#: Most options of one profile, and most ways to buy one SKU: more is a mistake, and a page would not show them.
options_max = 100
sources_max = 20

#: Characters of one option, such as a template of a path.
option_chars_max = 1_024

#: Cards of one purchase: what one delivery may bring into stock as one chunk.
units_max = limits.chunk_cards_max

#: Cards of a shelf that is kept filled.
mark_max = 10_000_000

#: Nothing is kept in stock: the SKU is only recharged.
_NO_STOCK = Marks(0, 0, 0)

#: Rows of one statement: a message of some 10 MB would be refused before.
rows_max = 100_000

#: Requests a second to one supplier.
per_second_max = 10_000.0


def to_supplier_name(name: str, field: str) -> SupplierName:
    """`tenants/t/suppliers/s`."""
    found = parse_supplier(name)
    if found is None:
        raise Refusal("INVALID_NAME", {"field": field, "value": name[:80]})
    return found


def to_supplier(profile: supply_pb2.Supplier, credentials: bytes) -> Supplier:
    """A profile, checked. `credentials` are sealed."""
    currency = checks.money(profile.exposure_max, "supplier.exposure_max").currency
    if profile.currency != currency:
        raise _wrong("supplier.exposure_max", "The exposure is in the supplier's currency.")
    if profile.idempotency not in _IDEMPOTENCY:
        words = ", ".join(_IDEMPOTENCY_BACK)
        raise _wrong("supplier.idempotency", f"Say what it does with a repeated order: {words}; if unsure, NONE.")
    weight = profile.weight or 1.0
    if not 0 < weight <= MILLION or not 0 < profile.per_second <= per_second_max:
        raise _wrong("supplier.per_second", "per_second is above 0 and at most 10,000; so is weight.")
    if profile.exposure_units_max <= 0:
        raise _wrong("supplier.exposure_units_max", "At least one unit must be allowed to be under way.")
    if not 0 <= profile.fee_share_ppm <= MILLION or not 0 <= profile.fee_per_unit_minor <= limits.money_minor_max:
        raise _wrong("supplier.fee_share_ppm", "Fees are 0 or more; a share is in millionths, at most 1,000,000.")
    has_floor = profile.HasField("balance_min")
    return Supplier(
        name=to_supplier_name(profile.name, "supplier.name"),
        title=checks.free_text(profile.title, "supplier.title"),
        protocol=_required(profile.protocol, "supplier.protocol"),
        endpoint=_required(profile.endpoint, "supplier.endpoint", option_chars_max),
        currency=currency,
        options=_options(profile.options),
        credentials=credentials,
        idempotency=_IDEMPOTENCY[profile.idempotency],
        replay_for_ms=checks.duration_ms(
            profile.replay_for, "supplier.replay_for", least_ms=0, most_ms=366 * limits.DAY_MS
        ),
        caution=_to_caution(profile),
        per_s=profile.per_second,
        answer_within_ms=checks.duration_ms(
            profile.answer_within, "supplier.answer_within", least_ms=100, most_ms=10 * limits.MINUTE_MS
        ),
        fees=Fees(profile.fee_per_unit_minor, profile.fee_share_ppm),
        priority=profile.priority,
        weight=weight,
        is_paused=profile.paused,
        override=_OVERRIDES[profile.breaker_override],
        balance_min=checks.money(profile.balance_min, "supplier.balance_min") if has_floor else None,
    )


def _to_caution(profile: supply_pb2.Supplier) -> Caution:
    grace_ms = checks.duration_ms(profile.grace, "supplier.grace", least_ms=0, most_ms=30 * limits.DAY_MS)
    patience_ms = checks.duration_ms(
        profile.patience, "supplier.patience", least_ms=limits.SECOND_MS, most_ms=366 * limits.DAY_MS
    )
    return Caution(
        grace_ms, profile.exposure_units_max, checks.money(profile.exposure_max, "supplier.exposure_max"), patience_ms
    )


def _options(options: Mapping[str, str]) -> dict[str, str]:
    checks.item_count(len(options) or 1, "supplier.options", options_max)
    for name, value in options.items():
        _required(name, "supplier.options")
        if len(value) > option_chars_max:
            raise Refusal("FIELD_TOO_LONG", {"field": f"supplier.options.{name}", "max": option_chars_max})
    return dict(options)


def from_supplier(supplier: Supplier, view: DeskView | None) -> supply_pb2.Supplier:
    """A profile as it is told: without its credentials, with how it does where its desk answers."""
    profile = supply_pb2.Supplier(
        name=str(supplier.name),
        title=supplier.title,
        protocol=supplier.protocol,
        endpoint=supplier.endpoint,
        currency=supplier.currency,
        options=supplier.options,
        idempotency=_IDEMPOTENCY_BACK[supplier.idempotency],
        exposure_units_max=supplier.caution.exposure_units_max,
        exposure_max=from_money(supplier.caution.exposure_max),
        per_second=supplier.per_s,
        fee_per_unit_minor=supplier.fees.unit_minor,
        fee_share_ppm=supplier.fees.share_ppm,
        priority=supplier.priority,
        weight=supplier.weight,
        paused=supplier.is_paused,
        breaker_override=_OVERRIDES_BACK[supplier.override],
        balance_min=None if supplier.balance_min is None else from_money(supplier.balance_min),
        state=None if view is None else _from_view(view),
    )
    profile.replay_for.FromMilliseconds(supplier.replay_for_ms)
    profile.grace.FromMilliseconds(supplier.caution.grace_ms)
    profile.patience.FromMilliseconds(supplier.caution.patience_ms)
    profile.answer_within.FromMilliseconds(supplier.answer_within_ms)
    return profile


def _from_view(view: DeskView) -> supply_pb2.SupplierState:
    return supply_pb2.SupplierState(
        open_for_business=view.lets_through and not view.is_paused,
        breaker_closed=view.is_closed,
        balance=None if view.balance is None else from_money(view.balance),
        exposure_units=view.exposure.units,
        exposure_minor=view.exposure.minor,
        attempts_open=view.open,
        attempts_waiting=view.waiting,
        tasks=view.tasks,
        profile_unheeded=view.unheeded,
    )


def to_sourcing(sourcing: supply_pb2.Sourcing) -> Sourcing:
    """How a SKU is bought, checked. Whether its suppliers exist, the book knows."""
    pool = checks.pool(sourcing.sku, "sourcing.sku")
    checks.item_count(len(sourcing.sources) or 1, "sourcing.sources", sources_max)
    marks = Marks(sourcing.low, sourcing.high, sourcing.per_purchase_max)
    if (marks != _NO_STOCK and not marks.are_sound) or marks.high > mark_max or marks.per_purchase_max > units_max:
        text = (
            f"All three are 0; or low is at least 1, high at least low and at most {mark_max:,}, and per_purchase_max"
            f" 1 to {units_max:,}."
        )
        raise _wrong("sourcing.low", text)
    return Sourcing(
        pool,
        tuple(_to_source(source, pool) for source in sourcing.sources),
        marks,
        checks.money(sourcing.unit_cost_max, "sourcing.unit_cost_max"),
        sourcing.paused,
        checks.duration_ms(
            sourcing.min_remaining_life, "sourcing.min_remaining_life", least_ms=0, most_ms=limits.life_ms_max
        ),
    )


def _to_source(source: supply_pb2.Source, pool: PoolName) -> Source:
    supplier = to_supplier_name(source.supplier, "sourcing.sources.supplier")
    if supplier.tenant != pool.tenant:
        raise _wrong("sourcing.sources.supplier", "A SKU is bought from suppliers of its own tenant.")
    product = _required(source.product, "sourcing.sources.product")
    return Source(supplier, product, checks.money(source.unit_cost, "sourcing.sources.unit_cost"))


def from_sourcing(sourcing: Sourcing, left_out: Sequence[str]) -> supply_pb2.Sourcing:
    """How a SKU is bought. `left_out` says of each source why nothing is bought there, in a word, or nothing."""
    told = supply_pb2.Sourcing(
        sku=str(sourcing.pool),
        sources=[
            supply_pb2.Source(
                supplier=str(source.supplier),
                product=source.product,
                unit_cost=from_money(source.unit_cost),
                left_out=why,
            )
            for source, why in zip(sourcing.sources, left_out, strict=True)
        ],
        low=sourcing.marks.low,
        high=sourcing.marks.high,
        per_purchase_max=sourcing.marks.per_purchase_max,
        unit_cost_max=from_money(sourcing.unit_cost_max),
        paused=sourcing.is_paused,
    )
    told.min_remaining_life.FromMilliseconds(sourcing.life_ms_min)
    return told


def from_attempt(record: EntryRecord) -> supply_pb2.Attempt:
    """One purchase. Whom a recharge tops up is not told."""
    attempt = record.attempt
    return supply_pb2.Attempt(
        id=attempt.attempt,
        sku=str(attempt.pool),
        recharge=attempt.kind is Kind.RECHARGE,
        quantity=attempt.quantity,
        cost_max=from_money(attempt.cost_max),
        standing=_STANDINGS[record.standing],
        begin_time=from_ms(record.begun_at_ms),
        send_time=from_ms(record.sent_at_ms) if record.sent_at_ms else None,
        sent_times=record.sent_times,
        order_numbers=record.order_nos,
        units=record.units,
        costs=[from_money(cost) for cost in record.costs],
        codes_fresh=record.fresh,
        codes_known=record.known,
        disputes=[dispute.value for dispute in record.disputes[record.resolved :]],
        order_ref=attempt.order_ref,
        reason=record.why,
    )


def from_standing(standing: Standing) -> supply_pb2.AttemptStanding.ValueType:
    """What is known of an attempt."""
    return _STANDINGS[standing]


def to_word(request: supply_pb2.SettleAttemptRequest) -> tuple[AttemptId, Finding, Sequence[Good]]:
    """What a person was told of an attempt."""
    attempt = AttemptId(_required(request.attempt, "attempt"))
    note = checks.free_text(request.note, "note")
    match request.standing:
        case supply_pb2.ATTEMPT_STANDING_FAILED:
            return attempt, Failed(note), ()
        case supply_pb2.ATTEMPT_STANDING_REVERSED:
            return attempt, Reversed(), ()
        case supply_pb2.ATTEMPT_STANDING_DELIVERED:
            goods = [_to_good(told) for told in request.codes]
            checks.item_count(len(goods) or 1, "codes", units_max)
            units = len(goods) or checks.quantity(request.units, least=1, most=mark_max)
            cost = checks.money(request.cost, "cost")
            return attempt, Delivered(checks.identifier(request.order_number, "order_number"), units, cost), goods
    raise _wrong("standing", "A person says DELIVERED, FAILED or REVERSED.")


def _to_good(told: supply_pb2.ToldCode) -> Good:
    expires_at_ms = checks.moment_ms(told.expire_time, "codes.expire_time") if told.HasField("expire_time") else None
    return Good(_required(told.code, "codes.code", limits.code_chars_max), expires_at_ms)


def to_rows(rows: Sequence[supply_pb2.StatementRow]) -> Sequence[StatementRow]:
    """A supplier's statement."""
    checks.item_count(len(rows) or 1, "rows", rows_max)
    return [
        StatementRow(
            checks.identifier(row.order_number, "rows.order_number"),
            checks.identifier(row.attempt, "rows.attempt"),
            checks.quantity(row.units, least=0, most=mark_max),
            checks.money(row.cost, "rows.cost"),
            checks.moment_ms(row.time, "rows.time"),
        )
        for row in rows
    ]


def from_difference(difference: Difference) -> supply_pb2.Difference:
    """What a statement says otherwise."""
    ours, theirs = difference.our_cost, difference.their_cost
    return supply_pb2.Difference(
        kind=difference.kind.value,
        attempt=difference.attempt,
        order_number=difference.order_no,
        our_units=difference.our_units,
        our_cost=None if ours is None else from_money(ours),
        their_units=difference.their_units,
        their_cost=None if theirs is None else from_money(theirs),
    )


def from_report(report: Report) -> supply_pb2.ReconcileResponse:
    """How a statement compares."""
    return supply_pb2.ReconcileResponse(
        rows=report.rows,
        matched=report.matched,
        settled=report.settled,
        differences=[from_difference(difference) for difference in report.differences],
        told=len(report.told),
        complete_from=from_ms(report.complete_from_ms),
    )


def to_recharge(request: supply_pb2.RechargeRequest) -> Recharge:
    """A recharge, checked."""
    if not request.order_ref:
        raise Refusal("ORDER_REF_REQUIRED")
    pool = checks.pool(request.parent)
    order_ref = checks.identifier(request.order_ref, "order_ref")
    quantity = checks.quantity(request.quantity, least=1, most=units_max)
    return Recharge(pool, order_ref, _required(request.account, "account"), quantity)


def from_recharged(recharged: Recharged) -> supply_pb2.RechargeResponse:
    """How it stands."""
    return supply_pb2.RechargeResponse(
        standing=_STANDINGS[recharged.standing],
        over=recharged.is_over,
        supplier="" if recharged.supplier is None else str(recharged.supplier),
        why=recharged.why,
    )


def required(text: str, field: str) -> str:
    """An id or a name that must be there."""
    return _required(text, field)


def _required(text: str, field: str, chars_max: int = limits.text_chars_max) -> str:
    if not text:
        raise _wrong(field, "This field must not be empty; send it.")
    if len(text) > chars_max:
        raise Refusal("FIELD_TOO_LONG", {"field": field, "max": chars_max})
    return text


def _wrong(field: str, text: str) -> Refusal:
    return Refusal("INVALID_FIELD", {"field": field}, text)
