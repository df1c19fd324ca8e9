"""The book of suppliers in the store: profiles, how each SKU is bought, rates of exchange. Keys: see append.lua."""

from collections.abc import Mapping, Sequence

from actors.adapters.redis_line import RedisLine
from engine.names import PoolName, SupplierName
from engine.pricing.rates import EnteredRate
from engine.supply.codec import pack_rate, pack_sourcing, pack_supplier, read_rate, read_sourcing, read_supplier
from engine.supply.suppliers import Sourcing, Supplier

_SUPPLIERS = "ck:{supply}:suppliers"
_SOURCINGS = "ck:{supply}:sourcings"
_RATES = "ck:{supply}:rates"
_VERSION = "ck:{supply}:version"


class RedisSupplierBook:
    """SupplierBook over a line that it may share: see `RedisStore.line`."""

    def __init__(self, line: RedisLine) -> None:
        self._line = line

    async def put_supplier(self, supplier: Supplier) -> None:
        """See SupplierBook."""
        await self._enter(_SUPPLIERS, "/".join(supplier.name), pack_supplier(supplier))

    async def put_sourcing(self, sourcing: Sourcing) -> None:
        """See SupplierBook."""
        await self._enter(_SOURCINGS, "/".join(sourcing.pool), pack_sourcing(sourcing))

    async def suppliers(self) -> Mapping[SupplierName, Supplier]:
        """See SupplierBook."""
        (fields,) = await self._line.ask([("HVALS", _SUPPLIERS)])
        suppliers = [read_supplier(field) for field in fields]
        return {supplier.name: supplier for supplier in suppliers}

    async def sourcings(self) -> Mapping[PoolName, Sourcing]:
        """See SupplierBook."""
        (fields,) = await self._line.ask([("HVALS", _SOURCINGS)])
        sourcings = [read_sourcing(field) for field in fields]
        return {sourcing.pool: sourcing for sourcing in sourcings}

    async def enter_rate(self, rate: EnteredRate, drop: Sequence[EnteredRate] = ()) -> None:
        """See SupplierBook."""
        await self._enter(_RATES, _rate_name(rate), pack_rate(rate))
        if drop:
            await self._line.change([("HDEL", _RATES, *map(_rate_name, drop))])

    async def rates(self) -> Sequence[EnteredRate]:
        """See SupplierBook."""
        (fields,) = await self._line.ask([("HVALS", _RATES)])
        return [read_rate(field) for field in fields]

    async def version(self) -> int:
        """See SupplierBook."""
        (version,) = await self._line.ask([("GET", _VERSION)])
        return int(version or 0)

    async def _enter(self, key: str, name: str, value: bytes) -> None:
        await self._line.change([("FCALL", "cardkeep_enter", 2, key, _VERSION, name, value)])


class MemorySupplierBook:
    """SupplierBook in memory, for tests; it passes the suite the real one passes."""

    def __init__(self) -> None:
        self._version = 0
        self._suppliers: dict[SupplierName, bytes] = {}
        self._sourcings: dict[PoolName, bytes] = {}
        self._rates: dict[str, bytes] = {}

    async def put_supplier(self, supplier: Supplier) -> None:
        """See SupplierBook."""
        packed = pack_supplier(supplier)
        self._version += self._suppliers.get(supplier.name) != packed
        self._suppliers[supplier.name] = packed

    async def put_sourcing(self, sourcing: Sourcing) -> None:
        """See SupplierBook."""
        packed = pack_sourcing(sourcing)
        self._version += self._sourcings.get(sourcing.pool) != packed
        self._sourcings[sourcing.pool] = packed

    async def suppliers(self) -> Mapping[SupplierName, Supplier]:
        """See SupplierBook."""
        return {name: read_supplier(packed) for name, packed in self._suppliers.items()}

    async def sourcings(self) -> Mapping[PoolName, Sourcing]:
        """See SupplierBook."""
        return {pool: read_sourcing(packed) for pool, packed in self._sourcings.items()}

    async def enter_rate(self, rate: EnteredRate, drop: Sequence[EnteredRate] = ()) -> None:
        """See SupplierBook."""
        packed = pack_rate(rate)
        self._version += self._rates.get(_rate_name(rate)) != packed
        self._rates[_rate_name(rate)] = packed
        for each in drop:
            self._rates.pop(_rate_name(each), None)

    async def rates(self) -> Sequence[EnteredRate]:
        """See SupplierBook."""
        return [read_rate(packed) for packed in self._rates.values()]

    async def version(self) -> int:
        """See SupplierBook."""
        return self._version


def _rate_name(rate: EnteredRate) -> str:
    return f"{rate.tenant}/{rate.source}/{rate.target}/{rate.from_ms}/{rate.entered_at_ms}"
