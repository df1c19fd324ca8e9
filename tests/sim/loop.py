"""Virtual time and virtual processes: an event loop whose clock jumps to the next timer, and that can kill.

Everything of a simulated house runs in one thread. What belongs to a process carries it in its context,
so a process can be killed or paused between any two steps of any of its tasks, as a real one can: it
runs no `finally`, it says no goodbye, and what it had asked of others goes on without it.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar

_T = TypeVar("_T")

_PROCESS: ContextVar["Process | None"] = ContextVar("_PROCESS", default=None)


class Stuck(Exception):
    """Everyone waits and no timer runs: a deadlock."""


class Process:
    """One simulated process. Everything it starts is its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_alive = True
        self.is_paused = False
        self.tasks: list[asyncio.Task[Any]] = []
        self._parked: list[asyncio.Handle] = []
        self._at_end: list[Callable[[], None]] = []
        self._context = copy_context()
        self._context.run(_PROCESS.set, self)

    @property
    def context(self) -> Context:
        """A fresh context in which code belongs to this process."""
        return self._context.copy()

    def start(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Run a coroutine as part of this process."""
        return asyncio.get_running_loop().create_task(work, context=self.context)

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
        for handle in parked:
            asyncio.get_running_loop()._ready.append(handle)  # type: ignore[attr-defined]

    def admits(self, handle: asyncio.Handle) -> bool:
        """Whether a step may run now; a paused process keeps it for later."""
        if self.is_paused and self.is_alive:
            self._parked.append(handle)
            return False
        return self.is_alive

    def bury(self) -> None:
        """Let the coroutines of a dead process go quietly."""
        for task in self.tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                coroutine = task.get_coro()
                assert isinstance(coroutine, Coroutine)
                coroutine.close()


class _Step(asyncio.Handle):
    __slots__ = ()

    def _run(self) -> None:
        process = self._context.get(_PROCESS)  # type: ignore[attr-defined]
        if process is None or process.admits(self):
            super()._run()


class _TimedStep(asyncio.TimerHandle):
    __slots__ = ()

    def _run(self) -> None:
        process = self._context.get(_PROCESS)  # type: ignore[attr-defined]
        if process is None or process.admits(self):
            super()._run()


class _NoWaiting(selectors.SelectSelector):
    """Waits for no file: the time asked for has simply passed."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stuck("everyone waits and no timer runs")
        self.now_s += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time that knows processes. `steps` counts what ran."""

    def __init__(self) -> None:
        self._virtual = _NoWaiting()
        self.steps = 0
        super().__init__(self._virtual)
        self.set_task_factory(_new_task)

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self._virtual.now_s

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """As ever, but the step asks its process first."""
        self._check_closed()  # type: ignore[attr-defined]
        self.steps += 1
        step = _Step(callback, args, self, context)
        self._ready.append(step)  # type: ignore[attr-defined]
        return step

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As ever, but the step asks its process first."""
        timer = super().call_at(when, callback, *args, context=context)
        timer.__class__ = _TimedStep
        self.steps += 1
        return timer


def _new_task(loop: asyncio.AbstractEventLoop, work: Any, context: Context | None = None) -> asyncio.Task[Any]:
    process = copy_context().get(_PROCESS) if context is None else context.get(_PROCESS)
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, context=context)
    if process is not None:
        process.tasks.append(task)
    return task
