"""What a desk's process is made with: lines to suppliers, and the way from a delivery to the shelf."""

# ruff: noqa: PLC0415 - every process of the cluster reads this file, and few need what a desk is made of

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.adapters.redis_store import RedisStore
    from actors.settings import Settings
    from actors.supply.desk_host import Outfit
    from engine.ports import Clock, Vault


def outfit_for(settings: "Settings", store: "RedisStore", vault: "Vault", clock: "Clock") -> "Outfit":
    """The outfit of a desk in this process."""
    from actors.adapters.redis_registry import RedisRegistry
    from actors.dispatch import Dispatch
    from actors.roads import roads
    from actors.suppliers.protocols import line_to
    from actors.supply.desk_host import Outfit
    from actors.supply.shelving import PoolShelver

    token, connect = settings.token.get_secret_value(), roads(settings).connect
    dispatch = Dispatch(RedisRegistry(store.line), clock, token, connect=connect)

    return Outfit(line_to, PoolShelver(dispatch, store, vault), dispatch.watch, dispatch.close)
