"""Working after everything else on the same cores: folds, seals and reports, for which nobody waits as a buyer does.

Niceness counts among the threads of one session only, where the kernel shares out cores by session (autogroups of
Linux, the default): a nice process in its owner's session takes the store's time, not its owner's. So whoever gives
way has a session of its own, and that is made nice, too: never the one that it shares with an owner.
"""

import os
from contextlib import suppress
from pathlib import Path

#: A tenth of what somebody waits for gets.
SEALING = FOLDING = 10

#: Whatever is left over.
REPORTING = 19


def give_way(niceness: int) -> None:
    """Run after what is less nice, from now on, in a session of its own."""
    me = os.getpid()
    if os.getsid(0) != me:
        with suppress(PermissionError):
            # Who leads a group, as each process of Ray's does, can begin a session only from another's group.
            os.setpgid(0, os.getpgid(os.getppid()))
            os.setsid()
    os.nice(niceness)
    if os.getsid(0) == me:
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(niceness))
