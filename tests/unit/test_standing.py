"""What is in stock, a batch a row."""

from engine.history.standing import InStock, in_stock
from engine.limits import DAY_MS
from engine.money import Money
from engine.names import BatchNo, PoolName
from engine.stock import commands as ask
from engine.stock.pool import Pool

_NOW_MS = 1_800_000_000_000


def _received(
    pool: Pool,
    batch: int,
    lots: tuple[tuple[int, int | None], ...],
    cost: Money | None,
    landed: Money | None = None,
) -> None:
    opened = ask.OpenBatch(f"open-{batch}", f"import-{batch}", f"source-{batch}", "ann", cost, None, b"", landed)
    pool.handle(opened, _NOW_MS + batch)
    each = (b"x",) * sum(cards for cards, _ in lots)
    pool.handle(ask.Receive(BatchNo(batch), 0, 0, lots, each, each), _NOW_MS + batch)


def test_what_is_free_or_held_is_in_stock_and_what_is_sold_is_not() -> None:
    """The next expiry is that of free cards, the cost the landed one; a batch that is sold out has no row."""
    pool = Pool(PoolName("t", "s"))
    _received(pool, 1, ((1, _NOW_MS + DAY_MS),), Money(5, "CNY"))
    _received(pool, 2, ((2, _NOW_MS + 2 * DAY_MS), (1, None)), Money(1, "USD"), Money(7, "CNY"))
    _received(pool, 3, ((4, None),), None)
    pool.handle(ask.Allocate("a1", "o1", 1, 60_000), _NOW_MS + 4)
    pool.handle(ask.Confirm("c1", pool.state.holds.last, "p1"), _NOW_MS + 4)
    pool.handle(ask.Allocate("a2", "o2", 2, 60_000), _NOW_MS + 4)
    pool.handle(ask.Withdraw("w", ask.QUARANTINE, BatchNo(3), (), "odd"), _NOW_MS + 4)
    assert in_stock(pool.state, _NOW_MS + 5) == [
        InStock("t", "s", 2, "source-2", _NOW_MS + 2, None, 3, 1, 7, "CNY"),
        InStock("t", "s", 3, "source-3", _NOW_MS + 3, None, 4, 0, None, ""),
    ]
    pool.handle(ask.Release("r2", pool.state.holds.last), _NOW_MS + 5)
    assert in_stock(pool.state, _NOW_MS + 5)[0].next_expires_at_ms == _NOW_MS + 2 * DAY_MS
