"""A refill in its process: it follows the book, for the SKUs of its group, whatever befalls the book."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from pydantic import SecretStr

from actors.settings import Settings
from actors.supply import refill_host
from actors.supply.refill_host import RefillHost
from engine.errors import StoreUnavailable
from engine.names import PoolName, SupplierName
from engine.placing import refill_group
from engine.pricing.rates import EnteredRate
from engine.supply.recharging import Recharge
from engine.supply.suppliers import Sourcing, Supplier
from tests.unit.buying import Market
from tests.unit.corridor import until

_POOLS = [PoolName("default", f"SKU-{number}") for number in range(20)]


class _Book:
    """A book that staff write in, and that is away sometimes."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self.pools = _POOLS[:10]
        self.written = 1
        self.read = 0
        self.failure: Exception | None = None
        self.entered: list[EnteredRate] = []

    async def version(self) -> int:
        """See SupplierBook."""
        self.read += 1
        if self.failure is not None:
            raise self.failure
        return self.written

    async def suppliers(self) -> Mapping[SupplierName, Supplier]:
        """See SupplierBook."""
        return self._market.suppliers

    async def sourcings(self) -> Mapping[PoolName, Sourcing]:
        """See SupplierBook."""
        return {pool: self._market.sourcing(pool) for pool in self.pools}

    async def rates(self) -> Sequence[EnteredRate]:
        """See SupplierBook."""
        return self.entered


async def test_each_refill_watches_the_skus_of_its_group_and_follows_the_book(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every SKU is watched by one; a change counts within a round; a book that is away changes nothing."""
    monkeypatch.setattr(refill_host, "read_book_every_s", 0.001)
    market = Market("acme")
    book = _Book(market)
    settings = Settings(data=tmp_path, store_url=SecretStr(f"unix://{tmp_path}/nobody.sock"), refill_actors=3)
    hosts = [RefillHost(settings, group, market, book=book) for group in range(3)]  # type: ignore[arg-type]
    running = [asyncio.ensure_future(host.run()) for host in hosts]

    def watched() -> list[list[bool]]:
        return [[host.refill.nudge(pool) for host in hosts] for pool in _POOLS]

    await until(lambda: sum(map(sum, watched())) == 10)
    assert [each.index(True) for each in watched()[:10]] == [refill_group(pool, 3) for pool in _POOLS[:10]]
    for failure in (StoreUnavailable("away"), RuntimeError("a mistake")):
        book.failure, read = failure, book.read
        await until(lambda: book.read > read + 6)  # noqa: B023
    assert sum(map(sum, watched())) == 10
    book.failure, book.pools, book.written = None, _POOLS[5:], 2
    book.entered = [EnteredRate("default", "USD", "EUR", "0.9", 1, 1, "ann")]
    await until(lambda: sum(map(sum, watched())) == 15)
    assert [any(each) for each in watched()] == 5 * [False] + 15 * [True]
    assert {host.refill.market.rates.between("default", "USD", "EUR", 1).numerator for host in hosts} == {9}
    assert [await host.nudge(_POOLS[-1]) for host in hosts].count(True) == 1
    with pytest.raises(StoreUnavailable):
        await hosts[0].recharge(Recharge(_POOLS[-1], "order", "an account", 1))
    with pytest.raises(StoreUnavailable):
        await hosts[0].give_up(Recharge(_POOLS[-1], "order", "an account", 1))
    assert b"cardkeep_failover_decision_seconds" in await hosts[0].metrics()
    assert b"cardkeep_failover_choice_seconds" in await hosts[0].metrics()
    for task, host in zip(running, hosts, strict=True):
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await host.stop()


def test_groups_are_the_same_for_ever_and_about_alike() -> None:
    """A name's group does not depend on who asks, nor on the run."""
    assert [refill_group(pool, 4) for pool in _POOLS[:6]] == [refill_group(PoolName(*pool), 4) for pool in _POOLS[:6]]
    assert refill_group(PoolName("default", "DEMO"), 1) == 0
    counts = [0, 0, 0]
    for number in range(3_000):
        counts[refill_group(PoolName("default", f"SKU-{number}"), 3)] += 1
    assert min(counts) > 800
