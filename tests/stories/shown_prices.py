"""Says outcomes and events about prices in the words of a story."""

from engine.money import Money
from engine.stock import events
from engine.stock import outcomes as said
from engine.stock.prices import PriceChange

START_MS = 1_800_000_000_000


def show_price(outcome: said.Outcome) -> str:
    """An outcome that is about prices; empty for any other."""
    match outcome:
        case said.PricesNow(channels, suggestions, clearances, landed, rate_milli):
            prices = [f"{each.channel or 'default'}={money(each.price)}" for each in channels]
            waiting = [f"suggested#{each.number}={money(each.after)}:{'+'.join(each.why)}" for each in suggestions]
            cleared = [f"clearance#{each.number}={each.state}" for each in clearances]
            return " ".join(["Prices", *prices, *waiting, *cleared, f"landed={money(landed)}", f"rate={rate_milli}"])
        case said.Reviewed(warned, repriced, waiting):
            return f"Reviewed warned={warned} repriced={repriced} waiting={waiting}"
        case said.ClearanceFound(clearance):
            plan = clearance.plan
            steps = " ".join(f"{clock(step.at_ms)}:{step.price_minor}x{step.cards}" for step in plan.steps)
            facts = f"needed={plan.needed_milli} actual={plan.offer.actual_milli} gain={plan.gain_minor}"
            left = f"unsold={plan.unsold_without}->{plan.unsold_with}"
            return f"Clearance#{clearance.number} {clearance.state} {facts} {left} [{steps}]"
        case said.Expiring(lots, more):
            names = (f"{lot.lapse.batch}:{lot.lapse.cards}<{lot.days}d" + " told" * lot.is_told for lot in lots)
            return " ".join(["Expiring", *names]) + " more" * more
        case said.PriceChanges(changes, more):
            return "; ".join(map(_change, changes)) + " more" * more
    return ""


def about_price(event: events.Event) -> list[str]:
    """What there is to say of an event about prices beyond the answer; nothing of any other."""
    match event:
        case events.ExpiryWarned(_at_ms, days, lapse):
            return [f"ExpiryWarned {days}d batch={lapse.batch} cards={lapse.cards} risk={money(lapse.at_risk)}"]
        case events.PriceSuggested(_at_ms, suggestion):
            before, after = money(suggestion.before), money(suggestion.after)
            why = "+".join(suggestion.why)
            return [f"PriceSuggested #{suggestion.number} {suggestion.channel}{before}->{after} {why}"]
        case events.SuggestionDropped(_at_ms, channel):
            return [f"SuggestionDropped {channel or 'default'}"]
        case events.Repriced(_at_ms, channel, before, after, why):
            return [f"Repriced {channel}{money(before)}->{money(after)} {'+'.join(why)}"]
        case events.ClearanceStepped():
            rates = f"needed={event.needed_milli} actual={event.actual_milli}"
            return [f"ClearanceStepped #{event.number} step={event.step} price={event.price_minor} {rates}"]
        case events.ClearanceEnded(_at_ms, number, _who, note):
            return [f"ClearanceEnded #{number}: {note}"]
    return []


def clock(moment_ms: int) -> str:
    """A moment as minutes (or milliseconds) since the story began."""
    passed_ms = moment_ms - START_MS
    return f"{passed_ms // 60_000}m" if passed_ms % 60_000 == 0 else f"{passed_ms}ms"


def money(amount: Money | None) -> str:
    """An amount as it is typed."""
    return "none" if amount is None else f"{amount.minor}{amount.currency}"


def _change(change: PriceChange) -> str:
    where = f"{change.channel or 'default'}" + f" batch {change.batch}" * bool(change.batch)
    who = change.who or "nobody"
    return f"no{change.number} {where} {money(change.before)}->{money(change.after)} {'+'.join(change.why)} by {who}"
