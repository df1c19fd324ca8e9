"""Who gives way: the process that says so, and nobody who shares its session."""

import os
import subprocess
import sys
from pathlib import Path

_AUTOGROUP = Path("/proc/self/autogroup")

_PROGRAM = """
import os
from actors.giving_way import give_way
give_way(7)
print(os.getpid(), os.getsid(0), os.nice(0))
"""


def test_a_leader_of_a_group_gives_way_alone() -> None:
    """As an actor of Ray's does, whose session is its owner's, too: it leaves it, and nobody else becomes nice."""
    before = _AUTOGROUP.read_text() if _AUTOGROUP.exists() else ""
    told = subprocess.run([sys.executable, "-c", _PROGRAM], process_group=0, check=True, capture_output=True, text=True)
    process, session, niceness = map(int, told.stdout.split())
    assert session == process
    assert niceness == os.nice(0) + 7
    assert (_AUTOGROUP.read_text() if _AUTOGROUP.exists() else "") == before


def test_who_leads_a_session_already_keeps_it() -> None:
    """As a process that was started in one of its own."""
    told = subprocess.run(
        [sys.executable, "-c", _PROGRAM], start_new_session=True, check=True, capture_output=True, text=True
    )
    process, session, niceness = map(int, told.stdout.split())
    assert (session, niceness) == (process, os.nice(0) + 7)
