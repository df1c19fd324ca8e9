"""Says outcomes and events in the words of a story. Times are minutes since the story began."""

from collections.abc import Sequence

from engine.names import Card, batch_of, serial_of
from engine.stock import events
from engine.stock import outcomes as said
from tests.stories.shown_prices import about_price, clock, show_price


def show(outcome: said.Outcome) -> str:  # noqa: C901, PLR0912 (one line per outcome is how a table reads)
    """An outcome in the words of a story."""
    match outcome:
        case said.Refused(reason, facts):
            return " ".join([reason, *(f"{name}={_moment(name, fact)}" for name, fact in facts)])
        case said.Held() | said.Extended():
            view = outcome.view
            until = "" if view.state is not said.HoldState.ACTIVE else f" until {clock(view.expires_at_ms)}"
            state = "" if until else f" {view.state}"
            return f"{type(outcome).__name__} h{view.hold} {card_list(view.cards)}{until}{state}"
        case said.Confirmed(view, returned, reacquired):
            more = f" returned={returned}" * bool(returned) + " reacquired" * reacquired
            return f"Confirmed h{view.hold} {card_list(view.cards)}{more}"
        case said.Released(view):
            return f"Released h{view.hold} {view.state}"
        case said.HoldFound(view, replaced):
            refunds = "".join(f" owed={due.payment_ref}:{due.reason}" for due in view.refunds_due)
            links = "".join(f" {card_name(bad)}->{card_name(fresh)}" for bad, fresh in replaced)
            return f"HoldFound h{view.hold} {view.state} {card_list(view.cards)}{refunds}{links}"
        case said.ImportReady(view) | said.ImportWhole(view):
            state = "" if view.is_open else " closed"
            return (
                f"{type(outcome).__name__} batch={view.batch} chunk={view.next_chunk} serial={view.next_serial}{state}"
            )
        case said.Received(chunk, serial, again):
            return f"Received chunk={chunk} serial={serial}" + " before" * again
        case said.Withdrawn(_view, moved, held, sold):
            return f"Withdrawn moved={moved} held={card_list(held)} sold={card_list(sold)}"
        case said.Replaced(view, bad, fresh):
            return f"Replaced h{view.hold} {card_name(bad)}->{card_name(fresh)}"
        case said.Shelf():
            return f"Shelf available={outcome.available} active={outcome.holds_active}"
        case said.Sold(pairs, more):
            return "Sold " + " ".join(f"{card_name(card)}:h{hold}" for card, hold in pairs) + " more" * more
        case said.Batches(views, more):
            return (
                "Batches "
                + " ".join(f"{view.batch}:{view.available}/{view.received}" for view in views)
                + " more" * more
            )
        case said.Audited(violations=violations):
            return "Audited " + ("; ".join(violations) or "in order")
    return show_price(outcome) or type(outcome).__name__


def by_the_way(happened: Sequence[events.Event]) -> list[str]:
    """The events of a step that are news beyond the answer."""
    lines: list[str] = []
    for event in happened:
        match event:
            case events.HoldExpired(_at_ms, hold):
                lines.append(f"HoldExpired h{hold}")
            case events.RefundRaised(_at_ms, hold, payment_ref, _paid):
                lines.append(f"RefundRaised h{hold} {payment_ref}")
            case events.HoldRecalled(_at_ms, record):
                lines.append(f"HoldRecalled h{record.hold}")
            case _:
                lines += about_price(event)
    return lines


def card_name(card: Card) -> str:
    """A card as batch-serial."""
    return f"{batch_of(card)}-{serial_of(card)}"


def card_list(cards: tuple[Card, ...]) -> str:
    """Cards in brackets."""
    return "[" + " ".join(map(card_name, cards)) + "]"


def _moment(name: str, fact: str) -> str:
    return clock(int(fact)) if name.endswith("AtMs") and fact != "0" else fact
