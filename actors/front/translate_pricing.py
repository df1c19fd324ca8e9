"""Prices, rules, suggestions and clearances: protobuf ↔ engine."""

from collections.abc import Iterable

from actors.front import checks
from actors.front.refusals import Refusal
from actors.front.translate import from_money, from_ms
from engine import limits
from engine.money import Money
from engine.names import PoolName, batch_name
from engine.pricing.ageing import Aged, Bounds, usual
from engine.pricing.landing import MILLION
from engine.pricing.repricing import Rules, Why
from engine.pricing.simulating import PastSale, Simulated
from engine.stock import commands as ask
from engine.stock import outcomes as said
from engine.stock import prices
from protos.cardkeep.v1 import pricing_pb2, types_pb2

#: The longest time a price may have to rest.
_rest_s_max = 30 * 24 * 3_600

#: The longest time after which a batch may be called slow: ten years.
_slow_days_max = 3_660

_ELASTICITY_USUAL = 2_000
_ELASTICITY_MAX = 10_000

_STATES = {
    prices.PROPOSED: pricing_pb2.CLEARANCE_STATE_PROPOSED,
    prices.ACCEPTED: pricing_pb2.CLEARANCE_STATE_ACCEPTED,
    prices.ENDED: pricing_pb2.CLEARANCE_STATE_ENDED,
}


def to_prices(request: pricing_pb2.SetPricesRequest) -> tuple[ask.ChannelPrice, ...]:
    """Prices by channel, each channel once."""
    checks.item_count(len(request.prices), "prices", limits.price_channels_max)
    channels = [checks.identifier(each.channel, "prices.channel") for each in request.prices]
    if len(set(channels)) < len(channels):
        raise Refusal("INVALID_FIELD", {"field": "prices"}, "Name each channel once.")
    amounts = [checks.money(each.price, "prices.price") if each.HasField("price") else None for each in request.prices]
    return tuple(map(ask.ChannelPrice, channels, amounts))


def to_rule(rule: pricing_pb2.PriceRule) -> ask.PriceRule:
    """A rule, checked."""
    floor = checks.money(types_pb2.Money(minor=rule.floor_minor, currency=rule.currency), "rule.floor_minor")
    ceiling = checks.money(types_pb2.Money(minor=rule.ceiling_minor, currency=rule.currency), "rule.ceiling_minor")
    rules = Rules(
        floor.minor,
        _within("ceiling_minor", ceiling.minor, floor.minor, limits.money_minor_max),
        _within("target_margin_ppm", rule.target_margin_ppm, 0, MILLION - 1),
        _within("dead_band_ppm", rule.dead_band_ppm, 0, MILLION),
        _within("max_step_ppm", rule.max_step_ppm, 0, MILLION) or MILLION,
        _within("rest_s", rule.rest_s, 0, _rest_s_max) * limits.SECOND_MS,
        needs_approval=not rule.automatic,
    )
    return ask.PriceRule(
        rule.currency,
        rules,
        _within("competitor_minor", rule.competitor_minor, 0, limits.money_minor_max),
        _within("max_pressure_ppm", rule.max_pressure_ppm, 0, MILLION - 1),
        sells_unknown_cost=not rule.refuse_unknown_cost,
    )


def to_sales(sales: Iterable[pricing_pb2.PastSale]) -> list[PastSale]:
    """Past sales, checked."""
    return [
        PastSale(
            checks.moment_ms(sale.time, "sales.time"),
            _within("sales.units", sale.units, 1, MILLION),
            _within("sales.price_minor", sale.price_minor, 1, limits.money_minor_max),
            _within("sales.cost_minor", sale.cost_minor, 0, limits.money_minor_max),
        )
        for sale in sales
    ]


def to_bounds(request: pricing_pb2.GetAgeingRequest) -> Bounds:
    """From when on a batch is slow."""
    age = _within("max_age_days", request.max_age_days, 0, _slow_days_max)
    cover = _within("max_cover_days", request.max_cover_days, 0, _slow_days_max)
    return Bounds(age or usual.age_days_max, cover or usual.cover_days_max)


def to_propose(request: pricing_pb2.ProposeClearanceRequest) -> tuple[PoolName, ask.ProposeClearance]:
    """A ProposeClearance, checked."""
    pool, batch = checks.batch(request.name)
    elasticity = _within("elasticity_milli", request.elasticity_milli, 0, _ELASTICITY_MAX)
    return pool, ask.ProposeClearance(
        checks.request_id(request.request_id),
        batch,
        checks.identifier(request.channel, "channel"),
        _within("floor_minor", request.floor_minor, 1, limits.money_minor_max),
        elasticity or _ELASTICITY_USUAL,
        _within("rate_milli", request.rate_milli, 0, limits.money_minor_max),
        checks.free_text(request.who, "who"),
    )


def from_prices(pool: PoolName, found: said.PricesNow) -> pricing_pb2.Prices:
    """All about prices."""
    return pricing_pb2.Prices(
        sku=str(pool),
        channels=[_from_channel(each) for each in found.channels],
        suggestions=[from_suggestion(each) for each in found.suggestions],
        clearances=[from_clearance(pool, each) for each in found.clearances],
        landed_unit_cost=_maybe(found.landed),
        rate_milli=found.rate_milli or 0,
    )


def from_suggestion(suggestion: prices.PriceSuggestion) -> pricing_pb2.PriceSuggestion:
    """What waits."""
    return pricing_pb2.PriceSuggestion(
        number=suggestion.number,
        channel=suggestion.channel,
        before=from_money(suggestion.before),
        after=from_money(suggestion.after) if suggestion.after.minor else None,
        reasons=from_why(suggestion.why),
        create_time=from_ms(suggestion.at_ms),
    )


def from_clearance(pool: PoolName, clearance: prices.Clearance) -> pricing_pb2.Clearance:
    """A plan and how it goes."""
    plan = clearance.plan
    offer = plan.offer
    return pricing_pb2.Clearance(
        number=clearance.number,
        state=_STATES[clearance.state],
        batch=batch_name(pool, offer.batch),
        channel=offer.channel,
        cards=offer.cards,
        expire_time=from_ms(offer.expires_at_ms),
        price=from_money(offer.price),
        landed_minor=offer.landed_minor,
        floor_minor=offer.floor_minor,
        needed_rate_milli=clearance.needed_milli,
        actual_rate_milli=clearance.actual_milli,
        steps=[
            pricing_pb2.ClearanceStep(time=from_ms(at_ms), price_minor=price_minor, expected_cards=cards)
            for at_ms, price_minor, cards in plan.steps
        ],
        unsold_without=plan.unsold_without,
        unsold_with=plan.unsold_with,
        expected_gain_minor=plan.gain_minor,
        steps_taken=clearance.step,
        clearance_price=from_money(Money(clearance.price_minor, offer.price.currency)),
        who=clearance.who,
    )


def from_lot(pool: PoolName, lot: prices.ExpiringLot) -> pricing_pb2.ExpiringLot:
    """Cards that will expire."""
    return pricing_pb2.ExpiringLot(
        batch=batch_name(pool, lot.lapse.batch),
        expire_time=from_ms(lot.lapse.expires_at_ms),
        cards=lot.lapse.cards,
        value_at_risk=_maybe(lot.lapse.at_risk),
        step_days=lot.days,
        warned=lot.is_told,
    )


def from_aged(pool: PoolName, line: Aged) -> pricing_pb2.AgeingBatch:
    """A line of the ageing report."""
    return pricing_pb2.AgeingBatch(
        batch=batch_name(pool, line.batch),
        cards=line.cards,
        age_days=line.age_days,
        cover_days=line.cover_days,
        left=line.left,
        tied_up=_maybe(line.tied_up),
        slow=line.is_slow,
    )


def from_change(pool: PoolName, change: prices.PriceChange) -> pricing_pb2.PriceChange:
    """A line of the history."""
    return pricing_pb2.PriceChange(
        number=change.number,
        time=from_ms(change.at_ms),
        channel=change.channel,
        batch=batch_name(pool, change.batch) if change.batch else "",
        before=_maybe(change.before),
        after=_maybe(change.after),
        who=change.who,
        reasons=from_why(change.why),
        note=change.note,
    )


def from_simulated(simulated: Simulated) -> pricing_pb2.SimulateRuleResponse:
    """What a rule would have done."""
    return pricing_pb2.SimulateRuleResponse(
        moves=[
            pricing_pb2.SimulatedMove(time=from_ms(at_ms), price_minor=price_minor, reasons=from_why(why))
            for at_ms, price_minor, why in simulated.moves
        ],
        was_margin_minor=simulated.was_margin_minor,
        margin_minor=simulated.margin_minor,
        refused_units=simulated.refused_units,
        lost_units=simulated.lost_units,
    )


def _from_channel(channel: said.ChannelView) -> pricing_pb2.PriceChannel:
    rule = None if channel.rule is None else _from_rule(channel.rule)
    shown = pricing_pb2.PriceChannel(channel=channel.channel, price=_maybe(channel.price), rule=rule)
    if channel.changed_at_ms:
        shown.change_time.CopyFrom(from_ms(channel.changed_at_ms))
    return shown


def _from_rule(rule: ask.PriceRule) -> pricing_pb2.PriceRule:
    bounds = rule.rules
    return pricing_pb2.PriceRule(
        currency=rule.currency,
        floor_minor=bounds.floor_minor,
        ceiling_minor=bounds.ceiling_minor,
        target_margin_ppm=bounds.target_margin_ppm,
        dead_band_ppm=bounds.dead_band_ppm,
        max_step_ppm=bounds.step_max_ppm,
        rest_s=bounds.rest_ms // limits.SECOND_MS,
        automatic=not bounds.needs_approval,
        competitor_minor=rule.competitor_minor,
        max_pressure_ppm=rule.pressure_max_ppm,
        refuse_unknown_cost=not rule.sells_unknown_cost,
    )


def from_why(why: Iterable[Why]) -> list[pricing_pb2.PriceReason.ValueType]:
    """What moved a price."""
    return [pricing_pb2.PriceReason.Value(f"PRICE_REASON_{each.value}") for each in why]


def _maybe(amount: Money | None) -> types_pb2.Money | None:
    return None if amount is None else from_money(amount)


def _within(field: str, number: int, least: int, most: int) -> int:
    if not least <= number <= most:
        raise Refusal("INVALID_FIELD", {"field": field}, f"{field} is {least} to {most}.")
    return number
