"""The book of suppliers in the store: their profiles, and how each SKU is bought. Keys: see append.lua."""

from collections.abc import Mapping

from actors.adapters.redis_line import RedisLine
from engine.names import PoolName, SupplierName
from engine.supply.codec import pack_sourcing, pack_supplier, read_sourcing, read_supplier
from engine.supply.suppliers import Sourcing, Supplier

_SUPPLIERS = "ck:{supply}:suppliers"
_SOURCINGS = "ck:{supply}:sourcings"
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

    async def version(self) -> int:
        """See SupplierBook."""
        return self._version
