"""What a supplier says of itself between purchases: balance, prices and stock, asked for now and then.

After a refusal it is asked sooner: something has run out there, and the router should know.
"""

import asyncio
import logging
from collections.abc import Mapping

from actors.supply.counter import Counter
from actors.supply.ports import Ware
from engine.errors import CardkeepError
from engine.money import Money
from engine.supply.ports import Ability, SupplierAway

#: Between two questions for the balance: a purchase in between makes it wrong by what it cost.
balance_every_s = 60.0

#: Between two readings of the price list, which may be megabytes. Where something that is bought there has run out, it
#: is read as often as the balance is.
products_every_s = 300.0

#: Between two rounds after refusals.
hurry_every_s = 5.0

#: How long a price list or a balance may take.
answer_within_s = 30.0

#: Products kept of one supplier, about 200 bytes each.
products_max = 100_000

_log = logging.getLogger(__name__)


class Watcher:
    """One desk's. Nothing is known before the first answer, nor of what the supplier does not tell."""

    def __init__(self, counter: Counter) -> None:
        self.balance: Money | None = None
        self.wares: Mapping[str, Ware] = {}
        self._counter = counter
        self._hurried = asyncio.Event()

    def hurry(self) -> None:
        """Ask soon: something was refused."""
        self._hurried.set()

    async def run(self) -> None:
        """Ask, and ask again, until cancelled."""
        loop = asyncio.get_running_loop()
        products_at_s = loop.time()
        while True:
            await self.ask_balance()
            if self._hurried.is_set() or loop.time() >= products_at_s or self._lacks_something():
                self._hurried.clear()
                await self.ask_products()
                products_at_s = loop.time() + products_every_s
            await asyncio.sleep(hurry_every_s)
            try:
                async with asyncio.timeout(balance_every_s - hurry_every_s):
                    await self._hurried.wait()
            except TimeoutError:
                continue

    def _lacks_something(self) -> bool:
        """Whether a product that is bought there has run out, as far as is known: then nobody asks for it any more."""
        return any(ware.stock == 0 for name in self._counter.products if (ware := self.wares.get(name)) is not None)

    async def ask_balance(self) -> None:
        """Ask for the balance, where there is one."""
        if not self._counter.can(Ability.BALANCE) or not await self._counter.pace.take(answer_within_s):
            return
        try:
            async with asyncio.timeout(answer_within_s):
                self.balance = await self._counter.line.balance()
        except Exception as away:  # noqa: BLE001 - the last word stands, whatever the line did
            self._went_wrong("balance", away)
            return
        least = self._counter.supplier.balance_min
        if least is not None and least.currency == self.balance.currency and self.balance.minor < least.minor:
            _log.warning("balance_low supplier=%s balance=%s", self._counter.supplier.name, self.balance)

    async def ask_products(self) -> None:
        """Read the price list, where there is one."""
        if not self._counter.can(Ability.PRODUCTS) or not await self._counter.pace.take(answer_within_s):
            return
        try:
            async with asyncio.timeout(answer_within_s):
                products = await self._counter.line.products()
        except Exception as away:  # noqa: BLE001 - the last word stands, whatever the line did
            self._went_wrong("products", away)
            return
        self.wares = {each.product: Ware(each.unit_cost, each.stock) for each in products[:products_max]}

    def _went_wrong(self, question: str, mistake: Exception) -> None:
        why = str(mistake) if isinstance(mistake, SupplierAway | CardkeepError) else type(mistake).__name__
        _log.warning("supplier_untold supplier=%s question=%s cause=%s", self._counter.supplier.name, question, why)
