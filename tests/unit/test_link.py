"""A front end's line to an owner over a real socket: batches, breaks, bounds, deadlines, and who is let in."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actors import line as lining
from actors import link as linking
from actors import owner_gate
from actors.asking import Answer
from actors.line import NotOwner
from actors.link import Link
from actors.owner import Owner
from actors.wire import Address, Frames, Verdict, connect, hello, listen
from engine.errors import InDoubt, InvariantBroken, NotDone, Overloaded, PoolClosed, StoreUnavailable
from engine.names import HoldNo
from engine.stock.codec import plain
from engine.stock.commands import Command, GetHold, GetShelf, ListBatches
from engine.stock.outcomes import Held, Received, Shelf
from tests.unit.corridor import NEIGHBOUR, POOL, TOKEN, Corner, allocate, chunk, gate, until


@pytest.fixture
async def corner() -> Corner:
    """A store, a road, a clock."""
    return Corner()


@pytest.fixture
async def owner(corner: Corner) -> Owner:
    """An owner with a thousand cards."""
    return await corner.stocked(1_000)


@pytest.fixture
async def link(owner: Owner, tmp_path: Path) -> AsyncIterator[Link]:
    """A line to it."""
    async with gate(owner, tmp_path) as address:
        link = Link(address, TOKEN)
        await link.open()
        yield link
        link.close()


def _soon_s(after_s: float = 5.0) -> float:
    return asyncio.get_running_loop().time() + after_s


async def test_commands_that_gather_travel_in_few_batches_and_each_hears_its_own_answer(
    link: Link, corner: Corner
) -> None:
    """Three hundred at once: the first alone, the rest as the batches under way return. All distinct cards."""
    before = len(await corner.records())
    answers = await asyncio.gather(*(link.ask(POOL, allocate(str(n)), 0, until_s=_soon_s()) for n in range(300)))
    held = [answer.outcome for answer in answers if isinstance(answer.outcome, Held)]
    assert [outcome.view.order_ref for outcome in held] == [f"order-{n}" for n in range(300)]
    assert len({card for outcome in held for card in outcome.view.cards}) == 300
    assert len(await corner.records()) - before <= 4


async def test_a_chunk_of_an_import_travels_alone(link: Link, corner: Corner) -> None:
    """What gathered before it and after it is not kept waiting in its batch."""
    corner.road.close()
    late = chunk(1, 5, first=1_000)
    commands: list[Command] = [allocate("a"), GetShelf(), allocate("b"), late, allocate("c"), allocate("d")]
    asked = [asyncio.ensure_future(link.ask(POOL, command, 0, until_s=_soon_s())) for command in commands]
    await corner.road.wait_append()
    corner.road.reopen()
    answers = await asyncio.gather(*asked)
    assert answers[3].outcome == Received(2, 1_005, again=False)
    assert all(isinstance(answers[at].outcome, Held) for at in (0, 2, 4, 5))


async def test_nobody_waits_behind_chunks_that_wait_for_their_turn(link: Link, owner: Owner, sizes: list[int]) -> None:
    """As many chunks as may travel at once stand at the owner; whoever buys from the same pool is served."""
    async with owner._pace.turn():
        chunks = [
            asyncio.ensure_future(link.ask(POOL, chunk(1, 5, first=1_000), 0, until_s=_soon_s())) for _ in "12345"
        ]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert sizes == [1, 1]
        sold = await asyncio.gather(*(link.ask(POOL, allocate(str(n)), 0, until_s=_soon_s()) for n in range(20)))
        assert not any(waiting.done() for waiting in chunks)
    assert all(isinstance(answer.outcome, Held) for answer in sold)
    received = await asyncio.gather(*chunks)
    assert [answer.outcome for answer in received] == [Received(2, 1_005, again) for again in (False, *[True] * 4)]


async def test_a_command_that_cannot_be_packed_harms_nobody_on_its_bus(link: Link) -> None:
    """A number no frame can carry: its caller hears of it, the others get their answers, and the bus goes on."""
    for number in range(3):
        good, bad = await asyncio.gather(
            link.ask(POOL, allocate(f"good-{number}"), 0, until_s=_soon_s()),
            link.ask(POOL, ListBatches(10**30, 10), 0, until_s=_soon_s()),
            return_exceptions=True,
        )
        assert isinstance(good, Answer)
        assert isinstance(good.outcome, Held)
        assert isinstance(bad, OverflowError)


@pytest.fixture
def _two_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of commands asked in one breath the first two travel, each alone; the others gather."""
    monkeypatch.setattr(linking, "commands_under_way_few", 0)
    monkeypatch.setattr(linking, "commands_leave_min", 1)


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of each batch that left, where four are enough to leave at once."""
    monkeypatch.setattr(linking, "commands_leave_min", 4)
    sizes: list[int] = []
    send = Frames.send

    def sent(frames: Frames, message: Any) -> None:
        if len(message) == 4:  # A request: the owner's end sends, too.
            sizes.append(len(message[3]))
        send(frames, message)

    monkeypatch.setattr(Frames, "send", sent)
    return sizes


async def test_what_is_asked_in_one_breath_travels_together(link: Link, sizes: list[int]) -> None:
    """Four leave while others are still being asked, the other two when these have their answers."""
    async with asyncio.TaskGroup() as group:
        for number in range(6):
            group.create_task(link.ask(POOL, allocate(str(number)), 0, until_s=_soon_s()))
    assert sizes == [4, 2]


async def test_few_wait_until_nobody_travels_and_many_do_not(
    link: Link, corner: Corner, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first one goes alone; three gather behind it, while nobody looks, and with a fourth they go beside it."""
    monkeypatch.setattr(linking, "look_every_s", 60.0)
    corner.road.close()
    asked = [asyncio.ensure_future(link.ask(POOL, allocate("first"), 0, until_s=_soon_s()))]
    await corner.road.wait_append()
    asked += [asyncio.ensure_future(link.ask(POOL, allocate(name), 0, until_s=_soon_s())) for name in "abc"]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sizes == [1]
    asked += [asyncio.ensure_future(link.ask(POOL, allocate("d"), 0, until_s=_soon_s()))]
    await asyncio.sleep(0)
    assert sizes == [1, 4]
    corner.road.reopen()
    assert all(isinstance(answer.outcome, Held) for answer in await asyncio.gather(*asked))


async def test_who_gathers_behind_a_batch_that_takes_long_leaves_at_the_next_look(
    link: Link, corner: Corner, owner: Owner, sizes: list[int]
) -> None:
    """The first waits for a store that is away; the next hears so at once, and not when his time is over."""
    corner.road.close()
    first = asyncio.ensure_future(link.ask(POOL, allocate("first"), 0, until_s=_soon_s()))
    await corner.road.wait_append()
    owner._committer.is_stalled = True
    with pytest.raises(StoreUnavailable):
        await link.ask(POOL, allocate("next"), 0, until_s=_soon_s())
    assert sizes == [1, 1]
    owner._committer.is_stalled = False
    corner.road.reopen()
    assert isinstance((await first).outcome, Held)


async def test_who_has_little_time_left_waits_for_no_look(
    link: Link, corner: Corner, owner: Owner, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """He, too, hears that the store is away, and not that nobody was asked."""
    monkeypatch.setattr(linking, "look_every_s", 60.0)
    corner.road.close()
    first = asyncio.ensure_future(link.ask(POOL, allocate("first"), 0, until_s=_soon_s()))
    await corner.road.wait_append()
    owner._committer.is_stalled = True
    little_s = asyncio.get_running_loop().time() + linking.hurries_within_s
    try:
        with pytest.raises(StoreUnavailable):
            async with asyncio.timeout(5.0):
                await link.ask(POOL, allocate("next"), 0, until_s=little_s)
    finally:
        owner._committer.is_stalled = False
        corner.road.reopen()
    assert sizes == [1, 1]
    assert isinstance((await first).outcome, Held)


async def test_a_pool_nobody_owns_here_is_said_so(link: Link) -> None:
    """The caller may look the owner up again: nothing happened."""
    with pytest.raises(NotOwner):
        await link.ask(NEIGHBOUR, GetShelf(), 0, until_s=_soon_s())


async def test_the_owners_failures_arrive_as_what_they_are(link: Link, owner: Owner, corner: Corner) -> None:
    """Recovering, the store away, and stopped."""
    corner.road.close()
    opening = asyncio.ensure_future(owner.open(NEIGHBOUR))
    await corner.road.wait_append()
    with pytest.raises(PoolClosed, match="recovered"):
        await link.ask(NEIGHBOUR, GetShelf(), 0, until_s=_soon_s())
    corner.road.reopen()
    await opening
    owner._committer.is_stalled = True
    with pytest.raises(StoreUnavailable):
        await link.ask(NEIGHBOUR, GetShelf(), 0, until_s=_soon_s())
    owner._committer.is_stalled = False
    logging.disable()
    owner._stop(owner.hosted[1], InvariantBroken("a law is broken"))
    logging.disable(logging.NOTSET)
    with pytest.raises(InvariantBroken, match="a law is broken"):
        await link.ask(NEIGHBOUR, GetShelf(), 0, until_s=_soon_s())


@pytest.mark.usefixtures("_two_by_themselves")
async def test_a_line_that_breaks_leaves_what_travelled_in_doubt_and_what_gathered_undone(
    link: Link, corner: Corner
) -> None:
    """Two batches were under way; the third had not left."""
    corner.road.close()
    asked = [asyncio.ensure_future(link.ask(POOL, allocate(name), 0, until_s=_soon_s())) for name in "abc"]
    await corner.road.wait_append()
    link.close()
    failures = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(failure) for failure in failures] == [InDoubt, InDoubt, PoolClosed]
    assert not link.is_open
    with pytest.raises(PoolClosed):
        await link.ask(POOL, GetShelf(), 0, until_s=_soon_s())
    corner.road.reopen()


@pytest.mark.usefixtures("_two_by_themselves")
async def test_past_the_bound_a_command_is_refused_at_once(
    link: Link, corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others still get their answer."""
    monkeypatch.setattr(lining, "commands_waiting_max", 3)
    corner.road.close()
    asked = [asyncio.ensure_future(link.ask(POOL, allocate(str(n)), 0, until_s=_soon_s())) for n in range(5)]
    await corner.road.wait_append()
    assert link.waiting == 3
    with pytest.raises(Overloaded):
        await link.ask(POOL, allocate("one too many"), 0, until_s=_soon_s())
    corner.road.reopen()
    assert all(isinstance(answer.outcome, Held) for answer in await asyncio.gather(*asked))


@pytest.mark.usefixtures("_two_by_themselves")
async def test_a_line_that_hardly_moves_takes_nobody_more(
    link: Link, corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More wait than the next batch takes: a crowd. When the first has waited too long, it is too much of one."""
    for module in (lining, linking):
        monkeypatch.setattr(module, "commands_per_batch_max", 2)
    corner.road.close()
    asked = [asyncio.ensure_future(link.ask(POOL, allocate(str(n)), 0, until_s=_soon_s())) for n in range(5)]
    await corner.road.wait_append()
    assert link.waiting == 3
    monkeypatch.setattr(lining, "first_waits_for_max_s", -1.0)
    with pytest.raises(Overloaded):
        await link.ask(POOL, allocate("one too many"), 0, until_s=_soon_s())
    for module in (lining, linking):
        monkeypatch.setattr(module, "commands_per_batch_max", 4)
    asked.append(asyncio.ensure_future(link.ask(POOL, allocate("in time"), 0, until_s=_soon_s())))
    await until(lambda: link.waiting == 4)
    corner.road.reopen()
    assert all(isinstance(answer.outcome, Held) for answer in await asyncio.gather(*asked))


@pytest.mark.usefixtures("_two_by_themselves")
async def test_nobody_waits_for_an_owner_beyond_the_time_given(link: Link, corner: Corner) -> None:
    """What travels is in doubt then, what gathers did not happen and is not sent later either."""
    corner.road.close()
    until_s = _soon_s(0.1)
    asked = [asyncio.ensure_future(link.ask(POOL, allocate(name), 0, until_s=until_s)) for name in "abc"]
    failures = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(failure) for failure in failures] == [InDoubt, InDoubt, PoolClosed]
    assert asyncio.get_running_loop().time() - until_s < 0.5
    corner.road.reopen()
    answer = await link.ask(POOL, GetHold(HoldNo(0), "order-c"), 0, until_s=_soon_s())
    assert not isinstance(answer.outcome, Held)
    assert [type(event).__name__ for record in await corner.records() for event in record.events].count(
        "CardsHeld"
    ) == 2


@pytest.mark.usefixtures("_two_by_themselves")
async def test_a_caller_that_has_gone_takes_no_place_in_a_batch(link: Link, corner: Corner) -> None:
    """Cancelled while it gathered, so it is never decided."""
    corner.road.close()
    asked = [asyncio.ensure_future(link.ask(POOL, allocate(name), 0, until_s=_soon_s())) for name in "abc"]
    await corner.road.wait_append()
    asked[2].cancel()
    corner.road.reopen()
    await asyncio.gather(*asked[:2])
    shelf = await link.ask(POOL, GetShelf(), 0, until_s=_soon_s())
    assert isinstance(shelf.outcome, Shelf)
    assert shelf.outcome.held == 2


async def test_nobody_listening_is_a_closed_pool(tmp_path: Path) -> None:
    """Nothing was sent."""
    with pytest.raises(PoolClosed, match="nobody listens"):
        await Link(Address("unix", str(tmp_path / "nobody.sock")), TOKEN).open()


async def test_a_wrong_token_is_hung_up_on(owner: Owner, tmp_path: Path) -> None:
    """Before anything it says is read."""
    async with gate(owner, tmp_path) as address:
        link = Link(address, "another token")
        await link.open()
        with pytest.raises((NotDone, InDoubt)):
            await link.ask(POOL, allocate("a"), 0, until_s=_soon_s())
    assert owner.hosted[0].pool.state.holds.last == 0


@pytest.mark.parametrize("request_", [("1", "t", "s", []), (1, "t"), 7], ids=repr)
async def test_a_request_of_another_shape_is_hung_up_on(owner: Owner, tmp_path: Path, request_: object) -> None:
    """Who shows the token and then speaks nonsense is of another version."""
    ended = asyncio.Event()
    async with gate(owner, tmp_path) as address:
        frames = await connect(address, lambda *_: None, lambda _: ended.set())
        frames.send(hello(TOKEN))
        frames.send(request_)
        await asyncio.wait_for(ended.wait(), 5)


@pytest.mark.parametrize("command", [(999, ()), (1, ("too", "few")), (1, 5)], ids=repr)
async def test_a_command_that_cannot_be_read_is_answered_so_and_harms_nobody(
    owner: Owner, tmp_path: Path, command: tuple[int, object]
) -> None:
    """The pool has not seen it, and goes on."""
    heard: list[Any] = []
    async with gate(owner, tmp_path) as address:
        frames = await connect(address, lambda _, message: heard.append(message), lambda _: None)
        frames.send(hello(TOKEN))
        frames.send((1, *POOL, [(0, *command)]))
        await until(lambda: heard)
        frames.send((2, *POOL, [(0, *plain(GetShelf()))]))
        await until(lambda: len(heard) == 2)
        frames.close()
    assert heard[0][:2] == (1, Verdict.STOPPED)
    assert heard[1][:2] == (2, Verdict.DONE)


async def test_a_caller_with_too_much_under_way_is_told_so(
    owner: Owner, corner: Corner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound is each caller's own."""
    monkeypatch.setattr(owner_gate, "requests_per_caller_max", 2)
    heard: list[Any] = []
    corner.road.close()
    async with gate(owner, tmp_path) as address:
        frames = await connect(address, lambda _, message: heard.append(message), lambda _: None)
        frames.send(hello(TOKEN))
        for number in range(3):
            frames.send((number, *POOL, [(0, *plain(GetShelf()))]))
        await until(lambda: heard)
        assert heard[0][:2] == (2, Verdict.OVERLOADED)
        corner.road.reopen()
        await until(lambda: len(heard) == 3)
        frames.close()


async def test_a_gate_that_closes_answers_what_is_under_way_first(owner: Owner, corner: Corner, tmp_path: Path) -> None:
    """A drain loses no answer."""
    corner.road.close()
    async with gate(owner, tmp_path) as address:
        link = Link(address, TOKEN)
        await link.open()
        asked = asyncio.ensure_future(link.ask(POOL, allocate("a"), 0, until_s=_soon_s()))
        await corner.road.wait_append()
        asyncio.get_running_loop().call_later(0.02, corner.road.reopen)
    assert isinstance((await asked).outcome, Held)


async def test_a_reply_that_cannot_be_read_ends_the_line_in_doubt(tmp_path: Path) -> None:
    """An owner of another version: everybody in the batch hears of it, nobody hangs."""

    def reply(frames: Frames, message: Any) -> None:
        if message[0] == "cardkeep":
            frames.welcome()
        else:
            frames.send((message[0], Verdict.DONE, (1, [(1, False, (999, ()))])))

    server, address = await listen(Address("unix", str(tmp_path / "other.sock")), reply, lambda _: None)
    link = Link(address, TOKEN)
    await link.open()
    logging.disable()
    with pytest.raises(InDoubt):
        await link.ask(POOL, GetShelf(), 0, until_s=_soon_s())
    logging.disable(logging.NOTSET)
    server.close()
