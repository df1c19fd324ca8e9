"""`ray_cluster.yaml`, brought up for real on three hosts of this machine: `make hosts`.

Each host is a network namespace with an address of its own on a bridge, an SSH server, and a home for Cardkeep.
`ray up` does what it would do with three machines, by the shipped file with other addresses; then the cluster sells, a
host is drained, and all is taken down again. Needs root, Linux, and Debian's iproute2, openssh-server, openssh-client
and rsync. The hosts have no way to package indexes, so this checkout's environment is lent to them in place of
`make setup`.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from cardkeep_client import Client, Money
from cardkeep_client.v1.cluster_pb2 import MACHINE_STATE_LEFT, DrainMachineRequest

from actors.adapters.key_ring import new_ring_text
from actors.cluster_file import new_cluster, ray_port_usual, store_port_usual, write_cluster_file
from bench.waiting import until
from clients.cli.machines import SERVICE, machines_of

_ROOT = Path(__file__).parent.parent
_NET, _BRIDGE, _SPACE = "10.211.55", "cardkeep-br", "cardkeep"
_HOSTS = {f"{_SPACE}{number}": f"{_NET}.{number}" for number in (1, 2, 3)}
_HOME = Path.home() / "cardkeep"
_PROGRAMS = ("ip", "unshare", "/usr/sbin/sshd", "ssh", "ssh-keygen", "rsync")

#: `ray up` copies, starts and waits; a busy machine takes minutes.
_UP_WITHIN_S = 600.0
_SOON_S = 120.0
_CARDS = 200


def main() -> int:
    """Exit code 0 when everything was as it should be, 1 when something was not, 3 when it cannot be done here."""
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    if missing or os.getuid() or sys.platform != "linux" or _HOME.exists():
        why = f"needs {', '.join(missing)}" if missing else f"needs root on Linux, and no {_HOME}"
        sys.stderr.write(f"This machine cannot be three hosts: {why}.\n")
        return 3
    with tempfile.TemporaryDirectory(prefix="hosts-") as folder, _hosts(Path(folder)):
        config = _config(Path(folder))
        _say("ray up ray_cluster.yaml, with the hosts' addresses")
        with (Path(folder) / "up.log").open("wb") as log:
            up = [str(_program("ray")), "up", "-y", "--no-config-cache", str(config)]
            done = subprocess.run(up, stdout=log, stderr=log, timeout=_UP_WITHIN_S, check=False)  # noqa: S603 - ours
        if done.returncode:
            sys.stderr.write((Path(folder) / "up.log").read_text()[-3000:])
            return 1
        left_up: dict[str, str] = {}
        try:
            _sell()
        finally:
            for address in reversed(_HOSTS.values()):
                down = _ssh(Path(folder), address, f"{_HOME}/app/.venv/bin/cardkeep down --data {_HOME}/data")
                if down.returncode:
                    left_up[address] = down.stderr
    if left_up:
        sys.stderr.write("".join(f"{address} was not taken down: {why}\n" for address, why in left_up.items()))
        return 1
    _say("Three hosts came up by ray_cluster.yaml, sold, and were taken down.")
    return 0


def _sell() -> None:
    """From the host's own address, which is no loopback: SKUs on every host, sold through another's door."""
    head, *others = _HOSTS.values()
    with Client(f"{head}:7700", timeout_s=60) as client:
        _until(
            "all three have owners", lambda: len([each for each in machines_of(client) if each.owners]) == len(_HOSTS)
        )
        for number in range(2 * len(_HOSTS)):
            client.create_sku(f"sku-{number}", unit_price=Money(100, "CNY"))
            client.import_cards(f"sku-{number}", [f"{number}-{card}" for card in range(_CARDS)], import_id="all")
        assert {owner.node for owner in client.owners() if owner.pools} == set(_HOSTS.values())
        with Client(f"{others[0]}:7700", timeout_s=60) as buyer:
            for number in range(2 * len(_HOSTS)):
                for order in range(_CARDS // 2):
                    buyer.allocate(f"sku-{number}", order_ref=str(order))
        _say(f"sold {_CARDS // 2 * 2 * len(_HOSTS):,} cards of SKUs on three hosts through one door")
        client.call(SERVICE, "DrainMachine", DrainMachineRequest(address=others[-1]))
        left = {others[-1]: MACHINE_STATE_LEFT}
        _until(
            "one has left", lambda: left.items() <= {each.address: each.state for each in machines_of(client)}.items()
        )
        audits = [client.audit(f"sku-{number}") for number in range(2 * len(_HOSTS))]
        assert all(audit.ok and audit.cards.held == _CARDS // 2 for audit in audits)


@contextmanager
def _hosts(folder: Path) -> Iterator[None]:
    """Three, with SSH servers that run as long as the body."""
    for key in ("host", "user"):
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key))
    servers = []
    _HOME.mkdir()
    # Short, since sockets are made in them; and of each host's own, since the file system is not.
    own = {name: Path(tempfile.mkdtemp(prefix="ck")) for name in _HOSTS}
    try:
        _run("ip", "link", "add", _BRIDGE, "type", "bridge")
        _run("ip", "addr", "add", f"{_NET}.254/24", "dev", _BRIDGE)
        _run("ip", "link", "set", _BRIDGE, "up")
        for name, address in _HOSTS.items():
            _wire(name, address)
            servers.append(_serve(folder, name, own[name]))
        yield
    finally:
        for name in _HOSTS:
            _end(name)
        for server in servers:
            server.wait()
        subprocess.run(["ip", "link", "del", _BRIDGE], check=False, capture_output=True)  # noqa: S603, S607 - ours
        for each in own.values():
            shutil.rmtree(each, ignore_errors=True)
        _HOME.rmdir()


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
    inside = f"mount --bind {folder}/{name}/home {_HOME} && exec /usr/sbin/sshd -D -e -f {conf}"
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


def _config(folder: Path) -> Path:
    """The shipped file for these hosts."""
    head, *others = _HOSTS.values()
    cluster = new_cluster(
        head, ray_port=ray_port_usual, store_port=store_port_usual, ring=new_ring_text(int(time.time() * 1000))
    )
    write_cluster_file(folder / "cluster.json", cluster)
    config: dict[str, Any] = yaml.safe_load((_ROOT / "ray_cluster.yaml").read_text())
    config["provider"] |= {"head_ip": head, "worker_ips": others}
    config["auth"] = {"ssh_user": "root", "ssh_private_key": str(folder / "user")}
    config["file_mounts"] = {"~/cardkeep/app": str(_ROOT), "~/cardkeep/cluster.json": str(folder / "cluster.json")}
    lend = f"ln -sfn {Path(sys.executable).parent.parent} ~/cardkeep/app/.venv"
    config["setup_commands"] = [lend if "make" in command else command for command in config["setup_commands"]]
    path = folder / "ray_cluster.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def _until(what: str, is_so: Callable[[], bool]) -> None:
    assert until(is_so, _SOON_S), f"not within {_SOON_S:.0f} s: {what}"
    _say(what)


def _ssh(folder: Path, address: str, command: str) -> "subprocess.CompletedProcess[str]":
    quiet = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR")
    words = ["ssh", "-i", str(folder / "user"), *quiet, f"root@{address}", command]
    return subprocess.run(words, check=False, capture_output=True, text=True, timeout=_SOON_S)  # noqa: S603 - ours


def _program(name: str) -> Path:
    return Path(sys.executable).with_name(name)


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)  # noqa: S603 - our own words


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
