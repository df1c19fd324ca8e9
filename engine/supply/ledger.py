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
8. Delivered is not yet stocked: codes wait for stock, and are put there again, until it is known that they are in.
9. What is over leaves memory once the archive has it, and comes back when there is news of it.

Sources: the ladders of WPay, haixin and Blackhawk for unknown outcomes (grace, status inquiry, reversal).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from engine import limits
from engine.money import Money
from engine.supply.attempts import (
    Accepted,
    Attempt,
    AttemptId,
    Begun,
    Delivered,
    Differed,
    Dispute,
    Disputed,
    EntryRecord,
    Event,
    Failed,
    Finding,
    Forgotten,
    Kind,
    Learned,
    NotFound,
    NotSent,
    Recalled,
    Refused,
    Resolved,
    Reversed,
    Sent,
    Silent,
    Standing,
    Stocked,
    Vouched,
)
from engine.supply.differences import Difference, DifferenceKey, Noted
from engine.supply.entry import Entry

#: How long a difference that was dealt with is remembered, so that another run over the same days does not tell it
#: again: longer than a quarter, after which books are closed.
differences_kept_ms = 100 * limits.DAY_MS

#: Of why an attempt came to nothing so much is kept: a supplier may answer with a page.
_WHY_CHARS_MAX = 200


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


class Ledger:
    """See above. `begin`, `send`, `learn` and the like decide and let it happen; `apply` lets it happen again."""

    def __init__(self, caution: Caution) -> None:
        self.caution = caution
        #: How many events there have been, and when the last one was.
        self.seq = self.last_ms = 0
        #: Since when every attempt that changed is in memory; older ones may be in the archive.
        self.forgotten_before_ms = 0
        self._entries: dict[AttemptId, Entry] = {}
        self._open: dict[AttemptId, Entry] = {}
        self._waiting: dict[AttemptId, Entry] = {}
        self._disputed: dict[AttemptId, Entry] = {}
        self._noted: dict[DifferenceKey, Noted] = {}

    @property
    def entries(self) -> Mapping[AttemptId, Entry]:
        """Every attempt in memory, the oldest first."""
        return self._entries

    @property
    def open(self) -> Mapping[AttemptId, Entry]:
        """Those that may still turn out to have cost something."""
        return self._open

    @property
    def waiting(self) -> Mapping[AttemptId, Entry]:
        """Those with codes that have not entered stock."""
        return self._waiting

    @property
    def disputed(self) -> Mapping[AttemptId, Entry]:
        """Those that a person has to look at."""
        return self._disputed

    @property
    def differences(self) -> Mapping[DifferenceKey, Noted]:
        """What statements said other than this ledger, dealt with or not."""
        return self._noted

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

    def stands_in_the_way(self, attempt: Attempt) -> bool:
        """Whether another recharge of the same order has not surely come to nothing; see rule 7.

        What other suppliers do for that order, only whoever chooses among them can know.
        """
        if attempt.kind is not Kind.RECHARGE or not attempt.order_ref:
            return False
        return any(
            entry.attempt.order_ref == attempt.order_ref
            and entry.attempt.kind is Kind.RECHARGE
            and not entry.may_be_bought_elsewhere
            for entry in self._entries.values()
            if entry.name != attempt.attempt
        )

    def begin(self, attempt: Attempt, now_ms: int, product: str = "", account: bytes = b"") -> Sequence[Event]:
        """Write an attempt down, whose id is new and for which there is room. Durable before it is sent.

        `product` is the supplier's name for what is bought, `account` (sealed) whom it tops up.
        """
        assert attempt.attempt not in self._entries
        assert self.room_for(attempt)
        return self._happened(Begun(now_ms, attempt, product, account))

    def send(self, attempt: AttemptId, now_ms: int) -> Sequence[Event]:
        """An open attempt is about to leave, for the first time or again under the same key. Durable before it does."""
        assert self._entries[attempt].is_open
        return self._happened(Sent(now_ms, attempt))

    def learn(self, attempt: AttemptId, finding: Finding, now_ms: int, *, codes: int | None = None) -> Sequence[Event]:
        """Take in what was found out. Nothing, when it says nothing new.

        `codes` is how many came with a delivery; None where none can be counted.
        """
        entry = self._entries[attempt]
        standing = self._standing_after(entry, finding, now_ms)
        is_news = standing is not entry.standing or (isinstance(finding, Accepted) and entry.is_new(finding.order_no))
        disputes = _disputes(entry, finding, codes) if isinstance(finding, Delivered) else ()
        if not is_news and not disputes:
            return ()
        learned = Learned(now_ms, attempt, finding, standing, codes or 0)
        return self._happened(learned, *(Disputed(now_ms, attempt, dispute) for dispute in disputes))

    def vouch(self, vouched: Vouched, finding: Finding, *, codes: int | None = None) -> Sequence[Event]:
        """Take in what a person found out, and who it was."""
        said = self._happened(vouched)
        return (*said, *self.learn(vouched.attempt, finding, vouched.at_ms, codes=codes))

    def stock(self, stocked: Stocked, codes: int) -> Sequence[Event]:
        """The codes of a delivery that waits have entered stock, of so many that came.

        Those that had been there before are a dispute, and so are those that can be no code.
        """
        assert stocked.delivery in self._entries[stocked.attempt].waiting
        found = {
            Dispute.KNOWN_CODES: stocked.known > 0,
            Dispute.CODES_MISSING: stocked.fresh + stocked.known < codes,
        }
        disputes = [Disputed(stocked.at_ms, stocked.attempt, dispute) for dispute, is_so in found.items() if is_so]
        return self._happened(stocked, *disputes)

    def watch(self, now_ms: int) -> Sequence[Event]:
        """Tell a person of what has been in doubt for too long; once."""
        late = [
            Disputed(now_ms, entry.name, Dispute.UNSETTLED)
            for entry in self._open.values()
            if now_ms >= entry.begun_at_ms + self.caution.patience_ms and Dispute.UNSETTLED not in entry.disputes
        ]
        return self._happened(*late)

    def differ(self, differences: Iterable[Difference], now_ms: int) -> Sequence[Event]:
        """Tell a person what a statement says other than this ledger; each once, however often it is compared."""
        news = {each.key: each for each in differences if each.key not in self._noted}
        return self._happened(*(Differed(now_ms, each) for each in news.values()))

    def resolve(self, resolved: Resolved) -> Sequence[Event]:
        """A person has dealt with an attempt, or with an order that is none of ours. Nothing, when nobody waited."""
        entry = self._entries.get(AttemptId(resolved.attempt))
        is_wanted = (entry is not None and entry.needs_person) or any(
            not noted.is_resolved and _is_of(noted.difference, resolved) for noted in self._noted.values()
        )
        return self._happened(resolved) if is_wanted else ()

    def forget(self, before_ms: int, now_ms: int) -> Sequence[Event]:
        """Let go of what is over and has not changed since `before_ms`: all of it is in the archive."""
        return self._happened(Forgotten(now_ms, before_ms))

    def recall(self, record: EntryRecord, now_ms: int) -> Sequence[Event]:
        """Take back an attempt that was forgotten, because there is news of it."""
        assert record.attempt.attempt not in self._entries
        return self._happened(Recalled(now_ms, record))

    def apply(self, event: Event) -> None:
        """The only way the ledger changes, live or in replay."""
        self.seq += 1
        match event:
            case Begun():
                self.put(Entry(event))
            case Recalled(at_ms, record):
                self.put(Entry.of(record._replace(changed_at_ms=at_ms)))
            case Differed(at_ms, difference):
                self._noted[difference.key] = Noted(difference, at_ms)
            case Forgotten(_, before_ms):
                self._forget(before_ms)
            case Resolved():
                self._resolve(event)
            case _:
                self._change(event)
        self.last_ms = max(self.last_ms, event.at_ms)

    def put(self, entry: Entry) -> None:
        """Have this entry in memory: from a snapshot, too."""
        self._entries[entry.name] = entry
        self._sort(entry)

    def note(self, noted: Noted) -> None:
        """Have this difference in memory, from a snapshot."""
        self._noted[noted.difference.key] = noted

    def over_before(self, before_ms: int) -> Sequence[Entry]:
        """What is over and has not changed since `before_ms`."""
        return [entry for entry in self._entries.values() if entry.is_over and entry.changed_at_ms < before_ms]

    def _change(self, event: Sent | Learned | Disputed | Stocked | Vouched) -> None:
        entry = self._entries[event.attempt]
        match event:
            case Sent(at_ms):
                entry.sent_at_ms = at_ms
                entry.sent_times += 1
            case Learned():
                _learned(entry, event)
            case Disputed(_, _, dispute):
                entry.disputes.append(dispute)
            case Stocked(_, _, delivery, fresh, known):
                entry.waiting.remove(delivery)
                entry.fresh += fresh
                entry.known += known
            case _:
                pass  # Who vouched stands in the journal alone.
        entry.changed_at_ms = event.at_ms
        self._sort(entry)

    def _resolve(self, resolved: Resolved) -> None:
        entry = self._entries.get(AttemptId(resolved.attempt))
        if entry is not None:
            entry.resolved = len(entry.disputes)
            entry.changed_at_ms = resolved.at_ms
            self._sort(entry)
        for key, noted in self._noted.items():
            if _is_of(noted.difference, resolved):
                self._noted[key] = noted._replace(is_resolved=True)

    def _forget(self, before_ms: int) -> None:
        self.forgotten_before_ms = max(self.forgotten_before_ms, before_ms)
        for entry in self.over_before(before_ms):
            del self._entries[entry.name]
        for key, noted in list(self._noted.items()):
            if noted.is_resolved and noted.at_ms < before_ms - differences_kept_ms:
                del self._noted[key]

    def _sort(self, entry: Entry) -> None:
        """Put an entry where it belongs, and nowhere else."""
        for place, belongs in (
            (self._open, entry.is_open),
            (self._waiting, bool(entry.waiting)),
            (self._disputed, entry.needs_person),
        ):
            if belongs:
                place[entry.name] = entry
            else:
                place.pop(entry.name, None)

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


def _learned(entry: Entry, learned: Learned) -> None:
    finding = learned.finding
    entry.standing = learned.standing
    entry.why = finding.why[:_WHY_CHARS_MAX] if isinstance(finding, NotSent | Refused | Silent | Failed) else ""
    if isinstance(finding, Accepted | Delivered) and entry.is_new(finding.order_no):
        entry.order_nos.append(finding.order_no)
    if isinstance(finding, Delivered):
        entry.units += finding.units
        entry.costs.append(finding.cost)
        if learned.codes:
            entry.waiting.append(len(entry.costs))


def _is_of(difference: Difference, resolved: Resolved) -> bool:
    """Whether this is the difference that was dealt with: named by the attempt, or by the order when there is none."""
    if resolved.attempt:
        return difference.attempt == resolved.attempt
    return difference.order_no == resolved.order_no and not difference.attempt


def _disputes(entry: Entry, delivered: Delivered, codes: int | None) -> Sequence[Dispute]:
    """What is wrong with a delivery. The same one told again is not news, and nothing is wrong with it."""
    is_short = codes is not None and codes != delivered.units
    if entry.standing is Standing.DELIVERED:
        if not entry.is_new(delivered.order_no):
            return ()
        return (Dispute.DELIVERED_TWICE, *((Dispute.CODES_MISSING,) if is_short else ()))
    attempt = entry.attempt
    found = {
        Dispute.DELIVERED_AFTER_ALL: not entry.is_open,
        Dispute.OTHER_QUANTITY: delivered.units != attempt.quantity,
        Dispute.TOO_DEAR: delivered.cost.currency != attempt.cost_max.currency
        or delivered.cost.minor > attempt.cost_max.minor,
        Dispute.CODES_MISSING: is_short,
    }
    return [dispute for dispute, is_so in found.items() if is_so]
