"""The line to an owner in the same process: one turn, one group; who hears what; who is too many; who waits no more."""

import asyncio
from collections.abc import Sequence

import pytest

from actors import home_line as at_home
from actors import line as lining
from actors.asking import Answer, Asked, Hearer
from actors.home_line import HomeLine
from actors.line import NotOwner
from actors.owner import Owner
from actors.wire import Address
from engine.errors import InDoubt, Overloaded, PoolClosed, StoreUnavailable
from engine.names import PoolName
from engine.stock.commands import Allocate, GetShelf
from engine.stock.outcomes import Held, Received, Shelf
from tests.unit.corridor import NEIGHBOUR, POOL, Corner, allocate, chunk, stock, until


def _soon_s(after_s: float = 5.0) -> float:
    return asyncio.get_running_loop().time() + after_s


@pytest.fixture
async def corner() -> Corner:
    """A store and a road to it."""
    return Corner()


@pytest.fixture
async def owner(corner: Corner) -> Owner:
    """Serves a hundred cards."""
    return await corner.stocked(100)


@pytest.fixture
async def line(owner: Owner) -> HomeLine:
    """Open."""
    line = HomeLine(owner, Address("unix", "/at/home"))
    await line.open()
    return line


def _ask(
    line: HomeLine, commands: Sequence[Allocate], until_s: float | None = None
) -> asyncio.Future[Sequence[Answer]]:
    return line.ask_all(POOL, commands, 0, until_s=_soon_s() if until_s is None else until_s)


async def test_what_comes_in_one_turn_is_one_record_and_each_party_hears_its_own(
    line: HomeLine, corner: Corner
) -> None:
    """In the order of asking, with the epoch and the place of each."""
    before = len(await corner.records())
    parties = ["a", "bc", "def"]
    heard = await asyncio.gather(*(_ask(line, [allocate(name) for name in names]) for names in parties))
    orders = [[answer.outcome.order_ref for answer in answers] for answers in heard]  # type: ignore[union-attr]
    assert orders == [[f"order-{name}" for name in names] for names in parties]
    assert [answer.epoch for answers in heard for answer in answers] == [1] * 6
    _, *records = (await corner.records())[before - 1 :]
    assert [len(record.events) for record in records] == [6]
    assert line.waiting == 0


async def test_nobody_hears_before_the_journal_has_it(line: HomeLine, corner: Corner) -> None:
    """What is decided meanwhile shares the next record."""
    corner.road.close()
    first = _ask(line, [allocate("a")])
    await corner.road.wait_append()
    second, third = _ask(line, [allocate("b")]), _ask(line, [allocate("c")])
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not any(asked.done() for asked in (first, second, third))
    assert line.waiting == 3
    corner.road.reopen()
    await asyncio.gather(first, second, third)
    assert [len(record.events) for record in (await corner.records())[-2:]] == [1, 2]


async def test_a_pool_that_is_not_here_is_somebody_elses(line: HomeLine) -> None:
    """As a link would say it; and the caller next to it gets its hold."""
    other = line.ask_all(NEIGHBOUR, [allocate("a")], 0, until_s=_soon_s())
    (mine,) = await _ask(line, [allocate("b")])
    assert isinstance(mine.outcome, Held)
    with pytest.raises(NotOwner):
        await other


async def test_a_store_that_is_away_is_said_to_be(line: HomeLine, corner: Corner) -> None:
    """The first is in doubt until the store says; who comes meanwhile hears that nothing happened."""
    corner.road.on_the_way_back.append(InDoubt("lost"))
    corner.road.positions.extend(StoreUnavailable("away") for _ in range(3))
    first = _ask(line, [allocate("a")])
    await until(lambda: "position" in corner.road.calls)
    with pytest.raises(StoreUnavailable):
        await _ask(line, [allocate("b")])
    (answer,) = await first
    assert isinstance(answer.outcome, Held)


async def test_who_has_waited_long_enough_hears_of_doubt(
    line: HomeLine, corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is decided and may yet be written; the same request later says which."""
    monkeypatch.setattr(at_home, "look_every_s", 0.001)
    corner.road.close()
    late, patient = _ask(line, [allocate("a")], _soon_s(0.01)), _ask(line, [allocate("b")])
    with pytest.raises(InDoubt, match="in time"):
        await late
    corner.road.reopen()
    assert isinstance((await patient)[0].outcome, Held)
    (again,) = await _ask(line, [allocate("a")])
    assert again.replayed


async def test_past_the_bound_a_command_is_refused_at_once(
    line: HomeLine, corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so is who joins a line that is longer than a batch and stands still; the others get their answer."""
    for module in (lining, at_home):
        monkeypatch.setattr(module, "commands_per_batch_max", 2)
    monkeypatch.setattr(lining, "commands_waiting_max", 3)
    corner.road.close()
    asked = [_ask(line, [allocate(name)]) for name in "abc"]
    with pytest.raises(Overloaded):
        _ask(line, [allocate("one too many")])
    await corner.road.wait_append()
    monkeypatch.setattr(lining, "commands_waiting_max", 100)
    monkeypatch.setattr(lining, "first_waits_for_max_s", -1.0)
    with pytest.raises(Overloaded):
        _ask(line, [allocate("one too late")])
    corner.road.reopen()
    assert all(isinstance(answers[0].outcome, Held) for answers in await asyncio.gather(*asked))
    assert line.waiting == 0


async def test_who_wants_another_pool_does_not_wait_for_all_of_a_crowd(
    line: HomeLine, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crowd is decided some at a time, in its order; who came after it and wants something else comes in between."""
    monkeypatch.setattr(at_home, "commands_per_turn_max", 4)
    monkeypatch.setattr(at_home, "commands_beside_others_max", 4)
    await owner.open(NEIGHBOUR)
    await stock(owner, 1, NEIGHBOUR)
    heard: list[str] = []
    crowd = [_ask(line, [allocate(str(number))]) for number in range(40)]
    other = line.ask_all(NEIGHBOUR, [allocate("other")], 0, until_s=_soon_s())
    for number, asked in enumerate(crowd):
        asked.add_done_callback(lambda _, number=number: heard.append(str(number)))
    other.add_done_callback(lambda _: heard.append("other"))
    assert isinstance((await other)[0].outcome, Held)
    assert heard.index("other") <= 8
    await asyncio.gather(*crowd)
    heard.remove("other")
    assert heard == [str(number) for number in range(40)]
    assert line.waiting == 0


async def test_turns_of_a_crowd_are_short_while_another_pool_is_asked_for(
    line: HomeLine, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fits in one turn stays one; of a crowd that has the loop to itself every turn is as long as may be."""
    monkeypatch.setattr(at_home, "commands_per_turn_max", 8)
    monkeypatch.setattr(at_home, "commands_beside_others_max", 2)
    await owner.open(NEIGHBOUR)
    await stock(owner, 2, NEIGHBOUR)
    sizes: list[int] = []
    take = owner.take

    def counted(pool: PoolName, asked: Sequence[Asked], hearer: Hearer) -> None:
        if pool == POOL:
            sizes.append(len(asked))
        take(pool, asked, hearer)

    monkeypatch.setattr(owner, "take", counted)

    async def crowd(commands: int, name: str, *, is_alone: bool) -> list[int]:
        sizes.clear()
        asked = [_ask(line, [allocate(f"{name}-{number}")]) for number in range(commands)]
        if not is_alone:
            asked.append(line.ask_all(NEIGHBOUR, [allocate(f"{name}-other")], 0, until_s=_soon_s()))
        await asyncio.gather(*asked)
        return list(sizes)

    assert await crowd(20, "alone", is_alone=True) == [8, 8, 4]
    assert await crowd(8, "no crowd", is_alone=False) == [8]
    assert await crowd(14, "beside", is_alone=False) == [8, 2, 2, 2]
    monkeypatch.setattr(line, "_others_until_s", 0.0)
    assert await crowd(20, "alone again", is_alone=True) == [8, 8, 4]


async def test_what_one_caller_asks_together_is_decided_together(
    line: HomeLine, corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many they are: one turn, one record."""
    monkeypatch.setattr(at_home, "commands_per_turn_max", 4)
    monkeypatch.setattr(at_home, "commands_beside_others_max", 2)
    heard = await _ask(line, [allocate(name) for name in "abcdefgh"])
    assert len(heard) == 8
    assert len((await corner.records())[-1].events) == 8


async def test_no_buyer_waits_behind_a_chunk_of_the_same_turn(line: HomeLine, owner: Owner) -> None:
    """A chunk waits until another import's has had its turn; the buyer does not."""
    async with owner._pace.turn():
        chunks = line.ask_all(POOL, [chunk(1, 5, first=100)], 0, until_s=_soon_s())
        (bought,) = await _ask(line, [allocate("a")])
        assert isinstance(bought.outcome, Held)
        assert not chunks.done()
    assert isinstance((await chunks)[0].outcome, Received)


async def test_a_closed_line_takes_nobody_and_opens_again(line: HomeLine) -> None:
    """As a link does when its owner is announced no more; what is under way still ends."""
    asked = _ask(line, [allocate("a")])
    line.close()
    with pytest.raises(PoolClosed):
        _ask(line, [allocate("b")])
    assert isinstance((await asked)[0].outcome, Held)
    await line.open()
    answer = await line.ask(POOL, GetShelf(), 0, until_s=_soon_s())
    assert isinstance(answer.outcome, Shelf)
