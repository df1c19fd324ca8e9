"""The pool: all cards and holds of one SKU. A card is held here.

Rules.
1. `handle` decides, `apply` changes. `handle` turns a command into events and lets each happen at
   once; replay lets the same events happen again, through the same functions. Nothing else changes
   a pool.
2. The pool reads no clock. Time comes in with each command and never steps back; each event carries
   its moment.
3. A refusal is an outcome. Definite ones are remembered with their request_id, through the journal
   like everything else. An exception means the pool itself is wrong, and it stops.
4. A card is in exactly one place: received = on the shelf + held + sold + void.

Theory of operation. A hold that is past its deadline is over, whether or not anyone has swept: each
command first sees the deadlines that matter to it. So the sweep is only tidying, and may be bounded.
An event that cannot be applied is found out while it is decided, before any journal has it.

What has left memory. Old answers and ended holds are dropped by `Forgotten` events, once the archive
has them. `missing` names what a command needs back; the owner looks it up and hands it over with
`handle`. A looked-up hold that a command is about to change re-enters through `HoldRecalled`, so that
replay never needs the archive.

Warning. What `apply` does must depend on the event and on journaled state only. Lookups may shape a
decision, never an application.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from engine.errors import InvariantBroken
from engine.names import PoolName
from engine.ports import Attachments
from engine.stock import (
    clearing,
    confirming,
    events,
    forgetting,
    holding,
    looking,
    pricing,
    reviewing,
    stocking,
    withdrawing,
)
from engine.stock import commands as ask
from engine.stock.memory import Answer
from engine.stock.outcomes import Outcome, Reason, Refused
from engine.stock.state import Recalled, State, Turn

_DECIDE: Mapping[type, Callable[[Turn, Any], Outcome]] = {
    ask.Allocate: holding.allocate,
    ask.Confirm: confirming.confirm,
    ask.Release: holding.release,
    ask.Extend: holding.extend,
    ask.OpenBatch: stocking.open_batch,
    ask.Receive: stocking.receive,
    ask.CloseBatch: stocking.close_batch,
    ask.Withdraw: withdrawing.withdraw,
    ask.Replace: confirming.replace,
    ask.Configure: stocking.configure,
    ask.Forget: forgetting.forget,
    ask.SetPrices: pricing.set_prices,
    ask.SetPriceRule: pricing.set_rule,
    ask.DecideSuggestion: pricing.decide_suggestion,
    ask.Review: reviewing.review,
    ask.ProposeClearance: clearing.propose,
    ask.AcceptClearance: clearing.accept,
    ask.EndClearance: clearing.end,
    ask.GetPrices: pricing.get_prices,
    ask.ListPriceChanges: pricing.list_changes,
    ask.ListExpiring: reviewing.list_expiring,
    ask.GetAgeing: pricing.get_ageing,
    ask.GetHold: looking.get_hold,
    ask.GetShelf: looking.get_shelf,
    ask.GetAvailable: looking.get_available,
    ask.ListBatches: looking.list_batches,
    ask.ListSold: looking.list_sold,
    ask.Audit: looking.audit,
}

_APPLY: Mapping[type, Callable[[State, Any], None]] = {
    events.CardsHeld: holding.apply_held,
    events.HoldConfirmed: confirming.apply_confirmed,
    events.HoldReleased: holding.apply_released,
    events.HoldExpired: holding.apply_expired,
    events.HoldExtended: holding.apply_extended,
    events.HoldRecalled: holding.apply_recalled,
    events.RefundRaised: confirming.apply_refund,
    events.BatchOpened: stocking.apply_opened,
    events.CardsReceived: stocking.apply_received,
    events.BatchClosed: stocking.apply_closed,
    events.CardsWithdrawn: withdrawing.apply_withdrawn,
    events.CardReplaced: confirming.apply_replaced,
    events.TermsSet: stocking.apply_terms,
    events.Answered: lambda state, event: state.memory.remember(event),
    events.Forgotten: forgetting.apply_forgotten,
    events.PricesSet: pricing.apply_set,
    events.PriceRuleSet: pricing.apply_rule,
    events.PriceSuggested: pricing.apply_suggested,
    events.SuggestionDropped: pricing.apply_dropped,
    events.SuggestionDecided: pricing.apply_decided,
    events.Repriced: pricing.apply_repriced,
    events.ExpiryWarned: reviewing.apply_warned,
    events.ClearanceProposed: clearing.apply_proposed,
    events.ClearanceAccepted: clearing.apply_accepted,
    events.ClearanceStepped: clearing.apply_stepped,
    events.ClearanceEnded: clearing.apply_ended,
}


class Step(NamedTuple):
    """One command's outcome, what happened on the way, and what the store keeps beside it.

    `seq` is the pool's last event when the answer was formed; an answer may leave only when the
    journal has got that far.
    """

    outcome: Outcome
    events: Sequence[events.Event]
    attachments: Attachments
    seq: int
    replayed: bool


class Pool:
    """One SKU. Synchronous: nothing awaits between look and take, and that is the lock."""

    def __init__(self, name: PoolName, state: State | None = None) -> None:
        self.state = State(name) if state is None else state

    def handle(self, command: ask.Command, now_ms: int, recalled: Recalled | None = None) -> Step:
        """Decide a command and let it happen.

        `recalled` is what `missing` asked for. Raises InvariantBroken when the pool contradicts
        itself; it must not be used again after that.
        """
        turn = self.turn(now_ms, recalled)
        outcome, replayed = self.decide(turn, command)
        return Step(outcome, turn.events, turn.attachments, self.state.seq, replayed)

    def turn(self, now_ms: int, recalled: Recalled | None = None) -> Turn:
        """A turn for commands that were asked at one moment; see `handle`."""
        return Turn(self.state, now_ms, recalled or {}, apply)

    def decide(self, turn: Turn, command: ask.Command) -> tuple[Outcome, bool]:
        """The next command of a turn: its outcome, and whether that was given before. See `handle`."""
        kind = type(command)
        try:
            if kind in ask.REMEMBERED:
                known = turn.known(command)  # type: ignore[arg-type]
                if known is not None:
                    return self._again(known, command), True  # type: ignore[arg-type]
            return _DECIDE[kind](turn, command), False
        except (AssertionError, LookupError) as broken:
            raise InvariantBroken(f"{self!r} could not take {kind.__name__}: {broken!r}") from broken

    def sweep(self, now_ms: int, at_most: int) -> Sequence[events.Event]:
        """End up to `at_most` holds whose deadline has come."""
        turn = Turn(self.state, now_ms, {}, apply)
        turn.end_due(at_most)
        return turn.events

    def apply(self, event: events.Event) -> None:
        """Let an event from the journal happen again."""
        apply(self.state, event)

    def missing(self, command: ask.Command, looked: Recalled) -> list[str]:
        """Archive keys to look up before `handle`; repeat with the findings until it is empty."""
        return forgetting.missing(self.state, command, looked)

    def check(self) -> None:
        """Look at every card again. Raises InvariantBroken with every law that does not hold."""
        self._stop_if(looking.violations(self.state))

    def check_counts(self) -> None:
        """The same by the running counts, cheap enough for a running sale."""
        self._stop_if(looking.miscounts(self.state))

    def _stop_if(self, broken: Sequence[str]) -> None:
        if broken:
            raise InvariantBroken(f"{self!r}: " + "; ".join(broken))

    def _again(self, known: Answer, command: ask.Remembered) -> Outcome:
        """The answer given before, if the same was asked."""
        if isinstance(command, ask.OpenBatch):
            command = command._replace(data_key=b"")
        if type(known.command) is not type(command):
            return Refused(Reason.IDEMPOTENCY_KEY_REUSED, (("field", "method"),))
        for field, before, now in zip(known.command._fields, known.command, command, strict=True):
            if before != now:
                return Refused(Reason.IDEMPOTENCY_KEY_REUSED, (("field", field),))
        return self.state.outcome_of(known)

    def __repr__(self) -> str:
        view = looking.shelf_view(self.state, self.state.last_ms, 0)
        return (
            f"<Pool {self.state.name.sku} shelf={view.on_shelf} held={view.held} sold={view.sold}"
            f" void={view.void} seq={self.state.seq}>"
        )


def apply(state: State, event: events.Event) -> None:
    """The only way a pool changes, live or in replay."""
    _APPLY[type(event)](state, event)
    state.last_ms = event.at_ms
    state.seq += 1
