"""Waiting for what other processes bring about."""

import time
from collections.abc import Callable
from typing import TypeVar

from cardkeep_client import CardkeepError

#: Between two looks: a look may cost the house a call, or this machine a walk over its processes.
_LOOK_EVERY_S = 0.1

_Answer = TypeVar("_Answer")


def until(is_so: Callable[[], bool], within_s: float) -> bool:
    """Look again and again until it is so, or for so long. Whether it is so."""
    until_s = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > until_s:
            return False
        time.sleep(_LOOK_EVERY_S)
    return True


def when_back(ask: Callable[[], _Answer], within_s: float) -> _Answer:
    """The answer, once there is somebody to answer. Raises CardkeepError when nobody comes, or the pool has stopped."""
    until_s = time.monotonic() + within_s
    while True:
        try:
            return ask()
        except CardkeepError as failure:
            if failure.reason == "POOL_STOPPED" or time.monotonic() > until_s:
                raise
            time.sleep(_LOOK_EVERY_S)
