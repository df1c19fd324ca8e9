"""What start-up found out about the store, as every front end tells it."""

from typing import NamedTuple


class StoreFacts(NamedTuple):
    """The kind is "embedded" or "external"; server and its durability are in words."""

    kind: str
    server: str
    durability: str
