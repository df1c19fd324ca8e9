"""At which rate a desk counts what it paid: the one of when it bought, into the currency of the SKU's cost."""

from collections.abc import Mapping

from engine.names import PoolName
from engine.pricing.landing import Rate
from engine.pricing.rates import Rates
from engine.supply.ports import SupplierBook


class Conversion:
    """Asks the book each time whether it has changed, for what a batch cost is written down once and for ever."""

    def __init__(self, book: SupplierBook) -> None:
        self._book = book
        self._version: int | None = None
        self._currencies: Mapping[PoolName, str] = {}
        self._rates = Rates()

    async def rate(self, pool: PoolName, paid_in: str, at_ms: int) -> Rate:
        """From `paid_in` to what the SKU's cost is counted in; one to one for a SKU that nobody said how to buy.

        Raises RateUnusable or StoreUnavailable.
        """
        version = await self._book.version()
        if version != self._version:
            sourcings = await self._book.sourcings()
            self._rates = Rates(await self._book.rates())
            self._currencies = {each.pool: each.unit_cost_max.currency for each in sourcings.values()}
            self._version = version
        return self._rates.between(pool.tenant, paid_in, self._currencies.get(pool, paid_in), at_ms)
