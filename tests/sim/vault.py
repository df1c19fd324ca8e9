"""A vault that hides nothing, and decides nothing by chance: a run must be the same each time."""

from collections.abc import Sequence

from engine.names import BatchNo, PoolName
from engine.ports import SealedCard


class PlainVault:
    """Vault. A code's fingerprint and seal are the code itself."""

    async def new_data_key(self, pool: PoolName) -> bytes:
        """See Vault."""
        return f"key of {pool.sku}".encode()

    async def seal(
        self, _pool: PoolName, _batch: BatchNo, _data_key: bytes, _first_serial: int, codes: Sequence[str]
    ) -> Sequence[bytes]:
        """See Vault."""
        return [code.encode() for code in codes]

    async def open(self, _pool: PoolName, cards: Sequence[SealedCard]) -> Sequence[str]:
        """See Vault."""
        return [card.code.decode() for card in cards]

    async def fingerprint(self, _pool: PoolName, codes: Sequence[str]) -> Sequence[bytes]:
        """See Vault."""
        return [code.encode() for code in codes]

    async def rewrap(self, _pool: PoolName, data_key: bytes) -> bytes:
        """See Vault."""
        return data_key

    async def seal_secret(self, context: str, plain: bytes) -> bytes:
        """See Vault."""
        return context.encode() + b"\0" + plain

    async def open_secret(self, context: str, sealed: bytes) -> bytes:
        """See Vault."""
        place, _, plain = sealed.partition(b"\0")
        assert place == context.encode()
        return plain
