"""Lots of a stream: what is there already is taken together, and nothing is lost at its end."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from actors.front.lots import in_lots


def _always(_lot: Sequence[int]) -> bool:
    return True


async def _numbers(*numbers: int, then: Exception | None = None) -> AsyncIterator[int]:
    for number in numbers:
        yield number
    if then is not None:
        raise then


async def test_what_came_while_the_lot_before_was_worked_on_is_taken_together() -> None:
    """The first may come alone; the source has run to its bound by the time the next is asked for."""
    lots = []
    async for lot in in_lots(_numbers(*range(7)), ahead_max=3, takes_more=_always):
        lots.append(lot)
        for _ in range(10):
            await asyncio.sleep(0)
    assert [number for lot in lots for number in lot] == list(range(7))
    assert max(map(len, lots)) == 3


async def test_a_lot_takes_no_more_than_it_is_let() -> None:
    """Asked before each further item."""
    lots = [lot async for lot in in_lots(_numbers(*range(5)), ahead_max=9, takes_more=lambda lot: len(lot) < 2)]
    assert [number for lot in lots for number in lot] == list(range(5))
    assert max(map(len, lots)) == 2


async def test_the_end_of_a_source_that_fails_comes_after_all_that_it_brought() -> None:
    """In the same lot or after it."""
    taken: list[int] = []

    async def take_all() -> None:
        async for lot in in_lots(_numbers(1, 2, then=ZeroDivisionError()), ahead_max=9, takes_more=_always):
            taken.extend(lot)

    with pytest.raises(ZeroDivisionError):
        await take_all()
    assert taken == [1, 2]


async def test_an_empty_source_gives_no_lot() -> None:
    """And ends."""
    assert [lot async for lot in in_lots(_numbers(), ahead_max=1, takes_more=_always)] == []


async def test_whoever_stops_taking_stops_the_reading() -> None:
    """The source is left where it was."""
    source = _numbers(*range(9))
    lots = in_lots(source, ahead_max=1, takes_more=_always)
    await anext(lots)
    await lots.aclose()
    for _ in range(5):
        await asyncio.sleep(0)
    assert len([number async for number in source]) < 9
