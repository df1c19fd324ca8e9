"""Direct recharges: gives an order to a supplier, and to another one only when the first has surely not done it.

Whatever dies and whenever: what was decided stands in a journal of the order's own, and what became of it in the desk's
ledger. So nothing is kept here, and whoever asks again is told the same.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from actors.supply.market import Market
from actors.supply.ports import Bought, Desks
from engine.errors import Fenced, InDoubt, NotDone
from engine.names import PoolName, SupplierName
from engine.ports import Append, Clock, Journal, Position
from engine.supply.attempts import Standing
from engine.supply.recharging import (
    Chosen,
    Progress,
    Recharge,
    attempt_for,
    book_of,
    choices_max,
    pack_choice,
    read_progress,
)
from engine.supply.suppliers import Sourcing

#: How old a desk's word may be when a supplier is chosen.
_STATE_AGE_S = 0.5

_SURELY_NOT = frozenset((Standing.FAILED, Standing.REVERSED))


class Recharged(NamedTuple):
    """How an order stands. FAILED: nobody has done it, and nobody has it; `is_over` says that nobody ever will.

    DELIVERED is over. Of any other standing ask again later: nothing else may be done about the order before.
    """

    standing: Standing
    is_over: bool
    supplier: SupplierName | None = None
    why: str = ""


class Recharger:
    """See above. `sourcing_of` says how a SKU is bought; None when it is not."""

    def __init__(
        self,
        desks: Desks,
        journal: Journal,
        clock: Clock,
        *,
        market: Market,
        sourcing_of: Callable[[PoolName], Sourcing | None],
    ) -> None:
        self._desks = desks
        self._journal = journal
        self._clock = clock
        self._market = market
        self._sourcing_of = sourcing_of

    async def recharge(self, order: Recharge) -> Recharged:
        """Have it done, or find out how it stands; ask as often as wanted, with the same order.

        Raises NotDone (nothing is known of it now: ask again), InDoubt or InvariantBroken.
        """
        return await _Order(self, order).go_on()

    async def give_up(self, order: Recharge) -> Recharged:
        """Have it never done from now on, if it surely was not; else how it stands. Raises as `recharge` does."""
        return await _Order(self, order).give_up()

    async def choose(self, order: Recharge, tried: Progress) -> Chosen | None:
        """Whom to give it to next; None when nobody else can do it now."""
        sourcing, number = self._sourcing_of(order.pool), len(tried.choices) + 1
        if sourcing is None or sourcing.is_paused or number > choices_max:
            return None
        before = {choice.supplier for choice in tried.choices}
        left = sourcing._replace(sources=tuple(each for each in sourcing.sources if each.supplier not in before))
        await self._market.refresh([source.supplier for source in left.sources], _STATE_AGE_S)
        deal = self._market.choose(left, order.quantity, number, self._clock.now_ms())
        if deal is None or deal.units != order.quantity:
            return None
        attempt = attempt_for(order, number, deal.unit_cost_max.times(deal.units))
        return Chosen(deal.source.supplier, deal.source.product, attempt)

    async def buy(self, choice: Chosen, account: str) -> Bought:
        """Ask a desk; asked again, it says how the purchase stands."""
        return await self._desks.buy(choice.supplier, choice.attempt, choice.product, account)

    def note(self, choice: Chosen, standing: Standing, seconds: float) -> None:
        """Remember how a supplier did, for whoever chooses next."""
        sourcing = self._sourcing_of(choice.attempt.pool)
        if sourcing is None or standing is Standing.PENDING:
            return
        if standing is Standing.DELIVERED:
            self._market.went_well(sourcing, choice.supplier, int(seconds * 1_000))
        else:
            self._market.went_badly(sourcing.pool, choice.supplier, self._clock.now_ms())

    async def claim(self, book: PoolName) -> tuple[Progress, Position]:
        """Read what was decided, and let nobody else decide from here on."""
        history = await self._journal.claim(book)
        return read_progress(history.records), history.position

    async def write(self, book: PoolName, at: Position, record: bytes) -> Position:
        """Write a decision down. Raises InDoubt when nobody knows whether it is, Fenced when somebody else decides."""
        (position,) = await self._journal.append([Append(book, at.epoch, at.seq, 1, record, {})])
        if position != Position(at.epoch, at.seq + 1):
            raise Fenced(f"somebody else decides on {book}")
        return position


class _Order:
    """One order while somebody asks for it."""

    def __init__(self, recharger: Recharger, order: Recharge) -> None:
        self._recharger = recharger
        self._order = order
        self._book = book_of(order)
        self._progress = Progress()
        self._position = Position(0, 0)
        #: Whether the last choice is ours, and its desk has not been asked yet.
        self._is_first_asking = False

    async def go_on(self) -> Recharged:
        """Ask whom it was given to; give it to others as long as it surely was not done."""
        self._progress, self._position = await self._recharger.claim(self._book)
        while not self._progress.is_given_up:
            stands = await self._as_it_stands()
            if stands.standing not in _SURELY_NOT:
                return stands
            choice = await self._recharger.choose(self._order, self._progress)
            if choice is None:
                return stands
            await self._write(choice)
        return Recharged(Standing.FAILED, is_over=True, why="GIVEN_UP")

    async def give_up(self) -> Recharged:
        """See Recharger."""
        self._progress, self._position = await self._recharger.claim(self._book)
        if not self._progress.is_given_up:
            stands = await self._as_it_stands()
            if stands.standing not in _SURELY_NOT:
                return stands
            await self._write(None)
        return Recharged(Standing.FAILED, is_over=True, why="GIVEN_UP")

    async def _as_it_stands(self) -> Recharged:
        """What became of the last choice."""
        if not self._progress.choices:
            return Recharged(Standing.FAILED, is_over=False, why="NOBODY_CAN")
        last, is_first = self._progress.choices[-1], self._is_first_asking
        self._is_first_asking = False
        began_s = asyncio.get_running_loop().time()
        try:
            standing, why, *_ = await self._recharger.buy(last, self._order.account)
        except NotDone as failure:
            # Whoever else wrote the choice down may have asked before us, and be heard of later.
            standing, why = (Standing.FAILED if is_first else Standing.IN_DOUBT), str(failure)
        except InDoubt as failure:
            standing, why = Standing.IN_DOUBT, str(failure)
        standing = Standing.FAILED if standing is Standing.REVERSED else standing
        if is_first:
            self._recharger.note(last, standing, asyncio.get_running_loop().time() - began_s)
        return Recharged(standing, standing is Standing.DELIVERED, last.supplier, why)

    async def _write(self, choice: Chosen | None) -> None:
        try:
            self._position = await self._recharger.write(self._book, self._position, pack_choice(choice))
        except Fenced as gone:
            raise InDoubt(*gone.args) from gone
        if choice is None:
            return
        self._progress = self._progress._replace(choices=(*self._progress.choices, choice))
        self._is_first_asking = True
