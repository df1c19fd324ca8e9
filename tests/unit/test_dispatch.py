"""From a SKU to its owner's answer: looking owners up, asking again, and what may be told at the deadline."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from actors import dispatch as dispatching
from actors.adapters.memory import MemoryRegistry
from actors.dispatch import Dispatch, Heard, UnknownPool
from actors.hosted import PoolState
from actors.line import NotOwner
from actors.owner import Owner
from actors.owner_gate import OwnerGate
from actors.wire import Address, Frames, Verdict, listen
from engine.errors import InDoubt, NotDone, Overloaded, PoolClosed, StoreUnavailable
from engine.names import PoolName
from engine.ports import Placement, Seat
from engine.stock.codec import read_command
from engine.stock.commands import GetShelf
from engine.stock.outcomes import Held, Shelf
from tests.unit.corridor import POOL, TOKEN, Corner, allocate, until


class _Registry(MemoryRegistry):
    """A registry that can be away, and counts how often the placement is read."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away = False
        self.placements_read = 0

    async def placement(self, since: int = 0) -> Placement:
        """See Registry."""
        self.placements_read += 1
        if self.is_away:
            raise StoreUnavailable("away")
        return await super().placement(since)


class _Street:
    """Owners behind sockets, and a registry that says where they are."""

    def __init__(self, folder: Path) -> None:
        self.corner = Corner()
        self.registry = _Registry()
        self.dispatch = Dispatch(self.registry, self.corner.clock, TOKEN)
        self._folder = folder
        self._gates: list[OwnerGate] = []
        self._incarnation = 0

    async def settle(self, owner_id: str, owner: Owner, pool: PoolName = POOL) -> Seat:
        """Open the owner's gate, announce it, and give it the pool."""
        self._incarnation += 1
        gate = OwnerGate(owner, TOKEN)
        address = await gate.open(Address("unix", str(self._folder / f"{owner_id}-{self._incarnation}.sock")))
        self._gates.append(gate)
        seat = Seat(owner_id, str(address), self._incarnation, "here", 1)
        await self.registry.announce(seat)
        await self.registry.place({pool: owner_id})
        return seat

    async def close(self) -> None:
        """Everyone goes."""
        self.corner.road.reopen()
        await self.dispatch.close()
        for gate in self._gates:
            await gate.close()

    def deadline_ms(self, after_ms: int) -> int:
        """A moment on the clock that stands still: only the loop's time counts down."""
        return self.corner.clock.now_ms() + after_ms


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[_Street]:
    """Nobody lives there yet."""
    street = _Street(tmp_path)
    yield street
    await street.close()


async def test_a_command_finds_its_owner_by_itself(street: _Street) -> None:
    """The placement is read once, however many ask at the same time."""
    await street.settle("owner-0", await street.corner.stocked(50))
    answers = await asyncio.gather(*(street.dispatch.ask(POOL, allocate(str(n)), 0) for n in range(50)))
    assert all(isinstance(answer.outcome, Held) for answer in answers)
    assert street.registry.placements_read == 1


async def test_a_pool_that_moved_is_asked_for_at_its_new_owner(street: _Street) -> None:
    """The old one says that it is not the owner; the caller notices nothing."""
    old = await street.corner.stocked(2)
    await street.settle("owner-0", old)
    first = await street.dispatch.ask(POOL, allocate("a"), 0)
    new = street.corner.owner()
    await new.open(POOL)
    old.close(POOL)
    await street.settle("owner-1", new)
    second = await street.dispatch.ask(POOL, allocate("b"), 0)
    assert (first.epoch, second.epoch) == (1, 2)
    assert isinstance(second.outcome, Held)


async def test_the_old_owner_is_asked_until_the_new_one_has_claimed(street: _Street) -> None:
    """The placement says where a pool is going; who answered for it goes on until it says no."""
    old = await street.corner.stocked(3)
    await street.settle("owner-0", old)
    await street.dispatch.ask(POOL, GetShelf(), 0)
    new = street.corner.owner()
    await street.settle("owner-1", new)
    await street.dispatch._reread()
    assert (await street.dispatch.ask(POOL, allocate("a"), 0)).epoch == 1
    await new.open(POOL)
    assert (await street.dispatch.ask(POOL, allocate("b"), 0)).epoch == 2
    assert {hosted.state for hosted in old.hosted} == {PoolState.FENCED}


async def test_who_hears_late_that_a_pool_has_moved_asks_whom_others_have_found(street: _Street) -> None:
    """By then it is placed with a third owner, which may need long to claim it; the second goes on meanwhile."""
    owner = await street.corner.stocked(2)
    await street.settle("owner-1", owner)
    assert (await street.dispatch.ask(POOL, allocate("a"), 0)).epoch == 1
    await street.settle("owner-2", street.corner.owner())
    late = Heard("owner-0", NotOwner("it has moved"))
    async with asyncio.timeout(2.0):
        (answer,) = await street.dispatch.ask_all(POOL, (allocate("b"),), 0, heard=late)
    assert answer.epoch == 1


async def test_a_pool_that_nobody_owns_yet_is_waited_for(street: _Street) -> None:
    """It is registered, so it is not unknown; the steward has not come by."""
    await street.registry.add_pool(POOL)
    owner = await street.corner.stocked(1)
    asked = asyncio.ensure_future(street.dispatch.ask(POOL, allocate("a"), 0))
    await until(lambda: street.registry.placements_read)
    await street.settle("owner-0", owner)
    assert isinstance((await asked).outcome, Held)


async def test_a_line_that_breaks_after_the_append_is_asked_again_and_gives_the_same_answer(street: _Street) -> None:
    """The hold is made once."""
    owner = await street.corner.stocked(5)
    await street.settle("owner-0", owner)
    await street.dispatch.ask(POOL, GetShelf(), 0)
    street.corner.road.close()
    asked = asyncio.ensure_future(street.dispatch.ask(POOL, allocate("a"), 0))
    await street.corner.road.wait_append()
    (link,) = street.dispatch._lines.values()
    link.close()
    street.corner.road.reopen()
    answer = await asked
    assert answer.replayed
    assert isinstance(answer.outcome, Held)
    assert owner.hosted[0].pool.state.holds.last == 1


async def test_an_owner_that_was_replaced_while_frozen_is_left(
    street: _Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its line is up but nobody answers on it; the watch sees that another incarnation was announced."""
    monkeypatch.setattr(dispatching, "watch_every_s", 0.01)
    old = await street.corner.stocked(5)
    await street.settle("owner-0", old)
    await street.dispatch.ask(POOL, GetShelf(), 0)
    watching = asyncio.ensure_future(street.dispatch.watch())
    street.corner.road.close()
    asked = asyncio.ensure_future(street.dispatch.ask(POOL, allocate("a"), 0))
    await street.corner.road.wait_append()
    new = Corner()
    new.store, new.journal = street.corner.store, street.corner.store
    owner = new.owner()
    await owner.open(POOL)
    await street.settle("owner-0", owner)
    answer = await asked
    assert isinstance(answer.outcome, Held)
    assert answer.epoch == 2
    watching.cancel()


async def test_there_is_a_line_to_an_owner_before_anybody_asks_for_one(
    street: _Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And another when it broke: a SKU that moves there waits for no connection."""
    monkeypatch.setattr(dispatching, "watch_every_s", 0.001)
    await street.settle("owner-0", await street.corner.stocked(1))
    watching = asyncio.ensure_future(street.dispatch.watch())

    def has_line() -> bool:
        return any(line.is_open for line in street.dispatch._lines.values())

    for _ in range(2):
        await until(has_line)
        (line,) = street.dispatch._lines.values()
        line.close()
        await until(lambda line=line: not line.is_open)
    watching.cancel()


async def test_a_pool_nobody_has_heard_of_is_unknown_at_once(street: _Street) -> None:
    """A definite no, without waiting."""
    await street.settle("owner-0", await street.corner.stocked(1))
    with pytest.raises(UnknownPool):
        await street.dispatch.ask(PoolName("default", "NOWHERE"), GetShelf(), 0)


async def test_a_placement_that_cannot_be_read_makes_no_pool_unknown(street: _Street) -> None:
    """A front end that starts while the store is away must not say that SKUs do not exist."""
    await street.settle("owner-0", await street.corner.stocked(1))
    street.registry.is_away = True
    with pytest.raises(StoreUnavailable):
        await street.dispatch.ask(POOL, GetShelf(), street.deadline_ms(50))
    street.registry.is_away = False
    assert isinstance((await street.dispatch.ask(POOL, GetShelf(), 0)).outcome, Shelf)


async def test_a_pool_placed_during_a_reading_is_not_missed(street: _Street) -> None:
    """The reading that was under way is not believed about it; another one is made."""
    await street.settle("owner-0", await street.corner.stocked(1), PoolName("default", "OTHER"))
    reading, go_on = asyncio.Event(), asyncio.Event()
    whole = street.registry.owners

    async def slow_owners() -> Sequence[Seat]:
        reading.set()
        await go_on.wait()
        return await whole()

    street.registry.owners = slow_owners  # type: ignore[method-assign]
    first = asyncio.ensure_future(street.dispatch.ask(PoolName("default", "NOWHERE"), GetShelf(), 0))
    await reading.wait()
    await street.registry.place({POOL: "owner-0"})
    asked = asyncio.ensure_future(street.dispatch.ask(POOL, GetShelf(), 0))
    await asyncio.sleep(0)
    go_on.set()
    assert isinstance((await asked).outcome, Shelf)
    with pytest.raises(UnknownPool):
        await first


async def test_a_pool_registered_in_the_moment_a_reading_ends_is_not_missed(street: _Street) -> None:
    """That reading is over, though nobody has heard so yet: to wait for it again would tell nothing new."""
    await street.settle("owner-0", await street.corner.stocked(1), PoolName("default", "OTHER"))
    whole, asked = street.registry.owners, []

    async def owners_last() -> Sequence[Seat]:
        seats = await whole()
        if not asked:
            await street.registry.add_pool(POOL)
            asked.append(asyncio.ensure_future(street.dispatch.ask(POOL, GetShelf(), street.deadline_ms(50))))
        return seats

    street.registry.owners = owners_last  # type: ignore[method-assign]
    await street.dispatch._reread()
    with pytest.raises(PoolClosed):
        await asked[0]


async def test_an_owner_that_is_not_there_yet_is_waited_for(street: _Street) -> None:
    """Placed and not announced: recovering, not unknown; it appears within the deadline."""
    await street.registry.place({POOL: "owner-0"})
    owner = await street.corner.stocked(1)
    asked = asyncio.ensure_future(street.dispatch.ask(POOL, allocate("a"), 0))
    await until(lambda: street.registry.placements_read)
    await street.settle("owner-0", owner)
    assert isinstance((await asked).outcome, Held)


async def test_at_the_deadline_a_no_is_a_no_when_nothing_was_sent(street: _Street) -> None:
    """Nobody listens at the owner's address."""
    seat = Seat("owner-0", "unix:/nowhere/at/all.sock", 1, "here", 1)
    await street.registry.announce(seat)
    await street.registry.place({POOL: "owner-0"})
    with pytest.raises(PoolClosed):
        await street.dispatch.ask(POOL, allocate("a"), street.deadline_ms(100))


async def test_nobody_is_left_waiting_beyond_the_deadline(street: _Street) -> None:
    """The owner does not answer; its answer would have been worth nothing anyway, but it may have done it."""
    await street.settle("owner-0", await street.corner.stocked(1))
    await street.dispatch.ask(POOL, GetShelf(), 0)
    street.corner.road.close()
    began_s = asyncio.get_running_loop().time()
    with pytest.raises(InDoubt):
        await street.dispatch.ask(POOL, allocate("a"), street.deadline_ms(150))
    assert 0.1 < asyncio.get_running_loop().time() - began_s < 1.0


class _Scripted:
    """An owner of our own making: answers each request with the next verdict, or hangs up."""

    def __init__(self, *verdicts: Verdict | None) -> None:
        self.asked: list[object] = []
        self._verdicts = list(verdicts)

    def on_frame(self, frames: Frames, message: tuple[object, ...]) -> None:
        """One request."""
        if message[0] == "cardkeep":
            frames.welcome()
            return
        request_id, _, _, items = message
        assert isinstance(items, tuple)
        self.asked += [read_command((number, fields)) for _, number, fields in items]
        verdict = self._verdicts.pop(0) if self._verdicts else Verdict.RECOVERING
        if verdict is None:
            frames.close()
        elif verdict is Verdict.DONE:
            frames.send((request_id, verdict, (1, [(0, False, None)] * len(items))))
        else:
            frames.send((request_id, verdict, "as scripted"))


async def _asked_of(street: _Street, folder: Path, scripted: _Scripted) -> None:
    server, address = await listen(Address("unix", str(folder / "scripted.sock")), scripted.on_frame, lambda _: None)
    await street.registry.announce(Seat("owner-0", str(address), 1, "here", 1))
    await street.registry.place({POOL: "owner-0"})
    await street.dispatch._line(POOL)  # However slow the machine: what is asked now is sent before the deadline.
    try:
        await street.dispatch.ask(POOL, allocate("a"), street.deadline_ms(300))
    finally:
        server.close()


@pytest.mark.parametrize(
    "later", [Verdict.RECOVERING, Verdict.OVERLOADED, Verdict.STORE_UNAVAILABLE, Verdict.DONE, Verdict.STOPPED]
)
@pytest.mark.parametrize("first", [None, Verdict.IN_DOUBT], ids=["line broke", "owner in doubt"])
async def test_after_a_doubt_no_answer_says_that_nothing_happened(
    street: _Street, tmp_path: Path, first: Verdict | None, later: Verdict
) -> None:
    """The first try may have done it, whatever the later ones did not do (DONE: the deadline had passed in line)."""
    with pytest.raises(InDoubt):
        await _asked_of(street, tmp_path, _Scripted(first, later))


@pytest.mark.parametrize(
    ("verdict", "failure"),
    [(Verdict.RECOVERING, PoolClosed), (Verdict.STORE_UNAVAILABLE, StoreUnavailable), (Verdict.OVERLOADED, Overloaded)],
)
async def test_without_a_doubt_the_last_no_is_told(
    street: _Street, tmp_path: Path, verdict: Verdict, failure: type[NotDone]
) -> None:
    """Nothing happened, and the caller may know why."""
    with pytest.raises(failure):
        await _asked_of(street, tmp_path, _Scripted(*[verdict] * 50))


async def test_asking_again_is_asking_the_same(street: _Street, tmp_path: Path) -> None:
    """Every try carries the same command, request_id and all."""
    scripted = _Scripted(None, Verdict.NOT_OWNER, Verdict.STORE_UNAVAILABLE)
    with pytest.raises(InDoubt):
        await _asked_of(street, tmp_path, scripted)
    assert len(scripted.asked) >= 3
    assert set(scripted.asked) == {allocate("a")}


async def test_overload_is_told_at_once(street: _Street, tmp_path: Path) -> None:
    """To ask again would only add to it."""
    scripted = _Scripted(Verdict.OVERLOADED)
    with pytest.raises(Overloaded):
        await _asked_of(street, tmp_path, scripted)
    assert len(scripted.asked) == 1
