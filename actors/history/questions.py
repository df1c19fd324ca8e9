"""What is said between who wants a report and who makes it. Knows nothing of the database, which few processes load."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

#: The table of what is in stock, beside those of history.
STOCK = "in_stock"

#: The failure of a report about a SKU that nobody knows.
UNKNOWN_SKU = "UnknownSku"


class Place(NamedTuple):
    """Where store and history are; what does not fit into memory goes to `spill`."""

    store_url: str
    history: str
    spill: str


class Asked(NamedTuple):
    """One report. `by` are dimensions; `sku` is empty for all of the tenant; moments in milliseconds since 1970."""

    report: str
    tenant: str
    sku: str
    by: Sequence[str]
    from_ms: int
    to_ms: int
    utc_offset_ms: int
    rows_max: int


class Question(NamedTuple):
    """SQL over these tables (and STOCK), with its values by name, and its bounds."""

    sql: str
    values: Mapping[str, Any]
    tables: Sequence[str]
    rows_max: int
    within_s: float
