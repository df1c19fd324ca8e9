"""Working after everything else on the same cores: folds, seals and reports, for which nobody waits as a buyer does.

Niceness counts among the threads of one session only, where the kernel shares out cores by session (autogroups of
Linux, the default): a nice process in its owner's session takes the store's time, not its owner's. So whoever gives
way has a session of its own, and that is made nice, too.
"""

import os
from contextlib import suppress
from pathlib import Path

#: A tenth of what somebody waits for gets.
SEALING = FOLDING = 10

#: Whatever is left over.
REPORTING = 19


def give_way(niceness: int) -> None:
    """Run after what is less nice, from now on. A process that leads a group keeps its session: start it in one."""
    with suppress(PermissionError):
        os.setsid()
    os.nice(niceness)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness))
