"""What staff see of a desk: attempts that need a person, what differs from a statement, how the supplier does."""

from collections.abc import Sequence
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from engine.money import Money
from engine.supply.attempts import EntryRecord
from engine.supply.differences import Difference, Noted
from engine.supply.ledger import Exposure, Ledger
from engine.supply.reconciling import Candidate


class Wanted(StrEnum):
    """Which attempts a page shows."""

    ALL = "ALL"
    #: May still cost something.
    OPEN = "OPEN"
    #: Delivered, and not all in stock.
    WAITING = "WAITING"
    #: There is a dispute that nobody has dealt with.
    PERSON = "PERSON"


class Page(NamedTuple):
    """Which part of a listing: at most `rows` from the `start`-th on, counted from 0."""

    rows: int
    start: int = 0


class AttemptPage(NamedTuple):
    """Attempts, the oldest first. `next_start` is where the next page begins; 0 when there is none."""

    attempts: Sequence[EntryRecord]
    next_start: int


class DeskView(NamedTuple):
    """A desk as its page shows it. `tasks` counts what waits for a person: attempts in dispute, and differences.

    `unheeded` says why the supplier is not spoken to as the last profile says; empty when it is.
    """

    is_paused: bool
    lets_through: bool
    is_closed: bool
    balance: Money | None
    exposure: Exposure
    open: int
    waiting: int
    tasks: int
    unheeded: str = ""


class Report(NamedTuple):
    """How a statement compares with the ledger.

    `told` are the differences that nobody had been told of. `settled` counts attempts that the statement settled.
    Attempts that changed before `complete_from_ms` may be missing on our side: a statement is checked against the
    archive there, but what it lacks is not noticed.
    """

    rows: int
    matched: int
    differences: Sequence[Difference]
    told: Sequence[Difference]
    candidates: Sequence[Candidate]
    settled: int
    complete_from_ms: int


def attempt_page(ledger: Ledger, wanted: Wanted, page: Page) -> AttemptPage:
    """One page. What is settled between two pages moves the others up."""
    table = {
        Wanted.ALL: ledger.entries,
        Wanted.OPEN: ledger.open,
        Wanted.WAITING: ledger.waiting,
        Wanted.PERSON: ledger.disputed,
    }[wanted]
    end = page.start + page.rows
    found = [entry.record() for entry in islice(table.values(), page.start, end)]
    return AttemptPage(found, end if end < len(table) else 0)


def open_differences(ledger: Ledger) -> Sequence[Noted]:
    """Those that nobody has dealt with, the oldest first."""
    return [noted for noted in ledger.differences.values() if not noted.is_resolved]
