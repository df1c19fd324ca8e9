"""One supplier's desk: buys there, ends doubt, keeps the ledger, and is the only one that speaks to the supplier.

Rules.
1. Begun and about to be sent are durable, in one append, before a byte leaves. Many purchases share one sync.
2. A definite no to a purchase of codes is told at once: its append may be lost, and then the attempt is asked about
   again, which costs nothing. To a recharge it is told when it is durable: else the next copy could send it once more,
   while whoever was told no has bought elsewhere.
3. Codes that were delivered are durable, sealed, with the event that tells of them, before they go into stock.
4. Whoever stops waiting changes nothing: a purchase goes on to its end.
5. Two copies of a desk may live for a while. The later one claimed the ledger; the other can write nothing more, so it
   begins nothing, and what it had under way is settled by the later one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from actors.supply.conversion import Conversion
from actors.supply.counter import TOO_LATE, Counter, LineTo, Moment, account_place
from actors.supply.desk_metrics import DeskMetrics
from actors.supply.keeping import Keeping
from actors.supply.pages import AttemptPage, DeskView, Page, Report, Wanted, attempt_page, open_differences
from actors.supply.ports import Bought, DeskState, OpenPurchase, Shelved, Shelver, Ware
from actors.supply.recollection import AttemptDelivered, Recollection
from actors.supply.reconciler import Reconciler
from actors.supply.settler import Settler
from actors.supply.stocking import Stocking
from actors.supply.watcher import Watcher
from actors.supply.written_ledger import WrittenLedger
from engine.errors import InDoubt, PoolClosed, SupplierNotAsked
from engine.money import Money
from engine.names import PoolName, SupplierName
from engine.ports import Archive, Clock, Journal, Vault
from engine.supply.attempts import (
    Attempt,
    AttemptId,
    Delivered,
    Disputed,
    Finding,
    Kind,
    NotSent,
    Refused,
    Resolved,
    Silent,
    Standing,
    Vouched,
)
from engine.supply.breaker import Breaker
from engine.supply.differences import Noted
from engine.supply.entry import Entry
from engine.supply.ports import Ability, Good, Stash, StatementRow, SupplierBook, Told
from engine.supply.settling import answered, caution

#: How long a purchase waits for its turn of the pace before another supplier had better be asked.
turn_wait_s = 2.0

#: How long whoever bought waits for the codes to be on the shelf, once they are durable.
shelving_wait_s = 2.0

#: How much longer than its supplier may take a purchase is waited for: the store, the line's own overtime, the shelf.
overtime_s = 5.0

assert shelving_wait_s < overtime_s

_log = logging.getLogger(__name__)


class Doors(NamedTuple):
    """What a desk asks of the world."""

    journal: Journal
    archive: Archive
    stash: Stash
    book: SupplierBook
    vault: Vault
    clock: Clock
    shelver: Shelver
    line_to: LineTo
    fold: Callable[[PoolName], Awaitable[int | None]]


class SupplierDesk:
    """See above. `open` comes first, `run` keeps it; `run` ends when another copy has taken over."""

    def __init__(self, name: SupplierName, doors: Doors, metrics: DeskMetrics | None = None) -> None:
        self.name = name
        self.breaker = Breaker()
        self.metrics = metrics or DeskMetrics(name.supplier)
        self._doors = doors
        self._counter = Counter(name, doors.book, doors.vault, doors.clock, doors.line_to)
        self._written = WrittenLedger(
            name.book, doors.journal, doors.clock, observe=self.metrics.appended, tell=self._tell
        )
        self._recollection = Recollection(name.book, doors.archive, self._written)
        self.stocking = Stocking(
            *(name, self._written),
            stash=doors.stash,
            vault=doors.vault,
            shelver=doors.shelver,
            conversion=Conversion(doors.book),
        )
        self.stocking.fees = lambda: self._counter.supplier.fees
        self._settler = Settler(self._counter, self._written, self._take_in)
        self._watcher = Watcher(self._counter)
        self._keeping = Keeping(self._counter, self._written, self.breaker, doors.fold)
        self._reconciler = Reconciler(self._counter, self._written, self._recollection, self._take_in)
        self._purchases: dict[AttemptId, asyncio.Task[Bought]] = {}

    async def open(self) -> None:
        """Claim the ledger and go on where the former copy ended: what is open is settled, what waits is shelved.

        Raises NotDone (no such supplier, no line, no store), UnreadableSecret or InvariantBroken; may be repeated.
        """
        await self._counter.open()
        self._keeping.follow_profile()
        await self._written.open(caution(self._counter.supplier))
        await self.stocking.resume()
        for entry in list(self._written.ledger.open.values()):
            self._settler.watch(entry)

    async def run(self) -> None:
        """Follow the profile, watch the supplier, fold the journal; until cancelled, or another copy took over."""
        watching = asyncio.get_running_loop().create_task(self._watcher.run())
        try:
            await self._keeping.run()
        finally:
            watching.cancel()

    async def close(self) -> None:
        """Stop. What is under way stays open in the ledger, and the next copy settles it."""
        for task in self._purchases.values():
            task.cancel()
        await asyncio.gather(*self._purchases.values(), return_exceptions=True)
        await self._settler.close()
        await self.stocking.close()
        await self._written.finish()
        await self._counter.close()

    async def buy(self, attempt: Attempt, product: str, account: str = "") -> Bought:
        """Buy, and put what is delivered at once into stock. The same attempt may be asked again, and is bought once.

        Raises NotDone when the supplier was not asked, InDoubt when nobody here can say what came of it.
        """
        entry = await self._recollection.find(attempt.attempt) or await self._begin(attempt, product, account)
        if entry.attempt != attempt:
            raise SupplierNotAsked(f"{attempt.attempt} is another purchase")
        task = self._purchases.get(entry.name)
        if task is None:
            await self._written.write(())  # What is told may rest on what is on its way to the journal.
            return _bought(entry)
        await asyncio.wait([task], timeout=self._counter.supplier.answer_within_ms / 1_000 + overtime_s)
        if task.done() and not task.cancelled():
            return task.result()
        return Bought(Standing.IN_DOUBT, "UNDER_WAY")

    async def settle(
        self, attempt: AttemptId, finding: Finding, who: str, *, note: str = "", goods: Sequence[Good] = ()
    ) -> Bought:
        """Take a person's word for how an attempt stands, with the codes if they were told. Raises as `buy` does."""
        entry = await self._recollection.existing(attempt)
        return await self._take_in(entry, Told(finding, goods), Vouched(self._written.now_ms(), attempt, who, note))

    async def hear(self, attempt: AttemptId, told: Told) -> Bought:
        """Take in what a supplier tells by itself, of an attempt however old. Raises as `buy` does."""
        entry = await self._recollection.existing(attempt)
        return await self._take_in(entry, told._replace(finding=answered(entry, told.finding)))

    async def reverse(self, attempt: AttemptId, who: str) -> Bought:
        """Ask the supplier to take an open attempt back, and say how it stands then. Raises as `buy` does."""
        entry = await self._recollection.existing(attempt)
        if not self._counter.can(Ability.REVERSE):
            raise SupplierNotAsked("NO_REVERSAL")
        if entry.name in self._purchases:
            raise SupplierNotAsked("UNDER_WAY")
        if not entry.is_open:
            return _bought(entry)
        asked = Vouched(self._written.now_ms(), attempt, who, "reversal asked for")
        await self._take_in(entry, Told(Silent("reversal asked for")), asked)
        return await self._take_in(entry, await self._counter.reverse(entry))

    async def resolve(self, resolved: Resolved) -> bool:
        """A person has dealt with an attempt or a difference. False when nobody had waited for that."""
        events = self._written.ledger.resolve(resolved._replace(at_ms=self._written.now_ms()))
        await self._written.write(events)
        return bool(events)

    async def reconcile(self, from_ms: int, to_ms: int, rows: Sequence[StatementRow] | None = None) -> Report:
        """Compare the ledger with a statement: the supplier's own, or these rows. See engine/supply/reconciling.py.

        What it says of open attempts is learned; what differs is told to a person, once. Raises NotDone or InDoubt.
        """
        return await self._reconciler.reconcile(from_ms, to_ms, rows)

    def state(self) -> DeskState:
        """The desk as a router needs it."""
        ledger, supplier = self._written.ledger, self._counter.supplier
        most, exposure = ledger.caution, ledger.exposure
        wares = {product: ware for product in self._counter.products if (ware := self._ware(product))}
        return DeskState(
            lets_through=not supplier.is_paused and self._written.failure is None and self._lets_through(),
            room_units=max(0, most.exposure_units_max - exposure.units),
            room=Money(max(0, most.exposure_max.minor - exposure.minor), most.exposure_max.currency),
            balance=self._watcher.balance,
            wares=wares,
            open=[self._open_purchase(entry) for entry in {**ledger.open, **ledger.waiting}.values()],
        )

    def view(self) -> DeskView:
        """The desk as its page shows it."""
        ledger = self._written.ledger
        return DeskView(
            *(self._counter.supplier.is_paused, self._lets_through(), self.breaker.is_closed, self._watcher.balance),
            *(ledger.exposure, len(ledger.open), len(ledger.waiting)),
            tasks=len(ledger.disputed) + len(self.differences()),
            unheeded=self._keeping.unheeded,
        )

    def count(self) -> None:
        """Let the metrics know how things stand."""
        balance = self._watcher.balance
        view = self.view()
        self.metrics.stands(
            self._written.ledger,
            tasks=view.tasks,
            is_closed=view.is_closed,
            balance_minor=None if balance is None else balance.minor,
        )

    def attempts(self, wanted: Wanted, page: Page) -> AttemptPage:
        """One page of attempts that are in memory."""
        return attempt_page(self._written.ledger, wanted, page)

    def differences(self) -> Sequence[Noted]:
        """What statements said otherwise, and nobody has dealt with."""
        return open_differences(self._written.ledger)

    async def _begin(self, attempt: Attempt, product: str, account: str) -> Entry:
        """Write an attempt down and start its purchase; another's, if it began meanwhile. Raises SupplierNotAsked."""
        sealed = b""
        if account:
            sealed = await self._doors.vault.seal_secret(account_place(self.name), account.encode())
        self._check(attempt)
        if not await self._counter.pace.take(turn_wait_s):
            raise self._not_asked("RATE_LIMITED")
        written = self._written
        if attempt.attempt not in written.ledger.entries:
            self._check(attempt)  # Others went through meanwhile.
            now_ms, decided = written.now_ms(), self._counter.moment()
            begun = written.ledger.begin(attempt, now_ms, product, sealed)
            durable = written.write([*begun, *written.ledger.send(attempt.attempt, now_ms)])
            self.breaker.begins()
            task = asyncio.get_running_loop().create_task(self._purchase(attempt.attempt, decided, durable))
            self._purchases[attempt.attempt] = task
            task.add_done_callback(lambda _: self._ended(attempt.attempt, task))
        return written.ledger.entries[attempt.attempt]

    def _check(self, attempt: Attempt) -> None:
        """Raise what keeps this attempt from being made; see engine.errors.NotDone."""
        self._written.check()
        ledger, supplier = self._written.ledger, self._counter.supplier
        faults = {
            "PAUSED": supplier.is_paused,
            "OTHER_CURRENCY": attempt.cost_max.currency != ledger.caution.exposure_max.currency,
            "BREAKER_OPEN": not self._lets_through(),
            "ORDER_UNSETTLED": ledger.stands_in_the_way(attempt),
        }
        for why, is_so in faults.items():
            if is_so:
                raise self._not_asked(why)
        if not ledger.room_for(attempt):
            raise self._not_asked("EXPOSURE_FULL")

    def _not_asked(self, why: str) -> SupplierNotAsked:
        self.metrics.not_asked(why)
        return SupplierNotAsked(why)

    async def _purchase(self, attempt: AttemptId, decided: Moment, durable: asyncio.Future[None]) -> Bought:
        """Send what was written down, once that is durable, and take in the answer."""
        await durable
        entry = self._written.ledger.entries[attempt]
        began_s = asyncio.get_running_loop().time()
        told = await self._counter.order(entry, decided)
        is_fault = isinstance(told.finding, NotSent | Silent) and told.finding != TOO_LATE
        self.breaker.ends(self._loop_ms(), is_well=not is_fault)
        if isinstance(told.finding, Refused):
            self._watcher.hurry()
        try:
            bought = await self._take_in(entry, told)
        except PoolClosed as replaced:
            raise InDoubt(f"{attempt} was sent, and another copy settles it: {replaced}") from replaced
        self.metrics.ended(bought.standing, asyncio.get_running_loop().time() - began_s)
        return bought

    def _ended(self, attempt: AttemptId, task: "asyncio.Task[Bought]") -> None:
        """A purchase has come as far as it does at once: what is open is settled from now on."""
        self._purchases.pop(attempt, None)
        failure = None if task.cancelled() else task.exception()
        if failure is not None:
            _log.warning("purchase_broke_off attempt=%s cause=%s", attempt, type(failure).__name__)
        if not task.cancelled():
            self._settler.watch(self._written.ledger.entries[attempt])

    async def _take_in(self, entry: Entry, told: Told, vouched: Vouched | None = None) -> Bought:
        """Write down what was told of an attempt, and put into stock what came; see the rules."""
        ledger, written, finding = self._written.ledger, self._written, told.finding
        is_counted = isinstance(finding, Delivered) and entry.attempt.kind is Kind.CODES
        who = "" if vouched is None else vouched.who
        sealed = await self.stocking.seal(entry.name, told.goods, who) if is_counted else b""
        codes = len(told.goods) if is_counted and (told.goods or vouched is None) else None
        if vouched is not None and _is_old(finding, entry) and await self._is_new_to_stock(entry, told.goods):
            raise AttemptDelivered(f"{entry.name} stands delivered already")
        field, deliveries = self.stocking.field_of_next(entry), len(entry.costs)
        if vouched is None:
            events = ledger.learn(entry.name, finding, written.now_ms(), codes=codes)
        else:
            events = ledger.vouch(vouched, finding, codes=codes)
        has_come, delivery = bool(sealed) and len(entry.costs) > deliveries, len(entry.costs)
        durable = written.write(events, {field: sealed} if has_come else None)
        if entry.standing is Standing.FAILED and entry.attempt.kind is Kind.CODES and vouched is None:
            return _bought(entry, finding)
        await durable
        if has_come:
            await asyncio.wait([self.stocking.begin(entry, delivery, sealed)], timeout=shelving_wait_s)
        return _bought(entry, finding)

    async def _is_new_to_stock(self, entry: Entry, goods: Sequence[Good]) -> bool:
        """Whether some of these codes never came: told once more, those that did are no news."""
        return bool(goods) and await self._doors.shelver.missing(entry.attempt.pool, goods) > 0

    def _tell(self, events: Sequence[object]) -> None:
        for event in events:
            if isinstance(event, Disputed):
                self.metrics.disputed(event.dispute)
                _log.warning("attempt_disputed attempt=%s dispute=%s", event.attempt, event.dispute)

    def _lets_through(self) -> bool:
        return self.breaker.lets_through(self._loop_ms())

    def _loop_ms(self) -> int:
        """A clock that never steps, for the breaker."""
        return int(1_000 * asyncio.get_running_loop().time())

    def _ware(self, product: str) -> Ware | None:
        return self._watcher.wares.get(product)

    def _open_purchase(self, entry: Entry) -> OpenPurchase:
        is_in_doubt = entry.standing is Standing.IN_DOUBT or (
            entry.standing is Standing.BEGUN and entry.name not in self._purchases
        )
        return OpenPurchase(entry.name, entry.attempt.pool, entry.attempt.quantity, is_in_doubt)


def _is_old(finding: Finding, entry: Entry) -> bool:
    """Whether it is a delivery of what stands delivered already, and by no new order of the supplier's."""
    if not isinstance(finding, Delivered) or entry.standing is not Standing.DELIVERED:
        return False
    return not entry.is_new(finding.order_no)


def _bought(entry: Entry, finding: Finding | None = None) -> Bought:
    """How a purchase stands. One that was begun and not heard of is in doubt for whoever asks."""
    standing = Standing.IN_DOUBT if entry.standing is Standing.BEGUN else entry.standing
    shelved = None
    if standing is Standing.DELIVERED and not entry.waiting:
        shelved = Shelved(entry.fresh, entry.known)
    return Bought(standing, getattr(finding, "why", ""), shelved)
