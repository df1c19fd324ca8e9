"""What a pool's keys are called in the store; what they hold, says append.lua."""

from functools import lru_cache

from engine.names import PoolName

#: Names of keys kept, about 200 bytes each: two for each of some thousand SKUs.
_keys_kept_max = 16_384


@lru_cache(_keys_kept_max)
def pool_key(pool: PoolName, name: str) -> str:
    """The key of that name. All keys of a pool share a hash tag, so that they lie together in a cluster."""
    return f"ck:{{{pool.tenant}/{pool.sku}}}:{name}"
