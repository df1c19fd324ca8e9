"""Python's cycle collector, kept from walking through everything an owner holds in memory.

A full pass over 50,000 holds takes 135–185 ms, and the whole sale would stand still for it. Holds and answers
form no cycles; reference counting frees them. So only young objects are searched, and what has grown old is set
aside for good (`gc.freeze`), where no pass looks at it.
"""

import asyncio
import ctypes
import gc
from contextlib import suppress

#: Between two times of setting aside: 2,500 sales of a busy owner, searched in about 10 ms.
_SET_ASIDE_EVERY_S = 0.25

#: Automatic full passes: practically never.
_THRESHOLDS = (10_000, 20, 1_000_000)

#: The same where nothing stays, so that nothing is set aside either.
_THRESHOLDS_OF_FOLDS = (10_000, 20, 999_999)


def made_to_last() -> None:
    """Spare what was just made even its first search, where `keep_young` runs: a pool that is rebuilt stays."""
    if gc.get_threshold() == _THRESHOLDS:
        gc.freeze()


async def keep_young() -> None:
    """Search the young, set the old aside, until cancelled."""
    gc.set_threshold(*_THRESHOLDS)
    while True:
        await asyncio.sleep(_SET_ASIDE_EVERY_S)
        gc.collect(1)
        gc.freeze()


class GivesBack:
    """Memory that large pieces of work needed, given back to the system a while after, once for many of them.

    And only then is it searched for cycles: full passes while a pool grows took a quarter of a fold, and found nothing.

    A fold rebuilds a whole pool. What that leaves (a few cycles that hold on to much, and gaps in the heap) kept an
    archivist at three times what it needs, and growing for six minutes of an even load.
    """

    def __init__(self, after_s: float = 5.0) -> None:
        gc.set_threshold(*_THRESHOLDS_OF_FOLDS)
        self._after_s = after_s
        self._waiting: asyncio.Task[None] | None = None

    def worked(self) -> None:
        """A piece of work has ended."""
        if self._waiting is None or self._waiting.done():
            self._waiting = asyncio.get_running_loop().create_task(self._give_back())

    async def _give_back(self) -> None:
        await asyncio.sleep(self._after_s)
        gc.collect()
        with suppress(AttributeError):  # A libc without it keeps what it has.
            ctypes.CDLL(None).malloc_trim(0)
