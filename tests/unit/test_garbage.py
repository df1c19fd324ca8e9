"""Memory that large work leaves behind goes back to the system: seen from outside, in a process of its own."""

import subprocess
import sys

_WORK = """
import asyncio, gc
import psutil
from actors.garbage import GivesBack

def resident():
    return psutil.Process().memory_info().rss

def work():
    for _ in range(100_000):
        cycle = [bytes(600)]
        cycle.append(cycle)

async def main():
    gc.disable()
    before = resident()
    gives_back = GivesBack(after_s=0.0)
    work()
    left = resident() - before
    gives_back.worked()
    gives_back.worked()
    waiting = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*waiting)
    print(len(waiting), left, resident() - before)

asyncio.run(main())
"""


def test_what_work_left_is_given_back_once_for_many_pieces_of_it() -> None:
    """Sixty megabytes in cycles, which nothing else would free here."""
    run = subprocess.run([sys.executable, "-c", _WORK], capture_output=True, text=True, check=True)
    times, left, after = map(int, run.stdout.split())
    assert times == 1
    assert left > 50_000_000
    assert after < left / 4
