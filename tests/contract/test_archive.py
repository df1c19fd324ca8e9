"""What every archive promises: values come back until their time is over."""

import pytest

from engine.names import PoolName
from engine.ports import Archive


async def test_what_was_kept_is_recalled_in_the_order_of_asking(archive: Archive, pool: PoolName) -> None:
    """A key never kept is None in its place."""
    await archive.keep(pool, {"hold:1": b"one", "request:ü": b"\x00\r\n"}, None, as_of_seq=7)
    assert await archive.recall(pool, ["request:ü", "hold:2", "hold:1"]) == [b"\x00\r\n", None, b"one"]


async def test_keeping_again_replaces(archive: Archive, pool: PoolName) -> None:
    """The later value counts: keeping may be repeated after a failure."""
    await archive.keep(pool, {"k": b"old"}, 60_000, as_of_seq=7)
    await archive.keep(pool, {"k": b"new"}, None, as_of_seq=7)
    assert await archive.recall(pool, ["k"]) == [b"new"]


async def test_an_older_state_is_not_written_over_a_later_one(archive: Archive, pool: PoolName) -> None:
    """Nor beside it: whoever is overtaken has to begin again. The same state may come in many rounds."""
    assert await archive.keep(pool, {"k": b"early"}, None, as_of_seq=9)
    assert await archive.keep(pool, {"k": b"later"}, None, as_of_seq=10)
    assert not await archive.keep(pool, {"k": b"late", "beside": b"b"}, 60_000, as_of_seq=9)
    assert await archive.keep(pool, {"more": b"m"}, 60_000, as_of_seq=10)
    assert await archive.recall(pool, ["k", "beside", "more"]) == [b"later", None, b"m"]


async def test_a_value_is_gone_after_its_time(archive: Archive, pool: PoolName) -> None:
    """One millisecond is over soon; the value beside it, kept for an hour, stays."""
    await archive.keep(pool, {"long": b"l"}, 3_600_000, as_of_seq=7)
    await archive.keep(pool, {"short": b"s"}, 1, as_of_seq=7)
    while (await archive.recall(pool, ["short"])) != [None]:
        pass
    assert await archive.recall(pool, ["long", "short"]) == [b"l", None]


async def test_pools_do_not_see_each_other(archive: Archive, pool: PoolName, next_pool: PoolName) -> None:
    """The same key of another pool is another value."""
    await archive.keep(pool, {"k": b"mine"}, None, as_of_seq=7)
    assert await archive.recall(next_pool, ["k"]) == [None]


@pytest.mark.parametrize("keep_ms", [None, 5])
async def test_nothing_kept_and_nothing_asked_is_fine(archive: Archive, pool: PoolName, keep_ms: int | None) -> None:
    """Empty calls have empty answers."""
    await archive.keep(pool, {}, keep_ms, as_of_seq=7)
    assert await archive.recall(pool, []) == []
