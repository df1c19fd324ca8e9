"""Looking at a side again and again while something else is done: memory of its processes, or any figures it tells."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Generic, NamedTuple, TypeVar

from cardkeep_client import CardkeepError

from bench.run.processes import Usages

_Seen = TypeVar("_Seen")

#: How long the end of a watch waits for a look that is under way.
_LAST_LOOK_S = 30.0


class Look(NamedTuple, Generic[_Seen]):
    """What was seen, and when: the monotonic clock, in seconds, before looking."""

    at_s: float
    seen: _Seen


@contextmanager
def watching(look: Callable[[], _Seen], *, every_s: float) -> Iterator[list[Look[_Seen]]]:
    """Look from a thread of its own until the end of the body; the list grows meanwhile.

    A look that is not answered is left out: what is looked at may be dying just then.
    """
    looks: list[Look[_Seen]] = []
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.is_set():
            at_s = time.monotonic()
            with suppress(CardkeepError, OSError):
                looks.append(Look(at_s, look()))
            is_over.wait(max(0.0, at_s + every_s - time.monotonic()))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield looks
    finally:
        is_over.set()
        thread.join(_LAST_LOOK_S)


def memory_courses(looks: Sequence[Look[Usages]], from_s: float) -> Mapping[str, list[tuple[float, float]]]:
    """Resident bytes of each process over time, from a moment on; processes of one role are told apart by their pid.

    Who was there for less than half of the time is left out: a store forks to write its file anew.
    """
    seen = Counter(pid for look in looks for pid in look.seen)
    roles = {pid: usage.role for look in looks for pid, usage in look.seen.items() if 2 * seen[pid] >= len(looks)}
    times = Counter(roles.values())
    courses: dict[str, list[tuple[float, float]]] = {}
    for look in looks:
        for pid, usage in look.seen.items():
            if pid not in roles:
                continue
            name = usage.role if times[usage.role] == 1 else f"{usage.role} {usage.name} {pid}"
            courses.setdefault(name, []).append((look.at_s - from_s, float(usage.memory_bytes)))
    return courses
