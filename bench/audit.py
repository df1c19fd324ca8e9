"""The audit of a load: everything every client was told, against itself and against the house's own books.

A pure function of the two, and it trusts neither. A load with one violation has no figure. What it looks for:

- doubled      a card in two live holds, or sold twice. A card may go out again only after its hold has ended; since a
               client sees only when it asked and when it heard, two holds are called doubled only when no moment of
               their ending and beginning, between asking and hearing, could have let them follow one another.
- oversold     more cards out than were ever received.
- changed      two definite answers to one request id that differ, or one hold given to two orders.
- lost         a hold or sale that was acknowledged and that the house does not have; or has, and nobody was told.
- unsettled    a request whose outcome nobody knows, though it was asked again.
- conservation received = on the shelf + held + sold + void, as the house counts, and any law it says is broken.

Moments are milliseconds of one wall clock, which the clients share with the house.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

#: What may be asked again because it did not happen: no promise was made.
NOT_DONE = frozenset(
    {
        *("OVERLOADED", "ACTOR_RECOVERING", "STORE_UNAVAILABLE", "DRAINING"),
        *("DEADLINE_PASSED", "POOL_STOPPED", "REFUSED_STREAM"),
    }
)

#: What may have happened: it has to be asked again until there is an answer.
UNKNOWN = frozenset({"", "UNKNOWN", "OUTCOME_UNKNOWN", "DEADLINE_EXCEEDED", "UNAVAILABLE", "CANCELLED", "INTERNAL"})

OK = "OK"

#: Violations of each kind that are spelled out; all are counted.
TOLD_MAX = 5

#: A house says in whole milliseconds when a hold ends; a client's clock is read in between.
_CLOCK_GRAIN_MS = 1.0

_FOREVER = float("inf")


class Call(NamedTuple):
    """One request and one answer to it, as a client wrote them down. A batch is as many calls as it has items."""

    #: allocate, confirm, release or extend.
    kind: str
    request_id: str
    #: What was asked of: the SKU's name of an allocate, the hold's name of the others.
    subject: str
    #: The order_ref of an allocate, the payment_ref of a confirm.
    ref: str
    sent_ms: float
    #: Infinite when no answer came.
    answered_ms: float
    #: OK, a reason, or one of UNKNOWN.
    answer: str
    hold: str = ""
    #: The cards of an OK: held by an allocate or extend, sold by a confirm.
    cards: tuple[str, ...] = ()
    #: When the hold ends by itself, as an allocate or extend was told.
    expires_ms: float = _FOREVER
    #: What else an OK says of the hold, for those who write histories; the audit does without.
    state: str = ""
    epoch: int = 0
    seq: int = 0
    replayed: bool = False
    #: When it was made, and when it ended, by the house's clock; 0 where that is not said.
    made_ms: float = 0.0
    ended_ms: float = 0.0


class Books(NamedTuple):
    """What the house says of one SKU after the load, by its public API."""

    sku: str
    received: int
    on_shelf: int
    held: int
    sold: int
    void: int
    holds_active: int
    counted_at_ms: float
    violations: Sequence[str] = ()


@dataclass(slots=True)
class Findings:
    """What the audit came to."""

    calls: int = 0
    holds: int = 0
    sales: int = 0
    cards_given: int = 0
    #: Requests that were sent once more after the load.
    asked_again: int = 0
    #: How many of each kind of violation.
    broken: Counter[str] = field(default_factory=Counter)
    #: The first of them, in words.
    violations: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not self.broken

    def object(self, kind: str, text: str) -> None:
        """Note one violation."""
        self.broken[kind] += 1
        if self.broken[kind] <= TOLD_MAX:
            self.violations.append(f"{kind}: {text}")

    def add(self, other: "Findings") -> None:
        """Take in what another part of the run came to."""
        self.calls += other.calls
        self.holds += other.holds
        self.sales += other.sales
        self.cards_given += other.cards_given
        self.asked_again += other.asked_again
        self.broken += other.broken
        self.violations += other.violations


class _Held(NamedTuple):
    """One acknowledged hold. It lived surely from `since_ms`, when the client had heard of it."""

    order: str
    since_ms: float
    cards: tuple[str, ...]
    #: When the house says that it was made; 0 where it does not say.
    made_ms: float


def audit(calls: Iterable[Call], books: Sequence[Books] | None, *, clock_wrong_ms: float = 0.0) -> Findings:
    """Look at every call. Without books (a peer keeps none) what only the house could say is not looked at.

    `clock_wrong_ms`: by how much the house's clock was set wrong at times; it was right when it counted.
    """
    findings = Findings()
    told = _Told(findings, _CLOCK_GRAIN_MS + clock_wrong_ms)
    for call in calls:
        told.hear(call)
    told.look_for_unsettled()
    told.look_for_doubled()
    if books is not None:
        told.compare(books)
    findings.holds, findings.sales = len(told.holds), len(told.sold)
    return findings


class _Sold(NamedTuple):
    """One acknowledged sale, final from when the client had heard of it at the latest."""

    since_ms: float
    cards: tuple[str, ...]


class _Told:
    """What the clients were told, call by call."""

    def __init__(self, findings: Findings, clock_error_ms: float) -> None:
        self._findings = findings
        self._clock_error_ms = clock_error_ms
        self.holds: dict[str, _Held] = {}
        self.sold: dict[str, _Sold] = {}
        #: From when a hold may have ended: the first try at ending it, or the latest moment it was to end by itself.
        self._expires_ms: dict[str, float] = {}
        self._release_tried_ms: dict[str, float] = {}
        self._released: set[str] = set()
        self._sale_tried_ms: dict[str, float] = {}
        self._answers: dict[str, tuple[str, str, tuple[str, ...]]] = {}
        self._unsettled: set[str] = set()
        #: How many different cards of each SKU were ever given out.
        self._given: Counter[str] = Counter()

    def hear(self, call: Call) -> None:
        """Take in one call, in any order."""
        self._findings.calls += 1
        if call.kind == "release":
            self._first(self._release_tried_ms, call)
        elif call.kind == "confirm":
            self._first(self._sale_tried_ms, call)
        if call.answer in NOT_DONE:
            return
        if call.answer in UNKNOWN:
            if call.request_id not in self._answers:
                self._unsettled.add(call.request_id)
            return
        self._unsettled.discard(call.request_id)
        answer = (call.answer, call.hold, call.cards)
        before = self._answers.setdefault(call.request_id, answer)
        if before != answer:
            self._findings.object("changed", f"{call.request_id} was answered {_words(before)}, then {_words(answer)}")
        if call.answer == OK:
            self._hear_done(call)

    def _hear_done(self, call: Call) -> None:
        if call.kind == "confirm":
            sale = self.sold.setdefault(call.hold, _Sold(call.answered_ms, call.cards))
            if sale.cards != call.cards:
                self._findings.object("changed", f"{call.hold} was sold {sale.cards}, then {call.cards}")
            return
        if call.kind == "release":
            self._released.add(call.hold)
            return
        self._expires_ms[call.hold] = max(call.expires_ms, self._expires_ms.get(call.hold, 0.0))
        if call.kind != "allocate":
            return
        known = self.holds.get(call.hold)
        if known is None:
            self.holds[call.hold] = _Held(call.ref, call.answered_ms, call.cards, call.made_ms)
        elif known.order != call.ref:
            self._findings.object("changed", f"{call.hold} was given to {known.order} and to {call.ref}")
        elif call.answered_ms < known.since_ms:
            self.holds[call.hold] = known._replace(since_ms=call.answered_ms)

    def look_for_unsettled(self) -> None:
        """After the asking again there is an answer to everything."""
        for request_id in self._unsettled:
            self._findings.object("unsettled", f"nobody knows what became of {request_id}")

    def look_for_doubled(self) -> None:
        """No card is surely in two places at one moment."""
        first: dict[str, tuple[float, float, str]] = {}
        more: dict[str, list[tuple[float, float, str]]] = {}
        long_over: set[str] = set()
        for card, stay in self._stays():
            if stay[1] <= stay[0]:
                long_over.add(card)
            elif first.setdefault(card, stay) is not stay:
                more.setdefault(card, [first[card]]).append(stay)
        for card, stays in more.items():
            stays.sort()
            until_ms, by = -_FOREVER, ""
            for since_ms, end_ms, hold in stays:
                if since_ms < until_ms and hold != by:
                    self._findings.object("doubled", f"{card} was in {by} and in {hold} at one time")
                if end_ms > until_ms:
                    until_ms, by = end_ms, hold
        given = first.keys() | long_over
        self._findings.cards_given = len(given)
        self._given = Counter(map(_sku_of, given))

    def _stays(self) -> Iterable[tuple[str, tuple[float, float, str]]]:
        """Each card with when it was surely in which hold. A stay that may have been empty hinders nobody."""
        for name, held in self.holds.items():
            kept = self.sold[name].cards if name in self.sold else ()
            given_back = (self._since_ms(name, held), self._may_end_ms(name), name)
            for card in held.cards:
                yield card, ((held.since_ms, _FOREVER, name) if card in kept else given_back)
        for name, sale in self.sold.items():
            held_before = self.holds[name].cards if name in self.holds else ()
            for card in sale.cards:
                if card not in held_before:
                    yield card, (sale.since_ms, _FOREVER, name)

    def _since_ms(self, name: str, held: _Held) -> float:
        """From when it surely lived. Who asks again may hear of it when it is over: then that is no use."""
        end_ms = self._may_end_ms(name)
        if held.since_ms < end_ms:
            return held.since_ms
        return held.made_ms + self._clock_error_ms if held.made_ms else end_ms - _CLOCK_GRAIN_MS

    def _may_end_ms(self, hold: str) -> float:
        expires_ms = self._expires_ms.get(hold, _FOREVER) - self._clock_error_ms
        return min(expires_ms, self._release_tried_ms.get(hold, _FOREVER), self._sale_tried_ms.get(hold, _FOREVER))

    def compare(self, books: Sequence[Books]) -> None:
        """The house has what it told, and nothing else."""
        held, sold = self._standing({one.sku: one.counted_at_ms for one in books})
        for one in books:
            for law in one.violations:
                self._findings.object("conservation", f"{one.sku} says: {law}")
            if one.received != one.on_shelf + one.held + one.sold + one.void:
                self._findings.object("conservation", f"{one.sku} counts {one._asdict()}")
            if self._given[one.sku] > one.received:
                self._findings.object("oversold", f"{one.sku} gave out {self._given[one.sku]} cards of {one.received}")
            for what, told, has in (("sold", sold[one.sku], one.sold), ("held", held[one.sku], one.held)):
                if told > has:
                    self._findings.object("lost", f"{told} cards of {one.sku} were told to be {what}, it has {has}")
                elif told < has:
                    self._findings.object("lost", f"{one.sku} has {has} cards {what}, clients were told of {told}")

    def _standing(self, counted_at_ms: Mapping[str, float]) -> tuple[Counter[str], Counter[str]]:
        """Cards that should be held and sold at the count, by SKU."""
        held: Counter[str] = Counter()
        sold: Counter[str] = Counter()
        for name, sale in self.sold.items():
            sold[_sku_of(name)] += len(sale.cards)
        for name, one in self.holds.items():
            if name in self.sold or name in self._released:
                continue
            sku = _sku_of(name)
            if self._expires_ms[name] > counted_at_ms.get(sku, _FOREVER):
                held[sku] += len(one.cards)
        return held, sold

    @staticmethod
    def _first(moments: dict[str, float], call: Call) -> None:
        moments[call.subject] = min(call.sent_ms, moments.get(call.subject, _FOREVER))


def _sku_of(name: str) -> str:
    """The SKU in the name of a hold or card, which begins tenants/*/skus/*/."""
    return name.split("/", 4)[3]


def _words(answer: tuple[str, str, tuple[str, ...]]) -> str:
    reason, hold, cards = answer
    return f"{hold} {list(cards)}" if reason == OK and hold else reason
