"""One purchase attempt as the ledger has it: what was asked, how it stands, what came, what a person has to look at."""

from engine.money import Money
from engine.supply.attempts import OPEN, Attempt, AttemptId, Begun, Dispute, EntryRecord, Kind, Standing


class Entry:
    """One attempt as it stands."""

    __slots__ = (
        *("account", "attempt", "begun_at_ms", "changed_at_ms", "costs", "disputes", "fresh", "known", "order_nos"),
        *("product", "resolved", "sent_at_ms", "sent_times", "standing", "units", "waiting", "why"),
    )

    def __init__(self, begun: Begun) -> None:
        self.attempt: Attempt = begun.attempt
        #: The supplier's name for what is bought, and whom it tops up (sealed): what it takes to ask for it again.
        self.product = begun.product
        self.account = begun.account
        self.begun_at_ms = self.changed_at_ms = begun.at_ms
        self.standing = Standing.BEGUN
        #: When it was last about to leave, and how often; 0 before the first time.
        self.sent_at_ms = self.sent_times = 0
        #: The supplier's numbers for it, as far as told; more than one is a dispute.
        self.order_nos: list[str] = []
        #: What came, and what each delivery of it cost: a second one may be in another currency.
        self.units = 0
        self.costs: list[Money] = []
        #: Deliveries, counted from 1, whose codes have not entered stock yet.
        self.waiting: list[int] = []
        #: Codes that entered stock, and those that did not because they had been there before.
        self.fresh = self.known = 0
        #: What a person has to look at, and how many of these were dealt with.
        self.disputes: list[Dispute] = []
        self.resolved = 0
        #: Why it was not sent, refused, failed or left without an answer, in the supplier's words or its adapter's.
        self.why = ""

    @classmethod
    def of(cls, record: EntryRecord) -> "Entry":
        """The entry that was recorded."""
        entry = cls(Begun(record.begun_at_ms, record.attempt, record.product, record.account))
        entry.changed_at_ms = record.changed_at_ms
        entry.standing = record.standing
        entry.sent_at_ms, entry.sent_times = record.sent_at_ms, record.sent_times
        entry.order_nos, entry.units, entry.costs = list(record.order_nos), record.units, list(record.costs)
        entry.waiting, entry.fresh, entry.known = list(record.waiting), record.fresh, record.known
        entry.disputes, entry.resolved, entry.why = list(record.disputes), record.resolved, record.why
        return entry

    def record(self) -> EntryRecord:
        """The entry as plain values."""
        return EntryRecord(
            *(self.attempt, self.product, self.account, self.begun_at_ms, self.changed_at_ms, self.standing),
            *(self.sent_at_ms, self.sent_times, tuple(self.order_nos), self.units, tuple(self.costs)),
            *(tuple(self.waiting), self.fresh, self.known, tuple(self.disputes), self.resolved),
            self.why,
        )

    def is_new(self, order_no: str) -> bool:
        """Whether the supplier tells this number for the first time."""
        return bool(order_no) and order_no not in self.order_nos

    @property
    def name(self) -> AttemptId:
        """The attempt's id."""
        return self.attempt.attempt

    @property
    def is_open(self) -> bool:
        """Whether it may still turn out to have cost something."""
        return self.standing in OPEN

    @property
    def needs_person(self) -> bool:
        """Whether there is a dispute that nobody has dealt with."""
        return len(self.disputes) > self.resolved

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be done about it."""
        return not self.is_open and not self.waiting and not self.needs_person

    @property
    def may_be_bought_elsewhere(self) -> bool:
        """Whether another supplier may be asked for the same; see rule 7 of the ledger."""
        if self.attempt.kind is Kind.CODES:
            return self.standing is not Standing.DELIVERED
        return self.standing in {Standing.FAILED, Standing.REVERSED}
