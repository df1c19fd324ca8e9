"""The owner: hosts pools, decides their commands in order, answers when the journal allows.

One event loop, no locks: between looking at a pool and taking from it nothing awaits. The owner knows
nothing of Ray or sockets; `owner_gate.py` lets front ends in, `cluster/` makes an actor of it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from time import perf_counter

from actors.asking import Answer, Asked, Hearer, tell_failure
from actors.committer import Committer, Desk
from actors.folding import Fold, Folding, busy_per_s, fold_after_events_min
from actors.hosted import NOTHING_FOUND, Guest, Hosted, PoolState
from actors.import_pace import ImportPace
from actors.load_meter import LoadMeter
from actors.lookup import Lookup
from actors.metrics import OwnerMetrics
from actors.rebuilding import take_over
from actors.receiving import Receiving
from actors.waiting_room import WaitingRoom
from engine import limits
from engine.errors import Fenced, InDoubt, InvariantBroken, NotDone, Overloaded, PoolClosed, StoreUnavailable
from engine.names import PoolName
from engine.ports import Archive, Clock, Journal, SealedCards
from engine.stock.commands import OF_BUYERS, Receive, Wait
from engine.stock.events import Event
from engine.stock.state import Turn
from engine.stock.stocking import duplicates

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
    """All pools of one owner actor. `nudge` is told of a pool whose shelf is dry, or soon will be."""

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
        nudge: Callable[[PoolName], None] = lambda _pool: None,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._metrics = metrics
        self._folding = Folding(self.submit, self.find, fold, fold_after_events)
        self._hosted: dict[PoolName, Hosted] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        #: Turns of the pools that are being rebuilt.
        self._rebuilding = asyncio.Lock()
        self._committer = Committer(journal, metrics.appended)
        self._pace = ImportPace()
        self._lookup = Lookup(archive, self._ready)
        self._receiving = Receiving(cards, self._pace, ready=self._ready, answer=self._answer)
        self._nudge = nudge
        self._room = WaitingRoom(
            clock,
            ready=self._ready,
            missing=lambda hosted, guest: self._lookup.missing(hosted, [(0, guest.command)], guest.found),
            again=lambda name, guest: self.take(name, [(guest.deadline_ms, Wait(guest.command))], guest.hearer),
            board=self._board,
            stop=self._stop,
            nudge=nudge,
        )
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
            taken = await take_over(
                self._journal, name, lambda: self._hosted.get(name) is hosted, turns=self._rebuilding
            )
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
        hosted = self._hosted.pop(name, None)
        if hosted is not None:
            self._room.dismiss(hosted, Fenced(f"{name} is not owned here"))
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
            # Of one command, which is what most come to where many SKUs are sold, there is no set to be made.
            kinds = (type(asked[0][1]),) if len(asked) == 1 else {type(command) for _, command in asked}
            if asked and type(asked[0][1]) in OF_BUYERS:
                self._pace.sells(name)
            if Receive in kinds:
                later = self._receiving.receive(hosted, asked, hearer)
            elif Wait in kinds:
                later = self._welcome(name, asked, hearer)
            elif hosted.pool.state.memory.forgotten_before_ms and self._lookup.missing(hosted, asked, NOTHING_FOUND):
                later = self._recall(name, asked, hearer)
            else:
                self._answer(hosted, asked, {}, set(), hearer)
                return
        except (NotDone, Fenced, InvariantBroken) as failure:
            tell_failure(hearer, failure)
            return
        self._keep(asyncio.get_running_loop().create_task(later))

    async def _recall(self, name: PoolName, asked: Sequence[Asked], hearer: Hearer) -> None:
        """Commands that need what has left memory: it is looked up, and nothing awaits before they are decided."""
        try:
            hosted, found = await self._lookup.find(name, asked)
            self._answer(hosted, asked, found.values, set(), hearer)
        except Exception as failure:  # noqa: BLE001 - whoever asked would wait for ever
            tell_failure(hearer, failure)

    async def _welcome(self, name: PoolName, asked: Sequence[Asked], hearer: Hearer) -> None:
        """Somebody wants to wait for cards; he comes alone."""
        try:
            ((deadline_ms, command),) = asked
            assert isinstance(command, Wait)
            guest = Guest(deadline_ms, command.allocate, hearer)
            hosted, guest.found = await self._lookup.find(name, [(deadline_ms, guest.command)])
            self._room.enter(hosted, guest)
        except Exception as failure:  # noqa: BLE001 - whoever asked would wait for ever
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
        self._board(hosted, turn, answers, hearer)
        if hosted.guests:
            self._room.serve(hosted)

    def _board(self, hosted: Hosted, turn: Turn, answers: Sequence[Answer], hearer: Hearer | None) -> None:
        """Let the journal have what a turn decided; say so when it took the last card."""
        events = turn.events
        self._committer.board(
            hosted.desk, events, turn.attachments, partial(self._written, hosted, events, answers, hearer)
        )
        if hosted.ran_dry():
            self._nudge(hosted.name)

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

    def dismiss(self) -> None:
        """Send away all who wait for cards, and let nobody wait any more."""
        self._room.close(self._hosted.values())

    async def finish(self) -> None:
        """Wait until everything decided is written."""
        await self._committer.finish()

    def _ready(self, name: PoolName) -> Hosted:
        """A pool that can decide something now. Raises what `take` says."""
        hosted = self._hosted.get(name)
        if hosted is None:
            raise Fenced(f"{name} is not owned here")
        if hosted.state is not _SERVING:
            raise hosted.why_not()
        if self._committer.is_stalled:
            raise StoreUnavailable("the store does not answer; nothing is decided until it does")
        if self._committer.is_full:
            raise Overloaded("too much is waiting to be written")
        return hosted

    def _decide(
        self, hosted: Hosted, turn: Turn, asked: Sequence[Asked], now_ms: int, prints: set[bytes]
    ) -> Sequence[Answer]:
        pool = hosted.pool
        epoch, state = hosted.desk.epoch, pool.state
        answers: list[Answer] = []
        waits_after_ms = state.terms.wait_max and self._room.waits_after_ms(hosted, now_ms)
        for deadline_ms, command in asked:
            if deadline_ms and deadline_ms <= now_ms:
                answers.append(Answer(epoch, state.seq, replayed=False, outcome=None))
                continue
            if type(command) is Receive:
                refused = duplicates(state, command, prints)
                if refused is not None:
                    answers.append(Answer(epoch, state.seq, replayed=False, outcome=refused))
                    continue
                prints.update(command.prints)
            if waits_after_ms:
                turn.may_wait = deadline_ms > waits_after_ms
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
        if hosted.will_run_dry(self._clock.now_ms(), int(sweep_every_s * 1_000)):
            self._nudge(hosted.name)
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
            self._room.serve(hosted)

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
            self._room.dismiss(hosted, hosted.why_not())
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
            self._room.dismiss(hosted, hosted.why_not())
            _log.error("pool_stopped pool=%s cause=%s", hosted.name, hosted.failure, exc_info=mistake)


async def _logged(work: Awaitable[None]) -> None:
    try:
        await work
    except (Fenced, InvariantBroken, StoreUnavailable, InDoubt, PoolClosed, Overloaded) as failure:
        _log.warning("background_work_ended cause=%s", failure)
