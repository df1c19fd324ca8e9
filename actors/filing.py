"""Archiving what a pool or a ledger may forget, in rounds between which a running sale has the store to itself."""

import asyncio
from collections.abc import Mapping
from itertools import islice

from engine.names import PoolName
from engine.ports import Archive

#: Entries archived in one round: one or two milliseconds of the store's time, for which an append of a sale waits.
entries_per_round_max = 200

#: After a round we rest so many times as long as it took: then a sale finds the store at this one time in four.
rest_share = 3.0

#: The longest rest: a round that takes longer than a third of this waits for something else than its own work.
rest_max_s = 0.1

#: All rests of one filing: a sale that goes on for minutes as fast as it can must not fill its journal faster than this
#: empties it.
rests_in_all_max_s = 3.0


async def file_away(
    archive: Archive, pool: PoolName, entries: Mapping[str, bytes], keep_ms: int | None, *, as_of_seq: int
) -> bool:
    """Archive all of it, however much there is; see Archive.keep.

    False when a later state was archived meanwhile: then nothing may be forgotten for the sake of these entries.
    Raises StoreUnavailable.
    """
    loop = asyncio.get_running_loop()
    left = iter(entries.items())
    rest_s, rests_left_s = 0.0, rests_in_all_max_s
    while part := dict(islice(left, entries_per_round_max)):
        await asyncio.sleep(rest_s)
        began_s = loop.time()
        if not await archive.keep(pool, part, keep_ms, as_of_seq=as_of_seq):
            return False
        rest_s = min(rest_max_s, rests_left_s, rest_share * (loop.time() - began_s))
        rests_left_s -= rest_s
    return True
