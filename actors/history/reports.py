"""The reports: what each asks of history, in SQL, and the rows it answers with.

A report groups by dimensions the asker picks; the others are empty in its rows. Amounts of different currencies are
never added up: each currency is a row of its own, and so is what has no cost or no price.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from actors.history.questions import STOCK, Asked, Question
from engine.limits import DAY_MS

#: Rows of one report: a screen of a day, a SKU or a supplier each; well below what one message may carry.
rows_max = 5_000

#: Seconds for one report, journals included.
report_s_max = 30.0

#: Days one report may look over: as long as history is kept unless told otherwise, and leap days.
range_days_max = 3_663

#: Days over whose sales the days of cover are reckoned: four whole weeks, so that weekends count alike.
cover_days = 28

#: Where the ages of stock part, in days.
AGES_DAYS = (30, 60, 90, 180)

_DIMENSIONS: Mapping[str, str] = {
    "sku": "sku",
    "supplier": "source",
    "channel": "channel",
    "day": "strftime(epoch_ms(at_ms + $utc_offset_ms), '%Y-%m-%d')",
    "month": "strftime(epoch_ms(at_ms + $utc_offset_ms), '%Y-%m')",
}
DIMENSIONS = tuple(_DIMENSIONS)


class Group(NamedTuple):
    """What a row is about; a dimension that was not asked for is empty."""

    sku: str
    supplier: str
    channel: str
    day: str
    month: str


class Margin(NamedTuple):
    """What cards shipped brought in, and what those very cards cost. `margin_minor` is None across currencies.

    `replaced` cards are among `units`: they cost, and bring in nothing.
    """

    group: Group
    revenue_currency: str
    cost_currency: str
    units: int
    replaced: int
    revenue_minor: int | None
    cost_minor: int | None
    margin_minor: int | None


class Sales(NamedTuple):
    """What was sold, by order; a card given in place of a bad one is no sale."""

    group: Group
    currency: str
    orders: int
    units: int
    revenue_minor: int | None


class Purchases(NamedTuple):
    """What arrived, and what it cost."""

    group: Group
    currency: str
    batches: int
    units: int
    cost_minor: int | None


class Demand(NamedTuple):
    """How holds began and ended; `out_of_stock` asked for more than was there."""

    group: Group
    held: int
    held_units: int
    confirmed: int
    released: int
    expired: int
    out_of_stock: int


class Price(NamedTuple):
    """A price that was another from then on; None: there was none, or none is known. See engine/history/tables.py."""

    sku: str
    channel: str
    batch: int
    at_ms: int
    before_minor: int | None
    before_currency: str
    price_minor: int | None
    currency: str
    who: str
    reasons: str


class Ageing(NamedTuple):
    """What is in stock, how old it is, and how long it lasts at the rate of the last `cover_days`; None: for ever.

    `by_age` are units in stock for less than each of AGES_DAYS, and the rest. The days of cover are of the whole group,
    whatever the currencies of its costs.
    """

    group: Group
    currency: str
    units: int
    available: int
    value_minor: int | None
    by_age: Sequence[int]
    oldest_ms: int
    next_expires_at_ms: int | None
    sold: int
    days_of_cover: float | None


ROWS: Mapping[str, type[NamedTuple]] = {
    "margin": Margin,
    "sales": Sales,
    "purchases": Purchases,
    "demand": Demand,
    "prices": Price,
    "ageing": Ageing,
}
"""Every report by its name, and its rows."""

MAY_GROUP_BY: Mapping[str, Sequence[str]] = {
    "margin": DIMENSIONS,
    "sales": DIMENSIONS,
    "purchases": ("sku", "supplier", "day", "month"),
    "demand": ("sku", "day", "month"),
    "prices": (),
    "ageing": ("sku", "supplier"),
}

_WITHIN = "at_ms >= $from_ms AND at_ms < $to_ms"

_MARGIN = """
SELECT *, CASE WHEN revenue_currency = unit_cost_currency THEN revenue - cost END FROM (
    SELECT {group}, revenue_currency, unit_cost_currency, sum(units),
        coalesce(sum(units) FILTER (kind <> 'sale'), 0), sum(revenue_minor) AS revenue,
        sum(units * unit_cost_minor) AS cost
    FROM sales WHERE {within} GROUP BY ALL
) ORDER BY ALL
"""

_SALES = """
SELECT {group}, revenue_currency, count(DISTINCT (sku, hold)), sum(units), sum(revenue_minor)
FROM sales WHERE {within} AND kind = 'sale' GROUP BY ALL ORDER BY ALL
"""

_PURCHASES = """
SELECT {group}, unit_cost_currency, count(DISTINCT (sku, batch)), sum(units), sum(units * unit_cost_minor)
FROM receipts WHERE {within} GROUP BY ALL ORDER BY ALL
"""

_DEMAND = """
SELECT {group}, sum(held), sum(held_units), sum(confirmed), sum(released), sum(expired), sum(out_of_stock)
FROM holds WHERE {within} GROUP BY ALL ORDER BY ALL
"""

_PRICES = """
SELECT sku, coalesce(channel, '') AS channel, coalesce(batch, 0) AS batch, at_ms, before_minor,
    coalesce(before_currency, ''), price_minor, price_currency, coalesce(who, ''), coalesce(reasons, '')
FROM prices WHERE {within} ORDER BY sku, channel, batch, at_ms, seq
"""

_BY_AGE = ", ".join(
    f"coalesce(sum(units) FILTER (age_ms >= {since * DAY_MS} AND age_ms < {until * DAY_MS}), 0)"
    for since, until in zip((0, *AGES_DAYS), (*AGES_DAYS, 100_000), strict=True)
)

_AGEING = """
WITH stock AS (
    SELECT {group}, unit_cost_currency AS currency, sum(units) AS units, sum(available) AS available,
        sum(units * unit_cost_minor) AS value_minor, [{by_age}] AS by_age, max(age_ms) AS oldest_ms,
        min(next_expires_at_ms) AS next_expires_at_ms
    FROM (SELECT *, greatest(0, $to_ms - received_at_ms) AS age_ms FROM {stock}) GROUP BY ALL
), sold AS (
    SELECT {group}, sum(units) AS sold FROM sales
    WHERE at_ms >= $to_ms - {cover_ms} AND at_ms < $to_ms GROUP BY ALL
)
SELECT sku, supplier, channel, day, month, currency, units, available, value_minor, by_age, oldest_ms,
    next_expires_at_ms, coalesce(sold, 0),
    sum(units) OVER (PARTITION BY sku, supplier) * {cover_days}.0 / sold AS days_of_cover
FROM stock LEFT JOIN sold USING (sku, supplier, channel, day, month)
ORDER BY days_of_cover DESC NULLS FIRST, value_minor DESC NULLS LAST, sku, supplier, currency
"""

_QUESTIONS: Mapping[str, tuple[str, Sequence[str]]] = {
    "margin": (_MARGIN, ("sales",)),
    "sales": (_SALES, ("sales",)),
    "purchases": (_PURCHASES, ("receipts",)),
    "demand": (_DEMAND, ("holds",)),
    "prices": (_PRICES, ("prices",)),
    "ageing": (_AGEING, ("sales", STOCK)),
}


def question(asked: Asked) -> Question:
    """What to ask history for this report, over the pools it is about. Every dimension it names may be asked of it."""
    sql, tables = _QUESTIONS[asked.report]
    group = ", ".join(
        f"{expression if name in asked.by else repr('')} AS {name}" for name, expression in _DIMENSIONS.items()
    )
    values = {"from_ms": asked.from_ms, "to_ms": asked.to_ms, "utc_offset_ms": asked.utc_offset_ms}
    sql = sql.format(
        group=group, within=_WITHIN, by_age=_BY_AGE, stock=STOCK, cover_days=cover_days, cover_ms=cover_days * DAY_MS
    )
    used = {name: value for name, value in values.items() if f"${name}" in sql}
    return Question(sql, used, tables, min(asked.rows_max, rows_max), report_s_max)


def read_row(report: str, fields: Sequence[Any]) -> Any:
    """A row of an answer as what it is: one of ROWS."""
    kind: Any = ROWS[report]
    width = len(Group._fields)
    return kind(Group(*fields[:width]), *fields[width:]) if "group" in kind._fields else kind(*fields)
