"""The owner: hosts pools, decides their commands in order, answers when the journal allows.

One event loop, no locks: between looking at a pool and taking from it nothing awaits. The owner knows
nothing of Ray or sockets; `owner_gate.py` lets front ends in, `cluster.py` makes an actor of it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from functools import partial
from itertools import compress
from time import perf_counter

from actors.asking import Answer, Asked, Hearer, tell_failure
from actors.committer import Committer, Desk
from actors.folding import Fold, Folding, busy_per_s, fold_after_events_min
from actors.hosted import Hosted, PoolState
from actors.import_pace import ImportPace
from actors.load_meter import LoadMeter
from actors.metrics import OwnerMetrics
from actors.rebuilding import take_over
from engine import limits
from engine.errors import Fenced, InDoubt, InvariantBroken, NotDone, Overloaded, PoolClosed, StoreUnavailable
from engine.names import PoolName
from engine.ports import Archive, Clock, Journal, SealedCards
from engine.stock.codec import read_archived
from engine.stock.commands import OF_BUYERS, Receive
from engine.stock.events import Event
from engine.stock.outcomes import Reason, Refused
from engine.stock.pool import Pool
from engine.stock.state import Turn

#: Between two rounds of the sweep. Expiry is exact by rule; the sweep only tidies, so it may be lazy.
sweep_every_s = 0.25

#: Steps between two samples of the conservation law in a running pool; each fold looks at every card.
check_every_steps = 10_000

#: Pools looked after before others in this process get a turn.
_POOLS_PER_TURN = 100

_log = logging.getLogger(__name__)
_new = tuple.__new__
_SERVING = PoolState.SERVING


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
        self._folding = Folding(self.submit, self.find, fold, fold_after_events)
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

    async def submit(self, name: PoolName, asked: Sequence[Asked]) -> Sequence[Answer]:
        """The same as `take`, for whoever can wait: what a hearer would hear."""
        future: asyncio.Future[Sequence[Answer]] = asyncio.get_running_loop().create_future()
        self.take(name, asked, future)
        return await future

    def take(self, name: PoolName, asked: Sequence[Asked], hearer: Hearer) -> None:
        """Decide the commands in order, at once unless something must be looked up before.

        The hearer hears once the journal has what the answers rest on: an answer to each command. Or,
        perhaps at once, PoolClosed, StoreUnavailable or Overloaded (nothing happened), Fenced (nothing happened, and
        never will here), InDoubt (another owner has taken over and may have found it done) or InvariantBroken.
        """
        try:
            hosted = self._ready(name)
            kinds = [type(command) for _, command in asked]
            is_import = Receive in kinds
            if kinds and kinds[0] in OF_BUYERS:
                self._pace.sells(name)
            if not is_import and not self._missing(hosted, asked, {}):
                self._answer(hosted, asked, {}, set(), hearer)
                return
        except (NotDone, Fenced, InvariantBroken) as failure:
            tell_failure(hearer, failure)
            return
        later = self._receive(hosted, asked, hearer) if is_import else self._recall(name, asked, hearer)
        self._keep(asyncio.get_running_loop().create_task(later))

    async def _receive(self, hosted: Hosted, asked: Sequence[Asked], hearer: Hearer) -> None:
        """Chunks of an import, in their turns: all at once, or one after another while anybody buys."""
        portions = [[one] for one in asked] if self._pace.is_selling else [asked]
        answers: list[Answer] = []
        try:
            for portion in portions:
                async with self._pace.turn():
                    answers += await self._received(hosted, portion)
        except (NotDone, Fenced) as failure:
            tell_failure(hearer, InDoubt(*failure.args) if answers else failure)
        except Exception as failure:  # noqa: BLE001 - whoever asked would wait for ever
            tell_failure(hearer, failure)
        else:
            if not hearer.done():
                hearer.set_result(answers)

    async def _received(self, hosted: Hosted, asked: Sequence[Asked]) -> Sequence[Answer]:
        """Chunks received in one step: what is in stock already is looked up before they are decided."""
        prints = [print_ for _, command in asked if type(command) is Receive for print_ in command.prints]
        known = await self._cards.known(hosted.name, prints)
        if self._ready(hosted.name) is not hosted:
            raise PoolClosed(f"{hosted.name} was opened anew while an import looked its cards up")
        written: asyncio.Future[Sequence[Answer]] = asyncio.get_running_loop().create_future()
        self._answer(hosted, asked, {}, set(compress(prints, known)), written)
        return await written

    async def _recall(self, name: PoolName, asked: Sequence[Asked], hearer: Hearer) -> None:
        """Commands that need what has left memory: it is looked up, and nothing awaits before they are decided."""
        recalled: dict[str, object] = {}
        try:
            while missing := self._missing(hosted := self._ready(name), asked, recalled):
                values = await self._archive.recall(name, missing)
                for key, value in zip(missing, values, strict=True):
                    recalled[key] = None if value is None else read_archived(key, value)
            self._answer(hosted, asked, recalled, set(), hearer)
        except Exception as failure:  # noqa: BLE001 - see _receive
            tell_failure(hearer, failure)

    def _answer(
        self,
        hosted: Hosted,
        asked: Sequence[Asked],
        recalled: Mapping[str, object],
        prints: set[bytes],
        hearer: Hearer,
    ) -> None:
        """Decide, and board the journal's next group. `prints` are the codes of chunks that are in stock already."""
        now_ms = self._clock.now_ms()
        turn = hosted.pool.turn(now_ms, recalled)  # type: ignore[arg-type]
        try:
            answers = self._decide(hosted, turn, asked, now_ms, prints)
        except Exception as mistake:
            # Whatever it is, the pool may have changed without its journal: it must not go on.
            self._stop(hosted, mistake)
            raise InvariantBroken(hosted.failure) from mistake
        written = partial(self._written, hosted, turn.events, answers, hearer)
        self._committer.board(hosted.desk, turn.events, turn.attachments, written)

    async def run(self) -> None:
        """Measure load, sweep, sample the law and fold, until cancelled."""
        loop = asyncio.get_running_loop()
        measured_s = loop.time()
        while True:
            await asyncio.sleep(sweep_every_s)
            awake = self._awake()
            over_s, measured_s = loop.time() - measured_s, loop.time()
            steps = {one.name: one.steps - one.steps_seen for one in awake}
            self.meter.measure(steps, over_s)
            is_busy = sum(steps.values()) >= busy_per_s * over_s
            for one in awake:
                one.steps_seen, one.needs_look = one.steps, True
            for at, hosted in enumerate([] if self._committer.is_stalled else awake, start=1):
                if hosted.state is PoolState.SERVING:
                    hosted.needs_look = False
                    self._sweep(hosted)
                    self._fold_when_long(hosted, is_busy=is_busy)
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

    def _ready(self, name: PoolName) -> Hosted:
        """A pool that can decide something now. Raises what `take` says."""
        hosted = self._hosted.get(name)
        if hosted is None or hosted.state is not _SERVING:
            raise _why_not(name, hosted)
        if self._committer.is_stalled:
            raise StoreUnavailable("the store does not answer; nothing is decided until it does")
        if self._committer.is_full:
            raise Overloaded("too much is waiting to be written")
        return hosted

    def _missing(self, hosted: Hosted, asked: Sequence[Asked], recalled: Mapping[str, object]) -> list[str]:
        """What has left memory and is needed to decide; usually nothing."""
        pool = hosted.pool
        if not pool.state.memory.forgotten_before_ms:
            return []
        return [key for _, command in asked for key in pool.missing(command, recalled)]  # type: ignore[arg-type]

    def _decide(
        self, hosted: Hosted, turn: Turn, asked: Sequence[Asked], now_ms: int, prints: set[bytes]
    ) -> Sequence[Answer]:
        pool = hosted.pool
        epoch, state = hosted.desk.epoch, pool.state
        answers: list[Answer] = []
        for deadline_ms, command in asked:
            if deadline_ms and deadline_ms <= now_ms:
                answers.append(Answer(epoch, state.seq, replayed=False, outcome=None))
                continue
            if type(command) is Receive:
                duplicates = _duplicates(pool, command, prints)
                if duplicates is not None:
                    answers.append(Answer(epoch, state.seq, replayed=False, outcome=duplicates))
                    continue
                prints.update(command.prints)
            outcome, replayed = pool.decide(turn, command)
            # As a plain tuple, which takes half the time: this is done for every command.
            answers.append(_new(Answer, (epoch, state.seq, replayed, outcome)))
        hosted.steps += len(asked)
        if hosted.steps >= hosted.check_at_steps:
            hosted.check_at_steps = hosted.steps + check_every_steps
            pool.check_counts()
        return answers

    def _written(
        self,
        hosted: Hosted,
        events: Sequence[Event],
        answers: Sequence[Answer],
        hearer: Hearer | None,
        failure: Exception | None,
    ) -> None:
        """The journal has what a turn decided, or will never have it: tell who asked."""
        if failure is None:
            self._metrics.happened(hosted.name, events)
            if hearer is not None and not hearer.done():
                hearer.set_result(answers)
            return
        broken = failure if isinstance(failure, InvariantBroken) else hosted.desk.failure
        if isinstance(broken, InvariantBroken):
            self._stop(hosted, broken)
        else:
            self._fence(hosted)
        if hearer is not None:
            tell_failure(hearer, failure)

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
            self._committer.board(hosted.desk, events, {}, partial(self._written, hosted, events, (), None))

    def _fold_when_long(self, hosted: Hosted, *, is_busy: bool = False) -> None:
        """Fold when it is time; look again at a pool for which it will be."""
        if not self._folding.is_long(hosted):
            return
        hosted.needs_look = True
        if self._folding.is_due(hosted, is_busy=is_busy):
            hosted.is_folding = True
            self._start(self._fold_now(hosted))

    async def _fold_now(self, hosted: Hosted) -> None:
        try:
            await self._folding.fold(hosted)
        except InvariantBroken as broken:
            self._stop(hosted, broken)
        finally:
            hosted.is_folding = False

    def _start(self, work: Awaitable[None]) -> None:
        """Background work whose failure is already noted on the pool; the log keeps the rest."""
        self._keep(asyncio.ensure_future(_logged(work)))

    def _keep(self, task: asyncio.Task[None]) -> None:
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


def _why_not(name: PoolName, hosted: Hosted | None) -> Exception:
    """Why a pool that is not served here decides nothing."""
    if hosted is None or hosted.state is PoolState.FENCED:
        return Fenced(f"{name} is not owned here")
    if hosted.state is PoolState.STOPPED:
        return InvariantBroken(hosted.failure)
    return PoolClosed(f"{name} is being recovered")


async def _logged(work: Awaitable[None]) -> None:
    try:
        await work
    except (Fenced, InvariantBroken, StoreUnavailable, InDoubt, PoolClosed, Overloaded) as failure:
        _log.warning("background_work_ended cause=%s", failure)
