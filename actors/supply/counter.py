"""The counter at which one supplier is dealt with: its profile as staff last set it, the line there, and the pace.

What goes over it never raises for what the world does: the answer is a finding. An answer that its place in the
protocol does not bear (a refusal to a question, a delivery of codes without codes) says nothing, and is taken so.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import NamedTuple

from actors.supply.pace import Pace
from engine.errors import CardkeepError, NotDone
from engine.names import SupplierName
from engine.ports import Clock, Vault
from engine.supply.attempts import Accepted, Delivered, Finding, Kind, NotSent, Silent
from engine.supply.entry import Entry
from engine.supply.ports import Ability, Order, SupplierBook, SupplierLine, Told
from engine.supply.settling import answered, stale_after_ms
from engine.supply.suppliers import SPOKEN_BY, Supplier, credentials_place, speaks_otherwise

#: Longer than a line may take by itself; one that does not keep to its own bound is not waited for.
_OVERTIME_S = 1.0

#: Questions under way at once. Each has taken its turn of the pace ahead, and a purchase waits behind them.
questions_max = 4

#: How long a question waits for its turn.
_QUESTION_WAIT_S = 60.0

#: What becomes of an order that could have left only long after it was decided; no fault of the supplier's.
TOO_LATE = NotSent("TOO_LATE")

_log = logging.getLogger(__name__)

LineTo = Callable[[Supplier, Mapping[str, str], Clock], SupplierLine]
"""Makes the line that a supplier's protocol asks for, with its credentials opened. Raises ValueError for options that
make no sense."""


class Moment(NamedTuple):
    """By the wall clock, which may step, and by one that stands still while the machine sleeps."""

    wall_ms: int
    steady_ms: int

    def ms_since(self, before: "Moment") -> int:
        """How long ago that was, by the clock that says longer."""
        return max(self.wall_ms - before.wall_ms, self.steady_ms - before.steady_ms)


class SupplierUnknown(NotDone):
    """The book has no such supplier, or its protocol or options make no line."""


def account_place(supplier: SupplierName) -> str:
    """What a sealed account of a recharge is bound to."""
    return f"{supplier}/accounts"


async def sealed_credentials(vault: Vault, supplier: SupplierName, fields: Mapping[str, str]) -> bytes:
    """Credentials as a profile has them; none when there are no fields."""
    return await vault.seal_secret(credentials_place(supplier), json.dumps(dict(fields)).encode()) if fields else b""


class Counter:
    """See above. `open` comes first; `refresh` follows the book."""

    def __init__(self, name: SupplierName, book: SupplierBook, vault: Vault, clock: Clock, line_to: LineTo) -> None:
        self.supplier: Supplier
        self.pace = Pace(0.0)
        #: What SKUs are bought as here.
        self.products: AbstractSet[str] = frozenset()
        self._name = name
        self._book = book
        self._vault = vault
        self._clock = clock
        self._line_to = line_to
        self._version = -1
        self._line: SupplierLine
        self._hanging_up: set[asyncio.Task[None]] = set()
        self._questions = asyncio.Semaphore(questions_max)

    @property
    def line(self) -> SupplierLine:
        """The line as of now."""
        return self._line

    def can(self, ability: Ability) -> bool:
        """Whether the supplier offers this."""
        return ability in self._line.abilities

    async def open(self) -> None:
        """Read the profile and make the line, once. Raises SupplierUnknown, StoreUnavailable or UnreadableSecret."""
        if self._version >= 0:
            await self.refresh()
            return
        version, supplier, products = await self._read()
        if supplier is None:
            raise SupplierUnknown(f"there is no {self._name}")
        self._line = await self._new_line(supplier)
        self._take(supplier, products, version)

    async def refresh(self) -> bool:
        """Take over what staff have changed; whether there was anything.

        Raises as `open` does. Where no line can be made of the new profile the old one is spoken on, and all else that
        staff said holds: a pause, a limit, a pace.
        """
        if await self._book.version() == self._version:
            return False
        version, supplier, products = await self._read()
        if supplier is None:  # The book came back empty; what was said last still holds.
            return False
        if speaks_otherwise(self.supplier, supplier):
            try:
                line = await self._new_line(supplier)
            except CardkeepError:
                spoken = {field: getattr(self.supplier, field) for field in SPOKEN_BY}
                self._take(supplier._replace(**spoken), products, self._version)
                raise
            self._hang_up(self._line)
            self._line = line
        self._take(supplier, products, version)
        return True

    async def close(self) -> None:
        """Hang up."""
        for task in self._hanging_up:
            task.cancel()
        await self._line.close()

    async def order(self, entry: Entry, decided: Moment) -> Told:
        """Send an attempt, whose sending is durable and whose turn has come; not when that was decided too long ago.

        Then this process was frozen, or the store away, and a later copy may have taken it for not bought.
        """
        if self.moment().ms_since(decided) > stale_after_ms(self.supplier):
            return Told(TOO_LATE)
        return await self._told(entry, self._line.order, self.supplier.answer_within_ms)

    def moment(self) -> Moment:
        """Now."""
        return Moment(self._clock.now_ms(), int(1_000 * asyncio.get_running_loop().time()))

    async def look_up(self, entry: Entry, order_nos: Sequence[str] | None = None) -> Told:
        """Ask how an attempt stands, or one of its orders: by the numbers that are known, unless others are given."""
        line, numbers = self._line, list(entry.order_nos if order_nos is None else order_nos)
        return await self._question(entry, lambda order: line.look_up(order, numbers))

    async def reverse(self, entry: Entry) -> Told:
        """Ask that an attempt be taken back."""
        line = self._line
        return await self._question(entry, lambda order: line.reverse(order, list(entry.order_nos)))

    async def send_again(self, entry: Entry, write: Callable[[], Awaitable[None]]) -> Told | None:
        """Send an attempt under the same id once more, once `write` has made that durable; None without a turn."""
        async with self._questions:
            if not await self.pace.take(_QUESTION_WAIT_S) or not entry.is_open:
                return None
            decided = self.moment()
            await write()
            return await self.order(entry, decided)

    async def _question(self, entry: Entry, ask: Callable[[Order], Awaitable[Told]]) -> Told:
        async with self._questions:
            if not await self.pace.take(_QUESTION_WAIT_S):
                return Told(Silent("no turn"))
            told = await self._told(entry, ask, self.supplier.answer_within_ms)
        return told._replace(finding=answered(entry, told.finding))

    async def _told(self, entry: Entry, ask: Callable[[Order], Awaitable[Told]], within_ms: int) -> Told:
        try:
            order = await self._order(entry)
        except Exception as mistake:  # noqa: BLE001 - nothing has left, whatever it is
            _log.error("order_not_made attempt=%s cause=%s", entry.name, type(mistake).__name__)
            return Told(NotSent(type(mistake).__name__))
        try:
            async with asyncio.timeout(within_ms / 1_000 + _OVERTIME_S):
                told = await ask(order)
        except TimeoutError:
            return Told(Silent("no answer in time"))
        except Exception as mistake:  # noqa: BLE001 - it may have sent before
            # Its text and its frames may hold what was sent or came, so only its kind is told.
            why = type(mistake).__name__
            _log.error("line_broke supplier=%s attempt=%s cause=%s", self._name, entry.name, why)
            return Told(Silent(f"the line broke: {type(mistake).__name__}"))
        return _sound(told, entry)

    async def _order(self, entry: Entry) -> Order:
        attempt = entry.attempt
        account = ""
        if entry.account:
            account = (await self._vault.open_secret(account_place(self._name), entry.account)).decode()
        return Order(attempt.attempt, attempt.kind, entry.product, attempt.quantity, attempt.cost_max, account)

    async def _new_line(self, supplier: Supplier) -> SupplierLine:
        fields: Mapping[str, str] = {}
        if supplier.credentials:
            opened = await self._vault.open_secret(credentials_place(supplier.name), supplier.credentials)
            fields = json.loads(opened)
        try:
            return self._line_to(supplier, fields, self._clock)
        except (ValueError, LookupError) as mistake:
            raise SupplierUnknown(f"{supplier.name} cannot be spoken to: {mistake}") from mistake

    async def _read(self) -> tuple[int, Supplier | None, AbstractSet[str]]:
        """The version first: what changes meanwhile is read again."""
        version = await self._book.version()
        supplier = (await self._book.suppliers()).get(self._name)
        sources = [source for sourcing in (await self._book.sourcings()).values() for source in sourcing.sources]
        return version, supplier, {source.product for source in sources if source.supplier == self._name}

    def _take(self, supplier: Supplier, products: AbstractSet[str], version: int) -> None:
        self.supplier, self.products = supplier, products
        self.pace.per_s = supplier.per_s
        self._version = version

    def _hang_up(self, line: SupplierLine) -> None:
        """Close a line once what is under way on it has had its time."""
        task = asyncio.get_running_loop().create_task(_closed_later(line, self.supplier.answer_within_ms))
        self._hanging_up.add(task)
        task.add_done_callback(self._hanging_up.discard)


async def _closed_later(line: SupplierLine, within_ms: int) -> None:
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(within_ms / 1_000 + 2 * _OVERTIME_S)
    await line.close()


def _sound(told: Told, entry: Entry) -> Told:
    """What was told, as far as it can be: codes belong to a delivery of codes, and that has some."""
    finding: Finding = told.finding
    if entry.attempt.kind is Kind.RECHARGE:
        return Told(finding)
    if isinstance(finding, Delivered) and not told.goods:
        # They may come with the next answer; until then they are on their way.
        return Told(Accepted(finding.order_no))
    return told if isinstance(finding, Delivered) else Told(finding)
