"""From messages about prices to results: one function per message, nothing else."""

from collections.abc import Iterable
from dataclasses import fields

from cardkeep_client import pricing_results as results
from cardkeep_client.answers import moment, money
from cardkeep_client.v1 import pricing_pb2


def rule(message: pricing_pb2.PriceRule) -> results.PriceRule:
    """A rule; the fields are called the same."""
    return results.PriceRule(**{field.name: getattr(message, field.name) for field in fields(results.PriceRule)})


def prices(message: pricing_pb2.Prices) -> results.Prices:
    """All about prices."""
    return results.Prices(
        message.sku,
        tuple(map(_channel, message.channels)),
        suggestions(message.suggestions),
        tuple(map(clearance, message.clearances)),
        money(message.landed_unit_cost),
        message.rate_milli,
    )


def suggestions(messages: Iterable[pricing_pb2.PriceSuggestion]) -> tuple[results.PriceSuggestion, ...]:
    """What waits."""
    return tuple(
        results.PriceSuggestion(
            message.number,
            message.channel,
            money(message.before),
            money(message.after),
            reasons(message.reasons),
            moment(message.create_time),
        )
        for message in messages
    )


def clearance(message: pricing_pb2.Clearance) -> results.Clearance:
    """A plan."""
    return results.Clearance(
        number=message.number,
        state=pricing_pb2.ClearanceState.Name(message.state).removeprefix("CLEARANCE_STATE_"),
        batch=message.batch,
        channel=message.channel,
        cards=message.cards,
        expire_time=moment(message.expire_time),
        price=money(message.price),
        landed_minor=message.landed_minor,
        floor_minor=message.floor_minor,
        needed_rate_milli=message.needed_rate_milli,
        actual_rate_milli=message.actual_rate_milli,
        steps=tuple(
            results.ClearanceStep(moment(step.time), step.price_minor, step.expected_cards) for step in message.steps
        ),
        unsold_without=message.unsold_without,
        unsold_with=message.unsold_with,
        expected_gain_minor=message.expected_gain_minor,
        steps_taken=message.steps_taken,
        clearance_price=money(message.clearance_price),
        who=message.who,
    )


def lot(message: pricing_pb2.ExpiringLot) -> results.ExpiringLot:
    """Cards that will expire."""
    return results.ExpiringLot(
        message.batch,
        moment(message.expire_time),
        message.cards,
        money(message.value_at_risk),
        message.step_days,
        message.warned,
    )


def aged(message: pricing_pb2.AgeingBatch) -> results.AgeingBatch:
    """A line of the ageing report."""
    return results.AgeingBatch(
        message.batch,
        message.cards,
        message.age_days,
        message.cover_days if message.HasField("cover_days") else None,
        message.left,
        money(message.tied_up),
        message.slow,
    )


def change(message: pricing_pb2.PriceChange) -> results.PriceChange:
    """A line of the history."""
    return results.PriceChange(
        message.number,
        moment(message.time),
        message.channel,
        message.batch,
        money(message.before),
        money(message.after),
        message.who,
        reasons(message.reasons),
        message.note,
    )


def simulated(message: pricing_pb2.SimulateRuleResponse) -> results.Simulated:
    """What a rule would have done."""
    moves = (
        results.SimulatedMove(moment(move.time), move.price_minor, reasons(move.reasons)) for move in message.moves
    )
    return results.Simulated(
        tuple(moves), message.was_margin_minor, message.margin_minor, message.refused_units, message.lost_units
    )


def _channel(message: pricing_pb2.PriceChannel) -> results.PriceChannel:
    return results.PriceChannel(
        message.channel,
        money(message.price),
        moment(message.change_time) if message.HasField("change_time") else None,
        rule(message.rule) if message.HasField("rule") else None,
    )


def reasons(numbers: Iterable[pricing_pb2.PriceReason.ValueType]) -> tuple[str, ...]:
    """What moved a price, in words such as BELOW_FLOOR."""
    return tuple(pricing_pb2.PriceReason.Name(number).removeprefix("PRICE_REASON_") for number in numbers)
