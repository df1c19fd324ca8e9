"""Whether the ports of a house are free. Front ends share a port, so nobody else would notice a second house."""

import socket
import time

from clients.cli.connection import DEFAULT_PORT
from clients.cli.failing import CommandFailed, wrong_usage
from clients.cli.following import Follower
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
        if not port.isdecimal():
            raise wrong_usage(f"{variable}={port!r} is no port.", "Give a number, such as 7700.")
        if not is_free(host, int(port)):
            raise CommandFailed(
                what=f"Port {port} is taken by another program.",
                do=f"Choose another with {option}; `cardkeep doctor` shows what is free.",
                reason="PORT_TAKEN",
                facts={"port": port},
            )


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True
