"""A handful of seeds at every run, the ones that once found something, and proof that a seed is a seed.

Many more run with `make sim N=500`; a seed that fails there goes to seeds.txt once it is mended.
"""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sim.loop import Process, Stuck, VirtualLoop
from tests.sim.run import run

_KEPT = [
    int(line.split()[0])
    for line in Path(__file__).with_name("seeds.txt").read_text().splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.parametrize("seed", _KEPT)
def test_a_seed_that_once_found_a_mistake_holds(seed: int) -> None:
    """What was mended stays mended."""
    assert run(seed).mistakes == []


@pytest.mark.parametrize("seed", range(70_000, 70_006))
def test_a_house_shaken_by_a_fresh_seed_holds(seed: int) -> None:
    """A few seeds nobody has looked at."""
    assert run(seed).mistakes == []


def test_the_same_seed_gives_the_same_trace_in_every_process() -> None:
    """Neither hashing nor memory addresses decide anything: a seed from another machine can be replayed here."""
    code = "from tests.sim.run import run; print(run(8).digest)"
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(digests) == 1


def test_seeds_differ() -> None:
    """A trace depends on its seed."""
    assert run(70_000).digest != run(70_001).digest


def test_hours_of_waiting_take_no_time_and_a_deadlock_is_noticed() -> None:
    """Virtual time jumps to the next timer; without one, everyone would wait for ever."""
    loop = VirtualLoop()
    loop.run_until_complete(asyncio.sleep(36_000))
    assert loop.time() == pytest.approx(36_000)
    forever = loop.create_future()
    with pytest.raises(Stuck):
        loop.run_until_complete(forever)
    loop.close()


def test_a_paused_process_does_nothing_until_it_is_resumed_and_a_killed_one_never_again() -> None:
    """What was due meanwhile happens afterwards, in order; a kill runs no `finally`."""
    said: list[str] = []

    async def speak(name: str) -> None:
        try:
            for number in range(3):
                await asyncio.sleep(1)
                said.append(f"{name}{number}")
        finally:
            said.append(f"{name} ends")

    async def play() -> None:
        paused, killed = Process("paused"), Process("killed")
        paused.start(speak("p"))
        killed.start(speak("k"))
        await asyncio.sleep(1.5)
        paused.pause()
        killed.kill()
        await asyncio.sleep(10)
        assert said == ["p0", "k0"]
        paused.resume()
        await asyncio.sleep(10)
        assert said == ["p0", "k0", "p1", "p2", "p ends"]
        said.append("")
        killed.bury()

    loop = VirtualLoop()
    loop.run_until_complete(play())
    loop.close()
