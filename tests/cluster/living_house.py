"""A real house for a test: `python -m actors.house` with a folder and ports of its own, and all its processes."""

import signal
import time
from pathlib import Path

import psutil

from actors.settings import Settings
from bench.house_process import HouseProcess, free_port

#: How long processes of ended parents may take to notice.
_GONE_WITHIN_S = 10.0


class LivingHouse:
    """One house that can be stopped, killed and started again on the same data."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self._house = HouseProcess(folder, {"metrics_port": str(free_port()), **settings})
        self._everyone: list[psutil.Process] = []

    @property
    def target(self) -> str:
        """Where its API is."""
        return self._house.target

    @property
    def metrics_port(self) -> int:
        """Where its metrics are."""
        return int(self._house.settings["metrics_port"])

    @property
    def ray_folder(self) -> Path:
        """Where its Ray writes."""
        return Settings(data=self.folder).completed().ray_folder

    def start(self) -> None:
        """Start, on what was there before."""
        self._house.start(lambda _step: None)

    def stop(self) -> float:
        """SIGTERM; answers how many seconds it took until the last process was gone."""
        self._everyone = self._processes()
        began_s = time.monotonic()
        self._house.stop()
        self._wait_gone(_GONE_WITHIN_S)
        return time.monotonic() - began_s

    def kill(self) -> list[str]:
        """SIGKILL for the house, Ray, all actors and the store; answers their names."""
        self._everyone = self._processes()
        names = [process.name() for process in self._everyone]
        for process in self._everyone:
            process.send_signal(signal.SIGKILL)
        self._house.stop()
        self._wait_gone(_GONE_WITHIN_S)
        return names

    def kill_store(self) -> None:
        """SIGKILL for the embedded store alone."""
        (store,) = [process for process in self._processes() if process.name() == "valkey-server"]
        store.send_signal(signal.SIGKILL)

    def end(self) -> None:
        """Whatever happened to the test, leave nothing behind."""
        self._house.stop()
        for process in self._everyone:
            if process.is_running():
                process.kill()

    def left(self) -> list[str]:
        """Who of those who were there at the last stop or kill is still there."""
        return [f"{one.pid} {one.name()}" for one in self._everyone if _lives(one)]

    def _processes(self) -> list[psutil.Process]:
        process = self._house._process
        assert process is not None
        house = psutil.Process(process.pid)
        return [*house.children(recursive=True), house]

    def _wait_gone(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while self.left() and time.monotonic() < until_s:
            time.sleep(0.05)


def _lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
