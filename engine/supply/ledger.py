"""The ledger of one supplier: every purchase attempt, what is known of it, and what it may still cost.

Rules.
1. An attempt is in the ledger before a byte of it leaves, and each sending too. A process that dies in between leaves
   an attempt that may have been sent, and is treated so.
2. Silence never makes an attempt failed: it is in doubt until the supplier, a statement or a person says how it
   stands.
3. A refusal settles an attempt only when it is the answer to its one sending. To a second sending of the same key it
   says nothing of the first: "already exists" and "no balance" are both heard of a purchase that went through.
4. "Not found" is failure only when the supplier has had its grace since the last sending; before, it is silence.
5. Who delivers is believed, whenever that is. Delivered after it had failed, delivered twice, other units than asked,
   or too dear: the cards are kept and a person is told.
6. What may still cost something is the exposure: bounded in units and in money, counted before an attempt begins.
7. A code may be bought elsewhere while an attempt is open, a recharge only when it has surely come to nothing.

Sources: the ladders of WPay, haixin and Blackhawk for unknown outcomes (grace, status inquiry, reversal).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.money import Money
from engine.supply.attempts import (
    OPEN,
    Accepted,
    Attempt,
    AttemptId,
    Begun,
    Delivered,
    Dispute,
    Disputed,
    Event,
    Failed,
    Finding,
    Kind,
    Learned,
    NotFound,
    NotSent,
    Refused,
    Reversed,
    Sent,
    Standing,
)


class Caution(NamedTuple):
    """How far a supplier is trusted. `grace_ms`: how long after a sending "not found" may still be too early.

    `exposure_units_max` and `exposure_max` bound what may be open at once; `patience_ms` is how long an attempt may
    stay in doubt before a person is told.
    """

    grace_ms: int
    exposure_units_max: int
    exposure_max: Money
    patience_ms: int


class Exposure(NamedTuple):
    """What open attempts may still bring and cost."""

    units: int
    minor: int


class Entry:
    """One attempt as it stands."""

    __slots__ = (
        *("attempt", "begun_at_ms", "costs", "disputes", "order_nos", "sent_at_ms", "sent_times"),
        *("standing", "units"),
    )

    def __init__(self, attempt: Attempt, at_ms: int) -> None:
        self.attempt = attempt
        self.begun_at_ms = at_ms
        self.standing = Standing.BEGUN
        #: When it was last about to leave, and how often; 0 before the first time.
        self.sent_at_ms = self.sent_times = 0
        #: The supplier's numbers for it, as far as told; more than one is a dispute.
        self.order_nos: list[str] = []
        #: What came, and what each delivery of it cost: a second one may be in another currency.
        self.units = 0
        self.costs: list[Money] = []
        self.disputes: list[Dispute] = []

    @property
    def is_open(self) -> bool:
        """Whether it may still turn out to have cost something."""
        return self.standing in OPEN

    @property
    def may_be_bought_elsewhere(self) -> bool:
        """Whether another supplier may be asked for the same; see rule 7."""
        if self.attempt.kind is Kind.CODES:
            return self.standing is not Standing.DELIVERED
        return self.standing in {Standing.FAILED, Standing.REVERSED}


class Ledger:
    """See above. `begin`, `send`, `learn` and `watch` decide and let it happen; `apply` lets it happen again."""

    def __init__(self, caution: Caution) -> None:
        self.caution = caution
        self._entries: dict[AttemptId, Entry] = {}
        self._open: dict[AttemptId, Entry] = {}

    @property
    def entries(self) -> Mapping[AttemptId, Entry]:
        """Every attempt, the oldest first."""
        return self._entries

    @property
    def exposure(self) -> Exposure:
        """Of all attempts that are open."""
        attempts = [entry.attempt for entry in self._open.values()]
        return Exposure(sum(each.quantity for each in attempts), sum(each.cost_max.minor for each in attempts))

    def room_for(self, attempt: Attempt) -> bool:
        """Whether the exposure bears one more attempt. The currency must be the caution's."""
        caution, exposure = self.caution, self.exposure
        assert attempt.cost_max.currency == caution.exposure_max.currency
        return (
            exposure.units + attempt.quantity <= caution.exposure_units_max
            and exposure.minor + attempt.cost_max.minor <= caution.exposure_max.minor
        )

    def begin(self, attempt: Attempt, now_ms: int) -> Sequence[Event]:
        """Write an attempt down, whose id is new and for which there is room. Durable before it is sent."""
        assert attempt.attempt not in self._entries
        assert self.room_for(attempt)
        return self._happened(Begun(now_ms, attempt))

    def send(self, attempt: AttemptId, now_ms: int) -> Sequence[Event]:
        """An open attempt is about to leave, for the first time or again under the same key. Durable before it does."""
        assert self._entries[attempt].is_open
        return self._happened(Sent(now_ms, attempt))

    def learn(self, attempt: AttemptId, finding: Finding, now_ms: int) -> Sequence[Event]:
        """Take in what was found out. Nothing, when it says nothing new."""
        entry = self._entries[attempt]
        standing = self._standing_after(entry, finding, now_ms)
        is_news = standing is not entry.standing or (isinstance(finding, Accepted) and _is_new(entry, finding.order_no))
        disputes = _disputes(entry, finding) if isinstance(finding, Delivered) else ()
        if not is_news and not disputes:
            return ()
        learned = Learned(now_ms, attempt, finding, standing)
        return self._happened(learned, *(Disputed(now_ms, attempt, dispute) for dispute in disputes))

    def watch(self, now_ms: int) -> Sequence[Event]:
        """Tell a person of what has been in doubt for too long; once."""
        late = [
            Disputed(now_ms, entry.attempt.attempt, Dispute.UNSETTLED)
            for entry in self._open.values()
            if now_ms >= entry.begun_at_ms + self.caution.patience_ms and Dispute.UNSETTLED not in entry.disputes
        ]
        return self._happened(*late)

    def apply(self, event: Event) -> None:
        """The only way the ledger changes, live or in replay."""
        match event:
            case Begun(at_ms, attempt):
                self._entries[attempt.attempt] = self._open[attempt.attempt] = Entry(attempt, at_ms)
            case Sent(at_ms, attempt_id):
                entry = self._entries[attempt_id]
                entry.sent_at_ms = at_ms
                entry.sent_times += 1
            case Learned(_, attempt_id, finding, standing):
                self._learned(self._entries[attempt_id], finding, standing)
            case _:
                self._entries[event.attempt].disputes.append(event.dispute)

    def _learned(self, entry: Entry, finding: Finding, standing: Standing) -> None:
        entry.standing = standing
        if not entry.is_open:
            self._open.pop(entry.attempt.attempt, None)
        if isinstance(finding, Accepted | Delivered) and _is_new(entry, finding.order_no):
            entry.order_nos.append(finding.order_no)
        if isinstance(finding, Delivered):
            entry.units += finding.units
            entry.costs.append(finding.cost)

    def _standing_after(self, entry: Entry, finding: Finding, now_ms: int) -> Standing:
        """What an attempt is once this is known of it; see the rules."""
        if isinstance(finding, Delivered):
            return Standing.DELIVERED
        if not entry.is_open:
            return entry.standing
        match finding:
            case Failed():
                return Standing.FAILED
            case Reversed():
                return Standing.REVERSED
            case Accepted():
                return Standing.PENDING
            case NotSent() | Refused() if entry.sent_times <= 1 and entry.standing is Standing.BEGUN:
                return Standing.FAILED
            case NotFound() if now_ms >= entry.sent_at_ms + self.caution.grace_ms:
                return Standing.FAILED
        return entry.standing if entry.standing is Standing.PENDING else Standing.IN_DOUBT

    def _happened(self, *events: Event) -> Sequence[Event]:
        for event in events:
            self.apply(event)
        return events


def _is_new(entry: Entry, order_no: str) -> bool:
    """Whether the supplier tells this number for the first time."""
    return bool(order_no) and order_no not in entry.order_nos


def _disputes(entry: Entry, delivered: Delivered) -> Sequence[Dispute]:
    """What is wrong with a delivery. The same one told again is not news, and nothing is wrong with it."""
    if entry.standing is Standing.DELIVERED:
        return (Dispute.DELIVERED_TWICE,) if _is_new(entry, delivered.order_no) else ()
    attempt = entry.attempt
    found = {
        Dispute.DELIVERED_AFTER_ALL: not entry.is_open,
        Dispute.OTHER_QUANTITY: delivered.units != attempt.quantity,
        Dispute.TOO_DEAR: delivered.cost.currency != attempt.cost_max.currency
        or delivered.cost.minor > attempt.cost_max.minor,
    }
    return [dispute for dispute, is_so in found.items() if is_so]
