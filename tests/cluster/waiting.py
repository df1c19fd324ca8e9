"""Waiting for what other processes bring about."""

import time
from collections.abc import Callable

_LOOK_EVERY_S = 0.25


def until_true(is_so: Callable[[], bool]) -> None:
    """Look until it is so; a test that waits in vain is ended by its own timeout."""
    while not is_so():
        time.sleep(_LOOK_EVERY_S)
