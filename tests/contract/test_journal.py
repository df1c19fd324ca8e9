"""What every journal promises: fenced by epoch, in step by seq, all or nothing, and folded in one step."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from actors.adapters.memory import FaultyJournal
from actors.adapters.redis_store import piece_bytes_max
from engine.errors import InDoubt, StoreUnavailable
from engine.names import PoolName
from engine.ports import Append, Attachments, History, Journal, Known, Position, SealedCards


def entry(
    pool: PoolName, epoch: int, seq_before: int, record: bytes = b"", attachments: Attachments | None = None
) -> Append:
    """An append of one event, whose record tells its seq unless it is given."""
    return Append(pool, epoch, seq_before, 1, record or b"%d" % (seq_before + 1), attachments or {})


async def fill(journal: Journal, pool: PoolName, epoch: int, seqs: range) -> None:
    """Append the events of these seqs, one record each."""
    positions = await journal.append([entry(pool, epoch, seq - 1) for seq in seqs])
    assert positions[-1] == Position(epoch, seqs[-1])


def is_whole(history: History) -> bool:
    """Whether snapshot and records together are every event up to the position, once."""
    expected = range(history.snapshot_seq + 1, history.position.seq + 1)
    return [int(record) for record in history.records] == list(expected)


async def test_a_journal_begins_empty_and_at_epoch_one(journal: Journal, pool: PoolName) -> None:
    """The first claim finds nothing and takes epoch 1; before it there is no epoch."""
    assert await journal.position(pool) == Position(0, 0)
    assert await journal.claim(pool) == History(Position(1, 0), None, 0, [])


async def test_claim_returns_what_was_appended(journal: Journal, other_journal: Journal, pool: PoolName) -> None:
    """Records come back byte for byte and in order, under a higher epoch; seq counts events, not records."""
    await journal.claim(pool)
    first = Append(pool, 1, 0, 3, b"three\r\n\x00events", {})
    assert await journal.append([first, entry(pool, 1, 3, b"one")]) == [Position(1, 3), Position(1, 4)]
    assert await other_journal.claim(pool) == History(Position(2, 4), None, 0, [b"three\r\n\x00events", b"one"])


async def test_an_older_epoch_is_refused_from_the_moment_of_the_claim(
    journal: Journal, other_journal: Journal, pool: PoolName
) -> None:
    """The fenced owner hears the newer epoch, and nothing of its append is kept."""
    await journal.claim(pool)
    await other_journal.claim(pool)
    assert await journal.append([entry(pool, 1, 0)]) == [Position(2, 0)]
    assert await other_journal.append([entry(pool, 2, 0)]) == [Position(2, 1)]
    assert (await journal.read(pool)).records == [b"1"]


async def test_who_has_written_already_is_fenced_like_any_other(
    journal: Journal, other_journal: Journal, pool: PoolName, next_pool: PoolName
) -> None:
    """What its own last answer proved holds until somebody else claims; then neither writing nor asking says more."""
    for each in (pool, next_pool):
        await journal.claim(each)
        await fill(journal, each, 1, range(1, 2))
        await fill(journal, each, 1, range(2, 3))
    await other_journal.claim(pool)
    question = Append(pool, 1, 2, 0, b"", {})
    assert await journal.append([question, entry(next_pool, 1, 2)]) == [Position(2, 2), Position(1, 3)]
    assert await journal.append([entry(pool, 1, 2), entry(next_pool, 1, 3)]) == [Position(2, 2), Position(1, 4)]
    assert await journal.append([entry(pool, 1, 2)]) == [Position(2, 2)]
    assert is_whole(await journal.read(pool))
    assert is_whole(await journal.read(next_pool))


async def test_appends_go_on_after_everything_was_folded(journal: Journal, pool: PoolName) -> None:
    """An empty journal still knows where it ended, to its owner and to the next one."""
    await journal.claim(pool)
    await fill(journal, pool, 1, range(1, 4))
    assert await journal.fold(pool, await journal.read(pool), b"three", 3)
    assert await journal.append([entry(pool, 1, 3)]) == [Position(1, 4)]
    assert await journal.fold(pool, await journal.read(pool), b"four", 4)
    assert (await journal.claim(pool)).position == Position(2, 4)
    assert await journal.append([entry(pool, 2, 4)]) == [Position(2, 5)]
    assert (await journal.read(pool)).records == [b"5"]


async def test_an_epoch_nobody_claimed_is_refused(journal: Journal, pool: PoolName) -> None:
    """An epoch from the future, or of a store that was replaced, is as wrong as an old one."""
    assert await journal.append([entry(pool, 7, 0)]) == [Position(0, 0)]
    assert (await journal.read(pool)).records == []


@pytest.mark.parametrize("seq_before", [0, 1, 3])
async def test_an_unexpected_seq_is_refused(journal: Journal, pool: PoolName, seq_before: int) -> None:
    """Behind or ahead of the journal, the answer is where the journal really is."""
    await journal.claim(pool)
    await fill(journal, pool, 1, range(1, 3))
    assert await journal.append([Append(pool, 1, seq_before, 5, b"?", {})]) == [Position(1, 2)]
    assert is_whole(await journal.read(pool))


async def test_an_append_sent_again_answers_done_and_is_kept_once(journal: Journal, pool: PoolName) -> None:
    """The second of two equal appends is refused, and its answer is what success would have said."""
    await journal.claim(pool)
    assert await journal.append([entry(pool, 1, 0)]) == [Position(1, 1)]
    assert await journal.append([entry(pool, 1, 0)]) == [Position(1, 1)]
    assert (await journal.read(pool)).records == [b"1"]


async def test_an_append_without_events_asks_and_writes_nothing(journal: Journal, pool: PoolName) -> None:
    """It tells whether the pool is still ours, and leaves no record."""
    await journal.claim(pool)
    assert await journal.append([Append(pool, 1, 0, 0, b"", {})]) == [Position(1, 0)]
    assert (await journal.read(pool)).records == []


async def test_one_fenced_pool_does_not_hold_back_the_others(
    journal: Journal, other_journal: Journal, pool: PoolName, next_pool: PoolName
) -> None:
    """Of one call for two pools, the one that moved away is refused and the other is done."""
    await journal.claim(pool)
    await journal.claim(next_pool)
    await other_journal.claim(pool)
    positions = await journal.append([entry(pool, 1, 0), entry(next_pool, 1, 0)])
    assert positions == [Position(2, 0), Position(1, 1)]
    assert (await journal.read(pool)).records == []
    assert (await journal.read(next_pool)).records == [b"1"]


async def test_attachments_come_with_an_accepted_append_only(
    journal: Journal, cards: SealedCards, pool: PoolName
) -> None:
    """A refused append leaves none of its attachments, an accepted one all, whatever their number."""
    await journal.claim(pool)
    prints = [b"%016d" % number for number in range(5_000)]
    attachments = {"prints": dict.fromkeys(prints, b"1-0"), "keys": {b"1": b"key"}}
    refused = [entry(pool, 2, 0, attachments=attachments), entry(pool, 1, 1, attachments=attachments)]
    assert await journal.append(refused) == [Position(1, 0), Position(1, 0)]
    assert not any(await cards.known(pool, prints))
    assert await journal.append([entry(pool, 1, 0, attachments=attachments)]) == [Position(1, 1)]
    assert all(await cards.known(pool, prints))


async def test_fold_puts_a_snapshot_in_place_of_what_it_stands_for(journal: Journal, pool: PoolName) -> None:
    """The records of the folded history are gone; those appended after it was read are still there."""
    await journal.claim(pool)
    await fill(journal, pool, 1, range(1, 6))
    history = await journal.read(pool)
    await fill(journal, pool, 1, range(6, 9))
    assert await journal.fold(pool, history, b"as of 5", 5)
    assert await journal.read(pool) == History(Position(1, 8), b"as of 5", 5, [b"6", b"7", b"8"])


async def test_a_second_fold_replaces_the_first_snapshot(journal: Journal, pool: PoolName) -> None:
    """Snapshots follow each other; appends go on from the same seq."""
    await journal.claim(pool)
    for seq in (1, 2, 3):
        await fill(journal, pool, 1, range(seq, seq + 1))
        assert await journal.fold(pool, await journal.read(pool), b"as of %d" % seq, seq)
    await fill(journal, pool, 1, range(4, 5))
    assert await journal.read(pool) == History(Position(1, 4), b"as of 3", 3, [b"4"])


async def test_of_two_folds_of_one_history_the_second_changes_nothing(
    journal: Journal, other_journal: Journal, pool: PoolName
) -> None:
    """The one that came second is told so: its records are not its own to cut off any more."""
    await journal.claim(pool)
    await fill(journal, pool, 1, range(1, 6))
    early, late = await journal.read(pool), await other_journal.read(pool)
    await fill(journal, pool, 1, range(6, 8))
    assert await journal.fold(pool, early, b"first", 5)
    assert not await other_journal.fold(pool, late, b"second", 5)
    assert await journal.read(pool) == History(Position(1, 7), b"first", 5, [b"6", b"7"])


async def test_of_folds_at_the_same_time_one_wins(journal: Journal, other_journal: Journal, pool: PoolName) -> None:
    """Pieces of two snapshots on their way at once do not mix."""
    await journal.claim(pool)
    await fill(journal, pool, 1, range(1, 3))
    history = await journal.read(pool)
    snapshots = [bytes([letter]) * (3 * piece_bytes_max) for letter in b"ab"]
    folded = await asyncio.gather(
        journal.fold(pool, history, snapshots[0], 2), other_journal.fold(pool, history, snapshots[1], 2)
    )
    assert sorted(folded) == [False, True]
    assert (await journal.read(pool)).snapshot == snapshots[folded.index(True)]


@pytest.mark.parametrize("size", [0, 1, piece_bytes_max, 9 * piece_bytes_max + 1])
async def test_a_snapshot_of_any_size_comes_back_whole(journal: Journal, pool: PoolName, size: int) -> None:
    """Empty, in one piece exactly, and in many pieces of which the last is short."""
    await journal.claim(pool)
    await fill(journal, pool, 1, range(1, 2))
    snapshot = (b"0123456789" * (size // 10 + 1))[:size]
    assert await journal.fold(pool, await journal.read(pool), snapshot, 1)
    assert (await journal.claim(pool)).snapshot == snapshot


async def test_a_history_read_while_others_append_and_fold_is_of_one_moment(
    journal: Journal, other_journal: Journal, pool: PoolName
) -> None:
    """However reads, appends and folds interleave, each history is whole, and none goes back."""
    await journal.claim(pool)
    await fill(journal, pool, 1, range(1, 3001))
    seen: list[History] = []

    async def write() -> None:
        for seq in range(3001, 3061):
            await fill(journal, pool, 1, range(seq, seq + 1))
            if seq % 10 == 0:
                history = await journal.read(pool)
                assert await journal.fold(pool, history, b"s" * 1_000_000, history.position.seq)

    writing = asyncio.create_task(write())
    while not writing.done():
        seen.append(await other_journal.read(pool))
        await asyncio.sleep(0)
    await writing
    assert all(is_whole(history) for history in seen)
    assert [history.position for history in seen] == sorted(history.position for history in seen)


class Road:
    """Faults that strike the next append, before or after it is done."""

    def __init__(self, at: str, failure: Exception) -> None:
        self._at = at
        self._failure: Exception | None = failure

    async def before(self, call: str) -> None:
        """See Faults."""
        self._strike("before", call)

    async def after(self, call: str) -> None:
        """See Faults."""
        self._strike("after", call)

    def _strike(self, at: str, call: str) -> None:
        failure = self._failure
        if failure is not None and at == self._at and call == "append":
            self._failure = None
            raise failure


@pytest.mark.parametrize(
    ("at", "failure", "seq"),
    [("before", StoreUnavailable("down"), 0), ("before", InDoubt("lost"), 0), ("after", InDoubt("unheard"), 1)],
)
async def test_position_resolves_a_doubt(
    journal: Journal, pool: PoolName, at: str, failure: Exception, seq: int
) -> None:
    """Whether a failed append happened is told by the position; the same append again is right in any case."""
    await journal.claim(pool)
    shaken = FaultyJournal(journal, Road(at, failure))
    with pytest.raises(type(failure)):
        await shaken.append([entry(pool, 1, 0)])
    assert await shaken.position(pool) == Position(1, seq)
    assert await shaken.append([entry(pool, 1, 0)]) == [Position(1, 1)]
    assert (await journal.read(pool)).records == [b"1"]


async def test_a_cancelled_caller_does_not_poison_the_next(journal: Journal, pool: PoolName) -> None:
    """What the first asked goes on without it, and the answers it left behind are not taken for the next one's."""
    await journal.claim(pool)
    steps: list[Callable[[], Awaitable[object]]] = [
        lambda: journal.append([entry(pool, 1, 0)]),
        lambda: journal.position(pool),
    ]
    await journal.append([entry(pool, 1, 0)._replace(events=0)])  # A line that is not up yet would carry nothing away.
    for step in steps:
        abandoned = asyncio.ensure_future(step())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        abandoned.cancel()
        await asyncio.wait([abandoned])
    assert await journal.append([entry(pool, 1, 1)]) == [Position(1, 2)]
    assert await journal.position(pool) == Position(1, 2)
    assert is_whole(await journal.read(pool))


@pytest.mark.parametrize("call", ["read", "claim"])
async def test_who_knows_the_beginning_is_told_the_rest(journal: Journal, pool: PoolName, call: str) -> None:
    """The records after those it has; nothing, when there are none; and the position is the present one."""
    await journal.claim(pool)
    for number in range(1, 8):
        await fill(journal, pool, 1, range(number, number + 1))
    whole = await journal.read(pool)
    epoch = 1 if call == "read" else 2
    rest = await getattr(journal, call)(pool, Known(0, Position(1, 5)))
    assert rest == History(Position(epoch, 7), None, 0, whole.records[5:])
    assert (await journal.read(pool, Known(0, Position(epoch, 7)))).records == []


async def test_who_knows_the_snapshot_is_told_what_came_after(journal: Journal, pool: PoolName) -> None:
    """It need not read it again."""
    await journal.claim(pool)
    await fill(journal, pool, 1, range(1, 4))
    assert await journal.fold(pool, await journal.read(pool), b"three", 3)
    await fill(journal, pool, 1, range(4, 6))
    whole = await journal.read(pool)
    assert await journal.read(pool, Known(3, Position(1, 3))) == History(Position(1, 5), None, 3, whole.records)


async def test_after_a_fold_the_whole_is_told_anew(journal: Journal, pool: PoolName) -> None:
    """The records one has may be among those that were folded away."""
    await journal.claim(pool)
    await fill(journal, pool, 1, range(1, 4))
    assert await journal.fold(pool, await journal.read(pool), b"three", 3)
    assert await journal.claim(pool, Known(0, Position(1, 2))) == History(Position(2, 3), b"three", 3, [])
