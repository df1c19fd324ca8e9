"""Several client processes as one load: spawns them, starts them together, adds up what they measured."""

import multiprocessing
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from bench.load.client import Done, Failed, serve
from bench.load.measuring import Seconds, measured
from bench.load.plan import LoadFailed, Measured, Plan, Progress
from bench.load.tally import Tick

#: Until all processes stand ready: each imports and connects, on a machine that may be busy.
_READY_S_MAX = 60.0
#: From all being ready to the common start: a message to each.
_START_IN_NS = 50_000_000
#: Past the plan's time and the last deadline, a process that says nothing is lost.
_SILENCE_S_MAX = 30.0
_RUN_TAG_BITS = 22


def run(
    plan: Plan,
    target: str,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
    on_started: Callable[[Sequence[int]], None] = lambda _: None,
) -> Measured:
    """Run `plan` against `target` (`host:port`, plaintext gRPC); takes warmup_s + measure_s and the last answers.

    Blocks the calling thread; `on_progress` is called on it, as is `on_started` with the ids of the client processes.
    May run in several threads at once (two loads together).

    Raises:
        LoadFailed: no connection could be made at the start, or a client process died.

    """
    if plan.history_folder is not None:
        Path(plan.history_folder).mkdir(parents=True, exist_ok=True)
    fleet = _Fleet(plan, _address(target))
    try:
        on_started(fleet.pids)
        return fleet.run(on_progress)
    finally:
        fleet.stop()


class _Fleet:
    """The client processes of one run."""

    def __init__(self, plan: Plan, address: tuple[str, int]) -> None:
        self._plan = plan
        self._is_done = False
        self._pipes: list[Pipe] = []
        self._processes: list[BaseProcess] = []
        spawning = multiprocessing.get_context("spawn")
        run_tag = secrets.randbits(_RUN_TAG_BITS)
        for number in range(plan.processes):
            ours, theirs = spawning.Pipe()
            process = spawning.Process(target=serve, args=(plan, address, number, run_tag, theirs), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)

    @property
    def pids(self) -> Sequence[int]:
        """The client processes."""
        return [process.pid for process in self._processes if process.pid is not None]

    def run(self, on_progress: Callable[[Progress], None]) -> Measured:
        """From the first process ready to the last one done. Raises LoadFailed."""
        plan = self._plan
        for pipe in self._pipes:
            if not pipe.poll(_READY_S_MAX):
                raise LoadFailed("a client process is not ready in time")
            _receive(pipe)
        start_ns = time.monotonic_ns() + _START_IN_NS
        for pipe in self._pipes:
            pipe.send(start_ns)
        seconds = Seconds(plan, on_progress)
        done: list[Done] = []
        running = list(self._pipes)
        while running:
            heard = wait(running, plan.deadline_ms / 1000 + _SILENCE_S_MAX)
            if not heard:
                raise LoadFailed("a client process says nothing any more")
            for pipe in [pipe for pipe in running if pipe in heard]:
                message = _receive(pipe)
                if isinstance(message, Tick):
                    seconds.add(message)
                elif isinstance(message, Done):
                    done.append(message)
                    running.remove(pipe)
        self._is_done = True
        return measured(plan, done, seconds.series())

    def stop(self) -> None:
        """Leave no process behind."""
        for process, pipe in zip(self._processes, self._pipes, strict=True):
            if not self._is_done:
                process.kill()
            process.join()
            process.close()
            pipe.close()


def _receive(pipe: Pipe) -> object:
    """What a process says. Raises LoadFailed when it is a failure, or its end."""
    try:
        message: object = pipe.recv()
    except EOFError as ended:
        raise LoadFailed("a client process died; what it said stands on stderr") from ended
    if isinstance(message, Failed):
        raise LoadFailed(message.text)
    return message


def _address(target: str) -> tuple[str, int]:
    """`host:port` as an address. Raises LoadFailed."""
    host, _, port = target.rpartition(":")
    try:
        return socket.gethostbyname(host), int(port)
    except (OSError, ValueError) as wrong:
        raise LoadFailed(f"{target!r} is no host:port that can be found: {wrong}") from wrong
