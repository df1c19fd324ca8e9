"""Virtual time and virtual processes: an event loop whose clock jumps to the next timer, and that can kill.

Everything of a simulated house runs in one thread. What belongs to a process carries it in its context,
so a process can be killed or paused between any two steps of any of its tasks, as a real one can: it
runs no `finally`, it says no goodbye, and what it had asked of others goes on without it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from heapq import heappop, heappush
from typing import Any, TypeVar

_T = TypeVar("_T")

_PROCESS: ContextVar["Process | None"] = ContextVar("_PROCESS", default=None)


class Stuck(Exception):
    """Everyone waits and no timer runs: a deadlock."""


class Process:
    """One simulated process. Everything it starts is its own."""

    def __init__(self, name: str, dies_at: int = 0) -> None:
        self.name = name
        #: How many steps it has begun; it dies instead of beginning the one of number `dies_at`, counted from 1.
        self.steps = 0
        self._dies_at = dies_at
        self.is_alive = True
        self.is_paused = False
        self.tasks: list[asyncio.Task[Any]] = []
        self._tidy_at = 64
        self._parked: list[_Step] = []
        self._at_end: list[Callable[[], None]] = []
        self._context = copy_context()
        self._context.run(_PROCESS.set, self)

    @property
    def context(self) -> Context:
        """The context in which a plain call belongs to this process; what it starts gets a copy."""
        return self._context

    def start(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Run a coroutine as part of this process."""
        return asyncio.get_running_loop().create_task(work, context=self._context.copy())

    def has(self, task: asyncio.Task[Any]) -> None:
        """It runs this. What has ended is let go now and then."""
        self.tasks.append(task)
        if len(self.tasks) >= self._tidy_at:
            self.tasks = [task for task in self.tasks if not task.done()]
            self._tidy_at = 2 * len(self.tasks) + 64

    def at_end(self, then: Callable[[], None]) -> None:
        """What the world notices when the process is gone: its connections break."""
        self._at_end.append(then)

    def kill(self) -> None:
        """Nothing of this process ever runs again."""
        self.is_alive = False
        self._parked.clear()
        for then in self._at_end:
            then()

    def pause(self) -> None:
        """SIGSTOP."""
        self.is_paused = True

    def resume(self) -> None:
        """SIGCONT: what was due meanwhile runs now, in the order in which it became due."""
        self.is_paused = False
        parked, self._parked = self._parked, []
        asyncio.get_running_loop()._ready.extend(parked)  # type: ignore[attr-defined]

    def admits(self, step: "_Step") -> bool:
        """Whether a step may run now; a paused process keeps it for later."""
        if not self.is_alive:
            return False
        if self.is_paused:
            self._parked.append(step)
            return False
        self.steps += 1
        if self.steps == self._dies_at:
            self.kill()
        return self.is_alive

    def bury(self) -> None:
        """Let the coroutines of a dead process go quietly, and all it had: a search for cycles costs more."""
        for task in self.tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                coroutine = task.get_coro()
                assert isinstance(coroutine, Coroutine)
                try:
                    coroutine.close()
                except RuntimeError:  # It awaits something even at its end.
                    coroutine.close()
        self.tasks.clear()
        self._at_end.clear()


class _Step:
    """What is to run, with as much of asyncio.Handle as anybody asks for."""

    __slots__ = ("args", "callback", "context", "when_s")

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...], context: Context, when_s: float) -> None:
        self.callback: Callable[..., object] | None = callback
        self.args = args
        self.context = context
        self.when_s = when_s

    def cancel(self) -> None:
        """It will not run."""
        self.callback = None
        self.args = ()

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self.callback is None

    def when(self) -> float:
        """When it is due, in virtual seconds."""
        return self.when_s


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop on virtual time that knows processes. `steps` counts what ran.

    Several times as fast as asyncio's own, since there are no files to look after; timers of one moment run in the
    order in which they were set.
    """

    def __init__(self) -> None:
        self.steps = 0
        self._now_s = 0.0
        self._set = 0
        self._timers: list[tuple[float, int, _Step]] = []
        super().__init__()

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self._now_s

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> _Step:
        """As ever, but the step asks its process first."""
        step = _Step(callback, args, copy_context() if context is None else context, self._now_s)
        self._ready.append(step)  # type: ignore[attr-defined]
        return step

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> _Step:
        """There are no other threads."""
        return self.call_soon(callback, *args, context=context)

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> _Step:
        """As ever, but the step asks its process first."""
        when_s = self._now_s + delay
        step = _Step(callback, args, copy_context() if context is None else context, when_s)
        self._set += 1
        heappush(self._timers, (when_s, self._set, step))
        return step

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> _Step:
        """As ever, but the step asks its process first."""
        step = _Step(callback, args, copy_context() if context is None else context, when)
        self._set += 1
        heappush(self._timers, (when, self._set, step))
        return step

    def create_task(  # type: ignore[override]
        self, coro: Any, *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[Any]:
        """As ever, but its process knows of it."""
        context = copy_context() if context is None else context
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context)
        process = context.get(_PROCESS)
        if process is not None:
            process.has(task)
        return task

    def _run_once(self) -> None:
        """Run turn after turn until somebody stops it: most turns are one step, and to leave after each costs as much.

        A turn is what is ready; when nothing is, it is the moment of the next timer, and of all that are due with it.
        """
        ready: deque[_Step] = self._ready  # type: ignore[attr-defined]
        timers = self._timers
        while True:
            if not ready:
                ready.append(self._next_timer())
            while timers and timers[0][0] <= self._now_s:
                ready.append(heappop(timers)[2])
            for _ in range(len(ready)):
                step = ready.popleft()
                callback, context = step.callback, step.context
                if callback is None:
                    continue
                process = context.get(_PROCESS)
                if process is not None and not process.admits(step):
                    continue
                self.steps += 1
                try:
                    context.run(callback, *step.args)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as mistake:  # noqa: BLE001 - as asyncio does
                    self.call_exception_handler({"message": f"exception in {callback}", "exception": mistake})
            if self._stopping:  # type: ignore[attr-defined]
                return

    def _next_timer(self) -> _Step:
        while self._timers:
            when_s, _, step = heappop(self._timers)
            if step.callback is not None:
                self._now_s = max(self._now_s, when_s)
                return step
        raise Stuck("everyone waits and no timer runs")
