"""The owner: order, deadlines, imports, recovery, sweeping, folding, and who stops when something is broken."""

import asyncio
import logging

import pytest

from actors import owner as owning
from actors.archivist import Archivist
from actors.hosted import PoolState
from actors.owner import Owner
from actors.rebuilding import rebuild
from engine import limits
from engine.errors import Fenced, InDoubt, InvariantBroken, PoolClosed, StoreUnavailable
from engine.names import BatchNo, HoldNo, PoolName
from engine.ports import Append
from engine.stock.codec import pack_record
from engine.stock.commands import GetHold, GetShelf, Release
from engine.stock.events import CardsHeld, HoldExpired
from engine.stock.outcomes import Held, HoldFound, HoldState, Reason, Refused, Shelf
from engine.stock.snapshot import dump
from tests.unit.corridor import NEIGHBOUR, POOL, Corner, allocate, ask, ask_one, chunk, stock, until


@pytest.fixture
async def corner() -> Corner:
    """A store, a road, a clock."""
    return Corner()


async def test_commands_of_one_batch_are_decided_in_order_and_answered_together(corner: Corner) -> None:
    """One card, two orders, one batch: the first has it, and both answers rest on one record."""
    owner = await corner.stocked(1)
    first, second = await ask(owner, allocate("a"), allocate("b"))
    assert isinstance(first.outcome, Held)
    assert second.outcome == Refused(Reason.OUT_OF_STOCK, (("requested", "1"), ("available", "0")))
    assert [len(record.events) for record in await corner.records()] == [1, 1, 2]


async def test_a_command_whose_deadline_has_passed_in_line_takes_nothing(corner: Corner) -> None:
    """Neither a sale nor an import chunk; the last moment itself is too late."""
    owner = await corner.stocked(1)
    now_ms = corner.clock.now_ms()
    for command in (allocate("a"), chunk(1, 1, first=1)):
        (reply,) = await ask(owner, command, deadline_ms=now_ms)
        assert reply.outcome is None
    (reply,) = await ask(owner, allocate("b"), deadline_ms=now_ms + 1)
    assert isinstance(reply.outcome, Held)


async def test_while_the_store_does_not_answer_nothing_more_is_decided(corner: Corner) -> None:
    """Callers hear so at once; what was decided before is written when the store is back."""
    owner = await corner.stocked(2)
    corner.road.on_the_way_there.append(StoreUnavailable("away"))
    corner.road.positions.append(StoreUnavailable("away"))
    first = asyncio.ensure_future(ask_one(owner, allocate("a")))
    await until(lambda: corner.road.calls[-1] == "position")
    with pytest.raises(StoreUnavailable):
        await ask_one(owner, allocate("b"))
    assert isinstance(await first, Held)
    assert isinstance(await ask_one(owner, allocate("b")), Held)


async def test_an_owner_that_was_replaced_answers_nothing_not_even_what_it_remembers(corner: Corner) -> None:
    """A question, a repeated request and a new one all end Fenced; the newer owner knows the old answer."""
    old = await corner.stocked(2)
    held = await ask_one(old, allocate("a"))
    new = corner.owner()
    await new.open(POOL)
    for command in (allocate("a"), GetShelf(), allocate("b")):
        with pytest.raises(Fenced):
            await ask_one(old, command)
    assert await ask_one(new, allocate("a")) == held
    assert old.hosted[0].state is PoolState.FENCED


async def test_a_pool_is_rebuilt_from_its_journal_byte_for_byte(corner: Corner) -> None:
    """A second owner knows what the first knew, sweeps included."""
    owner = await corner.stocked(3)
    await ask(owner, allocate("a", hold_for_ms=1_000), allocate("b"))
    corner.clock.at_ms += 1_000
    await ask_one(owner, allocate("c"))
    recovered = await rebuild(POOL, await corner.store.read(POOL))
    assert dump(recovered.state) == dump(owner.hosted[0].pool.state)


async def test_a_pool_that_recovers_says_so(corner: Corner) -> None:
    """Nobody is kept waiting for a long journal."""
    owner = corner.owner()
    corner.road.close()
    opening = asyncio.ensure_future(owner.open(POOL))
    await corner.road.wait_append()
    with pytest.raises(PoolClosed, match="recovered"):
        await ask_one(owner, GetShelf())
    corner.road.reopen()
    await opening
    assert isinstance(await ask_one(owner, GetShelf()), Shelf)


async def _damage(corner: Corner, how: str) -> None:
    position = await corner.store.position(POOL)
    good = pack_record(position.epoch, position.seq + 1, [HoldExpired(1, HoldNo(99))])
    record = {
        "bytes": good[:-1] + b"\x00",
        "gap": pack_record(position.epoch, position.seq + 2, [HoldExpired(1, HoldNo(99))]),
        "nonsense": good,
    }[how]
    (after,) = await corner.store.append([Append(POOL, position.epoch, position.seq, 1, record, {})])
    assert after.seq == position.seq + 1


@pytest.mark.parametrize("how", ["bytes", "gap", "nonsense"])
async def test_a_damaged_journal_stops_its_pool_alone(
    corner: Corner, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Flipped bytes, a missing record, an event that cannot have happened: the neighbour goes on."""
    first = await corner.stocked(1)
    await first.open(NEIGHBOUR)
    await stock(first, 1, NEIGHBOUR)
    await _damage(corner, how)
    owner = corner.owner()
    with caplog.at_level(logging.CRITICAL):
        await owner.open(POOL)
        await owner.open(NEIGHBOUR)
    with pytest.raises(InvariantBroken, match="journal"):
        await ask_one(owner, GetShelf())
    assert isinstance(await ask_one(owner, allocate("a"), NEIGHBOUR), Held)


async def test_a_pool_that_contradicts_itself_stops_and_its_neighbour_goes_on(
    corner: Corner, caplog: pytest.LogCaptureFixture
) -> None:
    """A count is wrong, so that the next command fails half way: the pool answers no more, its neighbour does."""
    owner = await corner.stocked(1)
    await owner.open(NEIGHBOUR)
    await stock(owner, 1, NEIGHBOUR)
    (pool,) = (hosted.pool for hosted in owner.hosted if hosted.name == POOL)
    pool.state.batches.clear()
    with caplog.at_level(logging.CRITICAL), pytest.raises(InvariantBroken):
        await ask_one(owner, allocate("a"))
    with pytest.raises(InvariantBroken):
        await ask_one(owner, GetShelf())
    assert isinstance(await ask_one(owner, allocate("a"), NEIGHBOUR), Held)


async def test_the_law_is_sampled_in_a_running_pool(
    corner: Corner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A card that has vanished stops the pool when the next sample counts."""
    monkeypatch.setattr(owning, "check_every_steps", 3)
    owner = await corner.stocked(2)
    owner.hosted[0].pool.state.batches[BatchNo(1)].sold += 1
    with caplog.at_level(logging.CRITICAL), pytest.raises(InvariantBroken, match="received 2"):
        await ask_one(owner, allocate("a"))


async def _swept(owner: Owner, pool: PoolName = POOL) -> None:
    owner._sweep(next(one for one in owner.hosted if one.name == pool))


async def test_the_sweep_ends_what_is_due_in_the_order_of_deciding(corner: Corner) -> None:
    """A sale decided right after the sweep gets the card the sweep gave back: the journal has them in that order."""
    owner = await corner.stocked(1)
    await ask_one(owner, allocate("a", hold_for_ms=1_000))
    corner.clock.at_ms += 1_000
    sale = asyncio.ensure_future(ask_one(owner, allocate("b")))
    await _swept(owner)
    assert isinstance(await sale, Held)
    await owner.finish()
    kinds = [type(event) for record in await corner.records() for event in record.events]
    assert kinds[-2:] == [HoldExpired, CardsHeld]
    await rebuild(POOL, await corner.store.read(POOL))


async def test_a_sweep_that_fails_stops_its_pool_and_not_the_rounds(
    corner: Corner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The neighbour's holds still end."""
    monkeypatch.setattr(owning, "sweep_every_s", 0.001)
    owner = await corner.stocked(1)
    await owner.open(NEIGHBOUR)
    await stock(owner, 1, NEIGHBOUR)
    for pool in (POOL, NEIGHBOUR):
        await ask_one(owner, allocate("a", hold_for_ms=1_000), pool)
    broken, whole = (hosted.pool.state for hosted in owner.hosted)
    broken.batches.clear()
    corner.clock.at_ms += 1_000
    with caplog.at_level(logging.CRITICAL):
        rounds = asyncio.ensure_future(owner.run())
        await until(lambda: not whole.holds.active)
    assert owner.hosted[0].state is PoolState.STOPPED
    assert not rounds.done()
    rounds.cancel()


async def _fill(owner: Owner, orders: int) -> None:
    await ask(owner, *(allocate(str(number), hold_for_ms=1_000) for number in range(orders)))
    await ask(owner, *(Release(f"release-{number}", HoldNo(number + 1)) for number in range(orders)))


async def test_a_fold_that_finds_a_broken_law_stops_the_pool(corner: Corner, caplog: pytest.LogCaptureFixture) -> None:
    """The archivist looks at every card; what it finds is as if the owner had."""

    async def finding_fold(_pool: PoolName) -> int | None:
        raise InvariantBroken("a card is in two active holds")

    owner = await corner.stocked(1, fold=finding_fold, fold_after_events=1)
    with caplog.at_level(logging.CRITICAL):
        await owner._fold_now(owner.hosted[0])
    with pytest.raises(InvariantBroken, match="two active holds"):
        await ask_one(owner, GetShelf())


async def test_a_fold_that_came_to_nothing_is_tried_again_soon_and_not_at_once(corner: Corner) -> None:
    """It must not count as done: the journal would grow. Nor may it be tried in a frenzy."""
    folds = 0

    async def failing_fold(_pool: PoolName) -> int | None:
        nonlocal folds
        folds += 1
        return None

    owner = await corner.stocked(1, fold=failing_fold, fold_after_events=1)
    hosted = owner.hosted[0]
    for _ in range(3):
        owner._fold_when_long(hosted)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert folds == 1
    hosted.fold_not_before_s = 0.0
    owner._fold_when_long(hosted)
    await asyncio.sleep(0)
    assert folds == 2


@pytest.mark.parametrize(("folded_size", "folds_at"), [(0, 11), (30, 11), (60, 21)])
async def test_a_journal_may_be_the_longer_the_more_there_is_to_fold(
    corner: Corner, folded_size: int, folds_at: int
) -> None:
    """An event for every three things that a fold writes again, and never less than the least."""

    async def fold(_pool: PoolName) -> None:
        """Comes to nothing."""

    owner = await corner.stocked(1, fold=fold, fold_after_events=10)
    hosted = owner.hosted[0]
    hosted.folded_size = folded_size
    hosted.desk.seq = folds_at - 1
    owner._fold_when_long(hosted)
    assert not hosted.is_folding
    hosted.desk.seq = folds_at
    owner._fold_when_long(hosted)
    assert hosted.is_folding


async def test_a_busy_owner_puts_a_fold_off_but_not_for_ever(corner: Corner) -> None:
    """Twice as long a journal is what a recovery can bear; beyond that the sale has to share."""

    async def fold(_pool: PoolName) -> None:
        return

    owner = await corner.stocked(1, fold=fold, fold_after_events=10)
    (hosted,) = owner.hosted
    for events, is_busy, is_folded in ((11, True, False), (20, True, False), (21, True, True), (11, False, True)):
        hosted.is_folding, hosted.desk.seq = False, events
        owner._fold_when_long(hosted, is_busy=is_busy)
        assert hosted.is_folding is is_folded
        assert hosted.needs_look


async def test_a_long_journal_is_folded_and_what_was_archived_leaves_memory(
    corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old requests still get their answer, old orders their hold, from the archive."""
    monkeypatch.setattr(owning, "sweep_every_s", 0.001)
    archivist = Archivist(corner.store, corner.store)
    owner = await corner.stocked(20, fold=archivist.fold, fold_after_events=30)  # type: ignore[arg-type]
    await _fill(owner, 20)
    old = await ask_one(owner, allocate("3"))
    corner.clock.at_ms += limits.answers_in_memory_ms + 1
    await ask_one(owner, GetHold(HoldNo(1)))
    await ask_one(owner, allocate("late"))
    state = owner.hosted[0].pool.state
    rounds = asyncio.ensure_future(owner.run())
    await until(lambda: state.memory.forgotten_before_ms)
    rounds.cancel()
    assert set(state.memory.answers) == {"request-late"}
    assert await ask_one(owner, allocate("3")) == old
    assert isinstance(found := await ask_one(owner, GetHold(HoldNo(0), "order-3")), HoldFound)
    assert found.view.state is HoldState.RELEASED
    recovered = await rebuild(POOL, await corner.store.read(POOL))
    assert dump(recovered.state) == dump(state)
    assert len(await corner.records()) < 10


async def test_forgetting_ends_when_the_pool_was_opened_anew_meanwhile(corner: Corner) -> None:
    """The fold comes back for a pool that is no longer this one: nothing is forgotten on its account."""
    folding, go_on = asyncio.Event(), asyncio.Event()

    async def slow_fold(_pool: PoolName) -> int:
        folding.set()
        await go_on.wait()
        return corner.clock.now_ms()

    owner = await corner.stocked(1, fold=slow_fold, fold_after_events=1)  # type: ignore[arg-type]
    owner._fold_when_long(owner.hosted[0])
    await folding.wait()
    await owner.open(POOL)
    appends = corner.road.calls.count("append")
    go_on.set()
    await until(lambda: not owner._tasks)
    assert corner.road.calls.count("append") == appends


async def test_a_claim_that_waited_is_not_made_for_a_pool_that_has_moved(
    corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would only fence the new owner."""
    monkeypatch.setattr(owning, "sweep_every_s", 0.001)
    away = _Away(corner)
    opening = asyncio.ensure_future(away.owner.open(POOL))
    await until(lambda: away.claims)
    away.owner.close(POOL)
    new = await corner.stocked(1)
    away.is_away = False
    await opening
    assert isinstance(await ask_one(new, allocate("a")), Held)


class _Away:
    """An owner whose store is away for claims at first."""

    def __init__(self, corner: Corner) -> None:
        self.is_away = True
        self.claims = 0
        corner.road.before, before = self._before, corner.road.before  # type: ignore[method-assign]
        self._whole = before
        self.owner = corner.owner()

    async def _before(self, call: str) -> None:
        if call == "claim" and not self.claims:
            self.claims += 1
            raise StoreUnavailable("away")
        await self._whole(call)


async def test_an_append_in_doubt_at_a_replaced_owner_is_told_as_doubt(corner: Corner) -> None:
    """The newer owner has the hold: a "nothing happened" would be a lie."""
    old = await corner.stocked(1)
    corner.road.on_the_way_back.append(InDoubt("lost"))
    corner.road.positions.append(StoreUnavailable("away"))
    asked = asyncio.ensure_future(old.submit(POOL, [(0, allocate("a"))]))
    await until(lambda: corner.road.calls[-1] == "position")
    new = corner.owner()
    await new.open(POOL)
    with pytest.raises(InDoubt):
        await asked
    assert isinstance(found := await ask_one(new, GetHold(HoldNo(0), "order-a")), HoldFound)
    assert found.view.state is HoldState.ACTIVE
