"""Imports at the owner: no code twice, chunks together or one by one, and no answer that hides what was written."""

import asyncio

import pytest

from actors import import_pace
from engine.errors import Fenced, InDoubt
from engine.stock.commands import OpenBatch
from engine.stock.outcomes import Held, Reason, Received, Refused
from tests.unit.corridor import POOL, Corner, allocate, ask, ask_one, chunk, until


@pytest.fixture
async def corner() -> Corner:
    """A store, a road, a clock."""
    return Corner()


async def test_a_duplicate_chunk_at_a_replaced_owner_is_no_answer_either(corner: Corner) -> None:
    """The newer owner has received the chunk; the old one finds its codes in stock, and must not say so."""
    old = await corner.stocked(1)
    new = corner.owner()
    await new.open(POOL)
    assert isinstance(await ask_one(new, chunk(1, 2, first=1)), Received)
    with pytest.raises(Fenced):
        await ask_one(old, chunk(1, 2, first=1))
    assert await ask_one(new, chunk(1, 2, first=1)) == Received(2, 3, again=True)


async def test_chunks_asked_together_are_one_record_or_while_somebody_buys_one_each(corner: Corner) -> None:
    """So a buyer never waits for more than one; each chunk is answered for itself in both cases."""
    owner = await corner.stocked(2)
    before = len(await corner.records())
    answers = await ask(owner, chunk(1, 1, first=2), chunk(2, 1, first=3))
    assert [answer.outcome for answer in answers] == [Received(2, 3, again=False), Received(3, 4, again=False)]
    assert len(await corner.records()) == before + 1
    await ask(owner, allocate("a"))
    answers = await ask(owner, chunk(3, 1, first=4), chunk(4, 1, first=5))
    assert [answer.outcome for answer in answers] == [Received(4, 5, again=False), Received(5, 6, again=False)]
    assert len(await corner.records()) == before + 4


async def test_chunks_of_which_one_was_written_never_end_as_if_nothing_had_happened(corner: Corner) -> None:
    """The owner is replaced between the first and the second, which it only hears when it looks them up."""
    owner = await corner.stocked(2)
    await ask(owner, allocate("a"))
    asking = asyncio.ensure_future(ask(owner, chunk(1, 1, first=2), chunk(2, 1, first=3)))
    hosted = owner.find(POOL)
    assert hosted is not None
    written = hosted.desk.seq
    await until(lambda: hosted.desk.seq > written)
    owner.close(POOL)
    with pytest.raises(InDoubt):
        await asking


async def test_cards_of_a_shelf_that_soon_runs_dry_do_not_rest(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rests are made endless; of three cards one is sold between two sweeps, so the others last for half a second."""
    monkeypatch.setattr(import_pace, "sells_for_s", 60.0)
    monkeypatch.setattr(import_pace, "rest_share", 1e9)
    monkeypatch.setattr(import_pace, "rest_max_s", 60.0)
    owner = await corner.stocked(3)
    hosted = owner.find(POOL)
    assert hosted is not None
    await ask(owner, allocate("a"))
    assert isinstance(await ask_one(owner, chunk(1, 1, first=3)), Received)
    assert not hosted.will_run_dry(corner.clock.now_ms(), 250)
    await ask(owner, allocate("b"))
    assert hosted.will_run_dry(corner.clock.now_ms(), 250)
    async with asyncio.timeout(10):
        assert isinstance(await ask_one(owner, chunk(2, 1, first=4)), Received)
    assert hosted.will_run_dry(corner.clock.now_ms(), 250) is False, "no less than before"
    assert hosted.runs_dry is False, "nothing was sold"
    await ask(owner, allocate("c"))
    assert isinstance(await ask_one(owner, chunk(3, 1, first=5)), Received)
    assert not hosted.will_run_dry(corner.clock.now_ms(), 250)
    assert hosted.runs_dry, "what came hides nothing"


async def test_no_code_comes_in_twice_however_chunks_travel(corner: Corner) -> None:
    """Alone, beside a sale in one batch, twice in one batch, and from two imports at the same time."""
    owner = await corner.stocked(1)
    known = [b"code 1/0"]
    duplicates = Refused(Reason.DUPLICATES_IN_STOCK, (("places", "0"),))
    assert await ask_one(owner, chunk(1, 1, first=1, prints=known)) == duplicates
    sale, beside = await ask(owner, allocate("a"), chunk(1, 1, first=1, prints=known))
    assert isinstance(sale.outcome, Held)
    assert beside.outcome == duplicates
    first, second = await ask(owner, chunk(1, 1, first=1, prints=[b"new"]), chunk(2, 1, first=2, prints=[b"new"]))
    assert isinstance(first.outcome, Received)
    assert second.outcome == duplicates
    await ask_one(owner, OpenBatch("open-2", "file-2", "supplier", "staff", None, None, b"key"))
    both = await asyncio.gather(
        ask_one(owner, chunk(2, 1, first=2, prints=[b"both"])),
        ask_one(owner, chunk(0, 1, batch=2, prints=[b"both"])),
    )
    assert sorted(map(str, both)) == sorted(map(str, (Received(3, 3, again=False), duplicates)))
