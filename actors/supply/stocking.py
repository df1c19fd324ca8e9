"""Delivered codes on their way into stock: sealed into the stash with the event that tells of them, out once shelved.

In this process, too, they stay sealed between two tries. What is tried twice is put in once: the shelver sees to that.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from actors.supply.conversion import Conversion
from actors.supply.ports import Origin, Shelver, UnitCost
from actors.supply.written_ledger import WrittenLedger
from engine.errors import CardkeepError, NotDone, StoreUnavailable
from engine.money import Money
from engine.names import SupplierName
from engine.ports import Vault
from engine.pricing.landing import Fees, Rate, landed
from engine.pricing.rates import RateUnusable
from engine.supply.attempts import AttemptId, Stocked
from engine.supply.codec import pack_goods, read_goods
from engine.supply.entry import Entry
from engine.supply.ports import Good, Stash
from engine.supply.settling import pause_ms

#: Deliveries that are shelved at the same time: each opens its codes and asks an owner.
shelving_max = 16

#: Pause before a key ring that refuses is tried again: the codes are in memory alone until then.
_SEAL_AGAIN_S = 1.0

#: Pause before codes that wait for a rate of exchange are tried again: staff who enter one look at once.
_RATE_AGAIN_S = 10.0

_log = logging.getLogger(__name__)


class Stocking:
    """One desk's deliveries. `supplier` is whose they are; `fees` come on top of what it charged."""

    def __init__(
        self,
        supplier: SupplierName,
        written: WrittenLedger,
        *,
        stash: Stash,
        vault: Vault,
        shelver: Shelver,
        conversion: Conversion,
    ) -> None:
        self.fees: Callable[[], Fees] = Fees
        self._supplier = supplier
        self._written = written
        self._stash = stash
        self._vault = vault
        self._shelver = shelver
        self._conversion = conversion
        self._tasks: dict[bytes, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(shelving_max)

    async def resume(self) -> None:
        """Go on with what waited when this ledger's former copy ended. Raises StoreUnavailable, PoolClosed.

        What is stashed and waits nowhere was left behind by a copy that ended in between. But only as long as nobody
        else has the ledger: what a later copy has bought is stashed, too, and not known here.
        """
        stashed = await self._stash.stashed(self._supplier.book)
        await self._written.write(())
        wanted = {
            _field(entry.name, delivery): (entry, delivery)
            for entry in self._written.ledger.waiting.values()
            for delivery in entry.waiting
        }
        await self._stash.unstash(self._supplier.book, [field for field in stashed if field not in wanted])
        for field, (entry, delivery) in wanted.items():
            if field in stashed:
                self.begin(entry, delivery, stashed[field])
            else:
                _log.error("stash_lacks_delivery attempt=%s delivery=%d", entry.name, delivery)

    async def seal(self, attempt: AttemptId, goods: Sequence[Good], who: str) -> bytes:
        """Codes of an attempt, sealed with who told them; empty for none. Waits for a key ring that refuses."""
        while goods:
            try:
                return await self._vault.seal_secret(self._place(attempt), pack_goods(goods, who))
            except CardkeepError:
                _log.exception("codes_unsealed attempt=%s", attempt)
                await asyncio.sleep(_SEAL_AGAIN_S)
        return b""

    def field_of_next(self, entry: Entry) -> bytes:
        """Under what the delivery is stashed that is about to be learned of."""
        return _field(entry.name, len(entry.costs) + 1)

    def begin(self, entry: Entry, delivery: int, sealed: bytes) -> asyncio.Task[None]:
        """Put a delivery into stock, now that it is durable. Whoever stops waiting changes nothing."""
        field = _field(entry.name, delivery)
        task = asyncio.get_running_loop().create_task(self._stock(entry, delivery, sealed))
        self._tasks[field] = task
        task.add_done_callback(lambda _: self._tasks.pop(field, None))
        return task

    async def close(self) -> None:
        """Stop; what waits is found again."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _stock(self, entry: Entry, delivery: int, sealed: bytes) -> None:
        tries = 0
        while self._written.failure is None:
            try:
                async with self._turns:
                    await self._shelve(entry, delivery, sealed)
                break
            except RateUnusable as missing:
                _log.warning("delivery_not_shelved attempt=%s delivery=%d cause=%s", entry.name, delivery, missing)
                await asyncio.sleep(_RATE_AGAIN_S)
                continue
            except CardkeepError as failure:
                _log.warning("delivery_not_shelved attempt=%s delivery=%d cause=%s", entry.name, delivery, failure)
            except Exception as mistake:  # noqa: BLE001 - codes wait whatever it was, and its text may quote one
                why = type(mistake).__name__
                _log.error("delivery_not_shelved attempt=%s delivery=%d cause=%s", entry.name, delivery, why)
            await asyncio.sleep(pause_ms(tries) / 1_000)
            tries += 1

    async def _shelve(self, entry: Entry, delivery: int, sealed: bytes) -> None:
        goods, who = read_goods(await self._vault.open_secret(self._place(entry.name), sealed))
        unit_cost = await self._unit_cost(entry, delivery, len(goods))
        # What a supplier delivered twice for one attempt is another import, or the second would be taken for the first.
        name = entry.name if delivery == 1 else AttemptId(f"{entry.name}~{delivery}")
        origin = Origin(self._supplier, who) if who else Origin(self._supplier)
        fresh, known = await self._shelver.shelve(entry.attempt.pool, name, goods, unit_cost, origin)
        if delivery in entry.waiting:
            stocked = Stocked(self._written.now_ms(), entry.name, delivery, fresh, known)
            await self._written.write(self._written.ledger.stock(stocked, len(goods)))
        else:  # A try before this one has said so, and may not have been heard.
            await self._written.write(())
        try:
            await self._stash.unstash(self._supplier.book, [_field(entry.name, delivery)])
        except (StoreUnavailable, NotDone) as away:
            _log.warning("stash_not_cleared attempt=%s cause=%s", entry.name, away)  # The next opening does.

    async def _unit_cost(self, entry: Entry, delivery: int, units: int) -> UnitCost:
        """By the rate of when it was bought, however late it comes. Raises RateUnusable: then the codes wait."""
        cost, fees = entry.costs[delivery - 1], self.fees()
        charged = Money(-(-cost.minor // units), cost.currency)
        rate = await self._conversion.rate(entry.attempt.pool, cost.currency, entry.begun_at_ms)
        return UnitCost(
            paid=landed(charged, fees, Rate(cost.currency, cost.currency, 1, 1, 0)), landed=landed(charged, fees, rate)
        )

    def _place(self, attempt: AttemptId) -> str:
        return f"{self._supplier}/deliveries/{attempt}"


def _field(attempt: AttemptId, delivery: int) -> bytes:
    return f"{delivery}/{attempt}".encode()
