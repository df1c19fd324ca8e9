"""What a ledger keeps beside standings: codes that wait for stock, what a person has to look at, what it forgets."""

from collections.abc import Sequence

import pytest

from engine.errors import InvariantBroken
from engine.framing import pack
from engine.money import Money
from engine.names import PoolName
from engine.supply import snapshot
from engine.supply.attempts import (
    Accepted,
    Attempt,
    AttemptId,
    Delivered,
    Dispute,
    Disputed,
    Event,
    Failed,
    Finding,
    Forgotten,
    Kind,
    Learned,
    Refused,
    Resolved,
    Reversed,
    Silent,
    Standing,
    Stocked,
    Vouched,
)
from engine.supply.differences import Difference, DifferenceKind
from engine.supply.entry import Entry
from engine.supply.ledger import Caution, Ledger, differences_kept_ms

POOL = PoolName("shop", "vip-30")
CAUTION = Caution(600_000, 1_000_000, Money(10**9, "CNY"), 86_400_000)
NOW_MS = 1_700_000_000_000
A = AttemptId("a")


def _bought(ledger: Ledger, name: str, at_ms: int, *, codes: int | None = 2, order_no: str = "") -> Sequence[Event]:
    """An attempt that began, left, and was delivered with so many codes."""
    attempt = Attempt(AttemptId(name), POOL, Kind.CODES, 2, Money(500, "CNY"), "order")
    found = Delivered(order_no or f"S-{name}", 2, Money(400, "CNY"))
    return [
        *ledger.begin(attempt, at_ms, "P-1", b"account"),
        *ledger.send(attempt.attempt, at_ms),
        *ledger.learn(attempt.attempt, found, at_ms, codes=codes),
    ]


def _fields(entry: Entry) -> dict[str, object]:
    return {name: getattr(entry, name) for name in Entry.__slots__}


def _same(one: Ledger, other: Ledger) -> bool:
    return (
        [*map(_fields, one.entries.values())] == [*map(_fields, other.entries.values())]
        and [[*each] for each in (one.open, one.waiting, one.disputed)]
        == [[*each] for each in (other.open, other.waiting, other.disputed)]
        and one.differences == other.differences
        and (one.seq, one.last_ms, one.forgotten_before_ms) == (other.seq, other.last_ms, other.forgotten_before_ms)
    )


def test_codes_wait_until_they_are_stocked() -> None:
    """Delivered is not over: the codes of each delivery wait by its number."""
    ledger = Ledger(CAUTION)
    _bought(ledger, "a", NOW_MS)
    entry = ledger.entries[A]
    assert (entry.waiting, entry.is_open, entry.is_over, list(ledger.waiting)) == ([1], False, False, [A])
    ledger.learn(A, Delivered("S-2", 2, Money(400, "CNY")), NOW_MS, codes=2)
    assert entry.waiting == [1, 2]
    ledger.stock(Stocked(NOW_MS, A, 2, 2, 0), 2)
    assert entry.waiting == [1]
    ledger.stock(Stocked(NOW_MS, A, 1, 1, 0), 1)
    assert (entry.waiting, entry.fresh, entry.known, list(ledger.waiting)) == ([], 3, 0, [])
    assert entry.disputes == [Dispute.DELIVERED_TWICE]


def test_codes_that_stock_had_before_are_a_dispute() -> None:
    """They are counted, and a person is told."""
    ledger = Ledger(CAUTION)
    _bought(ledger, "a", NOW_MS)
    stocked = Stocked(NOW_MS, A, 1, 1, 1)
    assert ledger.stock(stocked, 2) == (stocked, Disputed(NOW_MS, A, Dispute.KNOWN_CODES))
    assert (ledger.entries[A].fresh, ledger.entries[A].known) == (1, 1)


def test_what_can_be_no_code_is_missing() -> None:
    """Stock took one of two and knew none: a person asks for the other."""
    ledger = Ledger(CAUTION)
    _bought(ledger, "a", NOW_MS)
    stocked = Stocked(NOW_MS, A, 1, 1, 0)
    assert ledger.stock(stocked, 2) == (stocked, Disputed(NOW_MS, A, Dispute.CODES_MISSING))


@pytest.mark.parametrize(
    ("codes", "disputes"),
    [(2, []), (None, []), (1, [Dispute.CODES_MISSING]), (3, [Dispute.CODES_MISSING]), (0, [Dispute.CODES_MISSING])],
)
def test_other_codes_than_units_are_a_dispute(codes: int | None, disputes: list[Dispute]) -> None:
    """Where they can be counted: not for a recharge, nor on a person's word."""
    ledger = Ledger(CAUTION)
    _bought(ledger, "a", NOW_MS, codes=codes)
    assert ledger.entries[A].disputes == disputes
    assert ledger.entries[A].waiting == ([1] if codes else [])


def test_a_second_delivery_is_counted_too() -> None:
    """Twice, and short."""
    ledger = Ledger(CAUTION)
    _bought(ledger, "a", NOW_MS)
    ledger.learn(A, Delivered("S-2", 2, Money(400, "CNY")), NOW_MS, codes=1)
    assert ledger.entries[A].disputes == [Dispute.DELIVERED_TWICE, Dispute.CODES_MISSING]


def test_a_persons_word_is_a_finding_with_a_name() -> None:
    """The journal says who; the rules are the same."""
    ledger = Ledger(CAUTION)
    attempt = Attempt(A, POOL, Kind.RECHARGE, 1, Money(500, "CNY"))
    ledger.begin(attempt, NOW_MS)
    vouched = Vouched(NOW_MS, A, "ann", "ticket 7")
    assert ledger.vouch(vouched, Failed("told on the phone")) == (
        vouched,
        Learned(NOW_MS, A, Failed("told on the phone"), Standing.FAILED),
    )


@pytest.mark.parametrize(
    ("finding", "is_in_the_way"),
    [
        (None, True),
        (Accepted("S-1"), True),
        (Silent("time-out"), True),
        (Delivered("S-1", 1, Money(400, "CNY")), True),
        (Refused("no balance"), False),
        (Reversed(), False),
    ],
)
def test_a_recharge_waits_until_another_of_its_order_has_come_to_nothing(
    finding: Finding | None, *, is_in_the_way: bool
) -> None:
    """Of its own order alone, and only another one."""
    ledger = Ledger(CAUTION)
    first = Attempt(A, POOL, Kind.RECHARGE, 1, Money(500, "CNY"), "order-1")
    ledger.begin(first, NOW_MS)
    ledger.send(A, NOW_MS)
    if finding is not None:
        ledger.learn(A, finding, NOW_MS)
    second = first._replace(attempt=AttemptId("b"))
    assert ledger.stands_in_the_way(second) is is_in_the_way
    assert not ledger.stands_in_the_way(first)
    assert not ledger.stands_in_the_way(second._replace(order_ref="order-2"))
    assert not ledger.stands_in_the_way(second._replace(order_ref=""))
    assert not ledger.stands_in_the_way(second._replace(kind=Kind.CODES))


def test_a_dispute_is_there_until_somebody_dealt_with_it() -> None:
    """What comes later is a new one."""
    ledger = Ledger(CAUTION)
    _bought(ledger, "a", NOW_MS, codes=1)
    ledger.stock(Stocked(NOW_MS, A, 1, 1, 0), 1)
    done = Resolved(NOW_MS, "a", "", "ann", "credited")
    assert list(ledger.disputed) == [A]
    assert ledger.resolve(done) == (done,)
    assert ledger.resolve(done) == ()
    assert ledger.resolve(done._replace(attempt="nobody")) == ()
    assert (list(ledger.disputed), ledger.entries[A].is_over) == ([], True)
    ledger.learn(A, Delivered("S-2", 2, Money(400, "CNY")), NOW_MS, codes=2)
    assert list(ledger.disputed) == [A]


def _difference(attempt: str = "", order_no: str = "S-9") -> Difference:
    return Difference(DifferenceKind.UNKNOWN_CHARGE, attempt, order_no, 0, None, 2, Money(400, "CNY"))


def test_a_difference_is_told_once() -> None:
    """However often the same days are compared, dealt with or not."""
    ledger = Ledger(CAUTION)
    assert len(ledger.differ([_difference(), _difference(order_no="S-8"), _difference()], NOW_MS)) == 2
    assert ledger.differ([_difference()], NOW_MS + 1) == ()
    assert ledger.resolve(Resolved(NOW_MS + 2, "", "S-9", "ann", "a test of theirs"))
    assert [noted.is_resolved for noted in ledger.differences.values()] == [True, False]
    assert ledger.differ([_difference()], NOW_MS + 3) == ()
    assert ledger.differ([_difference("a")], NOW_MS + 4)
    assert ledger.resolve(Resolved(NOW_MS + 5, "a", "", "ann", ""))
    assert [noted.is_resolved for noted in ledger.differences.values()] == [True, False, True]


def test_what_is_over_is_forgotten_and_comes_back_with_news() -> None:
    """What waits, is open or in dispute stays, and so does what changed since."""
    ledger = Ledger(CAUTION)
    for name, codes in (("over", None), ("waits", 2), ("short", 0)):
        _bought(ledger, name, NOW_MS, codes=codes)
    ledger.begin(Attempt(AttemptId("open"), POOL, Kind.CODES, 2, Money(500, "CNY")), NOW_MS)
    _bought(ledger, "young", NOW_MS + 1, codes=None)
    over = ledger.entries[AttemptId("over")]
    assert ledger.over_before(NOW_MS + 1) == [over]
    archived = snapshot.to_archive([over])
    assert ledger.forget(NOW_MS + 1, NOW_MS + 9) == (Forgotten(NOW_MS + 9, NOW_MS + 1),)
    assert list(ledger.entries) == ["waits", "short", "open", "young"]
    assert ledger.forgotten_before_ms == NOW_MS + 1
    name = snapshot.read_archived_name(archived[snapshot.order_key("S-over")])
    record = snapshot.read_archived_entry(archived[snapshot.attempt_key(name)])
    ledger.recall(record, NOW_MS + 20)
    back = ledger.entries[AttemptId("over")]
    assert _fields(back) == _fields(over) | {"changed_at_ms": NOW_MS + 20}
    ledger.learn(back.name, Delivered("S-late", 2, Money(400, "CNY")), NOW_MS + 21, codes=2)
    assert back.disputes == [Dispute.DELIVERED_TWICE]


def test_a_late_delivery_of_what_failed_and_was_forgotten_is_a_dispute() -> None:
    """Not a crash, and not lost."""
    ledger = Ledger(CAUTION)
    ledger.begin(Attempt(A, POOL, Kind.CODES, 2, Money(500, "CNY")), NOW_MS)
    ledger.send(A, NOW_MS)
    ledger.learn(A, Refused("no stock"), NOW_MS)
    record = ledger.entries[A].record()
    ledger.forget(NOW_MS + 1, NOW_MS + 1)
    assert not ledger.entries
    ledger.recall(record, NOW_MS + 2)
    ledger.learn(A, Delivered("S-1", 2, Money(400, "CNY")), NOW_MS + 2, codes=2)
    assert ledger.entries[A].disputes == [Dispute.DELIVERED_AFTER_ALL]
    assert ledger.entries[A].waiting == [1]


def test_a_difference_is_forgotten_long_after_it_was_dealt_with() -> None:
    """One that nobody dealt with never is."""
    ledger = Ledger(CAUTION)
    ledger.differ([_difference(), _difference(order_no="S-8")], NOW_MS)
    ledger.resolve(Resolved(NOW_MS, "", "S-9", "ann", ""))
    ledger.forget(NOW_MS + differences_kept_ms, NOW_MS + differences_kept_ms)
    assert len(ledger.differences) == 2
    ledger.forget(NOW_MS + differences_kept_ms + 1, NOW_MS + differences_kept_ms)
    assert [key.order_no for key in ledger.differences] == ["S-8"]


def test_a_snapshot_and_a_replay_give_the_same_ledger() -> None:
    """Down to every field, in more than one part; and both go on alike."""
    ledger = Ledger(CAUTION)
    events: list[Event] = []
    for number in range(1_100):
        events += _bought(ledger, f"a-{number}", NOW_MS + number, codes=number % 3)
    events += ledger.differ([_difference()], NOW_MS)
    events += ledger.forget(NOW_MS + 5, NOW_MS)
    replayed, loaded = Ledger(CAUTION), Ledger(CAUTION)
    for event in events:
        replayed.apply(event)
    assert sum(1 for _ in snapshot.fill(loaded, snapshot.dump(ledger))) == 4
    assert _same(ledger, replayed)
    assert _same(ledger, loaded)


def test_a_snapshot_of_another_shape_or_cut_is_refused() -> None:
    """Rather than half a ledger."""
    ledger = Ledger(CAUTION)
    _bought(ledger, "a", NOW_MS)
    dumped = snapshot.dump(ledger)
    for broken in (pack((snapshot.SHAPE + 1, 0)), b"", dumped[: len(pack((1, 1, 3, NOW_MS, 0)))]):
        with pytest.raises(InvariantBroken):
            list(snapshot.fill(Ledger(CAUTION), broken))
