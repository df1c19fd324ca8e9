"""A house of its own for a run: started on free ports with a data folder of its own, stopped at the end."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from random import SystemRandom

import psutil

#: How long a house may take to start on a slow machine with a cold disk.
_START_PATIENCE_S = 90.0
_STOP_PATIENCE_S = 30.0
_LOOK_EVERY_S = 0.1

#: Above the ports that Ray's workers take (10002 to 19999), below those that Linux gives to who asks for any (from
#: 32768 on): one of these was sometimes free when the house was started, and Ray's own when it came to listen.
_PORTS = range(20_000, 32_768)
_PORTS_TRIED_MAX = 100


class HouseFailed(Exception):
    """A house, or a machine of it, did not start or did not leave; the text says why."""


class HouseProcess:
    """`python -m actors.house` in a folder, with settings as environment names without their prefix.

    `environment` is what else it is given.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, str] | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.settings = dict(settings or {})
        self.environment = dict(environment or {})
        #: Another build to run from its next start on, see bench/builds.py; None: that of this checkout.
        self.build: Path | None = None
        self.target = ""
        #: Where its metrics are, an http:// address.
        self.metrics = ""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The house's own process; everything else is a child of it. Only while it runs."""
        assert self._process is not None
        return self._process.pid

    def start(self, on_step: Callable[[str], None]) -> None:
        """Start and wait until it serves. Raises HouseFailed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ,
            **self._path(),
            **self.environment,
            "CARDKEEP_DATA": str(self.folder),
            "CARDKEEP_PORT": str(free_port()),
            "CARDKEEP_METRICS_PORT": str(free_port()),
            **{f"CARDKEEP_{name.upper()}": value for name, value in self.settings.items()},
        }
        (self.folder / "run.json").unlink(missing_ok=True)
        with (self.folder / "house.out").open("wb") as out:
            command = [sys.executable, "-m", "actors.house"]
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                command, env=environment, stdout=out, stderr=out, start_new_session=True
            )
        until_s = time.monotonic() + _START_PATIENCE_S
        told = ""
        while (news := self._news()).get("state") != "ready":
            if news.get("step", "") != told:
                told = news["step"]
                on_step(told)
            if news.get("state") == "failed" or self._process.poll() is not None or time.monotonic() > until_s:
                self.stop()
                raise HouseFailed(f"the house did not start ({told or 'no word'}); see {self.folder}/logs/house.log")
            time.sleep(_LOOK_EVERY_S)
        self.target, self.metrics = news["grpc"], news.get("metrics", "")

    def wait(self, within_s: float) -> int:
        """Its exit code, once it has ended by itself. Raises subprocess.TimeoutExpired."""
        assert self._process is not None
        code = self._process.wait(within_s)
        self._process = None
        return code

    def kill(self) -> None:
        """End it and all that it has started, at once."""
        if self._process is not None:
            family = psutil.Process(self._process.pid).children(recursive=True)
            self._process.kill()
            self._process.wait()
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            self._process = None

    def stop(self, patience_s: float = _STOP_PATIENCE_S) -> None:
        """Stop it, kindly first."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _path(self) -> Mapping[str, str]:
        """What makes every process of a house read another build first."""
        if self.build is None:
            return {}
        return {"PYTHONPATH": str(self.build), "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1"}

    def _news(self) -> dict[str, str]:
        path = self.folder / "run.json"
        if not path.exists():
            return {}
        news: dict[str, str] = json.loads(path.read_text())
        return news


def free_port() -> int:
    """A loopback port that nobody has, and that nobody gets by chance before it is used: see `_PORTS`."""
    for port in SystemRandom().sample(_PORTS, _PORTS_TRIED_MAX):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise HouseFailed(
        f"{_PORTS_TRIED_MAX} ports between {_PORTS.start} and {_PORTS.stop} were tried, and all are taken"
    )
