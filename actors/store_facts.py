"""What start-up found out about the store, as every front end tells it; and whether it is there now."""

from typing import NamedTuple

from engine.errors import InDoubt, NotDone
from engine.ports import Registry


class StoreFacts(NamedTuple):
    """The kind is "embedded" or "external"; server and its durability are in words.

    `head` is the machine that keeps it, in a cluster of machines.
    """

    kind: str
    server: str
    durability: str
    head: str = ""


async def is_reachable(registry: Registry) -> bool:
    """Whether the store answers now."""
    try:
        await registry.placement_version()
    except (NotDone, InDoubt):
        return False
    return True
