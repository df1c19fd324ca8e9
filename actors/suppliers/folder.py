"""A supplier that drops files: a folder with a sub-folder for each product, and card files in those.

An order of n takes n codes that were never taken before, and writes down which before it answers (folder_claims.py);
the same attempt gets the same codes again as long as the files are there. Files are read anew for each order, about
100,000 lines a second: take away what is used up. Options: `unit_cost` (decimal text) where
the files have no cost column, `utc_offset_minutes` of their dates, `sure` = `yes` to read files whose columns had to
be guessed. What neither says what it cost is booked at the most that it might cost.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from actors.suppliers.exchange import Unreadable
from actors.suppliers.folder_claims import Claim, Claims, ClaimsDamaged
from actors.suppliers.folder_files import CardFiles
from actors.suppliers.reading import money, whole
from engine.intake.rows import Row
from engine.money import Money
from engine.supply.attempts import Delivered, Kind, NotFound, NotSent, Refused, Silent
from engine.supply.ports import Ability, Good, Order, Product, StatementRow, SupplierAway, Told
from engine.supply.suppliers import Supplier

T = TypeVar("T")

_OPTIONS = frozenset({"unit_cost", "utc_offset_minutes", "sure"})
_MINUTE_MS = 60_000

_TROUBLE = (OSError, ClaimsDamaged, TimeoutError)


class FolderLine:
    """SupplierLine of engine/supply/ports.py. Raises ValueError in words for options that do not do."""

    abilities = frozenset({Ability.LOOK_UP, Ability.PRODUCTS, Ability.STATEMENT})

    def __init__(
        self,
        supplier: Supplier,
        _credentials: Mapping[str, str],
        now_ms: Callable[[], int],
        _nonce: Callable[[], str],
    ) -> None:
        options, folder = supplier.options, Path(supplier.endpoint)
        unknown = sorted(set(options) - _OPTIONS)
        if unknown or not folder.is_absolute():
            raise ValueError(
                f"no option {', '.join(unknown)}; there are {', '.join(sorted(_OPTIONS))}"
                if unknown
                else "the endpoint is a folder, whole from its root"
            )
        try:
            self._unit_cost = money(options["unit_cost"], supplier.currency) if "unit_cost" in options else None
            utc_offset_ms = whole(options.get("utc_offset_minutes", "0")) * _MINUTE_MS
        except Unreadable as error:
            raise ValueError(f"an option cannot be read: {error}") from None
        self._currency = supplier.currency
        self._within_s = supplier.answer_within_ms / 1_000
        self._now_ms = now_ms
        self._claims = Claims(folder)
        self._files = CardFiles(
            folder,
            currency=supplier.currency,
            utc_offset_ms=utc_offset_ms,
            is_sure=options.get("sure") == "yes",
            now_ms=now_ms,
        )
        self._turn = asyncio.Lock()

    async def order(self, order: Order) -> Told:
        """See SupplierLine. Silent only when it cannot be told whether the claim was written."""
        return await self._in_thread(self._order, order)

    async def look_up(self, order: Order, order_nos: Sequence[str]) -> Told:  # noqa: ARG002 - our id is enough
        """See SupplierLine."""
        return await self._in_thread(self._look_up, order)

    async def reverse(self, order: Order, order_nos: Sequence[str]) -> Told:  # noqa: ARG002 - never
        """See SupplierLine. Nobody takes files back."""
        return Told(Silent("a folder takes nothing back"))

    async def balance(self) -> Money:
        """See SupplierLine."""
        raise SupplierAway("a folder has no balance")

    async def products(self) -> Sequence[Product]:
        """See SupplierLine. The cost is 0 where only the files say it."""
        return await self._in_thread_or_away(self._products)

    async def statement(self, from_ms: int, to_ms: int) -> Sequence[StatementRow]:
        """See SupplierLine."""
        rows = await self._in_thread_or_away(self._statement)
        return [row for row in rows if from_ms <= row.at_ms < to_ms]

    async def close(self) -> None:
        """See SupplierLine. There is nothing to hang up."""

    def _order(self, order: Order) -> Told:
        is_written = False
        try:
            with self._claims.locked(self._within_s):
                earlier = self._claims.of(order.attempt)
                if earlier is not None:
                    return self._given(earlier)
                chosen = self._choose(order)
                if isinstance(chosen, Refused):
                    return Told(chosen)
                marks = tuple(self._claims.mark(row.code) for row in chosen)
                cost = self._cost(chosen, order)
                if cost.minor > order.cost_max.minor:
                    return Told(Refused("TOO_DEAR"))
                number = self._claims.next_number()
                claim = Claim(number, order.attempt, order.product, self._now_ms(), cost, marks)
                is_written = True
                self._claims.add(claim)
                return _told(claim, [Good(row.code, row.expires_at_ms) for row in chosen])
        except _TROUBLE as error:
            return Told(Silent(type(error).__name__) if is_written else NotSent(type(error).__name__))

    def _choose(self, order: Order) -> Sequence[Row] | Refused:
        """Cards that nobody has, each once."""
        if order.kind is Kind.RECHARGE:
            return Refused("NO_RECHARGES")
        if not self._files.has(order.product):
            return Refused("NO_SUCH_PRODUCT")
        chosen: dict[str, Row] = {}
        for row in self._files.rows(order.product):
            mark = self._claims.mark(row.code)
            if not self._claims.has(mark):
                chosen.setdefault(mark, row)
            if len(chosen) == order.quantity:
                return list(chosen.values())
        return Refused("OUT_OF_STOCK")

    def _cost(self, rows: Sequence[Row], order: Order) -> Money:
        costs = [row.cost or self._unit_cost for row in rows]
        known = [cost.minor for cost in costs if cost is not None]
        return Money(sum(known), self._currency) if len(known) == len(rows) else order.cost_max

    def _look_up(self, order: Order) -> Told:
        try:
            with self._claims.locked(self._within_s):
                claim = self._claims.of(order.attempt)
                return Told(NotFound()) if claim is None else self._given(claim)
        except _TROUBLE as error:
            return Told(Silent(type(error).__name__))

    def _given(self, claim: Claim) -> Told:
        """A claim's codes, read again."""
        found: dict[str, Good] = {}
        wanted = set(claim.marks)
        with suppress(FileNotFoundError):
            for row in self._files.rows(claim.product):
                mark = self._claims.mark(row.code)
                if mark in wanted:
                    found.setdefault(mark, Good(row.code, row.expires_at_ms))
                if len(found) == len(wanted):
                    return _told(claim, [found[each] for each in claim.marks])
        return Told(Silent("codes of this claim are no longer in the folder"))

    def _products(self) -> Sequence[Product]:
        with self._claims.locked(self._within_s):
            return [
                Product(product, product, self._unit_cost or Money(0, self._currency), self._stock(product))
                for product in self._files.products()
            ]

    def _stock(self, product: str) -> int:
        marks = {self._claims.mark(row.code) for row in self._files.rows(product)}
        return sum(not self._claims.has(mark) for mark in marks)

    def _statement(self) -> Sequence[StatementRow]:
        with self._claims.locked(self._within_s):
            claims = self._claims.all()
        return [
            StatementRow(_order_no(claim), claim.attempt, len(claim.marks), claim.cost, claim.at_ms) for claim in claims
        ]

    async def _in_thread(self, work: Callable[[Order], Told], order: Order) -> Told:
        """One at a time, beside the loop: disks block."""
        async with self._turn:
            return await asyncio.shield(asyncio.to_thread(work, order))

    async def _in_thread_or_away(self, work: Callable[[], T]) -> T:
        try:
            async with self._turn:
                return await asyncio.shield(asyncio.to_thread(work))
        except _TROUBLE as error:
            raise SupplierAway(type(error).__name__) from None


def _told(claim: Claim, goods: Sequence[Good]) -> Told:
    return Told(Delivered(_order_no(claim), len(goods), claim.cost), goods)


def _order_no(claim: Claim) -> str:
    return f"claim-{claim.number}"
