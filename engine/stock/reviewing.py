"""The review: what time and stock ask for is found by a pure look, and happens once.

Cards that end are told of on each step of the ladder; clearances take their steps; a rule moves its price or suggests
another. A look that finds nothing makes no event, so a review may come as often as it likes.
"""

from collections.abc import Iterator
from itertools import islice

from engine import limits
from engine.money import Money
from engine.pricing.ladder import Lapse, Warned
from engine.pricing.pressure import pressure_ppm
from engine.pricing.repricing import Figures, suggested
from engine.stock.clearing import follow
from engine.stock.commands import ListExpiring, PriceRule, Review
from engine.stock.events import (
    ClearanceEnded,
    ClearanceStepped,
    ExpiryWarned,
    PriceSuggested,
    Repriced,
    SuggestionDropped,
)
from engine.stock.offering import channel_price, landed_minor
from engine.stock.outcomes import Expiring, Outcome, Reviewed
from engine.stock.prices import ExpiringLot, Prices, PriceSuggestion
from engine.stock.shelf import NEVER_MS
from engine.stock.state import State, Turn

Finding = ExpiryWarned | ClearanceStepped | ClearanceEnded | PriceSuggested | SuggestionDropped | Repriced


def review(turn: Turn, _command: Review) -> Outcome:
    """Let happen what a look finds, until it finds nothing: a step of a clearance may be followed by another."""
    state, now_ms = turn.state, turn.now_ms
    warned = list(islice(_warnings(state, now_ms), limits.findings_per_review_max))
    for warning in warned:
        turn.emit(warning)
    moved = list(islice(iter(lambda: _let_happen(turn), None), limits.findings_per_review_max))
    repriced = sum(isinstance(found, Repriced) for found in moved)
    return Reviewed(len(warned), repriced, 0 if state.prices is None else len(state.prices.waiting))


def findings(state: State, now_ms: int) -> Iterator[Finding]:
    """What is to happen now, as far as can be seen before any of it has."""
    yield from _warnings(state, now_ms)
    yield from _moves(state, now_ms)


def _let_happen(turn: Turn) -> Finding | None:
    """The first move: each changes what a further look finds."""
    found = next(_moves(turn.state, turn.now_ms), None)
    if found is not None:
        turn.emit(found)
    return found


def _warnings(state: State, now_ms: int) -> Iterator[ExpiryWarned]:
    return (ExpiryWarned(*warned) for warned in state.ladder.due(_lapses(state, now_ms), now_ms))


def _moves(state: State, now_ms: int) -> Iterator[Finding]:
    prices = state.prices
    if prices is None:
        return
    for clearance in prices.clearances.values():
        step = follow(state, clearance, now_ms)
        if step is not None:
            yield step
    for channel, rule in prices.rules.items():
        finding = _of_rule(state, channel, rule, now_ms)
        if finding is not None:
            yield finding


def list_expiring(turn: Turn, question: ListExpiring) -> Outcome:
    """Lots on sale that stand on a step of the ladder."""
    lots = list(islice(expiring(turn.state, turn.now_ms), question.rows + 1))
    return Expiring(tuple(lots[: question.rows]), len(lots) > question.rows)


def expiring(state: State, now_ms: int) -> Iterator[ExpiringLot]:
    """The same, all of them, the first to end first."""
    told = state.ladder.told
    for lapse in _lapses(state, now_ms):
        days = state.ladder.step(lapse, now_ms)
        yield ExpiringLot(days, lapse, told.get((lapse.batch, lapse.expires_at_ms), days + 1) <= days)


def apply_warned(state: State, event: ExpiryWarned) -> None:
    """Staff were told."""
    state.ladder.apply(Warned(*event))


def _lapses(state: State, now_ms: int) -> Iterator[Lapse]:
    for lot in islice(state.shelf.lots(now_ms, now_ms + state.ladder.reach_ms), limits.lots_per_look_max):
        landed = state.batches[lot.batch].landed
        yield Lapse(lot.batch, lot.expires_at_ms, lot.size, None if landed is None else landed.times(lot.size))


def _of_rule(state: State, channel: str, rule: PriceRule, now_ms: int) -> Finding | None:
    """A move that the rule makes, or a suggestion that does not wait already and was not turned down."""
    prices, price = state.prices, channel_price(state, channel)
    assert prices is not None
    if price is None or prices.key(channel) != channel:
        return None
    figures = _figures(state, prices, channel, now_ms)
    if figures is None:
        return None
    waiting = prices.waiting.get(channel)
    step = suggested(figures, rule.rules, now_ms)
    if step is None:
        return None if waiting is None else SuggestionDropped(now_ms, channel)
    after = Money(step.price_minor, price.currency)
    if step.is_automatic:
        return Repriced(now_ms, channel, price, after, step.why)
    if prices.declined.get(channel) == (price.minor, after.minor):
        return None
    if waiting is not None and (waiting.before, waiting.after, waiting.why) == (price, after, step.why):
        return None
    number = prices.suggested + 1
    return PriceSuggested(now_ms, PriceSuggestion(number, now_ms, channel, price, after, step.why))


def _figures(state: State, prices: Prices, channel: str, now_ms: int) -> Figures | None:
    """What the rule of a channel goes by; None where no cost is known, which is no reason to go to the floor.

    The highest cost on sale counts, of what is not being cleared there: at such a price every card may be sold.
    """
    price, rule = channel_price(state, channel), prices.rules[channel]
    assert price is not None
    lots = state.shelf.lots(now_ms, NEVER_MS)
    shown = {number for number in {lot.batch for lot in lots} if prices.clearing(number, channel) is None}
    known = [landed_minor(state.batches[number], price.currency) for number in shown]
    costs = [cost for cost in known if cost is not None]
    if not costs:
        return None
    first = lots[: limits.lots_per_look_max] if rule.pressure_max_ppm else ()
    ending = [(lot.expires_at_ms, lot.size) for lot in first if lot.expires_at_ms < NEVER_MS and lot.batch in shown]
    pressed = pressure_ppm(ending, now_ms, prices.rate_milli(now_ms), rule.pressure_max_ppm)
    return Figures(
        price.minor,
        max(costs),
        prices.changed_at_ms.get(channel, prices.since_ms),
        rule.competitor_minor,
        pressed,
    )
