"""The owner: hosts pools, decides their commands in order, answers when the journal allows.

One event loop, no locks: between looking at a pool and taking from it nothing awaits. The owner knows
nothing of Ray or sockets; `owner_gate.py` lets front ends in, `cluster.py` makes an actor of it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from itertools import compress
from time import perf_counter
from typing import NamedTuple

from actors.committer import Committer, Desk
from actors.hosted import Hosted, PoolState
from actors.import_pace import ImportPace
from actors.load_meter import LoadMeter
from actors.metrics import OwnerMetrics
from actors.rebuilding import take_over
from engine import limits
from engine.errors import Fenced, InDoubt, InvariantBroken, Overloaded, PoolClosed, StoreUnavailable
from engine.names import PoolName
from engine.ports import Archive, Attachments, Clock, Journal, SealedCards
from engine.stock.codec import read_archived
from engine.stock.commands import OF_BUYERS, Command, Forget, Receive
from engine.stock.events import Event
from engine.stock.outcomes import Outcome, Reason, Refused
from engine.stock.pool import Pool
from engine.stock.state import Turn

#: Between two rounds of the sweep. Expiry is exact by rule; the sweep only tidies, so it may be lazy.
sweep_every_s = 0.25

#: A pool is folded when its journal has at least this many events beyond the snapshot …
fold_after_events_min = 50_000

#: … and one for every three holds and answers that it has in memory. So an event costs a fold at most three or four of
#: them, and 100,000 live holds with what comes with them are recovered in about a second.
fold_share = 3

#: Pause after a fold that came to nothing, before the next try.
fold_again_s = 10.0

#: Steps between two samples of the conservation law in a running pool; each fold looks at every card.
check_every_steps = 10_000

#: Pools looked after before others in this process get a turn.
_POOLS_PER_TURN = 100

_log = logging.getLogger(__name__)

Fold = Callable[[PoolName], Awaitable[int | None]]
"""Asks the archivist to fold a pool; returns the moment before which all is archived."""


Asked = tuple[int, Command]
"""The last moment its caller waits for it, in milliseconds since 1970 (0 = no bound), and the command."""


class Reply(NamedTuple):
    """An outcome with its place in the pool's history; `outcome` is None when the deadline had passed."""

    seq: int
    replayed: bool
    outcome: Outcome | None


_TOO_LATE = Reply(0, replayed=False, outcome=None)


class Owner:
    """All pools of one owner actor."""

    def __init__(
        self,
        journal: Journal,
        archive: Archive,
        cards: SealedCards,
        clock: Clock,
        *,
        metrics: OwnerMetrics,
        fold: Fold,
        fold_after_events: int = fold_after_events_min,
    ) -> None:
        self._journal = journal
        self._archive = archive
        self._cards = cards
        self._clock = clock
        self._metrics = metrics
        self._fold = fold
        self._fold_after_events = fold_after_events
        self._hosted: dict[PoolName, Hosted] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._committer = Committer(journal, metrics.appended)
        self._pace = ImportPace()
        #: How busy the pools are.
        self.meter = LoadMeter()
        #: Pools that a newer epoch has taken: to be opened again, or left.
        self.lost: set[PoolName] = set()

    def find(self, name: PoolName) -> Hosted | None:
        """A pool, if it is hosted here."""
        return self._hosted.get(name)

    @property
    def hosted(self) -> Sequence[Hosted]:
        """Every pool here, whatever its state."""
        return list(self._hosted.values())

    async def open(self, name: PoolName) -> None:
        """Take over a pool: rebuild it beside whoever still serves it, then claim it, catch up, serve it.

        So nobody answers only for as long as the last few records take. Waits for a store that is away; gives
        up when the pool is closed or opened anew meanwhile.
        """
        hosted = self._hosted[name] = Hosted(name)
        self.lost.discard(name)
        began_s = perf_counter()
        try:
            taken = await take_over(self._journal, name, lambda: self._hosted.get(name) is hosted)
        except InvariantBroken as broken:
            self._stop(hosted, broken)
            return
        if taken is None:
            return
        hosted.pool, history = taken
        hosted.desk = Desk(name, history.position.epoch, history.position.seq)
        hosted.snapshot_seq = history.snapshot_seq
        hosted.check_at_steps = check_every_steps
        hosted.state = PoolState.SERVING
        self._metrics.recovered(name, perf_counter() - began_s)
        _log.info("pool_open pool=%s epoch=%d seq=%d", name, hosted.desk.epoch, hosted.desk.seq)

    async def prove(self, name: PoolName) -> None:
        """Ask the journal whether a pool that is served is still ours; if not, it is lost. Raises StoreUnavailable."""
        hosted = self._hosted.get(name)
        if hosted is not None and (await self._journal.position(name)).epoch > hosted.desk.epoch:
            self._fence(hosted)

    def close(self, name: PoolName) -> None:
        """Stop answering for a pool that moves elsewhere."""
        if self._hosted.pop(name, None) is not None:
            self.lost.discard(name)
            self.meter.forget(name)
            self._metrics.left(name)

    async def submit(self, name: PoolName, asked: Sequence[Asked]) -> tuple[int, Sequence[Reply]]:
        """Decide the commands in order; answer once the journal has what the answers rest on.

        Returns the epoch and one reply per command. Raises PoolClosed, StoreUnavailable or Overloaded
        (nothing happened), Fenced (nothing happened, and never will here), InDoubt (another owner has
        taken over and may have found it done) or InvariantBroken.
        """
        hosted = self._serving(name)
        if self._committer.is_stalled:
            raise StoreUnavailable("the store does not answer; nothing is decided until it does")
        if self._committer.is_full:
            raise Overloaded("too much is waiting to be written")
        chunks = [command for _, command in asked if type(command) is Receive]
        if not chunks:
            if asked and type(asked[0][1]) in OF_BUYERS:
                self._pace.sells(name)
            return await self._answer(name, asked, set())
        # Fingerprints are looked up before a chunk is decided, so chunks go one by one.
        async with self._pace.turn():
            prints = [print_ for chunk in chunks for print_ in chunk.prints]
            known = await self._cards.known(name, prints)
            if self._hosted.get(name) is not hosted:
                raise PoolClosed(f"{name} was opened anew while an import looked its cards up")
            return await self._answer(name, asked, set(compress(prints, known)))

    async def _answer(self, name: PoolName, asked: Sequence[Asked], prints: set[bytes]) -> tuple[int, Sequence[Reply]]:
        """See submit. `prints` are the codes of import chunks that are in stock already."""
        hosted, recalled = await self._recall(name, asked)
        now_ms = self._clock.now_ms()
        turn = hosted.pool.turn(now_ms, recalled)  # type: ignore[arg-type]
        try:
            replies = self._decide(hosted, turn, asked, now_ms, prints)
        except Exception as mistake:
            # Whatever it is, the pool may have changed without its journal: it must not go on.
            self._stop(hosted, mistake)
            raise InvariantBroken(hosted.failure) from mistake
        await self._commit(hosted, turn.events, turn.attachments)
        return hosted.desk.epoch, replies

    async def run(self) -> None:
        """Measure load, sweep, sample the law and fold, until cancelled."""
        loop = asyncio.get_running_loop()
        measured_s = loop.time()
        while True:
            await asyncio.sleep(sweep_every_s)
            awake = self._awake()
            over_s, measured_s = loop.time() - measured_s, loop.time()
            self.meter.measure({one.name: one.steps - one.steps_seen for one in awake}, over_s)
            for one in awake:
                one.steps_seen, one.needs_look = one.steps, True
            for at, hosted in enumerate([] if self._committer.is_stalled else awake, start=1):
                if hosted.state is PoolState.SERVING:
                    hosted.needs_look = False
                    self._sweep(hosted)
                    self._fold_when_long(hosted)
                if at % _POOLS_PER_TURN == 0:
                    await asyncio.sleep(0)

    def _awake(self) -> list[Hosted]:
        """Pools to be looked after: a glance at each of ten thousand takes a millisecond, a look at each a hundred."""
        now_ms = self._clock.now_ms()
        return [
            one
            for one in self._hosted.values()
            if one.steps != one.steps_seen or one.needs_look or one.due_ms <= now_ms
        ]

    async def finish(self) -> None:
        """Wait until everything decided is written."""
        await self._committer.finish()

    def _serving(self, name: PoolName) -> Hosted:
        hosted = self._hosted.get(name)
        if hosted is None or hosted.state is PoolState.FENCED:
            raise Fenced(f"{name} is not owned here")
        if hosted.state is PoolState.STOPPED:
            raise InvariantBroken(hosted.failure)
        if hosted.state is PoolState.RECOVERING:
            raise PoolClosed(f"{name} is being recovered")
        return hosted

    def _decide(
        self, hosted: Hosted, turn: Turn, asked: Sequence[Asked], now_ms: int, prints: set[bytes]
    ) -> Sequence[Reply]:
        pool = hosted.pool
        replies: list[Reply] = []
        for deadline_ms, command in asked:
            if deadline_ms and deadline_ms <= now_ms:
                replies.append(_TOO_LATE)
                continue
            if type(command) is Receive:
                duplicates = _duplicates(pool, command, prints)
                if duplicates is not None:
                    replies.append(Reply(pool.state.seq, replayed=False, outcome=duplicates))
                    continue
                prints.update(command.prints)
            outcome, replayed = pool.decide(turn, command)
            replies.append(Reply(pool.state.seq, replayed, outcome))
        hosted.steps += len(asked)
        if hosted.steps >= hosted.check_at_steps:
            hosted.check_at_steps = hosted.steps + check_every_steps
            pool.check_counts()
        return replies

    def _commit(self, hosted: Hosted, events: Sequence[Event], attachments: Attachments) -> Awaitable[None]:
        """Everything a turn decided, in one group.

        Takes its place in the group at once, not when it is awaited: the order of deciding is the journal's.
        """
        group = self._committer.join(hosted.desk, events, attachments)
        return self._written(hosted, events, group)

    async def _written(self, hosted: Hosted, events: Sequence[Event], group: asyncio.Future[None]) -> None:
        try:
            await asyncio.shield(group)
        except (Fenced, InDoubt):
            if isinstance(hosted.desk.failure, InvariantBroken):
                self._stop(hosted, hosted.desk.failure)
            else:
                self._fence(hosted)
            raise
        except InvariantBroken as broken:
            self._stop(hosted, broken)
            raise
        self._metrics.happened(hosted.name, events)

    async def _recall(self, name: PoolName, asked: Sequence[Asked]) -> tuple[Hosted, dict[str, object]]:
        """Look up what has left memory, if any command needs it; usually none does and nothing awaits.

        Answers the pool it was looked up for, ready to decide: nothing may await until it has.
        """
        recalled: dict[str, object] = {}
        while True:
            hosted = self._serving(name)
            if not hosted.pool.state.memory.forgotten_before_ms:
                return hosted, recalled
            missing = [
                key
                for _, command in asked
                for key in hosted.pool.missing(command, recalled)  # type: ignore[arg-type]
            ]
            if not missing:
                return hosted, recalled
            values = await self._archive.recall(name, missing)
            for key, value in zip(missing, values, strict=True):
                recalled[key] = None if value is None else read_archived(key, value)

    def _sweep(self, hosted: Hosted) -> None:
        hosted.due_ms = hosted.next_deadline_ms()
        if hosted.due_ms > self._clock.now_ms():
            return
        try:
            events = hosted.pool.sweep(self._clock.now_ms(), limits.expire_per_step_max)
        except Exception as mistake:  # noqa: BLE001 - the pool may have changed without its journal; its neighbours go on
            self._stop(hosted, mistake)
            return
        if events:
            self._start(self._commit(hosted, events, {}))

    def _fold_when_long(self, hosted: Hosted) -> None:
        """Fold when the journal is long for what the snapshot holds, so that folding costs a constant share."""
        due_at = hosted.snapshot_seq + max(self._fold_after_events, hosted.folded_size // fold_share)
        if hosted.desk.seq <= due_at:
            return
        is_time = asyncio.get_running_loop().time() >= hosted.fold_not_before_s
        if not hosted.is_folding and is_time:
            hosted.is_folding = True
            self._start(self._fold_now(hosted))
        hosted.needs_look = True

    async def _fold_now(self, hosted: Hosted) -> None:
        """Let the archivist fold; then forget what it archived, a step at a time."""
        try:
            seq = hosted.desk.seq
            try:
                before_ms = await self._fold(hosted.name)
            except InvariantBroken as broken:
                self._stop(hosted, broken)
                return
            if before_ms is None:
                hosted.fold_not_before_s = asyncio.get_running_loop().time() + fold_again_s
                return
            hosted.snapshot_seq = seq
            memory = hosted.pool.state.memory
            while memory.forgotten_before_ms < before_ms:
                if self._hosted.get(hosted.name) is not hosted:
                    return
                await self.submit(hosted.name, [(0, Forget(before_ms))])
            hosted.folded_size = len(hosted.pool.state.holds.active) + len(memory.answers)
        finally:
            hosted.is_folding = False

    def _start(self, work: Awaitable[None]) -> None:
        """Background work whose failure is already noted on the pool; the log keeps the rest."""
        task = asyncio.ensure_future(_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _fence(self, hosted: Hosted) -> None:
        if hosted.state is PoolState.SERVING:
            hosted.state = PoolState.FENCED
            self.lost.add(hosted.name)
            if hosted.is_leaving:
                _log.info("pool_handed_over pool=%s epoch=%d", hosted.name, hosted.desk.epoch)
                return
            self._metrics.fenced(hosted.name)
            _log.warning("pool_fenced pool=%s epoch=%d", hosted.name, hosted.desk.epoch)

    def _stop(self, hosted: Hosted, mistake: Exception) -> None:
        if hosted.state is not PoolState.STOPPED:
            hosted.state = PoolState.STOPPED
            hosted.failure = str(mistake) if isinstance(mistake, InvariantBroken) else repr(mistake)
            self._metrics.stopped(hosted.name)
            _log.error("pool_stopped pool=%s cause=%s", hosted.name, hosted.failure, exc_info=mistake)


def _duplicates(pool: Pool, command: Receive, prints: set[bytes]) -> Refused | None:
    """The refusal of a chunk that is next in line and brings codes that are in stock."""
    batch = pool.state.batches.get(command.batch)
    places = [str(place) for place, print_ in enumerate(command.prints) if print_ in prints]
    if batch is None or command.chunk != batch.next_chunk or not places:
        return None
    return Refused(Reason.DUPLICATES_IN_STOCK, (("places", ",".join(places)),))


async def _logged(work: Awaitable[None]) -> None:
    try:
        await work
    except (Fenced, InvariantBroken, StoreUnavailable, InDoubt, PoolClosed, Overloaded) as failure:
        _log.warning("background_work_ended cause=%s", failure)
