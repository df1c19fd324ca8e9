"""Processes that end with the one that started them.

The kernel can do that (prctl(2), PR_SET_PDEATHSIG), but the new process has to ask for it itself. Asking between
fork and exec would make Python fork for real, which is unsafe beside gRPC's threads: a child of such a process once
aborted before its program began.
So a small Python of its own asks, and then becomes the program.
"""

import os
import signal
import sys

_ASK_THEN_RUN = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, int(sys.argv[1]))
if os.getppid() != int(sys.argv[2]):
    os._exit(1)
os.execv(sys.argv[3], sys.argv[3:])
"""


def module_of_ours(name: str) -> list[str]:
    """The words that run one of our modules as we were run ourselves: with -P, or from the folder where we stand."""
    return [sys.executable, *(["-P"] if sys.flags.safe_path else []), "-m", name]


def ending_with_us(number: signal.Signals) -> list[str]:
    """What to write before a command so that its process gets this signal when the calling thread's process ends.

    The process keeps its id. Only Linux knows how: elsewhere this is nothing, and the process may outlive us.
    """
    if sys.platform != "linux":
        return []
    return [sys.executable, "-I", "-S", "-c", _ASK_THEN_RUN, str(int(number)), str(os.getpid())]
