"""Whether the ports of a house are free. Front ends share a port, so nobody else would notice a second house."""

import socket
import time
from pathlib import Path

from clients.cli.connection import DEFAULT_PORT
from clients.cli.failing import CommandFailed
from clients.cli.following import Follower
from clients.cli.neighbours import neighbours, version_at
from clients.cli.session import Session

#: How long front ends may outlive a house that was killed.
leftovers_within_s = 15.0

#: The house's own default, for the look at the ports before it starts.
DEFAULT_METRICS_PORT = 7701


def wait_for_free_ports(session: Session, environment: "dict[str, str]", *, had_crashed: bool) -> None:
    """Raises CommandFailed when a port is taken. Front ends of a house that crashed may need seconds to notice."""
    until_s = time.monotonic() + (leftovers_within_s if had_crashed else 0.0)
    with Follower("Starting Cardkeep", quiet=session.as_json) as follower:
        while True:
            try:
                require_free_ports(environment)
            except CommandFailed:
                if time.monotonic() >= until_s:
                    raise
                follower.tell("waiting for the front ends of the house before to end")
                follower.wait()
            else:
                return


def require_free_ports(environment: "dict[str, str]") -> None:
    """Front ends share their port, so a second house would silently take half of the first one's calls."""
    host = environment.get("CARDKEEP_HOST", "127.0.0.1")
    for option, variable, default in (
        ("--port", "CARDKEEP_PORT", DEFAULT_PORT),
        ("--metrics-port", "CARDKEEP_METRICS_PORT", DEFAULT_METRICS_PORT),
    ):
        port = environment.get(variable, str(default))
        if not is_free(host, int(port)):
            raise CommandFailed(
                what=f"Port {port} is taken by {who_has(host, port, Path(environment['CARDKEEP_DATA']))}.",
                do=f"Choose another with {option}, or use what runs there; `cardkeep doctor` shows what is free.",
                reason="PORT_TAKEN",
                facts={"port": port},
            )


def who_has(host: str, port: str, data: Path) -> str:
    """Who listens there, as far as can be seen: another house by its folder, a Cardkeep by its answer."""
    for each in neighbours(data):
        if port in {each.grpc.rpartition(":")[2], each.metrics.rpartition(":")[2].partition("/")[0]}:
            return f"the Cardkeep of {each.data}"
    version = version_at(f"{host}:{port}")
    return f"another Cardkeep (version {version})" if version else "another program"


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True
