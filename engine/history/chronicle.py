"""A pool's events, as they are replayed, written down as rows. The pool says what an event leaves out.

Feed every event right after it was applied: then the pool still knows the hold, the batch and the answer it is about.
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from engine import limits
from engine.history.tables import REPLACEMENT, SALE, TABLES, HoldCount, Price, Receipt, Refund, Row, Sale, Withdrawal
from engine.money import Money
from engine.names import BatchNo, Card, batch_of
from engine.pricing.repricing import Why
from engine.stock.commands import Allocate
from engine.stock.events import (
    Answered,
    CardReplaced,
    CardsHeld,
    CardsReceived,
    CardsWithdrawn,
    ClearanceAccepted,
    ClearanceEnded,
    ClearanceStepped,
    Event,
    HoldConfirmed,
    HoldExpired,
    HoldReleased,
    PricesSet,
    RefundRaised,
    Repriced,
    SuggestionDecided,
    TermsSet,
)
from engine.stock.hold import Hold
from engine.stock.outcomes import Reason, Refused, Withdrawn
from engine.stock.prices import NO_BATCH, PriceChange
from engine.stock.state import State

#: Bytes of a payment's print: among 10,000,000 payments two are alike in one house of 370,000.
_PRINT_BYTES = 8


class Chronicle:
    """The rows of one pool's events. `after` says, by table, up to which seq they are written down already."""

    def __init__(self, after: Mapping[str, int] | None = None) -> None:
        self._after = {kind: (after or {}).get(table, 0) for table, kind in TABLES.items()}
        self._rows: dict[type[Row], list[Row]] = {kind: [] for kind in TABLES.values()}
        #: Counts of holds by minute; the minute under way is the last.
        self._minutes: dict[int, list[int]] = {}

    def happened(self, state: State, event: Event) -> None:
        """Write an event down that was just applied: `state.seq` is its own."""
        tell = _TOLD.get(type(event))
        if tell is not None:
            tell(self, state, event)

    def rows(self, state: State) -> Mapping[str, Sequence[Row]]:
        """What was written down so far, by table, each in order of seq."""
        counts = [
            HoldCount(last, first, minute_ms, *state.name, *numbers)
            for minute_ms, (first, last, *numbers) in self._minutes.items()
        ]
        return {table: counts if kind is HoldCount else self._rows[kind] for table, kind in TABLES.items()}

    def _write(self, row: Row) -> None:
        if row.seq > self._after[type(row)]:
            self._rows[type(row)].append(row)

    def _count(self, state: State, at_ms: int, **more: int) -> None:
        if state.seq <= self._after[HoldCount]:
            return
        minute_ms = at_ms - at_ms % limits.MINUTE_MS
        counts = self._minutes.setdefault(minute_ms, [state.seq, 0, *([0] * len(_COUNTED))])
        counts[1] = state.seq
        for name, count in more.items():
            counts[2 + _COUNTED.index(name)] += count

    def _held(self, state: State, event: CardsHeld) -> None:
        self._count(state, event.at_ms, held=1, held_units=len(event.cards))

    def _released(self, state: State, event: HoldReleased) -> None:
        self._count(state, event.at_ms, released=1)

    def _expired(self, state: State, event: HoldExpired) -> None:
        self._count(state, event.at_ms, expired=1)

    def _answered(self, state: State, event: Answered) -> None:
        command, outcome = event.command, event.outcome
        if type(command) is Allocate and type(outcome) is Refused and outcome.reason is Reason.OUT_OF_STOCK:
            self._count(state, event.at_ms, out_of_stock=1)

    def _confirmed(self, state: State, event: HoldConfirmed) -> None:
        self._count(state, event.at_ms, confirmed=1)
        hold = _hold(state, event.command.hold)
        units = _by_batch(event.cards)
        whole = event.command.paid if hold.price is None else hold.price.times(len(event.cards))
        for share, (batch, count) in zip(_shares(whole, list(units.values())), units.items(), strict=True):
            self._write(_sale(state, event.at_ms, hold, kind=SALE, batch=batch, units=count, revenue=share))

    def _replaced(self, state: State, event: CardReplaced) -> None:
        hold = _hold(state, event.command.hold)
        revenue = None if hold.price is None else Money(0, hold.price.currency)
        batch = batch_of(event.fresh)
        self._write(_sale(state, event.at_ms, hold, kind=REPLACEMENT, batch=batch, units=1, revenue=revenue))

    def _refunded(self, state: State, event: RefundRaised) -> None:
        hold = _hold(state, event.hold)
        why = "" if event.reason is None else str(event.reason)
        place = (state.seq, event.at_ms, *state.name)
        paid = _amount(event.paid)
        payment = payment_print(event.payment_ref)
        self._write(Refund(*place, hold.hold, hold.order_ref, why, *paid, event.is_final, payment))

    def _received(self, state: State, event: CardsReceived) -> None:
        batch = state.batches[event.batch]
        place = (state.seq, event.at_ms, *state.name, batch.number, batch.import_id, batch.source, batch.importer)
        # A row for each expiry, so that no two rows of an event are alike.
        units_by_expiry: dict[int | None, int] = {}
        for units, expires_at_ms in event.lots:
            units_by_expiry[expires_at_ms] = units_by_expiry.get(expires_at_ms, 0) + units
        for expires_at_ms, units in units_by_expiry.items():
            self._write(Receipt(*place, units, expires_at_ms, *_amount(batch.unit_cost)))

    def _withdrawn(self, state: State, event: CardsWithdrawn) -> None:
        command = event.command
        answer = state.memory.answers[command.request_id]
        assert type(answer) is Answered
        assert isinstance(answer.outcome, Withdrawn)
        place = (state.seq, event.at_ms, *state.name, command.batch, state.batches[command.batch].source)
        moved = answer.outcome.moved
        self._write(Withdrawal(*place, command.action, moved, not command.cards, command.reason))

    def _terms(self, state: State, event: TermsSet) -> None:
        """A SKU without prices of channels notes no changes: what its terms say is told as it is said."""
        if state.prices is not None:
            self._priced(state, event)
        elif "price" in (event.command.fields or ("price",)):
            change = PriceChange(0, event.at_ms, "", NO_BATCH, None, state.terms.price, "", (Why.STAFF,), "")
            self._write(_price(state, change))

    def _priced(self, state: State, _event: Event) -> None:
        assert state.prices is not None, "a pool whose price has changed knows of prices"
        for change in state.prices.changed_by(state.seq):
            self._write(_price(state, change))


def payment_print(payment_ref: str) -> str:
    """What stands for a payment: the same for the same number, and no way back to it but by trying numbers."""
    return blake2b(payment_ref.encode(), digest_size=_PRINT_BYTES).hexdigest() if payment_ref else ""


def _sale(
    state: State, at_ms: int, hold: Hold, *, kind: str, batch: BatchNo, units: int, revenue: Money | None
) -> Sale:
    of = state.batches[batch]
    return Sale(
        *(state.seq, at_ms, *state.name, kind, hold.hold, hold.order_ref),
        # Holds of before there were channels have none.
        str(getattr(hold, "channel", "") or ""),
        units,
        *_amount(hold.price),
        *_amount(revenue),
        int(batch),
        of.import_id,
        of.source,
        *_amount(of.landed),
        payment_print(hold.payment_ref),
    )


def _price(state: State, change: PriceChange) -> Price:
    after, before = _amount(change.after), _amount(change.before)
    place = (state.seq, change.at_ms, *state.name)
    return Price(*place, *after, change.channel, int(change.batch), *before, change.who, ",".join(change.why))


def _hold(state: State, number: int) -> Hold:
    hold = state.holds.get(number)  # type: ignore[arg-type] # a number of the event's own
    assert hold is not None, "an event that was just applied is about a hold in memory"
    return hold


def _by_batch(cards: Sequence[Card]) -> dict[BatchNo, int]:
    units: dict[BatchNo, int] = {}
    for card in cards:
        units[batch_of(card)] = units.get(batch_of(card), 0) + 1
    return units


def _shares(whole: Money | None, units: Sequence[int]) -> Sequence[Money | None]:
    """An amount shared out by units, to the last minor unit: what cannot be divided is the first one's."""
    if whole is None:
        return [None] * len(units)
    parts = [whole.minor * each // sum(units) for each in units]
    parts[0] += whole.minor - sum(parts)
    return [Money(part, whole.currency) for part in parts]


def _amount(money: Money | None) -> tuple[int | None, str]:
    return (None, "") if money is None else (money.minor, money.currency)


_COUNTED = HoldCount._fields[5:]

_TOLD: Mapping[type, Callable[[Chronicle, State, Any], None]] = {
    CardsHeld: Chronicle._held,  # noqa: SLF001 - a table of its own methods
    HoldConfirmed: Chronicle._confirmed,  # noqa: SLF001
    HoldReleased: Chronicle._released,  # noqa: SLF001
    HoldExpired: Chronicle._expired,  # noqa: SLF001
    Answered: Chronicle._answered,  # noqa: SLF001
    CardReplaced: Chronicle._replaced,  # noqa: SLF001
    RefundRaised: Chronicle._refunded,  # noqa: SLF001
    CardsReceived: Chronicle._received,  # noqa: SLF001
    CardsWithdrawn: Chronicle._withdrawn,  # noqa: SLF001
    TermsSet: Chronicle._terms,  # noqa: SLF001
    PricesSet: Chronicle._priced,  # noqa: SLF001
    SuggestionDecided: Chronicle._priced,  # noqa: SLF001
    Repriced: Chronicle._priced,  # noqa: SLF001
    ClearanceAccepted: Chronicle._priced,  # noqa: SLF001
    ClearanceStepped: Chronicle._priced,  # noqa: SLF001
    ClearanceEnded: Chronicle._priced,  # noqa: SLF001
}
