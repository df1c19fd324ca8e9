"""Compares a ledger with its supplier's statement, and does what follows. What differs, reconciling.py says."""

from collections.abc import Sequence

from actors.supply.counter import Counter
from actors.supply.pages import Report
from actors.supply.recollection import Recollection
from actors.supply.settler import TakeIn
from actors.supply.written_ledger import WrittenLedger
from engine.errors import NotDone
from engine.supply.attempts import Accepted, AttemptId, Differed, Finding, Kind
from engine.supply.entry import Entry
from engine.supply.ports import Ability, StatementRow, SupplierAway, Told
from engine.supply.reconciling import Period, Reconciled, reconcile

#: Rows of one statement: compared in a second or two, for which the desk does nothing else.
rows_max = 100_000


class NoStatement(NotDone):
    """The supplier gives no statement, or none now, or one that is too long: a file of its rows will do."""


class StatementNotOffered(NoStatement):
    """It never gives one: to ask again is of no use."""


class Reconciler:
    """One desk's."""

    def __init__(self, counter: Counter, written: WrittenLedger, recollection: Recollection, take_in: TakeIn) -> None:
        self._counter = counter
        self._written = written
        self._recollection = recollection
        self._take_in = take_in

    async def reconcile(self, from_ms: int, to_ms: int, rows: Sequence[StatementRow] | None) -> Report:
        """See SupplierDesk.reconcile."""
        rows = await self._statement(from_ms, to_ms) if rows is None else rows
        if len(rows) > rows_max:
            raise NoStatement(f"{len(rows)} rows are more than {rows_max}: take a shorter period")
        period = Period(from_ms, to_ms)
        first = await self._compare(rows, period)
        for attempt, finding in first.findings:
            await self._learn(attempt, finding)
        for attempt, order_no in first.unheard if self._counter.can(Ability.LOOK_UP) else ():
            entry = await self._recollection.existing(attempt)
            await self._take_in(entry, await self._counter.look_up(entry, [order_no]))
        # What was learned may have ended a difference: only what is left is for a person.
        found = await self._compare(rows, period)
        written, ledger = self._written, self._written.ledger
        told = ledger.differ(found.differences, written.now_ms())
        await written.write(told)
        return Report(
            *(len(rows), found.matched, found.differences),
            told=[event.difference for event in told if isinstance(event, Differed)],
            candidates=found.candidates,
            settled=len(first.findings),
            complete_from_ms=ledger.forgotten_before_ms,
        )

    async def _compare(self, rows: Sequence[StatementRow], period: Period) -> Reconciled:
        forgotten = [Entry.of(record) for record in await self._recollection.forgotten(rows)]
        ledger = self._written.ledger
        known = [entry for entry in forgotten if entry.name not in ledger.entries]
        return reconcile([*ledger.entries.values(), *known], rows, period, ledger.caution.grace_ms)

    async def _statement(self, from_ms: int, to_ms: int) -> Sequence[StatementRow]:
        if not self._counter.can(Ability.STATEMENT):
            raise StatementNotOffered(f"{self._counter.supplier.name} gives none")
        try:
            return await self._counter.line.statement(from_ms, to_ms)
        except SupplierAway as away:
            raise NoStatement(f"{self._counter.supplier.name} does not answer: {away}") from away

    async def _learn(self, attempt: AttemptId, finding: Finding) -> None:
        """Take in what a statement says of an attempt; codes are then asked for by the number that it told."""
        entry = await self._recollection.existing(attempt)
        await self._take_in(entry, Told(finding))
        may_have_codes = isinstance(finding, Accepted) and entry.attempt.kind is Kind.CODES
        if may_have_codes and self._counter.can(Ability.LOOK_UP):
            await self._take_in(entry, await self._counter.look_up(entry))
