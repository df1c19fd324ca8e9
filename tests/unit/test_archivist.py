"""Folding: what is archived, what the journal is afterwards, and what happens when it does not come to that."""

import asyncio
import logging
import time
from collections.abc import Mapping
from itertools import pairwise

import pytest

from actors import archivist as archiving
from actors import filing
from actors.adapters.memory import FaultyJournal, MemoryStore
from actors.archivist import Archivist
from actors.rebuilding import rebuild
from engine import limits
from engine.errors import InDoubt, InvariantBroken, StoreUnavailable
from engine.names import HoldNo, PoolName
from engine.ports import Append
from engine.stock.codec import read_archived
from engine.stock.commands import REACQUIRE, Confirm, Release
from engine.stock.outcomes import HoldState
from engine.stock.snapshot import dump
from tests.unit.corridor import POOL, Corner, allocate, ask_one


@pytest.fixture
async def corner() -> Corner:
    """A store whose pool has sold and taken back a card, long ago, and another just now."""
    corner = Corner()
    owner = await corner.stocked(3)
    await ask_one(owner, allocate("old"))
    await ask_one(owner, Release("release-old", HoldNo(1)))
    corner.clock.at_ms += limits.answers_in_memory_ms + 1
    await ask_one(owner, allocate("new"))
    return corner


async def test_a_fold_puts_a_snapshot_in_the_place_of_all_records(corner: Corner) -> None:
    """Recovery from it is the same pool."""
    before = await rebuild(POOL, await corner.store.read(POOL))
    await Archivist(corner.store, corner.store).fold(POOL)
    history = await corner.store.read(POOL)
    assert history.records == []
    assert history.snapshot_seq == before.state.seq
    assert dump((await rebuild(POOL, history)).state) == dump(before.state)


async def test_a_fold_says_up_to_when_all_is_archived(corner: Corner) -> None:
    """What had its time in memory is in the archive, what is young is not."""
    before_ms = await Archivist(corner.store, corner.store).fold(POOL)
    assert before_ms == corner.clock.at_ms - limits.answers_in_memory_ms
    keys = ["request/request-old", "request/release-old", "order/order-old", "hold/1", "request/request-new", "hold/2"]
    assert [value is not None for value in await corner.store.recall(POOL, keys)] == [True] * 4 + [False] * 2


async def test_much_is_archived_in_rounds(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is never asked for more in one round than it can answer within its patience."""
    rounds: list[int] = []

    class Counting(MemoryStore):
        async def keep(
            self, pool: PoolName, entries: Mapping[str, bytes], keep_ms: int | None, *, as_of_seq: int
        ) -> bool:
            rounds.append(len(entries))
            return await corner.store.keep(pool, entries, keep_ms, as_of_seq=as_of_seq)

    monkeypatch.setattr(filing, "entries_per_round_max", 2)
    before_ms = await Archivist(corner.store, Counting(corner.clock)).fold(POOL)
    assert before_ms is not None
    assert max(rounds) == 2
    keys = ["request/request-old", "request/release-old", "order/order-old", "hold/1"]
    assert None not in await corner.store.recall(POOL, keys)


class _Slow(MemoryStore):
    """An archive that takes five milliseconds for a round, and says when."""

    def __init__(self, corner: Corner) -> None:
        super().__init__(corner.clock)
        self.rounds: list[tuple[float, float]] = []

    async def keep(self, pool: PoolName, entries: Mapping[str, bytes], keep_ms: int | None, *, as_of_seq: int) -> bool:
        """See Archive."""
        began_s = time.monotonic()
        time.sleep(0.005)  # noqa: ASYNC251 - so that every wait of the loop's is a rest
        self.rounds.append((began_s, time.monotonic()))
        return await super().keep(pool, entries, keep_ms, as_of_seq=as_of_seq)


async def test_between_two_rounds_a_sale_has_the_store_to_itself(corner: Corner) -> None:
    """For three times as long as the round took."""
    archive = _Slow(corner)
    entries = {str(number): b"" for number in range(2 * filing.entries_per_round_max + 1)}
    assert await filing.file_away(archive, POOL, entries, None, as_of_seq=1)
    assert len(archive.rounds) == 3
    for (began_s, ended_s), (next_s, _) in pairwise(archive.rounds):
        assert next_s - ended_s >= 0.9 * filing.rest_share * (ended_s - began_s)


async def test_who_has_much_to_archive_does_not_rest_for_ever(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sale at its peak goes on meanwhile, and what it sells must be archived next."""
    rests_s: list[float] = []

    async def noted(rest_s: float) -> None:
        rests_s.append(rest_s)

    monkeypatch.setattr(filing, "entries_per_round_max", 1)
    monkeypatch.setattr(filing, "rests_in_all_max_s", 0.04)
    monkeypatch.setattr(asyncio, "sleep", noted)
    assert await filing.file_away(_Slow(corner), POOL, {str(number): b"" for number in range(8)}, None, as_of_seq=1)
    assert len(rests_s) == 8
    assert sum(rests_s) == pytest.approx(0.04)
    assert rests_s[-1] == 0.0


async def test_answers_beyond_the_bound_are_archived_however_young(
    corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded in a flash sale too: only the youngest stay."""
    owner = corner.owner()
    await owner.open(POOL)
    corner.clock.at_ms += 5
    for name in "abc":
        await ask_one(owner, allocate(name))
    monkeypatch.setattr(archiving, "answers_in_memory_max", 3)
    assert await Archivist(corner.store, corner.store).fold(POOL) == corner.clock.at_ms


class _Failing:
    """Faults: one kind of call fails, before or after it is done."""

    def __init__(self, call: str, *, before: Exception | None = None, after: Exception | None = None) -> None:
        self._call, self._before, self._after = call, before, after

    async def before(self, call: str) -> None:
        """See Faults."""
        if call == self._call and self._before is not None:
            raise self._before

    async def after(self, call: str) -> None:
        """See Faults."""
        if call == self._call and self._after is not None:
            raise self._after


@pytest.mark.parametrize(
    "faults",
    [
        _Failing("read", before=StoreUnavailable("away")),
        _Failing("fold", before=StoreUnavailable("away")),
        _Failing("fold", before=InDoubt("lost")),
        _Failing("fold", after=InDoubt("lost")),
    ],
    ids=["unread", "never left", "lost on the way", "answer lost"],
)
async def test_a_fold_that_fails_lets_nothing_be_forgotten_and_can_be_tried_again(
    corner: Corner, faults: _Failing
) -> None:
    """Whether or not it happened, the next one works and the pool is whole."""
    before = await rebuild(POOL, await corner.store.read(POOL))
    archivist = Archivist(FaultyJournal(corner.store, faults), corner.store)
    assert await archivist.fold(POOL) is None
    assert await Archivist(corner.store, corner.store).fold(POOL) is not None
    assert dump((await rebuild(POOL, await corner.store.read(POOL))).state) == dump(before.state)


async def test_what_is_appended_during_a_fold_stays(corner: Corner) -> None:
    """The fold cuts off only what it has read."""
    owner = corner.owner()
    await owner.open(POOL)

    class _Meanwhile:
        async def before(self, call: str) -> None:
            if call == "fold":
                await ask_one(owner, allocate("meanwhile"))

        async def after(self, call: str) -> None:
            pass

    await Archivist(FaultyJournal(corner.store, _Meanwhile()), corner.store).fold(POOL)
    history = await corner.store.read(POOL)
    assert len(history.records) == 1
    assert dump((await rebuild(POOL, history)).state) == dump(owner.hosted[0].pool.state)


async def test_a_fold_that_comes_second_changes_nothing(corner: Corner) -> None:
    """Two archivists have read the same history."""

    class _Overtaken:
        async def before(self, call: str) -> None:
            if call == "fold":
                await Archivist(corner.store, corner.store).fold(POOL)

        async def after(self, call: str) -> None:
            pass

    assert await Archivist(FaultyJournal(corner.store, _Overtaken()), corner.store).fold(POOL) is None


async def test_a_fold_that_was_overtaken_does_not_archive_an_older_state(corner: Corner) -> None:
    """An ended hold is sold late while one archivist has read and not yet archived; another one folds meanwhile."""
    owner = corner.owner()
    await owner.open(POOL)

    class _Overtaken:
        async def before(self, call: str) -> None:
            pass

        async def after(self, call: str) -> None:
            if call == "read":
                await ask_one(owner, Confirm("pay-old", HoldNo(1), "pay-1", late=REACQUIRE))
                corner.clock.at_ms += limits.answers_in_memory_ms + 1
                await ask_one(owner, allocate("newest"))
                assert await Archivist(corner.store, corner.store).fold(POOL) is not None

    assert await Archivist(FaultyJournal(corner.store, _Overtaken()), corner.store).fold(POOL) is None
    (hold,) = await corner.store.recall(POOL, ["hold/1"])
    assert hold is not None
    assert read_archived("hold/1", hold).state is HoldState.CONFIRMED


async def test_a_journal_that_cannot_be_rebuilt_is_left_for_a_person_to_read(
    corner: Corner, caplog: pytest.LogCaptureFixture
) -> None:
    """No snapshot is made of it, and nothing is cut off."""
    epoch, seq = await corner.store.position(POOL)
    await corner.store.append([Append(POOL, epoch, seq, 1, b"not a record", {})])
    before = await corner.store.read(POOL)
    with caplog.at_level(logging.CRITICAL), pytest.raises(InvariantBroken):
        await Archivist(corner.store, corner.store).fold(POOL)
    assert await corner.store.read(POOL) == before


async def test_an_empty_pool_folds_too() -> None:
    """Nothing to archive, nothing to forget."""
    store = MemoryStore(Corner().clock)
    await Archivist(store, store).fold(POOL)
    assert (await rebuild(POOL, await store.read(POOL))).state.seq == 0
