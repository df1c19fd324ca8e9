"""Group commit: what one append carries, when answers may leave, and what becomes of an append in doubt."""

import asyncio
import logging
from collections.abc import Sequence

import pytest

from actors import committer as committing
from actors.adapters.memory import FaultyJournal, MemoryStore
from actors.committer import Committer, Desk
from engine.errors import Fenced, InDoubt, InvariantBroken, StoreUnavailable
from engine.names import HoldNo, PoolName
from engine.ports import Append, Attachments, Position
from engine.stock.codec import read_record
from engine.stock.events import HoldExpired
from tests.unit.corridor import NEIGHBOUR, POOL, Road, ToldClock, until


async def _desk(store: MemoryStore, pool: PoolName = POOL) -> Desk:
    history = await store.claim(pool)
    return Desk(pool, history.position.epoch, history.position.seq)


def _event(number: int) -> HoldExpired:
    return HoldExpired(1_000 + number, HoldNo(number))


@pytest.fixture
async def store() -> MemoryStore:
    """An empty store."""
    return MemoryStore(ToldClock())


@pytest.fixture
async def road() -> Road:
    """A road without trouble so far."""
    return Road()


@pytest.fixture
async def groups() -> list[tuple[int, int]]:
    """Pools and events of each group that was written."""
    return []


@pytest.fixture
async def committer(store: MemoryStore, road: Road, groups: list[tuple[int, int]]) -> Committer:
    """A committer on that store."""
    return Committer(FaultyJournal(store, road), lambda pools, events, _: groups.append((pools, events)))


def _boarded(
    committer: Committer, desk: Desk, events: Sequence[HoldExpired], attachments: Attachments | None = None
) -> asyncio.Future[None]:
    """What is heard once these events boarded, for whoever can wait."""
    heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def hear(failure: Exception | None) -> None:
        if heard.cancelled():
            return
        if failure is None:
            heard.set_result(None)
        else:
            heard.set_exception(failure)

    committer.board(desk, events, attachments or {}, hear)
    return heard


async def _numbers(store: MemoryStore) -> list[list[int]]:
    """Hold numbers of the events, by record."""
    records = [read_record(record) for record in (await store.read(POOL)).records]
    return [[event.hold for event in record.events if isinstance(event, HoldExpired)] for record in records]


async def test_what_gathers_during_an_append_goes_out_as_one_group_in_order(
    committer: Committer, store: MemoryStore, road: Road, groups: list[tuple[int, int]]
) -> None:
    """The first goes alone and at once; ninety-nine that join meanwhile share the second append."""
    desk = await _desk(store)
    road.close()
    waiting = [_boarded(committer, desk, [_event(0)])]
    await road.wait_append()
    waiting += [_boarded(committer, desk, [_event(number)]) for number in range(1, 100)]
    road.reopen()
    await asyncio.gather(*waiting)
    assert groups == [(1, 1), (1, 99)]
    assert await _numbers(store) == [[0], list(range(1, 100))]


async def test_all_pools_of_an_owner_share_one_append(
    committer: Committer, store: MemoryStore, road: Road, groups: list[tuple[int, int]]
) -> None:
    """Two pools, one round trip."""
    desks = [await _desk(store, pool) for pool in (POOL, NEIGHBOUR)]
    await asyncio.gather(*(_boarded(committer, desk, [_event(1)]) for desk in desks))
    assert groups == [(2, 2)]
    assert road.calls == ["append"]


async def test_no_answer_leaves_before_its_append_has_returned(
    committer: Committer, store: MemoryStore, road: Road
) -> None:
    """Neither one with events nor one that only may rest on some."""
    desk = await _desk(store)
    road.close()
    with_event, without = _boarded(committer, desk, [_event(1)]), _boarded(committer, desk, [])
    await road.wait_append()
    assert not with_event.done()
    assert not without.done()
    road.reopen()
    await asyncio.gather(with_event, without)


async def test_attachments_are_written_with_the_events_they_belong_to(committer: Committer, store: MemoryStore) -> None:
    """Two that share a table are merged."""
    desk = await _desk(store)
    await asyncio.gather(
        _boarded(committer, desk, [_event(1)], {"prints": {b"a": b"1-0"}}),
        _boarded(committer, desk, [_event(2)], {"prints": {b"b": b"1-1"}}),
    )
    assert await store.known(POOL, [b"a", b"b", b"c"]) == [True, True, False]


async def test_a_fenced_pool_fails_and_its_neighbour_in_the_same_group_does_not(
    committer: Committer, store: MemoryStore
) -> None:
    """Nothing of the fenced one is in the journal, and it is not asked for again."""
    desk, neighbour = await _desk(store), await _desk(store, NEIGHBOUR)
    await store.claim(POOL)
    fenced, written = _boarded(committer, desk, [_event(1)]), _boarded(committer, neighbour, [_event(2)])
    await written
    with pytest.raises(Fenced):
        await fenced
    with pytest.raises(Fenced):
        await _boarded(committer, desk, [_event(3)])
    assert await _numbers(store) == []


async def test_an_answer_without_events_is_fenced_too(committer: Committer, store: MemoryStore) -> None:
    """Only the store can say that the pool is still ours."""
    desk = await _desk(store)
    await store.claim(POOL)
    with pytest.raises(Fenced):
        await _boarded(committer, desk, [])


async def test_an_append_whose_answer_was_lost_is_found_done(
    committer: Committer, store: MemoryStore, road: Road
) -> None:
    """It is in the journal once."""
    desk = await _desk(store)
    road.on_the_way_back.append(InDoubt("lost"))
    await _boarded(committer, desk, [_event(1)])
    assert road.calls == ["append", "position"]
    assert await _numbers(store) == [[1]]
    assert desk.seq == 1


@pytest.mark.parametrize("failure", [InDoubt("lost"), StoreUnavailable("away")], ids=["in doubt", "never left"])
async def test_an_append_that_never_arrived_is_sent_again(
    committer: Committer, store: MemoryStore, road: Road, failure: Exception
) -> None:
    """The same one, so it is in the journal once."""
    desk = await _desk(store)
    road.on_the_way_there.append(failure)
    await _boarded(committer, desk, [_event(1)])
    assert road.calls == ["append", "position", "append"]
    assert await _numbers(store) == [[1]]


async def test_being_fenced_during_an_append_in_doubt_is_in_doubt(
    committer: Committer, store: MemoryStore, road: Road
) -> None:
    """It was written, its answer was lost, and another owner claimed: that one has found it, so it is no "no"."""
    desk = await _desk(store)
    road.on_the_way_back.append(InDoubt("lost"))
    road.positions.append(StoreUnavailable("away"))
    waiting = _boarded(committer, desk, [_event(1)])
    await until(lambda: "position" in road.calls)
    await store.claim(POOL)
    with pytest.raises(InDoubt):
        await waiting
    with pytest.raises(Fenced):
        await _boarded(committer, desk, [_event(2)])


async def test_being_fenced_when_the_append_never_left_is_a_plain_no(
    committer: Committer, store: MemoryStore, road: Road
) -> None:
    """Nothing of it can be in the journal."""
    desk = await _desk(store)
    await store.claim(POOL)
    road.on_the_way_there.append(StoreUnavailable("away"))
    with pytest.raises(Fenced):
        await _boarded(committer, desk, [_event(1)])


async def test_books_that_differ_stop_the_pool(committer: Committer, store: MemoryStore) -> None:
    """Someone wrote under our own epoch: nobody may guess what that was."""
    desk = await _desk(store)
    await store.append([Append(POOL, desk.epoch, 0, 2, b"not ours", {})])
    with pytest.raises(InvariantBroken, match="is at seq 2, we are at 0"):
        await _boarded(committer, desk, [_event(1)])


async def test_a_store_that_answers_but_takes_no_writes_is_not_asked_in_a_frenzy(
    committer: Committer, store: MemoryStore, road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk: between two tries there is a pause, and new work can see that the store is stalled."""
    monkeypatch.setattr(committing, "ask_again_s", 0.02)
    desk = await _desk(store)
    road.on_the_way_there.extend(StoreUnavailable("MISCONF") for _ in range(4))
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    waiting = _boarded(committer, desk, [_event(1)])
    await until(lambda: committer.is_stalled)
    await waiting
    assert loop.time() - began_s >= 3 * 0.02
    assert not committer.is_stalled


async def test_the_group_is_full_at_its_bound_and_has_room_again_when_it_left(
    committer: Committer, store: MemoryStore, road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound counts events, whoever brought them."""
    monkeypatch.setattr(committing, "events_per_group_max", 3)
    desk = await _desk(store)
    road.close()
    waiting = [_boarded(committer, desk, [_event(0)])]
    await road.wait_append()
    waiting.append(_boarded(committer, desk, [_event(1), _event(2)]))
    assert not committer.is_full
    waiting.append(_boarded(committer, desk, [_event(3)]))
    assert committer.is_full
    road.reopen()
    await asyncio.gather(*waiting)
    assert not committer.is_full


async def test_events_that_cannot_be_written_stop_their_pool_alone(committer: Committer, store: MemoryStore) -> None:
    """A number beyond 64 bits has no msgpack; the neighbour's events are written, and nobody hangs."""
    desk, neighbour = await _desk(store), await _desk(store, NEIGHBOUR)
    broken = _boarded(committer, desk, [_event(1 << 70)])
    written = _boarded(committer, neighbour, [_event(1)])
    await written
    with pytest.raises(InvariantBroken, match="cannot be written"):
        await broken


class _Broken(MemoryStore):
    """A store whose adapter has a bug."""

    async def append(self, appends: Sequence[Append]) -> Sequence[Position]:
        """Fail as no door may."""
        raise ZeroDivisionError(len(appends))


async def test_an_adapter_that_breaks_its_promise_stops_the_pools_and_leaves_no_gap(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever it raises, callers hear that nobody knows, and the pool writes nothing after what may be missing."""
    store = _Broken(ToldClock())
    committer = Committer(store, lambda *_: None)
    desk = await _desk(store)
    with caplog.at_level(logging.CRITICAL), pytest.raises(InDoubt, match="ZeroDivisionError"):
        await _boarded(committer, desk, [_event(1)])
    with pytest.raises(InvariantBroken, match="ZeroDivisionError"):
        await _boarded(committer, desk, [_event(2)])


async def test_a_caller_that_gives_up_changes_nothing(committer: Committer, store: MemoryStore, road: Road) -> None:
    """The event is written, and the next group follows it."""
    desk = await _desk(store)
    road.close()
    _boarded(committer, desk, [_event(1)]).cancel()
    await road.wait_append()
    road.reopen()
    await _boarded(committer, desk, [_event(2)])
    await committer.finish()
    assert await _numbers(store) == [[1], [2]]


async def test_a_hearer_that_fails_keeps_nobody_from_hearing(
    committer: Committer, store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    """The next in the same seat is told; the log says what broke."""
    desk = await _desk(store)
    with caplog.at_level(logging.CRITICAL):
        committer.board(desk, [_event(1)], {}, lambda _: 1 // 0)
        await _boarded(committer, desk, [_event(2)])
    assert await _numbers(store) == [[1, 2]]
