"""A supplier's statement against our ledger: what differs, what it settles, what may belong together.

Rules.
1. A row belongs to the attempt whose id it bears, or else to the one that the supplier gave its number. Several rows
   of one attempt are added up. A row that was taken back costs 0, and is no charge.
2. A charge of no attempt is a difference. Attempts that never got a number, began within a day of it, asked for as
   many units and might cost as much are its candidates: a person picks.
3. A delivered attempt without a row is a difference, unless it began so near an end of the period that its row may
   stand in the next statement.
4. What is open is not judged by its row, but asked for by the number in it, and so is what had failed and is charged
   all the same. A recharge brings no codes: one that is open is settled by its row.
5. A delivered attempt that is charged under a number which nobody told, beside one that is known, was bought twice:
   that order is asked for, too, since its codes are paid.
6. What is open, was sent so long before the end that it would be there, and neither has a row nor is anybody's
   candidate, was not bought: as if the supplier said that there is no such order. Not so a recharge, which a person
   settles.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from engine import limits
from engine.money import Money
from engine.supply.attempts import Accepted, AttemptId, Delivered, Finding, Kind, NotFound, Standing
from engine.supply.differences import Difference, DifferenceKind
from engine.supply.entry import Entry
from engine.supply.ports import StatementRow

#: How far a supplier's clock and ours, and its booking and our asking, may be apart at an end of the period.
edge_ms = 10 * limits.MINUTE_MS

#: How far a charge may lie from the beginning of an attempt that is its candidate.
candidate_within_ms = limits.DAY_MS


#: Candidates of one charge that are listed: nobody picks from more.
candidates_max = 20


class Period(NamedTuple):
    """A statement's: from `from_ms` to before `to_ms`."""

    from_ms: int
    to_ms: int


class Candidate(NamedTuple):
    """A charge of no attempt, and the attempts that it may be of."""

    row: StatementRow
    attempts: Sequence[AttemptId]


class Reconciled(NamedTuple):
    """What came of comparing: for a person, for a person to pick, for the ledger to learn, and orders to ask for."""

    matched: int
    differences: Sequence[Difference]
    candidates: Sequence[Candidate]
    findings: Sequence[tuple[AttemptId, Finding]]
    unheard: Sequence[tuple[AttemptId, str]]


class _Charge(NamedTuple):
    """What a statement has of one attempt."""

    order_no: str
    units: int
    cost: Money


def reconcile(entries: Sequence[Entry], rows: Sequence[StatementRow], period: Period, grace_ms: int) -> Reconciled:
    """Compare; see the rules. `entries` are all attempts that may have a row, `grace_ms` is the supplier's."""
    owners, strangers = _matched(entries, rows)
    candidates = _candidates(entries, owners, strangers)
    claimed = {name for candidate in candidates for name in candidate.attempts}
    differences = [_unknown(row) for row in strangers]
    findings: list[tuple[AttemptId, Finding]] = []
    unheard: list[tuple[AttemptId, str]] = []
    for entry in entries:
        mine = owners.get(entry.name, ())
        charge = _charge(mine)
        unheard += [(entry.name, row.order_no) for row in mine if _is_unheard(entry, row)]
        if entry.is_open:
            finding = _settled_by(entry, charge, period, grace_ms) if entry.name not in claimed else None
            if finding is not None:
                findings.append((entry.name, finding))
            continue
        differences += _differences(entry, charge, period)
        if charge is not None and entry.standing is not Standing.DELIVERED:
            findings.append((entry.name, Accepted(charge.order_no)))
    return Reconciled(sum(map(len, owners.values())), differences, candidates, findings, unheard)


def _matched(
    entries: Iterable[Entry], rows: Iterable[StatementRow]
) -> tuple[Mapping[AttemptId, Sequence[StatementRow]], Sequence[StatementRow]]:
    """The rows of each attempt, and the charges that are nobody's."""
    by_name = {entry.name: entry for entry in entries}
    by_order = {order_no: entry for entry in by_name.values() for order_no in entry.order_nos}
    owners: dict[AttemptId, list[StatementRow]] = {}
    strangers: list[StatementRow] = []
    for row in rows:
        entry = by_name.get(AttemptId(row.attempt)) or by_order.get(row.order_no)
        if entry is not None:
            owners.setdefault(entry.name, []).append(row)
        elif row.cost.minor:
            strangers.append(row)
    return owners, strangers


def _candidates(
    entries: Iterable[Entry], owners: Mapping[AttemptId, object], strangers: Iterable[StatementRow]
) -> Sequence[Candidate]:
    nameless: dict[tuple[int, str], list[Entry]] = {}
    for entry in sorted(entries, key=_began):
        if entry.name not in owners and not entry.order_nos and entry.standing is not Standing.DELIVERED:
            nameless.setdefault((entry.attempt.quantity, entry.attempt.cost_max.currency), []).append(entry)
    return [
        Candidate(row, names)
        for row in strangers
        if not row.attempt and (names := _may_be(row, nameless.get((row.units, row.cost.currency), ())))
    ]


def _may_be(row: StatementRow, alike: Sequence[Entry]) -> Sequence[AttemptId]:
    """Which of the attempts for as many units, the oldest first, a charge may be of."""
    first = bisect_left(alike, row.at_ms - candidate_within_ms, key=_began)
    end = bisect_right(alike, row.at_ms + candidate_within_ms, key=_began)
    able = (entry.name for entry in alike[first:end] if row.cost.minor <= entry.attempt.cost_max.minor)
    return list(islice(able, candidates_max))


def _began(entry: Entry) -> int:
    return entry.begun_at_ms


def _is_unheard(entry: Entry, row: StatementRow) -> bool:
    """Whether a row is of another order than those that are known of a delivered attempt."""
    is_known = not row.order_no or row.order_no in entry.order_nos or not row.cost.minor
    has_codes = entry.standing is Standing.DELIVERED and entry.attempt.kind is Kind.CODES
    return has_codes and bool(entry.order_nos) and not is_known


def _charge(rows: Sequence[StatementRow]) -> _Charge | None:
    """The rows of one attempt as one; None when nothing was charged. Of two currencies the first counts."""
    charged = [row for row in rows if row.cost.minor]
    if not charged:
        return None
    currency = charged[0].cost.currency
    cost = sum([row.cost.minor for row in charged if row.cost.currency == currency])
    return _Charge(charged[0].order_no, sum([row.units for row in charged]), Money(cost, currency))


def _settled_by(entry: Entry, charge: _Charge | None, period: Period, grace_ms: int) -> Finding | None:
    is_recharge = entry.attempt.kind is Kind.RECHARGE
    if charge is not None:
        return Delivered(*charge) if is_recharge else Accepted(charge.order_no)
    is_covered = entry.begun_at_ms >= period.from_ms + edge_ms and entry.sent_at_ms + grace_ms + edge_ms < period.to_ms
    return NotFound() if is_covered and not is_recharge else None


def _differences(entry: Entry, charge: _Charge | None, period: Period) -> Sequence[Difference]:
    """What is wrong with an attempt that is settled."""
    ours = _our_cost(entry)
    if charge is None:
        is_covered = period.from_ms + edge_ms <= entry.begun_at_ms < period.to_ms - edge_ms
        is_missed = is_covered and entry.standing is Standing.DELIVERED and ours is not None and ours.minor
        return [_difference(DifferenceKind.NOT_IN_STATEMENT, entry, None)] if is_missed else []
    if entry.standing is not Standing.DELIVERED:
        return [_difference(DifferenceKind.CHARGED_FOR_NOTHING, entry, charge)]
    found = []
    if charge.units != entry.units:
        found.append(_difference(DifferenceKind.OTHER_UNITS, entry, charge))
    if charge.cost != ours or any(cost.currency != ours.currency for cost in entry.costs):
        found.append(_difference(DifferenceKind.OTHER_COST, entry, charge))
    return found


def _our_cost(entry: Entry) -> Money | None:
    """What deliveries cost in all, in the currency of the first; None when there was none."""
    if not entry.costs:
        return None
    currency = entry.costs[0].currency
    return Money(sum([cost.minor for cost in entry.costs if cost.currency == currency]), currency)


def _difference(kind: DifferenceKind, entry: Entry, charge: _Charge | None) -> Difference:
    if charge is None:
        order_no = next(iter(entry.order_nos), "")
        return Difference(kind, entry.name, order_no, entry.units, _our_cost(entry), 0, None)
    return Difference(kind, entry.name, charge.order_no, entry.units, _our_cost(entry), charge.units, charge.cost)


def _unknown(row: StatementRow) -> Difference:
    return Difference(DifferenceKind.UNKNOWN_CHARGE, row.attempt, row.order_no, 0, None, row.units, row.cost)
