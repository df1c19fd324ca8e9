"""What a pool's keys are called in the store; what they hold, says append.lua."""

from functools import lru_cache

from engine.names import PoolName

#: How the keys of archive entries and of snapshots begin: each goes on with a name of its own, see `pool_key`.
ARCHIVE, SNAPSHOT = "archive:", "snapshot:"

#: Names of keys kept, about 200 bytes each: two for each of some thousand SKUs.
_keys_kept_max = 16_384


@lru_cache(_keys_kept_max)
def pool_key(pool: PoolName, name: str) -> str:
    """The key of that name, kept: only for names that come again. What comes once is put behind a kept beginning.

    All keys of a pool share a hash tag, so that they lie together in a cluster.
    """
    # A fold names tens of thousands of archive entries while a whole pool is in memory. Kept, they lay scattered over
    # all of the heap when the pool was gone, and hardly any of it could be given back.
    return f"ck:{{{pool.tenant}/{pool.sku}}}:{name}"
