"""A statement against the ledger: what differs, what it settles, and what a person has to pick."""

import pytest

from engine import limits
from engine.money import Money
from engine.names import PoolName
from engine.supply.attempts import (
    Accepted,
    Attempt,
    AttemptId,
    Delivered,
    Failed,
    Finding,
    Kind,
    NotFound,
    Silent,
)
from engine.supply.differences import Difference, DifferenceKind
from engine.supply.entry import Entry
from engine.supply.ledger import Caution, Ledger
from engine.supply.ports import StatementRow
from engine.supply.reconciling import (
    Candidate,
    Period,
    Reconciled,
    candidate_within_ms,
    candidates_max,
    edge_ms,
    reconcile,
)

GRACE_MS = 600_000
CAUTION = Caution(GRACE_MS, 1_000, Money(10**6, "CNY"), limits.DAY_MS)
FROM_MS = 1_700_000_000_000
PERIOD = Period(FROM_MS, FROM_MS + limits.DAY_MS)
NOON_MS = FROM_MS + limits.DAY_MS // 2


def _entry(*findings: Finding, name: str = "a", at_ms: int = NOON_MS, kind: Kind = Kind.CODES) -> Entry:
    """An attempt for two units at 500 at most, and what was learned of it."""
    ledger = Ledger(CAUTION)
    ledger.begin(Attempt(AttemptId(name), PoolName("t", "s"), kind, 2, Money(500, "CNY")), at_ms)
    ledger.send(AttemptId(name), at_ms)
    for finding in findings:
        ledger.learn(AttemptId(name), finding, at_ms)
    return ledger.entries[AttemptId(name)]


def _delivered(order_no: str = "S-1", units: int = 2, cost: int = 400, currency: str = "CNY") -> Delivered:
    return Delivered(order_no, units, Money(cost, currency))


def _row(
    order_no: str = "S-1", attempt: str = "", units: int = 2, cost: int = 400, *, at_ms: int = NOON_MS
) -> StatementRow:
    return StatementRow(order_no, attempt, units, Money(cost, "CNY"), at_ms)


def _reconciled(entries: list[Entry], *rows: StatementRow) -> Reconciled:
    return reconcile(entries, rows, PERIOD, GRACE_MS)


def _kinds(reconciled: Reconciled) -> list[DifferenceKind]:
    return [difference.kind for difference in reconciled.differences]


@pytest.mark.parametrize("row", [_row(), _row(attempt="a"), _row("", "a")])
def test_a_row_that_says_the_same_is_no_difference(row: StatementRow) -> None:
    """Matched by the supplier's number, or by our id."""
    assert _reconciled([_entry(_delivered())], row) == Reconciled(1, [], [], [], [])


def test_rows_of_one_attempt_are_added_up() -> None:
    """A supplier may book each card; what was taken back costs nothing and counts for nothing."""
    rows = _row(units=1, cost=200), _row(units=1, cost=200), _row(units=1, cost=0)
    assert _reconciled([_entry(_delivered())], *rows) == Reconciled(3, [], [], [], [])


@pytest.mark.parametrize(
    ("row", "kinds"),
    [
        (_row(cost=401), [DifferenceKind.OTHER_COST]),
        (_row(units=1), [DifferenceKind.OTHER_UNITS]),
        (_row(units=1, cost=1), [DifferenceKind.OTHER_UNITS, DifferenceKind.OTHER_COST]),
        (_row()._replace(cost=Money(400, "USD")), [DifferenceKind.OTHER_COST]),
    ],
)
def test_other_units_and_other_cost_are_told(row: StatementRow, kinds: list[DifferenceKind]) -> None:
    """To the cent, with what each side says."""
    reconciled = _reconciled([_entry(_delivered())], row)
    assert _kinds(reconciled) == kinds
    assert reconciled.differences[0] == Difference(kinds[0], "a", "S-1", 2, Money(400, "CNY"), row.units, row.cost)


def test_deliveries_in_two_currencies_never_agree_with_one_charge() -> None:
    """A second delivery in another currency, that the statement does not have."""
    entry = _entry(_delivered(), _delivered("S-2", currency="USD"))
    assert DifferenceKind.OTHER_COST in _kinds(_reconciled([entry], _row(units=4)))


def test_a_charge_of_no_attempt_is_told() -> None:
    """One that was taken back is no charge; nobody is a candidate, since the only attempt has its own row."""
    reconciled = _reconciled([_entry(_delivered())], _row(), _row("S-9"), _row("S-10", cost=0))
    assert reconciled.differences == [
        Difference(DifferenceKind.UNKNOWN_CHARGE, "", "S-9", 0, None, 2, Money(400, "CNY"))
    ]
    assert reconciled.candidates == []


def test_an_attempt_that_never_got_a_number_is_a_candidate() -> None:
    """In doubt, or thought to have failed; and then the missing row settles nothing."""
    doubtful, failed = _entry(Silent("time-out"), name="a"), _entry(Failed("no"), name="b")
    reconciled = _reconciled([doubtful, failed], _row("S-9"))
    assert reconciled.candidates == [Candidate(_row("S-9"), ["a", "b"])]
    assert (_kinds(reconciled), reconciled.findings) == ([DifferenceKind.UNKNOWN_CHARGE], [])


@pytest.mark.parametrize(
    "row",
    [
        _row("S-9", units=1),
        _row("S-9", cost=501),
        _row("S-9")._replace(cost=Money(400, "USD")),
        _row("S-9", at_ms=NOON_MS + candidate_within_ms + 1),
        _row("S-9", "somebody else's id"),
    ],
)
def test_what_cannot_be_the_same_is_no_candidate(row: StatementRow) -> None:
    """Other units, dearer than it might be, another currency, another day, under another id."""
    assert _reconciled([_entry(Silent("time-out"))], row).candidates == []


@pytest.mark.parametrize("at_ms", [NOON_MS - candidate_within_ms, NOON_MS + candidate_within_ms])
def test_a_charge_within_a_day_of_an_attempt_may_be_of_it(at_ms: int) -> None:
    """To the millisecond, before or after; not more than a person can look through."""
    entries = [_entry(Silent("time-out"), name=f"a-{number:02}") for number in range(30)]
    (candidate,) = _reconciled(entries, _row("S-9", at_ms=at_ms)).candidates
    assert candidate.attempts == [f"a-{number:02}" for number in range(candidates_max)]


def test_what_has_a_number_is_no_candidate() -> None:
    """Its row would bear it."""
    assert _reconciled([_entry(Accepted("S-1"))], _row("S-9")).candidates == []


def test_a_delivery_that_the_statement_lacks_is_told() -> None:
    """With the number that it should have."""
    assert _reconciled([_entry(_delivered())]).differences == [
        Difference(DifferenceKind.NOT_IN_STATEMENT, "a", "S-1", 2, Money(400, "CNY"), 0, None)
    ]
    assert _reconciled([_entry(_delivered(""))]).differences[0].order_no == ""
    assert _reconciled([_entry(_delivered(cost=0))]).differences == []


@pytest.mark.parametrize(
    ("at_ms", "is_told"),
    [
        (PERIOD.from_ms + edge_ms - 1, False),
        (PERIOD.from_ms + edge_ms, True),
        (PERIOD.to_ms - edge_ms - 1, True),
        (PERIOD.to_ms - edge_ms, False),
    ],
)
def test_near_an_end_of_the_period_a_row_may_stand_in_another_statement(at_ms: int, *, is_told: bool) -> None:
    """To the millisecond."""
    assert bool(_reconciled([_entry(_delivered(), at_ms=at_ms)]).differences) is is_told


def test_a_charge_for_what_failed_is_told_and_asked_for() -> None:
    """By its number: there may be codes to fetch."""
    reconciled = _reconciled([_entry(Failed("no"))], _row(attempt="a"))
    assert reconciled.differences == [
        Difference(DifferenceKind.CHARGED_FOR_NOTHING, "a", "S-1", 0, None, 2, Money(400, "CNY"))
    ]
    assert reconciled.findings == [("a", Accepted("S-1"))]
    assert _reconciled([_entry(Failed("no"))]) == Reconciled(0, [], [], [], [])


def test_what_is_open_learns_its_number_from_its_row() -> None:
    """Codes are then asked for by it; a recharge is settled, charged rows together."""
    assert _reconciled([_entry(Silent("?"))], _row(attempt="a")).findings == [("a", Accepted("S-1"))]
    recharge = _entry(Silent("?"), kind=Kind.RECHARGE)
    assert _reconciled([recharge], _row(attempt="a")).findings == [("a", _delivered())]
    assert _reconciled([recharge]).findings == []


@pytest.mark.parametrize(
    ("at_ms", "findings"),
    [
        (PERIOD.from_ms + edge_ms - 1, []),
        (PERIOD.from_ms + edge_ms, [("a", NotFound())]),
        (PERIOD.to_ms - edge_ms - GRACE_MS - 1, [("a", NotFound())]),
        (PERIOD.to_ms - edge_ms - GRACE_MS, []),
    ],
)
def test_what_is_open_and_has_no_row_was_not_bought(at_ms: int, findings: list[tuple[str, Finding]]) -> None:
    """If it would be there by now, and surely in this statement."""
    assert _reconciled([_entry(Silent("?"), at_ms=at_ms)]).findings == findings


def test_a_row_taken_back_settles_nothing() -> None:
    """It is known by its row, and nothing was charged: then it was not bought."""
    assert _reconciled([_entry(Silent("?"))], _row(attempt="a", cost=0)).findings == [("a", NotFound())]


def test_a_second_order_of_a_delivered_attempt_is_asked_for() -> None:
    """Charged under a number that nobody told: its codes are paid. Not where no number was told at all."""
    rows = _row(), _row("S-2", "a")
    reconciled = _reconciled([_entry(_delivered())], *rows)
    assert reconciled.unheard == [("a", "S-2")]
    assert _kinds(reconciled) == [DifferenceKind.OTHER_UNITS, DifferenceKind.OTHER_COST]
    assert _reconciled([_entry(_delivered(), _delivered("S-2"))], *rows) == Reconciled(2, [], [], [], [])
    assert _reconciled([_entry(_delivered(""))], _row(attempt="a")).unheard == []
    assert _reconciled([_entry(_delivered())], _row("S-2", "a", cost=0)).unheard == []
    assert _reconciled([_entry(_delivered(), kind=Kind.RECHARGE)], _row("S-2", "a")).unheard == []
    assert _reconciled([_entry(Accepted("S-1"))], _row("S-2", "a")).unheard == []
