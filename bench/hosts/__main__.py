"""`ray_cluster.yaml`, brought up for real on three hosts of this machine: `make hosts`.

Each host is a network namespace with an address of its own on a bridge, an SSH server, and a home for Cardkeep.
`ray up` does what it would do with three machines, by the shipped file with other addresses; then the cluster sells, a
host is cut off and comes back, two hosts do not reach each other for a while, one is drained, and all is taken down.

Needs root, Linux, and Debian's iproute2, openssh-server, openssh-client and rsync. The hosts have no way to package
indexes, so this checkout's environment is lent to them in place of `make setup`.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from cardkeep_client import Client, Money
from cardkeep_client.v1.cluster_pb2 import MACHINE_STATE_LEFT, DrainMachineRequest

from actors.adapters.key_ring import new_ring_text
from actors.cluster_file import new_cluster, ray_port_usual, store_port_usual, write_cluster_file
from bench.hosts.cuts import sell_through_cuts
from bench.hosts.network import HOME, HOSTS, PORT, PROGRAMS, hosts
from bench.waiting import until
from clients.cli.machines import SERVICE, machines_of

_ROOT = Path(__file__).parents[2]

#: `ray up` copies, starts and waits; a busy machine takes minutes.
_UP_WITHIN_S = 600.0
_SOON_S = 120.0

#: What is sold: cards of each SKU, and how many of them before anything is cut.
_SKUS = tuple(f"sku-{number}" for number in range(2 * len(HOSTS)))
_CARDS, _ORDERS = 20_000, 100


def main() -> int:
    """Exit code 0 when everything was as it should be, 1 when something was not, 3 when it cannot be done here."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing or os.getuid() or sys.platform != "linux" or HOME.exists():
        why = f"needs {', '.join(missing)}" if missing else f"needs root on Linux, and no {HOME}"
        sys.stderr.write(f"This machine cannot be three hosts: {why}.\n")
        return 3
    with tempfile.TemporaryDirectory(prefix="hosts-") as folder, hosts(Path(folder)):
        config = _config(Path(folder))
        _say("ray up ray_cluster.yaml, with the hosts' addresses")
        with (Path(folder) / "up.log").open("wb") as log:
            up = [str(Path(sys.executable).with_name("ray")), "up", "-y", "--no-config-cache", str(config)]
            done = subprocess.run(up, stdout=log, stderr=log, timeout=_UP_WITHIN_S, check=False)  # noqa: S603 - ours
        if done.returncode:
            sys.stderr.write((Path(folder) / "up.log").read_text()[-3000:])
            return 1
        left_up: dict[str, str] = {}
        try:
            _sell()
        finally:
            for address in reversed(HOSTS):
                down = _ssh(Path(folder), address, f"{HOME}/app/.venv/bin/cardkeep down --data {HOME}/data")
                if down.returncode:
                    left_up[address] = down.stderr
    if left_up:
        sys.stderr.write("".join(f"{address} was not taken down: {why}\n" for address, why in left_up.items()))
        return 1
    _say("Three hosts came up by ray_cluster.yaml, sold, and were taken down.")
    return 0


def _sell() -> None:
    """From the host's own address, which is no loopback: SKUs on every host, sold through another's door."""
    head, *others = HOSTS
    with Client(f"{head}:{PORT}", timeout_s=60) as client:
        _until(
            "all three have owners", lambda: len([each for each in machines_of(client) if each.owners]) == len(HOSTS)
        )
        for sku in _SKUS:
            client.create_sku(sku, unit_price=Money(100, "CNY"))
            client.import_cards(sku, [f"{sku}-{card}" for card in range(_CARDS)], import_id="all")
        assert {owner.node for owner in client.owners() if owner.pools} == set(HOSTS)
        with Client(f"{others[0]}:{PORT}", timeout_s=60) as buyer:
            for sku in _SKUS:
                for order in range(_ORDERS):
                    buyer.allocate(sku, order_ref=str(order))
        _say(f"sold {_ORDERS * len(_SKUS):,} cards of SKUs on three hosts through one door")
        held = sell_through_cuts(client, _SKUS, _say)
        client.call(SERVICE, "DrainMachine", DrainMachineRequest(address=others[-1]))
        left = {others[-1]: MACHINE_STATE_LEFT}
        _until(
            "one has left", lambda: left.items() <= {each.address: each.state for each in machines_of(client)}.items()
        )
        for sku in _SKUS:
            audit = client.audit(sku)
            assert audit.ok, audit
            assert audit.cards.held == _ORDERS + held[sku], f"{audit} of {sku}, and its buyers hold {held[sku]} more"
        _say(f"every card is where its buyers say: {sum(held.values()):,} more were sold meanwhile")


def _config(folder: Path) -> Path:
    """The shipped file for these hosts."""
    head, *others = HOSTS
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


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
