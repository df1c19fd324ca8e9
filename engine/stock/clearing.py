"""Clearances: a plan for cards that will soon be worth nothing is proposed, accepted, followed and ended.

The plan's price is that of the batch's own cards in one channel, and of nothing else: a hold that has other cards too
costs what the channel costs. So when the batch is gone the price is as before, without anybody doing anything.
"""

from engine import limits
from engine.money import Money
from engine.pricing.clearance import Offer, needed, planned, rate
from engine.pricing.repricing import Why
from engine.stock.batch import Batch
from engine.stock.commands import AcceptClearance, EndClearance, ProposeClearance
from engine.stock.events import ClearanceAccepted, ClearanceEnded, ClearanceProposed, ClearanceStepped
from engine.stock.offering import channel_price, landed_minor
from engine.stock.outcomes import ClearanceFound, Outcome, Reason
from engine.stock.prices import ACCEPTED, ENDED, PROPOSED, Clearance, PriceChange, Prices
from engine.stock.pricing import priced
from engine.stock.shelf import NEVER_MS
from engine.stock.state import State, Turn


def propose(turn: Turn, command: ProposeClearance) -> Outcome:
    """Make a plan for what ends first of the batch. It takes the place of another that nobody accepted."""
    state = turn.state
    batch = state.batches.get(command.batch)
    if batch is None:
        return turn.refuse(command, Reason.BATCH_NOT_FOUND)
    prices = state.prices or Prices(turn.now_ms)
    channel, price = prices.key(command.channel), channel_price(state, command.channel)
    lot = min((lot for lot in batch.lots if lot.size and lot.expires_at_ms > turn.now_ms), default=None)
    if batch.withdrawn or lot is None or lot.expires_at_ms == NEVER_MS:
        return turn.refuse(command, Reason.NOTHING_TO_CLEAR, field="name")
    if price is None or not 0 < command.floor_minor < price.minor:
        return turn.refuse(command, Reason.NOTHING_TO_CLEAR, field="floor_minor")
    offer = Offer(
        command.batch,
        channel,
        lot.size,
        turn.now_ms,
        lot.expires_at_ms,
        price,
        command.floor_minor,
        landed_minor(batch, price.currency) or 0,
        command.rate_milli or prices.rate_milli(turn.now_ms) or 0,
        command.elasticity_milli,
    )
    number = prices.proposed + 1
    turn.emit(ClearanceProposed(turn.now_ms, number, planned(offer), command.who))
    assert state.prices is not None
    return turn.settle(command, ClearanceFound(state.prices.clearances[number]))


def accept(turn: Turn, command: AcceptClearance) -> Outcome:
    """Go by a plan; accepting what is accepted changes nothing. What nobody accepted in time can be proposed anew."""
    prices = turn.state.prices
    found = None if prices is None else prices.clearances.get(command.number)
    if prices is None or found is None or _over(turn.state.batches[found.plan.offer.batch], found, turn.now_ms):
        return turn.refuse(command, Reason.CLEARANCE_NOT_FOUND, clearance=command.number)
    if found.state == PROPOSED:
        offer = found.plan.offer
        former = prices.clearing(offer.batch, offer.channel)
        if former is not None:
            turn.emit(ClearanceEnded(turn.now_ms, former.number, command.who, "another plan took its place"))
        turn.emit(ClearanceAccepted(turn.now_ms, command.number, command.who))
    return turn.settle(command, ClearanceFound(prices.clearances[command.number]))


def end(turn: Turn, command: EndClearance) -> Outcome:
    """Drop a plan, accepted or not."""
    prices = turn.state.prices
    found = None if prices is None else prices.clearances.get(command.number)
    if found is None:
        return turn.refuse(command, Reason.CLEARANCE_NOT_FOUND, clearance=command.number)
    turn.emit(ClearanceEnded(turn.now_ms, command.number, command.who, command.note))
    return turn.settle(command, ClearanceFound(found._replace(state=ENDED)))


def follow(state: State, clearance: Clearance, now_ms: int) -> ClearanceStepped | ClearanceEnded | None:
    """What time asks of a clearance: its end, or its next step if that is due; None when all is as it should be.

    A step lowers the price only if cards went more slowly than the rest of them must.
    """
    offer = clearance.plan.offer
    batch = state.batches[offer.batch]
    why = _over(batch, clearance, now_ms)
    if why:
        return ClearanceEnded(now_ms, clearance.number, "", why)
    later = clearance.plan.steps[clearance.step :]
    if clearance.state != ACCEPTED or not later or later[0].at_ms > now_ms:
        return None
    actual_milli = rate(batch.sold - clearance.sold_at_step, now_ms - clearance.stepped_at_ms)
    needed_milli = needed(_left(batch, offer.expires_at_ms), now_ms, offer.expires_at_ms)
    price_minor = clearance.price_minor if actual_milli >= needed_milli else later[0].price_minor
    step = clearance.step + 1
    return ClearanceStepped(now_ms, clearance.number, step, price_minor, needed_milli, actual_milli)


def apply_proposed(state: State, event: ClearanceProposed) -> None:
    """It waits for staff; another proposal for the same cards does not."""
    prices = priced(state, event.at_ms)
    offer = event.plan.offer
    for one in list(prices.clearances.values()):
        if one.state == PROPOSED and one.plan.offer[:2] == offer[:2]:
            del prices.clearances[one.number]
    prices.proposed = event.number
    prices.clearances[event.number] = Clearance(
        event.number,
        PROPOSED,
        event.plan,
        event.who,
        0,
        offer.price.minor,
        event.at_ms,
        0,
        event.plan.needed_milli,
        offer.actual_milli,
    )


def apply_accepted(state: State, event: ClearanceAccepted) -> None:
    """Its first step is the price of the batch's cards."""
    prices = priced(state, event.at_ms)
    found = prices.clearances[event.number]
    steps, offer = found.plan.steps, found.plan.offer
    price_minor = steps[0].price_minor if steps else offer.price.minor
    prices.clearances[event.number] = found._replace(
        state=ACCEPTED,
        who=event.who,
        step=min(1, len(steps)),
        price_minor=price_minor,
        stepped_at_ms=event.at_ms,
        sold_at_step=state.batches[offer.batch].sold,
    )
    _note(state, event.at_ms, found, price_minor, event.who)


def apply_stepped(state: State, event: ClearanceStepped) -> None:
    """It is one step on."""
    prices = priced(state, event.at_ms)
    found = prices.clearances[event.number]
    prices.clearances[event.number] = found._replace(
        step=event.step,
        price_minor=event.price_minor,
        stepped_at_ms=event.at_ms,
        sold_at_step=state.batches[found.plan.offer.batch].sold,
        needed_milli=event.needed_milli,
        actual_milli=event.actual_milli,
    )
    if event.price_minor != found.price_minor:
        _note(state, event.at_ms, found, event.price_minor, "")


def apply_ended(state: State, event: ClearanceEnded) -> None:
    """It holds no more."""
    prices = priced(state, event.at_ms)
    found = prices.clearances.pop(event.number)
    if found.state == ACCEPTED:
        offer = found.plan.offer
        before = Money(found.price_minor, offer.price.currency)
        after, why = channel_price(state, offer.channel), (Why.CLEARANCE_OVER,)
        change = PriceChange(0, event.at_ms, offer.channel, offer.batch, before, after, event.who, why, event.note)
        prices.change(change, state.seq + 1)


def _note(state: State, at_ms: int, found: Clearance, price_minor: int, who: str) -> None:
    offer = found.plan.offer
    before, after = Money(found.price_minor, offer.price.currency), Money(price_minor, offer.price.currency)
    change = PriceChange(0, at_ms, offer.channel, offer.batch, before, after, who, (Why.CLEARANCE,), "")
    priced(state, at_ms).change(change, state.seq + 1)


def _over(batch: Batch, clearance: Clearance, now_ms: int) -> str:
    """Why a clearance has had its time; empty while it has not."""
    expires_at_ms = clearance.plan.offer.expires_at_ms
    if expires_at_ms <= now_ms:
        return "its cards have expired"
    if not batch.held and not _left(batch, expires_at_ms):
        return "its cards are gone"
    if clearance.state == PROPOSED and clearance.stepped_at_ms + limits.DAY_MS <= now_ms:
        return "nobody accepted it for a day"
    return ""


def _left(batch: Batch, expires_at_ms: int) -> int:
    """Cards of the batch that are on the shelf and end at this moment."""
    return sum(lot.size for lot in batch.lots if lot.expires_at_ms == expires_at_ms)
