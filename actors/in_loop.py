"""The loop that an object lives in, asked for once: Python 3.11 asks the system for its process's number each time.

`asyncio.get_running_loop` costs as much as that system call, 0.9 µs measured on a virtual machine, eight times as much
as to ask the loop for the time; and every call of a buyer wants the time four times.
"""

import asyncio
from functools import cached_property


class InLoop:
    """What is used in one loop only, from its first use on."""

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()
