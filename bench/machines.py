"""Several machines on one: each a house or an annex at a loopback address of its own, with a folder of its own.

Loopback has sixteen million addresses (127.0.0.0/8), and Ray takes any but the first for a machine.
"""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from actors.adapters.key_ring import new_ring_text
from actors.cluster_file import new_cluster, write_cluster_file
from bench.house_process import HouseProcess, free_port

#: A machine gives its SKUs away for at most 90 s before it stops (actors/annex.py); then its Ray and its doors end.
_LEAVES_WITHIN_S = 150.0


class Machines:
    """A cluster in a folder. Machine 0 is the head."""

    def __init__(self, folder: Path, count: int, **settings: str) -> None:
        net = f"127.0.{os.getpid() % 250 + 2}"
        self.addresses = [f"{net}.{number + 1}" for number in range(count)]
        self._file = folder / "cluster.json"
        cluster = new_cluster(
            self.addresses[0],
            ray_port=free_port(),
            store_port=free_port(),
            ring=new_ring_text(int(time.time() * 1000)),
        )
        write_cluster_file(self._file, cluster)
        self._houses = [HouseProcess(folder / address, self._settings(address, settings)) for address in self.addresses]

    def start(self, number: int, on_step: Callable[[str], None] = lambda _step: None) -> None:
        """Start a machine, and wait until it has joined. Raises HouseFailed."""
        self._houses[number].start(on_step)

    def house(self, number: int) -> HouseProcess:
        """A machine's first process."""
        return self._houses[number]

    def target(self, number: int) -> str:
        """Where a machine's API is."""
        return self._houses[number].target

    def door(self, number: int) -> str:
        """Where it will be whenever the machine runs."""
        return f"{self.addresses[number]}:{self._houses[number].settings['port']}"

    def pid(self, number: int) -> int:
        """A machine's first process; everything else there is below it."""
        return self._houses[number].pid

    def stop(self, number: int) -> None:
        """Stop a machine in good order: its SKUs go to others first."""
        self._houses[number].stop(patience_s=_LEAVES_WITHIN_S)

    def wait_left(self, number: int, within_s: float) -> int:
        """The exit code of a machine that leaves by itself. Raises subprocess.TimeoutExpired."""
        return self._houses[number].wait(within_s)

    def lose(self, number: int) -> None:
        """SIGKILL for everything on a machine at once, as if its power had gone."""
        first = psutil.Process(self.pid(number))
        for process in (first, *first.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        self._houses[number].stop()

    def kill(self, number: int, name: str) -> None:
        """SIGKILL for the processes of a machine that are called so."""
        for process in psutil.Process(self.pid(number)).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if process.name() == name:
                    process.send_signal(signal.SIGKILL)

    def end(self) -> None:
        """Leave nothing behind: the head last."""
        for house in reversed(self._houses):
            with suppress(psutil.NoSuchProcess):
                house.kill()

    def _settings(self, address: str, settings: dict[str, str]) -> dict[str, str]:
        ports = {"port": str(free_port()), "metrics_port": str(free_port())}
        usual = {"cluster": str(self._file), "machine": address, "host": address, "actors_max": "1"}
        return {**usual, **ports, **settings}
