"""Codes that a supplier delivered go into stock: once, however often the delivery is told and whoever dies meanwhile.

Rules.
1. A delivery is an import whose id is the attempt's: opened, received chunk by chunk, closed. Opened again, it goes on
   where it was.
2. What a code is known by is its fingerprint. Which of a delivery are in stock already the store says; the pool, which
   decides, refuses a chunk that brings one of them all the same, and the rest is sent again.
3. So nothing is remembered here. A second telling finds the codes of the first, and puts in what it brings besides:
   where the first import is closed, in one more.
"""

import secrets
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from actors.dispatch import Dispatch
from actors.supply.ports import Origin, Shelved, UnitCost
from engine import limits
from engine.errors import InDoubt, InvariantBroken, NotDone
from engine.names import BatchNo, Card, PoolName, batch_of
from engine.ports import SealedCards, Vault
from engine.secrecy.normal import code_fault
from engine.stock import commands as ask
from engine.stock import outcomes as said
from engine.supply.attempts import AttemptId
from engine.supply.ports import Good

#: Imports of one attempt: one, and one for each further delivery of it that came after the last was closed.
parts_max = 16

#: Steps of one import that may come to nothing, because somebody else puts the same codes in or goes on with the same
#: import, before whoever asked has to ask again.
_STEPS_LOST_MAX = 16


class CostCurrencyRefused(NotDone):
    """The SKU's costs are counted in another currency than its sourcing says: mend the sourcing."""


class _Item(NamedTuple):
    code: str
    expires_at_ms: int | None
    print: bytes


class PoolShelver:
    """The shelver of real pools. Codes are sealed here: nothing behind it sees one in plain."""

    def __init__(self, dispatch: Dispatch, cards: SealedCards, vault: Vault) -> None:
        self._dispatch = dispatch
        self._cards = cards
        self._vault = vault

    async def shelve(
        self,
        pool: PoolName,
        attempt: AttemptId,
        goods: Sequence[Good],
        unit_cost: UnitCost | None,
        origin: Origin,
    ) -> Shelved:
        """See Shelver."""
        sound, prints = await self._printed(pool, goods)
        items: dict[bytes, _Item] = {}
        for good, print_ in zip(sound, prints, strict=True):
            items.setdefault(print_, _Item(good.code.strip(), good.expires_at_ms, print_))
        delivery = _Delivery(self._dispatch, self._cards, self._vault, pool, tuple(items.values()))
        try:
            ours = await delivery.put_in(attempt, unit_cost, origin)
        except NotDone as failure:
            if delivery.has_begun:
                raise InDoubt(f"some codes of {attempt} may be in stock: {failure}") from failure
            raise
        return Shelved(ours, len(sound) - ours)

    async def missing(self, pool: PoolName, goods: Sequence[Good]) -> int:
        """See Shelver."""
        _, prints = await self._printed(pool, goods)
        return sum(card is None for card in await self._cards.trace(pool, prints))

    async def _printed(self, pool: PoolName, goods: Sequence[Good]) -> tuple[Sequence[Good], Sequence[bytes]]:
        """Those that can be codes, and what each is known by."""
        sound = [good for good in goods if not code_fault(good.code.strip())]
        return sound, await self._vault.fingerprint(pool, [good.code.strip() for good in sound])


class _Delivery:
    """The different codes of one delivery, on their way."""

    def __init__(
        self, dispatch: Dispatch, cards: SealedCards, vault: Vault, pool: PoolName, items: Sequence[_Item]
    ) -> None:
        self._dispatch = dispatch
        self._cards = cards
        self._vault = vault
        self._pool = pool
        self._items = items
        self._steps_lost = 0
        #: Whether a code may be in stock because of it.
        self.has_begun = False

    async def put_in(self, attempt: AttemptId, unit_cost: UnitCost | None, origin: Origin) -> int:
        """Put in what is in no stock yet. Answers how many of the codes are in stock by this attempt."""
        part = 0
        while None in (found := await self._found()):
            part += 1
            if part > parts_max:
                raise InvariantBroken(f"{attempt} was delivered {parts_max} times, each time with other codes")
            view = await self._opened(attempt if part == 1 else f"{attempt}/{part}", unit_cost, origin)
            if view.is_open:
                await self._fill(view)
        cards_in = Counter(batch_of(card) for card in found if card is not None)
        return sum([cards for batch, cards in cards_in.items() if await self._is_ours(batch, attempt)])

    async def _opened(self, import_id: str, unit_cost: UnitCost | None, origin: Origin) -> said.BatchView:
        data_key = await self._vault.new_data_key(self._pool)
        request_id = f"open/{secrets.token_hex(16)}"
        paid, landed = (None, None) if unit_cost is None else unit_cost
        landed = None if landed == paid else landed
        command = ask.OpenBatch(
            request_id, import_id, str(origin.supplier), origin.importer, paid, None, data_key, landed
        )
        opened = await self._ask(command)
        if isinstance(opened, said.Refused):
            raise CostCurrencyRefused(f"{self._pool}: {opened.reason} {dict(opened.facts)}")
        assert isinstance(opened, said.ImportReady)
        return opened.view

    async def _fill(self, view: said.BatchView) -> None:
        """Let an open batch receive what is in no stock, until there is no such code or somebody has closed it."""
        chunk, serial = view.next_chunk, view.next_serial
        data_key = await self._cards.data_key(self._pool, view.batch)
        while items := await self._missing():
            codes = [item.code for item in items]
            sealed = await self._vault.seal(self._pool, view.batch, data_key, serial, codes)
            prints = tuple(item.print for item in items)
            self.has_begun = True
            outcome = await self._ask(ask.Receive(view.batch, chunk, serial, _lots(items), prints, tuple(sealed)))
            if isinstance(outcome, said.Received):
                chunk, serial = outcome.next_chunk, outcome.next_serial
                self._lose_step(is_lost=outcome.again)
                continue
            assert isinstance(outcome, said.Refused)
            if outcome.reason is said.Reason.IMPORT_CLOSED:
                return
            if outcome.reason is said.Reason.IMPORT_OUT_OF_STEP:
                facts = dict(outcome.facts)
                chunk, serial = int(facts["nextChunk"]), int(facts["nextSerial"])
            else:
                assert outcome.reason is said.Reason.DUPLICATES_IN_STOCK
            self._lose_step(is_lost=True)

    def _lose_step(self, *, is_lost: bool) -> None:
        self._steps_lost += is_lost
        if self._steps_lost > _STEPS_LOST_MAX:
            raise InDoubt(f"others put the same codes into {self._pool} at the same time")

    async def _found(self) -> Sequence[Card | None]:
        """Where each code is in stock, as far as it is."""
        return await self._cards.trace(self._pool, [item.print for item in self._items])

    async def _missing(self) -> Sequence[_Item]:
        """The next chunk of what is in no stock, in order of expiry."""
        found = await self._found()
        missing = [item for item, card in zip(self._items, found, strict=True) if card is None]
        missing.sort(key=lambda item: item.expires_at_ms or 0)
        return missing[: limits.chunk_cards_max]

    async def _is_ours(self, batch: BatchNo, attempt: AttemptId) -> bool:
        """Whether a batch came by this attempt; if so, it is whole now."""
        page = await self._ask(ask.ListBatches(batch - 1, 1))
        assert isinstance(page, said.Batches)
        (view,) = page.views
        is_ours = view.import_id == attempt or view.import_id.startswith(f"{attempt}/")
        if is_ours and view.is_open:
            await self._ask(ask.CloseBatch(batch))
        return is_ours

    async def _ask(self, command: ask.Command) -> said.Outcome:
        answer = await self._dispatch.ask(self._pool, command, 0)
        assert answer.outcome is not None, "a question without a deadline is answered"
        return answer.outcome


def _lots(items: Sequence[_Item]) -> tuple[tuple[int, int | None], ...]:
    return tuple(
        (len(list(some)), expires_at_ms) for expires_at_ms, some in groupby(items, key=lambda item: item.expires_at_ms)
    )
