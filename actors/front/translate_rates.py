"""Protobuf ↔ rates of exchange: one function per message, checked on the way in."""

from actors.front import checks
from actors.front.refusals import Refusal
from actors.front.translate import from_ms
from engine import limits
from engine.money import is_currency
from engine.pricing.rates import EnteredRate, Rates, RateUnusable, parsed
from engine.supply.suppliers import Source, Sourcing
from protos.cardkeep.v1 import supply_pb2


def to_rate(request: supply_pb2.EnterRateRequest, now_ms: int) -> EnteredRate:
    """A rate as staff enter it now, checked by itself: see `Rates` for what it is among others."""
    tenant, rate = checks.tenant(request.parent), request.rate
    if not is_currency(rate.source_currency) or not is_currency(rate.target_currency):
        raise _wrong("rate.source_currency", "Both currencies are three capital letters, such as USD and CNY.")
    if rate.source_currency == rate.target_currency:
        raise _wrong("rate.target_currency", "A currency needs no rate to itself.")
    try:
        parsed(rate.rate)
    except ValueError:
        text = 'A rate is a decimal above 0 such as "7.21", or a fraction such as "721/100".'
        raise _wrong("rate.rate", text) from None
    from_ms = checks.moment_ms(rate.start_time, "rate.start_time")
    if not -limits.rate_back_max_ms <= from_ms - now_ms <= limits.rate_ahead_max_ms:
        raise _wrong("rate.start_time", "A rate counts from a moment at most 366 days ago or 31 days ahead.")
    if not rate.who:
        raise _wrong("rate.who", "Say who enters it.")
    who, note = checks.identifier(rate.who, "rate.who"), checks.free_text(rate.note, "rate.note")
    return EnteredRate(tenant, rate.source_currency, rate.target_currency, rate.rate, from_ms, now_ms, who, note)


def from_rates(tenant: str, rates: Rates, now_ms: int) -> list[supply_pb2.ExchangeRate]:
    """All of a tenant's, as they are told."""
    entered = rates.of(tenant)
    counting = {rates.counts_at(*pair, now_ms) for pair in {rate.pair for rate in entered}}
    return [from_rate(rate, now_ms, is_counting=rate in counting) for rate in entered]


def from_rate(rate: EnteredRate, now_ms: int, *, is_counting: bool) -> supply_pb2.ExchangeRate:
    """A rate as it is told. `is_counting`: whether no other of its pair counts now."""
    end_ms = rate.from_ms + limits.rate_age_max_ms
    return supply_pb2.ExchangeRate(
        source_currency=rate.source,
        target_currency=rate.target,
        rate=rate.figures,
        start_time=from_ms(rate.from_ms),
        who=rate.who,
        note=rate.note,
        enter_time=from_ms(rate.entered_at_ms),
        end_time=from_ms(end_ms),
        in_force=is_counting and now_ms < end_ms,
    )


def left_out(source: Source, sourcing: Sourcing, rates: Rates, now_ms: int) -> str:
    """Why nothing is bought there for want of a rate: NO_RATE, RATE_TOO_OLD, or nothing."""
    try:
        rates.between(sourcing.pool.tenant, source.unit_cost.currency, sourcing.unit_cost_max.currency, now_ms)
    except RateUnusable as unusable:
        return unusable.why
    return ""


def _wrong(field: str, text: str) -> Refusal:
    return Refusal("INVALID_FIELD", {"field": field}, text)
