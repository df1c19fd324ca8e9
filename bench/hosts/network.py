"""Hosts of this machine: network namespaces with an address on a bridge, an SSH server and a home for Cardkeep each."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_NET, _BRIDGE, _SPACE = "10.211.55", "cardkeep-br", "cardkeep"
_NAMES = {f"{_NET}.{number}": f"{_SPACE}{number}" for number in (1, 2, 3)}

#: Their addresses; from the machine itself they are reached over the bridge.
HOSTS = tuple(_NAMES)

#: An address of no card: one that is given locally, by the second bit.
_NOWHERE = "02:00:00:00:00:01"

#: Where each of them takes calls.
PORT = 7700

#: Where Cardkeep lives, on each of them.
HOME = Path.home() / "cardkeep"

#: What has to be there to make them.
PROGRAMS = ("ip", "unshare", "/usr/sbin/sshd", "ssh", "ssh-keygen", "rsync")


@contextmanager
def hosts(folder: Path) -> Iterator[None]:
    """Three, with SSH servers that run as long as the body."""
    for key in ("host", "user"):
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key))
    servers = []
    HOME.mkdir()
    # Short, since sockets are made in them; and of each host's own, since the file system is not.
    own = {name: Path(tempfile.mkdtemp(prefix="ck")) for name in _NAMES.values()}
    try:
        _run("ip", "link", "add", _BRIDGE, "type", "bridge")
        _run("ip", "addr", "add", f"{_NET}.254/24", "dev", _BRIDGE)
        _run("ip", "link", "set", _BRIDGE, "up")
        for address, name in _NAMES.items():
            _wire(name, address)
            servers.append(_serve(folder, name, own[name]))
        yield
    finally:
        for name in _NAMES.values():
            _end(name)
        for server in servers:
            server.wait()
        subprocess.run(["ip", "link", "del", _BRIDGE], check=False, capture_output=True)  # noqa: S603, S607 - ours
        for each in own.values():
            shutil.rmtree(each, ignore_errors=True)
        HOME.rmdir()


@contextmanager
def cut_off(address: str) -> Iterator[None]:
    """A host whose cable is pulled while the body runs: it reaches nobody, and nobody reaches it."""
    outside = f"{_NAMES[address]}-out"
    _run("ip", "link", "set", outside, "down")
    try:
        yield
    finally:
        _run("ip", "link", "set", outside, "up")


@contextmanager
def cut_between(one: str, other: str) -> Iterator[None]:
    """Two hosts that do not reach each other while the body runs, and all others do."""
    # What the one sends the other goes to a card that nobody has: it is lost on the way, and nobody says so.
    ways = [(_NAMES[one], other), (_NAMES[other], one)]
    for name, address in ways:
        _run("ip", "-n", name, "neigh", "replace", address, "lladdr", _NOWHERE, "dev", "eth0", "nud", "permanent")
    try:
        yield
    finally:
        for name, address in ways:
            _run("ip", "-n", name, "neigh", "del", address, "dev", "eth0")


def _wire(name: str, address: str) -> None:
    outside = f"{name}-out"
    _run("ip", "netns", "add", name)
    _run("ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", name)
    _run("ip", "link", "set", outside, "master", _BRIDGE, "up")
    _run("ip", "-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
    for device in ("lo", "eth0"):
        _run("ip", "-n", name, "link", "set", device, "up")


def _serve(folder: Path, name: str, own: Path) -> "subprocess.Popen[bytes]":
    """An SSH server of a host. Its home for Cardkeep, and its temp folder `own`, are its own."""
    (folder / name / "home").mkdir(parents=True)
    conf = folder / name / "sshd.conf"
    conf.write_text(
        f"HostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\nStrictModes no\nUsePAM no\nPidFile none\n"
        f"PermitRootLogin yes\nSubsystem sftp internal-sftp\nSetEnv TMPDIR={own} CARDKEEP_HOST=0.0.0.0\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    inside = f"mount --bind {folder}/{name}/home {HOME} && exec /usr/sbin/sshd -D -e -f {conf}"
    words = ["ip", "netns", "exec", name, "unshare", "--mount", "sh", "-c", inside]
    with (folder / name / "sshd.log").open("wb") as log:
        return subprocess.Popen(words, stdout=log, stderr=log)  # noqa: S603 - our own words


def _end(name: str) -> None:
    """A host, with everything that runs on it; its name, its cable and its home are free then."""
    inside = subprocess.run(["ip", "netns", "pids", name], check=False, capture_output=True, text=True)  # noqa: S603, S607
    for pid in inside.stdout.split():
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    for words in (["ip", "link", "del", f"{name}-out"], ["ip", "netns", "del", name]):
        subprocess.run(words, check=False, capture_output=True)  # noqa: S603 - our own words


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)  # noqa: S603 - our own words
