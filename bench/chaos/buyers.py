"""Buyers in processes of their own, that allocate, pay, give back, ask again, and come back when they are killed.

Each has a chair: whoever sits there dies or ends, and while there is time left another one sits down. What each was
told is in a history of its own, which is whole however its writer ended.
"""

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from threading import Lock, Thread

from bench.load import fleet
from bench.load.plan import LoadFailed, Measured, Plan, Progress
from bench.run.bench import CannotRun
from bench.run.checking import Loaded
from bench.waiting import until

#: Less time is not worth a process.
_SITTING_S_MIN = 2.0

#: How long the first buyers may take: processes start, on a machine that may be busy.
_BEGIN_WITHIN_S = 90.0

#: Between two buyers in one chair, when the first could not even connect.
_SIT_AGAIN_S = 0.2


class Buyers:
    """So many chairs, each with its share of the plan's rate, for the plan's time from `start` on."""

    def __init__(self, plan: Plan, target: str, folder: Path, chairs: int) -> None:
        self._plan = plan
        self._target = target
        self._folder = folder
        self._numbers = count(1)
        self._lock = Lock()
        self._sitting: dict[int, int] = {}
        self._paths: list[Path] = []
        self._last: dict[int, Progress] = {}
        #: Known once the first are answered.
        self._until_s = float("inf")
        self._threads = [Thread(target=self._keep, args=(chair,), daemon=True) for chair in range(chairs)]

    def start(self) -> None:
        """Everybody begins; returns when the first are answered. Raises CannotRun."""
        for thread in self._threads:
            thread.start()
        if not until(lambda: self.answered_per_s > 0, _BEGIN_WITHIN_S):
            raise CannotRun(f"no buyer was answered within {_BEGIN_WITHIN_S:g} s")
        self._until_s = time.monotonic() + self._plan.measure_s

    def wait(self, at_most_s: float) -> None:
        """Until everybody has heard the last answers, or for so long: then they leave in the middle of their calls."""
        until_s = time.monotonic() + at_most_s
        for thread in self._threads:
            thread.join(max(0.0, until_s - time.monotonic()))
        self.stop()

    @property
    def pids(self) -> Sequence[int]:
        """Who buys now."""
        with self._lock:
            return sorted(self._sitting.values())

    @property
    def answered_per_s(self) -> int:
        """Calls answered in the last second that was told of."""
        with self._lock:
            return sum(progress.answered for progress in self._last.values())

    @property
    def histories(self) -> list[Path]:
        """What everybody was told; whole once `wait` has returned."""
        with self._lock:
            return [path for path in self._paths if path.exists() and path.stat().st_size]

    def loaded(self) -> list[Loaded]:
        """The same for the audit."""
        return [Loaded(self._plan, Measured(histories=tuple(map(str, self.histories))))]

    def stop(self) -> None:
        """End whoever still buys, at once."""
        self._until_s = 0.0
        for pid in self.pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for thread in self._threads:
            thread.join()

    def _keep(self, chair: int) -> None:
        """Somebody sits in the chair as long as there is time."""
        while (left_s := min(self._plan.measure_s, self._until_s - time.monotonic())) > _SITTING_S_MIN:
            number = next(self._numbers)
            folder = self._folder / f"buyer-{chair}-{number}"
            with self._lock:
                self._paths.append(folder / "history-0")
            plan = replace(self._plan, measure_s=left_s, seed=self._plan.seed + number, history_folder=str(folder))
            try:
                fleet.run(
                    plan,
                    self._target,
                    on_started=lambda pids: self._sit(chair, pids[0]),
                    on_progress=lambda now: self._hear(chair, now),
                )
            except LoadFailed:
                time.sleep(_SIT_AGAIN_S)
            finally:
                self._sit(chair, None)

    def _sit(self, chair: int, pid: int | None) -> None:
        with self._lock:
            self._last.pop(chair, None)
            if pid is None:
                self._sitting.pop(chair, None)
            else:
                self._sitting[chair] = pid

    def _hear(self, chair: int, now: Progress) -> None:
        with self._lock:
            self._last[chair] = now
