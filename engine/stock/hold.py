"""Holds: who has which cards until when; what each principal holds; which holds are due.

Deadlines live in a heap that forgets lazily: an extended hold is pushed again, and an entry whose
hold has moved on is dropped when it surfaces.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from operator import attrgetter
from typing import NamedTuple

from engine.money import Money
from engine.names import Card, HoldNo
from engine.stock.commands import Principal
from engine.stock.outcomes import ACTIVE, HoldState, HoldView, RefundDue
from engine.stock.terms import HeldQuotas

#: Deadlines of ended holds kept before they are dropped: about 100 KB, and a rebuild is then worth its time.
_STALE_DEADLINES_MAX = 1_000


class HoldRecord(NamedTuple):
    """A hold as plain data: in snapshots, in the archive, in the journal. `asked` is the quantity first asked for."""

    hold: HoldNo
    state: HoldState
    cards: tuple[Card, ...]
    order_ref: str
    asked: int
    principal: Principal
    created_at_ms: int
    expires_at_ms: int
    ended_at_ms: int
    touched_at_ms: int
    life_ms_min: int
    price: Money | None
    payment_ref: str
    reacquired: bool
    refunds_due: tuple[RefundDue, ...]
    replaced: tuple[tuple[Card, Card], ...]
    channel: str = ""


_fields_of = attrgetter(*HoldRecord._fields)


@dataclass(slots=True, eq=False)
class Hold:
    """One hold, made of the fields of its record. `touched_at_ms` is its last change: when it may leave memory."""

    hold: HoldNo
    state: HoldState
    cards: tuple[Card, ...]
    order_ref: str
    asked: int
    principal: Principal
    created_at_ms: int
    expires_at_ms: int
    ended_at_ms: int
    touched_at_ms: int
    life_ms_min: int
    price: Money | None
    payment_ref: str = ""
    reacquired: bool = False
    refunds_due: tuple[RefundDue, ...] = ()
    replaced: tuple[tuple[Card, Card], ...] = ()
    channel: str = ""

    def record(self) -> HoldRecord:
        """The hold as plain data."""
        return HoldRecord._make(_fields_of(self))

    def payment_refs(self) -> tuple[str, ...]:
        """Every payment that named this hold: the one that bought it and those that bought nothing."""
        unsold = tuple([due.payment_ref for due in self.refunds_due])
        return (self.payment_ref, *unsold) if self.payment_ref else unsold

    def refund_of(self, payment_ref: str) -> RefundDue | None:
        """What is due to this payment; None when nothing is."""
        for due in self.refunds_due:
            if due.payment_ref == payment_ref:
                return due
        return None

    def refunds_of_others(self, payment_ref: str) -> tuple[RefundDue, ...]:
        """What is due to every payment but this."""
        return tuple([due for due in self.refunds_due if due.payment_ref != payment_ref])

    def view(self) -> HoldView:
        """The hold as a caller may see it."""
        return HoldView(
            self.hold,
            self.state,
            self.cards,
            self.order_ref,
            self.created_at_ms,
            self.expires_at_ms,
            self.ended_at_ms,
            self.price,
            self.payment_ref,
            self.refunds_due,
            self.channel,
        )


class Holds:
    """Active holds, and ended ones until they are forgotten."""

    def __init__(self) -> None:
        self.active: dict[HoldNo, Hold] = {}
        #: Ended holds, longest untouched first.
        self.ended: dict[HoldNo, Hold] = {}
        self.last = HoldNo(0)
        self.units = 0
        self._deadlines: list[tuple[int, HoldNo]] = []
        #: For each part of a principal: who holds how many units. Counted only while there are quotas.
        self._units_by_principal: tuple[dict[str, int], ...] = ()

    def get(self, number: HoldNo) -> Hold | None:
        """A hold in memory, active or ended."""
        return self.active.get(number) or self.ended.get(number)

    def count_for(self, quotas: HeldQuotas) -> None:
        """Count what principals hold while any quota is set, beginning with what is active now."""
        if not any(quotas):
            self._units_by_principal = ()
        elif not self._units_by_principal:
            self._units_by_principal = tuple({} for _ in Principal._fields)
            for hold in self.active.values():
                self._count_principal(hold.principal, len(hold.cards))

    @property
    def has_quotas(self) -> bool:
        """Whether any quota is set."""
        return bool(self._units_by_principal)

    def begin(self, hold: Hold) -> None:
        """A hold became active."""
        number = hold.hold
        self.active[number] = hold
        self.last = number
        heappush(self._deadlines, (hold.expires_at_ms, number))
        self.units += len(hold.cards)
        if self._units_by_principal:
            self._count_principal(hold.principal, len(hold.cards))

    def extend(self, hold: Hold, expires_at_ms: int, at_ms: int) -> None:
        """An active hold has a later deadline, or the same: extending it within its time changes nothing."""
        hold.touched_at_ms = at_ms
        if hold.expires_at_ms != expires_at_ms:
            hold.expires_at_ms = expires_at_ms
            heappush(self._deadlines, (expires_at_ms, hold.hold))

    def end(self, hold: Hold, state: HoldState, ended_at_ms: int, at_ms: int) -> None:
        """An active hold ended, or an ended one ended otherwise (a late confirm)."""
        number = hold.hold
        if self.active.pop(number, None) is None:
            del self.ended[number]
        else:
            self.units -= len(hold.cards)
            if self._units_by_principal:
                self._count_principal(hold.principal, -len(hold.cards))
            # Deadlines of ended holds are dropped before they outnumber the others.
            if len(self._deadlines) > 2 * len(self.active) + _STALE_DEADLINES_MAX:
                self._line_up()
        hold.state = state
        hold.ended_at_ms = ended_at_ms
        hold.touched_at_ms = at_ms
        self.ended[number] = hold

    def touch(self, hold: Hold, at_ms: int) -> None:
        """A hold changed; an ended one moves to the back of the line that leaves memory."""
        hold.touched_at_ms = at_ms
        if hold.state is not ACTIVE:
            self.ended.pop(hold.hold, None)
            self.ended[hold.hold] = hold

    def due(self, now_ms: int) -> Iterator[Hold]:
        """Active holds whose deadline has come, earliest first; each is named once, and is to be ended at once."""
        while self._deadlines and self._deadlines[0][0] <= now_ms:
            expires_at_ms, number = heappop(self._deadlines)
            hold = self.active.get(number)
            if hold is not None and hold.expires_at_ms == expires_at_ms:
                yield hold

    def may_be_due(self, now_ms: int) -> bool:
        """Whether `due` is worth asking: most often no deadline has come."""
        return bool(self._deadlines) and self._deadlines[0][0] <= now_ms

    def exceeded(self, principal: Principal, more: int, quotas: HeldQuotas) -> tuple[str, int, int] | None:
        """The first quota that `more` units would break: its name, bound, and units held now. Only with quotas."""
        for at, bound in enumerate(quotas):
            held = self._units_by_principal[at].get(principal[at], 0)
            if bound and principal[at] and held + more > bound:
                return HeldQuotas._fields[at], bound, held
        return None

    def next_deadline_ms(self) -> int | None:
        """When the sweep should look again; None when nothing is held."""
        return self._deadlines[0][0] if self._deadlines else None

    def _line_up(self) -> None:
        self._deadlines = [(hold.expires_at_ms, hold.hold) for hold in self.active.values()]
        heapify(self._deadlines)

    def _count_principal(self, principal: Principal, units: int) -> None:
        for held, who in zip(self._units_by_principal, principal, strict=True):
            if who:
                now = held.get(who, 0) + units
                if now:
                    held[who] = now
                else:
                    del held[who]
