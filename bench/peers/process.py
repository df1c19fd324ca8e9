"""A peer as a process of its own, for a run: started on a free port with a data folder, stopped at the end."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector

import psutil

from actors.front.doors import Door
from bench.peers.catalogue import PEERS

DEFAULT_SKU = "tenants/default/skus/SALE"

#: How long a peer may take to make its database and load a million cards on a slow machine.
_START_PATIENCE_S = 120.0

#: How long it may take to stop before it is killed.
_STOP_PATIENCE_S = 10.0

_LOG_TAIL_LINES = 15


class PeerFailed(Exception):
    """The peer did not start; the text says why."""


class PeerProcess:
    """`python -m bench.peers`, with a folder that may have data of a former run.

    `missing(name)` of the catalogue says beforehand whether it can run here at all.
    """

    def __init__(
        self, name: str, door: Door, folder: Path, *, cards: int, skus: Sequence[str] = (DEFAULT_SKU,), port: int = 0
    ) -> None:
        self.name = name
        self.folder = folder
        self.target = ""
        self._log_file = folder / "peer.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._command = [
            *(sys.executable, "-m", "bench.peers", name, "--door", door.value, "--folder", str(folder)),
            *("--cards", str(cards), "--port", str(port)),
            *(word for sku in skus for word in ("--sku", sku)),
        ]

    @property
    def pids(self) -> Sequence[int]:
        """Every process of the peer, its database included; its own first. Empty when it does not run."""
        if self._process is None:
            return ()
        try:
            process = psutil.Process(self._process.pid)
            return (process.pid, *(child.pid for child in process.children(recursive=True)))
        except psutil.NoSuchProcess:
            return ()

    def start(self) -> None:
        """Start and wait until it serves at `target`. Raises PeerFailed."""
        missing = PEERS[self.name].missing()
        if missing:
            raise PeerFailed(f"{self.name}: {missing}")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._log_file.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
            )
        line = self._first_line()
        if not line:
            self.stop()
            tail = "\n".join(self._log_file.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:])
            raise PeerFailed(f"{self.name} did not start. Its log ends with:\n{tail}")
        self.target = json.loads(line)["target"]

    def stop(self) -> None:
        """Stop it, kindly first. Harmless when it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def kill(self) -> None:
        """End all its processes at once, as a loss of power would: none sees another go, none is born meanwhile."""
        frozen: dict[int, psutil.Process] = {}
        while born := set(self.pids) - set(frozen):
            for pid in born:
                with suppress(psutil.NoSuchProcess):
                    frozen[pid] = psutil.Process(pid)
                    frozen[pid].suspend()
        for member in frozen.values():
            with suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(list(frozen.values()), timeout=_STOP_PATIENCE_S)
        self.stop()

    def _first_line(self) -> bytes:
        """What it prints when it serves; nothing when it ends before, or takes too long."""
        assert self._process is not None
        assert self._process.stdout is not None
        with DefaultSelector() as selector:
            selector.register(self._process.stdout, EVENT_READ)
            return self._process.stdout.readline() if selector.select(_START_PATIENCE_S) else b""
