"""The ledger of purchases: what each finding makes of an attempt, and that doubt is never taken for failure."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.money import Money
from engine.names import PoolName
from engine.supply.attempts import (
    Accepted,
    Attempt,
    AttemptId,
    Delivered,
    Dispute,
    Event,
    Failed,
    Finding,
    Kind,
    NotFound,
    NotSent,
    Refused,
    Reversed,
    Silent,
    Standing,
)
from engine.supply.entry import Entry
from engine.supply.ledger import Caution, Exposure, Ledger

POOL = PoolName("shop", "vip-30")
GRACE_MS = 600_000
CAUTION = Caution(grace_ms=GRACE_MS, exposure_units_max=100, exposure_max=Money(50_000, "CNY"), patience_ms=86_400_000)
NOW_MS = 1_700_000_000_000


def _attempt(name: str = "a", *, kind: Kind = Kind.CODES, quantity: int = 10, cost_max: int = 5_000) -> Attempt:
    return Attempt(AttemptId(name), POOL, kind, quantity, Money(cost_max, "CNY"))


def _delivered(order_no: str = "S-1", units: int = 10, cost: Money = Money(4_000, "CNY")) -> Delivered:  # noqa: B008
    return Delivered(order_no, units, cost)


def _after(*findings: Finding, sent_times: int = 1, kind: Kind = Kind.CODES) -> tuple[Ledger, Entry]:
    """A ledger with one attempt, sent so often before the first finding; each finding a second later."""
    ledger = Ledger(CAUTION)
    attempt = _attempt(kind=kind)
    ledger.begin(attempt, NOW_MS)
    for _ in range(sent_times):
        ledger.send(attempt.attempt, NOW_MS)
    for place, finding in enumerate(findings):
        ledger.learn(attempt.attempt, finding, NOW_MS + 1_000 * (place + 1))
    return ledger, ledger.entries[attempt.attempt]


@pytest.mark.parametrize(
    ("finding", "standing"),
    [
        (NotSent("no route"), Standing.FAILED),
        (Refused("no stock"), Standing.FAILED),
        (Accepted("S-1"), Standing.PENDING),
        (Silent("time-out"), Standing.IN_DOUBT),
        (_delivered(), Standing.DELIVERED),
        (Failed("cancelled"), Standing.FAILED),
        (NotFound(), Standing.IN_DOUBT),
        (Reversed(), Standing.REVERSED),
    ],
)
def test_what_the_first_finding_makes_of_an_attempt(finding: Finding, standing: Standing) -> None:
    """The table of the outcome classes, and what may then be bought elsewhere."""
    ledger, entry = _after(finding)
    assert entry.standing is standing
    assert entry.is_open is (standing in {Standing.PENDING, Standing.IN_DOUBT})
    assert ledger.exposure == (Exposure(10, 5_000) if entry.is_open else Exposure(0, 0))
    assert entry.may_be_bought_elsewhere is (standing is not Standing.DELIVERED)
    recharge = _after(finding, kind=Kind.RECHARGE)[1]
    assert recharge.may_be_bought_elsewhere is (standing in {Standing.FAILED, Standing.REVERSED})


@pytest.mark.parametrize("finding", [Refused("already exists"), Refused("no balance"), NotSent("no route")])
def test_a_no_to_the_second_sending_says_nothing_of_the_first(finding: Finding) -> None:
    """Whether the first was answered by silence, or whoever sent it died before it could say."""
    assert _after(Silent("time-out"), finding)[1].standing is Standing.IN_DOUBT
    assert _after(finding, sent_times=2)[1].standing is Standing.IN_DOUBT
    assert _after(Accepted("S-1"), finding)[1].standing is Standing.PENDING


def test_what_never_left_may_fail_at_once() -> None:
    """Written down, and its process died before it was about to send it."""
    assert _after(NotSent("found at start"), sent_times=0)[1].standing is Standing.FAILED


def test_not_found_is_failure_only_after_the_grace_since_the_last_sending() -> None:
    """To the millisecond."""
    ledger, entry = _after(Silent("time-out"))
    ledger.send(entry.attempt.attempt, NOW_MS + 5_000)
    ledger.learn(entry.attempt.attempt, NotFound(), NOW_MS + 5_000 + GRACE_MS - 1)
    assert entry.is_open
    ledger.learn(entry.attempt.attempt, NotFound(), NOW_MS + 5_000 + GRACE_MS)
    assert entry.standing is Standing.FAILED


def test_silence_takes_nothing_back() -> None:
    """Of what is pending, and of what is over."""
    assert _after(Accepted("S-1"), Silent("time-out"))[1].standing is Standing.PENDING
    assert _after(_delivered(), Silent("time-out"), Failed("no"), NotFound())[1].standing is Standing.DELIVERED
    assert _after(Failed("no"), Accepted("S-1"))[1].standing is Standing.FAILED


def test_a_delivery_told_twice_is_one() -> None:
    """From a callback and from asking."""
    ledger, entry = _after(_delivered())
    assert ledger.learn(entry.attempt.attempt, _delivered(), NOW_MS) == ()
    assert (entry.units, entry.costs, entry.order_nos, entry.disputes) == (10, [Money(4_000, "CNY")], ["S-1"], [])


def test_a_second_number_while_it_is_pending_is_kept_and_the_same_again_is_no_news() -> None:
    """First accepted without a number, then with one."""
    ledger, entry = _after(Accepted())
    assert ledger.learn(entry.attempt.attempt, Accepted("S-1"), NOW_MS)
    assert ledger.learn(entry.attempt.attempt, Accepted("S-1"), NOW_MS) == ()
    assert ledger.learn(entry.attempt.attempt, Accepted(), NOW_MS) == ()
    assert entry.order_nos == ["S-1"]


@pytest.mark.parametrize(
    ("findings", "disputes"),
    [
        ((Failed("no"), _delivered()), [Dispute.DELIVERED_AFTER_ALL]),
        ((Reversed(), _delivered()), [Dispute.DELIVERED_AFTER_ALL]),
        ((_delivered(), _delivered("S-2")), [Dispute.DELIVERED_TWICE]),
        ((_delivered(), _delivered("S-2"), _delivered("S-1"), _delivered("S-2")), [Dispute.DELIVERED_TWICE]),
        ((_delivered(units=9),), [Dispute.OTHER_QUANTITY]),
        ((_delivered(cost=Money(5_001, "CNY")),), [Dispute.TOO_DEAR]),
        ((_delivered(cost=Money(1, "USD")),), [Dispute.TOO_DEAR]),
        ((_delivered(cost=Money(5_000, "CNY")),), []),
    ],
)
def test_a_delivery_is_believed_and_what_is_odd_about_it_is_told(
    findings: Sequence[Finding], disputes: list[Dispute]
) -> None:
    """The cards are there whatever was thought before; a person sorts out the rest."""
    _, entry = _after(*findings)
    assert entry.standing is Standing.DELIVERED
    assert entry.disputes == disputes


def test_the_exposure_is_bounded_in_units_and_in_money() -> None:
    """Each bound by itself, to the unit; what is settled makes room."""
    ledger = Ledger(CAUTION)
    ledger.begin(_attempt("a", quantity=60, cost_max=10_000), NOW_MS)
    assert ledger.room_for(_attempt("b", quantity=40))
    assert not ledger.room_for(_attempt("b", quantity=41))
    assert ledger.room_for(_attempt("b", cost_max=40_000))
    assert not ledger.room_for(_attempt("b", cost_max=40_001))
    ledger.learn(AttemptId("a"), NotSent("no route"), NOW_MS)
    assert ledger.room_for(_attempt("b", quantity=100, cost_max=50_000))


def test_a_person_is_told_once_of_what_stays_in_doubt() -> None:
    """After the supplier's patience, of what is open alone."""
    ledger, entry = _after(Silent("time-out"))
    ledger.begin(_attempt("b"), NOW_MS)
    ledger.learn(AttemptId("b"), Failed("no"), NOW_MS)
    assert ledger.watch(NOW_MS + CAUTION.patience_ms - 1) == ()
    (told,) = ledger.watch(NOW_MS + CAUTION.patience_ms)
    assert told.attempt == entry.attempt.attempt
    assert ledger.watch(NOW_MS + CAUTION.patience_ms + 1) == ()
    assert entry.disputes == [Dispute.UNSETTLED]


class _Supplier:
    """One attempt's truth: what a supplier that keeps its promises did with it, seen through a bad line."""

    def __init__(self) -> None:
        self.is_charged = self.is_refused = False
        self.visible_from_ms = 0

    def receive(self, now_ms: int, *, arrives: bool, is_willing: bool, answer: int) -> Finding:
        """A sending: whether it arrives, what is made of it, and how the answer comes back."""
        if not arrives:
            return (NotSent("no route"), Silent("reset"))[answer % 2]
        if self.is_charged:
            return (Refused("already exists"), Silent("time-out"), _delivered())[answer]
        if not is_willing:
            self.is_refused = True
            return (Refused("no stock"), Silent("time-out"), Silent("HTML"))[answer]
        self.is_charged = True
        self.visible_from_ms = now_ms + GRACE_MS - 1
        return (_delivered(), Silent("time-out"), Accepted("S-1"))[answer]

    def asked(self, now_ms: int) -> Finding:
        """An inquiry: a charge may be invisible for as long as the grace."""
        return _delivered() if self.is_charged and now_ms >= self.visible_from_ms else NotFound()


@given(
    some.lists(
        some.tuples(some.booleans(), some.booleans(), some.booleans(), some.integers(0, 2), some.integers(0, GRACE_MS)),
        max_size=12,
    )
)
def test_what_a_supplier_charged_for_is_never_taken_for_failed(
    steps: list[tuple[bool, bool, bool, int, int]],
) -> None:
    """Sendings and inquiries in any order, with any answers lost. The books agree in the end, and replay agrees."""
    ledger, truth, now_ms = Ledger(CAUTION), _Supplier(), NOW_MS
    attempt = _attempt(kind=Kind.RECHARGE)
    events: list[Event] = [*ledger.begin(attempt, now_ms)]
    entry = ledger.entries[attempt.attempt]
    for asks, arrives, is_willing, answer, wait_ms in steps:
        now_ms += wait_ms
        if asks:
            finding = truth.asked(now_ms) if arrives else Silent("time-out")
        elif entry.is_open:
            events += ledger.send(attempt.attempt, now_ms)
            finding = truth.receive(now_ms, arrives=arrives, is_willing=is_willing, answer=answer)
        else:
            continue
        events += ledger.learn(attempt.attempt, finding, now_ms)
        if truth.is_charged:
            assert not entry.may_be_bought_elsewhere
            assert entry.is_open or entry.standing is Standing.DELIVERED
    events += ledger.learn(attempt.attempt, truth.asked(now_ms + 2 * GRACE_MS), now_ms + 2 * GRACE_MS)
    if truth.is_charged:
        assert entry.standing is Standing.DELIVERED
    elif entry.sent_times:
        assert entry.standing is Standing.FAILED
    again = Ledger(CAUTION)
    for event in events:
        again.apply(event)
    (twin,) = again.entries.values()
    assert {name: getattr(twin, name) for name in Entry.__slots__} == {
        name: getattr(entry, name) for name in Entry.__slots__
    }
    assert again.exposure == ledger.exposure
