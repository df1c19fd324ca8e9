"""A supplier and a shelf that are files, so that their truth outlives every desk's process."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from actors.adapters.redis_store import RedisStore
from actors.settings import Settings
from actors.supply.desk_host import Outfit
from actors.supply.ports import Origin, Shelved, UnitCost
from engine.money import Money
from engine.names import PoolName
from engine.ports import Clock, Vault
from engine.supply.attempts import AttemptId, Delivered, NotFound, Silent
from engine.supply.ports import Ability, Good, Order, Product, StatementRow, SupplierAway, Told
from engine.supply.suppliers import Supplier


class FileLine:
    """SupplierLine: each line of the file is an order. One whose id begins with `hang` is sold and never answered."""

    abilities = frozenset({Ability.LOOK_UP})

    def __init__(self, path: Path) -> None:
        self._path = path

    async def order(self, order: Order) -> Told:
        """See SupplierLine."""
        await asyncio.sleep(0.03)
        if not any(row["attempt"] == order.attempt for row in lines(self._path)):
            codes = [f"{order.attempt}-{at}" for at in range(order.quantity)]
            write(self._path, {"attempt": order.attempt, "codes": codes, "minor": 100 * order.quantity})
        await asyncio.sleep(0.03)
        if order.attempt.startswith("hang"):
            await asyncio.sleep(60)
            return Told(Silent("time-out"))
        return self._told(order.attempt)

    async def look_up(self, order: Order, order_nos: Sequence[str]) -> Told:
        """See SupplierLine."""
        del order_nos
        await asyncio.sleep(0.01)
        return self._told(order.attempt)

    async def reverse(self, order: Order, order_nos: Sequence[str]) -> Told:
        """See SupplierLine."""
        del order, order_nos
        return Told(Silent("not able"))

    async def balance(self) -> Money:
        """See SupplierLine."""
        raise SupplierAway("none")

    async def products(self) -> Sequence[Product]:
        """See SupplierLine."""
        raise SupplierAway("none")

    async def statement(self, from_ms: int, to_ms: int) -> Sequence[StatementRow]:
        """See SupplierLine."""
        del from_ms, to_ms
        raise SupplierAway("none")

    async def close(self) -> None:
        """See SupplierLine."""

    def _told(self, attempt: str) -> Told:
        for number, row in enumerate(lines(self._path)):
            if row["attempt"] == attempt:
                found = Delivered(f"S-{number}", len(row["codes"]), Money(row["minor"], "CNY"))
                return Told(found, [Good(code) for code in row["codes"]])
        return Told(NotFound())


class FileShelf:
    """Shelver: each line of the file is a code and the delivery that brought it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def shelve(
        self,
        pool: PoolName,
        attempt: AttemptId,
        goods: Sequence[Good],
        unit_cost: UnitCost | None,
        origin: Origin,
    ) -> Shelved:
        """See Shelver."""
        del pool, unit_cost, origin
        for good in goods:
            await asyncio.sleep(0.005)
            if not any(row["code"] == good.code for row in lines(self._path)):
                write(self._path, {"code": good.code, "attempt": attempt})
        fresh = [row["code"] for row in lines(self._path) if row["attempt"] == attempt]
        return Shelved(len(fresh), len(goods) - len(fresh))

    async def missing(self, pool: PoolName, goods: Sequence[Good]) -> int:
        """See Shelver."""
        del pool
        known = {row["code"] for row in lines(self._path)}
        return sum(good.code not in known for good in goods)


def outfit_for(settings: Settings, _store: RedisStore, _vault: Vault, _clock: Clock) -> Outfit:
    """See OutfitFor."""

    def line_to(_supplier: Supplier, _credentials: Mapping[str, str], _clock: Clock) -> FileLine:
        return FileLine(settings.data / "sold.jsonl")

    async def nothing() -> None:
        """There is nothing to run, nor to close."""

    return Outfit(line_to, FileShelf(settings.data / "shelf.jsonl"), nothing, nothing)


def lines(path: Path) -> list[dict[str, Any]]:
    """What the file has; a line that a killed process left half is none."""
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def write(path: Path, row: Mapping[str, Any]) -> None:
    """One line more, in one piece."""
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")
