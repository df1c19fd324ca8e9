"""Archiving what a pool or a ledger may forget, in rounds that the store answers well within its patience."""

from collections.abc import Mapping
from itertools import islice

from engine.names import PoolName
from engine.ports import Archive

#: Entries archived in one round: about 4 ms of the store's time.
entries_per_round_max = 1_000


async def file_away(
    archive: Archive, pool: PoolName, entries: Mapping[str, bytes], keep_ms: int | None, *, as_of_seq: int
) -> bool:
    """Archive all of it, however much there is; see Archive.keep.

    False when a later state was archived meanwhile: then nothing may be forgotten for the sake of these entries.
    Raises StoreUnavailable.
    """
    rest = iter(entries.items())
    while part := dict(islice(rest, entries_per_round_max)):
        if not await archive.keep(pool, part, keep_ms, as_of_seq=as_of_seq):
            return False
    return True
