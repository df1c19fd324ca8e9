"""How doubt is ended: what is done next, and when the same id may leave again."""

import pytest

from engine.money import Money
from engine.names import PoolName, SupplierName
from engine.supply.attempts import (
    Accepted,
    Attempt,
    AttemptId,
    Failed,
    Finding,
    Kind,
    NotFound,
    NotSent,
    Refused,
    Silent,
)
from engine.supply.entry import Entry
from engine.supply.ledger import Caution, Ledger
from engine.supply.settling import (
    Step,
    answered,
    caution,
    may_send_again,
    next_step,
    pause_ms,
    stale_after_ms,
)
from engine.supply.suppliers import Idempotency, Supplier, credentials_place

NOW_MS = 1_700_000_000_000
CAUTION = Caution(600_000, 100, Money(50_000, "CNY"), 86_400_000)
A = AttemptId("a")


def _supplier(idempotency: Idempotency, *, is_paused: bool = False) -> Supplier:
    """It replays for an hour, and answers within ten seconds."""
    name = SupplierName("shop", "acme")
    return Supplier(
        *(name, "Acme", "fake", "", "CNY", {}, b"", idempotency, 3_600_000, CAUTION, 10.0, 10_000), is_paused=is_paused
    )


def _entry() -> Entry:
    ledger = Ledger(CAUTION)
    ledger.begin(Attempt(A, PoolName("t", "s"), Kind.CODES, 2, Money(500, "CNY")), NOW_MS)
    ledger.send(A, NOW_MS)
    ledger.learn(A, Silent("time-out"), NOW_MS)
    return ledger.entries[A]


def test_pauses_double_up_to_five_minutes() -> None:
    """And stay there, for any number of tries."""
    assert [pause_ms(tries) for tries in (0, 1, 2, 8, 9, 10_000)] == [1_000, 2_000, 4_000, 256_000, 300_000, 300_000]


@pytest.mark.parametrize(
    ("idempotency", "after_ms", "may"),
    [
        (Idempotency.REPLAY, 3_589_999, True),
        (Idempotency.REPLAY, 3_590_000, False),
        (Idempotency.REPLAY_UNLESS_FAILED, 3_589_999, True),
        (Idempotency.REPLAY_UNLESS_FAILED, 3_590_000, False),
        (Idempotency.REJECT_WITH_ID, 10**9, True),
        (Idempotency.REJECT_BLIND, 0, False),
        (Idempotency.NONE, 0, False),
    ],
)
def test_the_same_id_leaves_again_only_where_the_class_bears_it(
    idempotency: Idempotency, after_ms: int, *, may: bool
) -> None:
    """Its answer has to come within the window, too; never while the supplier is paused, nor when it is settled."""
    assert may_send_again(_entry(), _supplier(idempotency), NOW_MS + after_ms) is may
    assert not may_send_again(_entry(), _supplier(idempotency, is_paused=True), NOW_MS + after_ms)
    ledger = Ledger(CAUTION)
    ledger.put(_entry())
    ledger.learn(A, Failed("no"), NOW_MS)
    assert not may_send_again(ledger.entries[A], _supplier(idempotency), NOW_MS + after_ms)


@pytest.mark.parametrize(
    ("idempotency", "can_look_up", "was_silent", "step"),
    [
        (Idempotency.REPLAY, True, False, Step.LOOK_UP),
        (Idempotency.REPLAY, True, True, Step.SEND_AGAIN),
        (Idempotency.REPLAY, False, False, Step.SEND_AGAIN),
        (Idempotency.NONE, True, True, Step.LOOK_UP),
        (Idempotency.NONE, False, False, Step.WAIT),
    ],
)
def test_asking_comes_before_sending_again(
    idempotency: Idempotency, step: Step, *, can_look_up: bool, was_silent: bool
) -> None:
    """Sent again only where asking is not possible or brought no answer."""
    found = next_step(_entry(), _supplier(idempotency), NOW_MS, can_look_up=can_look_up, was_silent=was_silent)
    assert found is step


def test_credentials_have_their_place() -> None:
    """What they are sealed for: never another supplier's."""
    assert credentials_place(SupplierName("shop", "acme")) == "tenants/shop/suppliers/acme/credentials"


def test_the_grace_begins_when_an_order_may_have_arrived_at_the_latest() -> None:
    """It may wait here for as long as an answer may take, however short the grace, and then travel for as long."""
    supplier = _supplier(Idempotency.NONE)
    assert (stale_after_ms(supplier), caution(supplier).grace_ms) == (10_000, 620_000)
    none = supplier._replace(caution=CAUTION._replace(grace_ms=0))
    assert (stale_after_ms(none), caution(none).grace_ms) == (10_000, 20_000)
    assert caution(supplier)._replace(grace_ms=0) == CAUTION._replace(grace_ms=0)


@pytest.mark.parametrize(
    ("finding", "once", "twice"),
    [
        (NotSent("no route"), Silent("no route"), Silent("no route")),
        (Refused("bad signature"), Silent("bad signature"), Silent("bad signature")),
        (Failed("no stock"), Failed("no stock"), NotFound()),
        (NotFound(), NotFound(), NotFound()),
        (Accepted("S-1"), Accepted("S-1"), Accepted("S-1")),
    ],
)
def test_what_an_answer_to_a_question_says(finding: Finding, once: Finding, twice: Finding) -> None:
    """Of an attempt that was sent once, and of one that was sent again."""
    entry = _entry()
    assert answered(entry, finding) == once
    entry.sent_times = 2
    assert answered(entry, finding) == twice
