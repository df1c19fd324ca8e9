"""Where the server is, and whether anybody listens there. The client itself is opened in session.py."""

import os
import socket
from pathlib import Path

from clients.cli.failing import unreachable, wrong_usage
from clients.cli.run_file import read_run

#: The port `cardkeep up` listens on unless CARDKEEP_PORT says otherwise.
DEFAULT_PORT = 7700

#: How long a connection may take: beyond it a server is not there, or is too far away to sell from.
connect_within_s = 3.0


def find_server(given: str | None, data: Path) -> str:
    """What `--server` or its variable says, else what runs from the data folder, else where `up` would listen."""
    if given:
        return given
    run = read_run(data)
    if run is not None and run.is_alive and run.grpc:
        return run.grpc
    return f"127.0.0.1:{os.environ.get('CARDKEEP_PORT', DEFAULT_PORT)}"


def require_listener(target: str) -> None:
    """Knock before asking: a refused connection is a definite no, which a failed call would not be."""
    try:
        if target.startswith("unix:"):
            _knock_unix(target)
        else:
            socket.create_connection(_host_and_port(target), timeout=connect_within_s).close()
    except OSError:
        raise unreachable(target) from None


def _knock_unix(target: str) -> None:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(connect_within_s)
        probe.connect(target.removeprefix("unix:").removeprefix("//"))


def _host_and_port(target: str) -> tuple[str, int]:
    host, _, port = target.removeprefix("dns:///").rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise wrong_usage(f"{target!r} is no address.", "Type it like 127.0.0.1:7700.")
    return host.strip("[]"), int(port)
